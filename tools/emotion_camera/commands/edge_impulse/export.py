"""`edge-impulse export`: labelled faces as a folder that Edge Impulse's own uploader and SDK take, with `info.labels`."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from emotion_camera.commands.edge_impulse.samples import SPLIT, Sample, read_samples
from emotion_camera.errors import UserError
from emotion_camera.files import whole_folder

LABELS = "info.labels"  # https://docs.edgeimpulse.com/tools/specifications/data-annotation/ei-labels
TESTING = 0.2  # share of the pictures, as the service splits them
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
    """Export; 0. UserError when it can't."""
    samples = split(read_samples(arguments.faces))
    export(samples, arguments.out)
    counts = Counter(sample.category for sample in samples)
    print(f"{arguments.out}: {counts['training']:,} pictures to train with, {counts['testing']:,} to test with")
    return 0


def split(samples: list[Sample]) -> list[Sample]:
    """The samples, those of category split assigned to training or testing; reproducible."""
    shared = [sample for sample in samples if sample.category == SPLIT]
    people = {sample.metadata["person"] for sample in shared if "person" in sample.metadata}
    by_label = defaultdict(set)
    for sample in shared:
        by_label[sample.label].add(sample.sha256)
    testing = _fifth(people).union(*map(_fifth, by_label.values()))

    def category(sample: Sample) -> str:
        person = sample.metadata.get("person") if len(people) >= ENOUGH_PEOPLE else None
        return "testing" if (person or sample.sha256) in testing else "training"

    return [replace(sample, category=category(sample)) if sample.category == SPLIT else sample for sample in samples]


def _fifth(names: Iterable[str]) -> set[str]:
    """About a fifth, at least one of four, chosen by their hashes."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return set(ordered[: round(TESTING * len(ordered) + 0.1)])


def export(samples: list[Sample], folder: Path) -> None:
    """Write `folder` whole or not at all; UserError when it is not empty or can't be written."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} is there already: give another with --out, or delete it")
        with whole_folder(folder) as beside:
            _write(samples, beside)
    except OSError as error:
        raise UserError(f"{folder}: can't be written ({error.strerror}); give another with --out") from None


def _write(samples: list[Sample], folder: Path) -> None:
    numbers: Counter[str] = Counter()
    entries: list[dict[str, Any]] = []
    for sample in samples:
        numbers[sample.label] += 1
        name = f"{sample.label}.{numbers[sample.label]:04}.{sample.ending}"
        (folder / sample.category).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sample.path, folder / sample.category / name)
        entries.append(
            {
                "path": f"{sample.category}/{name}",
                "name": name,
                "category": sample.category,
                "label": {"type": "label", "label": sample.label},
                "metadata": sample.metadata,
                "boundingBoxes": [],
            }
        )
    (folder / LABELS).write_text(json.dumps({"version": 1, "files": entries}, indent=1) + "\n", encoding="ascii")
