"""`edge-impulse export`: labelled faces as a folder that Edge Impulse's own uploader and SDK take, with `info.labels`."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from emotion_camera.commands.edge_impulse.samples import SPLIT, Sample, read_samples
from emotion_camera.errors import UserError

LABELS = "info.labels"  # https://docs.edgeimpulse.com/tools/specifications/data-annotation/ei-labels
TESTING = 0.2  # of the pictures, as the service splits them
ENOUGH_PEOPLE = 4  # with fewer, one of them would be more than a quarter of the pictures

EXAMPLES = """
examples:
  emotion-camera edge-impulse export faces --out for-studio
  edge-impulse-uploader --info-file for-studio/info.labels   then, with its own command line

Pictures that are not below training or testing are split, a fifth to testing: by person where the manifest names four or
more, else evenly by label. The same set is always split in the same way.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's arguments and help."""
    parser.description = "Write labelled faces as a folder that Edge Impulse's own uploader takes."
    parser.epilog = EXAMPLES
    parser.add_argument("faces", type=Path, metavar="FACES", help="a folder of faces, as for upload")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new folder")


def run(arguments: argparse.Namespace) -> int:
    """Exports; 0. UserError when it can't."""
    faces = split(read_samples(arguments.faces))
    export(faces, arguments.out)
    counts = Counter(face.category for face in faces)
    print(f"{arguments.out}: {counts['training']:,} pictures to train with, {counts['testing']:,} to test with")
    return 0


def split(faces: list[Sample]) -> list[Sample]:
    """The faces with a category each; the same ones get the same each time."""
    shared = [face for face in faces if face.category == SPLIT]
    people = {face.metadata["person"] for face in shared if "person" in face.metadata}
    by_label = defaultdict(set)
    for face in shared:
        by_label[face.label].add(face.sha256)
    testing = _fifth(people).union(*map(_fifth, by_label.values()))

    def category(face: Sample) -> str:
        person = face.metadata.get("person") if len(people) >= ENOUGH_PEOPLE else None
        return "testing" if (person or face.sha256) in testing else "training"

    return [replace(face, category=category(face)) if face.category == SPLIT else face for face in faces]


def _fifth(names: Iterable[str]) -> set[str]:
    """About a fifth, at least one where there are four: which ones, their hashes tell."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return set(ordered[: round(TESTING * len(ordered) + 0.1)])


def export(faces: list[Sample], folder: Path) -> None:
    """Writes `folder` whole or not at all; UserError when it is not empty or can't be written."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} is there already: give another with --out, or delete it")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent) as beside:
            made = Path(beside) / folder.name
            _write(faces, made)
            if folder.exists():
                folder.rmdir()
            made.rename(folder)
    except OSError as error:
        raise UserError(f"{folder}: can't be written ({error.strerror}); give another with --out") from None


def _write(faces: list[Sample], folder: Path) -> None:
    numbers: Counter[str] = Counter()
    entries: list[dict[str, Any]] = []
    for face in faces:
        numbers[face.label] += 1
        name = f"{face.label}.{numbers[face.label]:04}.{face.ending}"
        (folder / face.category).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(face.path, folder / face.category / name)
        entries.append(
            {
                "path": f"{face.category}/{name}",
                "name": name,
                "category": face.category,
                "label": {"type": "label", "label": face.label},
                "metadata": face.metadata,
                "boundingBoxes": [],
            }
        )
    (folder / LABELS).write_text(json.dumps({"version": 1, "files": entries}, indent=1) + "\n", encoding="ascii")
