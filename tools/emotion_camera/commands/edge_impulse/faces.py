"""The labelled pictures of a folder: LABEL/0001.png and on, or the same below training/ and testing/."""

from __future__ import annotations

import hashlib
import io
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.faces.folder import MANIFEST, read_manifest

SPLIT = "split"  # the category of a picture that training and testing are still to share
CATEGORIES = {"training": "training", "train": "training", "testing": "testing", "test": "testing"}  # by folder
ENDINGS = {"PNG": "png", "JPEG": "jpg"}  # what the service takes, by Pillow's names
MOST_BYTES = 100_000_000  # of a picture, for the service
# Of a manifest's line, what helps in Studio and says nothing of the person. A score would give each picture metadata of its
# own, and so a request of its own: metadata stand in a request's header.
TOLD = {"session": "session", "camera": "camera", "emotion": "camera_read"}


@dataclass(frozen=True)
class Face:
    """One picture; `category` is training, testing or split."""

    path: Path
    label: str
    category: str
    ending: str
    sha256: str
    size: int
    metadata: dict[str, str] = field(default_factory=dict)


def read_faces(folder: Path) -> list[Face]:
    """The faces of a folder by category, label and name, each only once; what is passed over is said on stderr.

    UserError when there is none or the folder can't be read, or when the same picture has two labels.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; emotion-camera collect makes one")
    try:
        lines = {line["file"]: line for line in read_manifest(folder)}
        files = [(path, category) for label, category in _label_folders(folder) for path in sorted(_visible(label))]
    except OSError as error:
        raise UserError(f"{error.filename}: can't be read ({error.strerror})") from None
    found: dict[str, Face] = {}
    for path, category in files:
        face = _face(path, category, lines.get(path.relative_to(folder).as_posix(), {}))
        if face and _is_new(face, found.get(face.sha256)):
            found[face.sha256] = face
    if not found:
        raise UserError(f"{folder}: there is no picture; put PNGs or JPEGs into {folder}/happy and so on")
    return list(found.values())


def _label_folders(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each label's folder, and the category of what is in it."""
    folders = _folders(folder)
    categories = [path for path in folders if path.name in CATEGORIES and any(map(Path.is_dir, _visible(path)))]
    if categories and categories != folders:
        other = next(path for path in folders if path not in categories)
        raise UserError(f"{other} stands beside {categories[0]}: put all labels below training and testing, or none")
    for path in folders:
        if categories:
            yield from ((label, CATEGORIES[path.name]) for label in _folders(path))
        else:
            yield path, SPLIT


def _folders(folder: Path) -> list[Path]:
    """Those in a folder; what else is there is named on stderr."""
    found = sorted(_visible(folder))
    loose = [path for path in found if not path.is_dir() and path.name != MANIFEST]
    if loose:
        more = f" and {len(loose) - 1} more" if len(loose) > 1 else ""
        print(f"{loose[0]}{more}: passed over, for they are in no label's folder", file=sys.stderr)
    return [path for path in found if path.is_dir()]


def _visible(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not path.name.startswith("."))


def _face(path: Path, category: str, line: dict[str, Any]) -> Face | None:
    """The picture of a file; None, and a word about it, when it is none."""
    from PIL import Image

    label = unicodedata.normalize("NFC", path.parent.name)  # macOS takes letters and their accents apart
    try:
        data = path.read_bytes()
        if len(data) > MOST_BYTES:
            raise ValueError(f"{len(data)} bytes; the service takes {MOST_BYTES}")
        with Image.open(io.BytesIO(data), formats=tuple(ENDINGS)) as image:
            image.load()
            ending = ENDINGS[str(image.format)]
    except Exception as error:  # Pillow's decoders raise all kinds for damaged files
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no whole PNG or JPEG"
        print(f"{path} is passed over: {error if isinstance(error, ValueError) else why}", file=sys.stderr)
        return None
    return Face(path, label, category, ending, hashlib.sha256(data).hexdigest(), len(data), _metadata(line))


def _is_new(face: Face, same: Face | None) -> bool:
    if same is None:
        return True
    if same.label != face.label:
        raise UserError(
            f"{same.path} and {face.path} are the same picture with two labels, {same.label} and {face.label}: delete the wrong one"
        )
    print(f"{face.path} is passed over: the same picture as {same.path}", file=sys.stderr)
    return False


def _metadata(line: dict[str, Any]) -> dict[str, str]:
    """What Studio is told about a picture; the person by a code, for who it is may be a name."""
    told = {name: str(line[field]) for field, name in TOLD.items() if line.get(field) is not None}
    if line.get("person"):
        told["person"] = hashlib.sha256(str(line["person"]).encode()).hexdigest()[:8]
    return told
