"""Reading a folder of labelled faces: its picture files by label, and a picture as the network's input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.errors import UserError
from emotion_camera.faces.manifest import MANIFEST, Entry, read_manifest
from emotion_camera.model.contract import INPUT_SIZE
from emotion_camera.model.labels import match_label

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE = INPUT_SIZE  # pixels: a side of a stored face, of FER2013's pictures and of our networks' input
ASPECT = 1.25  # longer side to shorter; a picture beyond that is hardly a cropped face
SMALLEST = 24  # pixels; half of what the network takes
CATEGORIES = {"training": "training", "train": "training", "testing": "testing", "test": "testing"}  # by folder
IGNORED = {MANIFEST, "manifest.json", "thumbs.db", "desktop.ini", "__macosx"}  # and names that begin with a dot

Say = Callable[[str], None]


@dataclass(frozen=True)
class FaceFile:
    """A file in a label's folder, not opened yet."""

    path: Path
    name: str  # below the folder, with /: "happy/0001.png"
    label: str  # one of the known labels, or the name of the file's folder
    category: str | None  # training or testing, where the labels' folders are below folders of these names
    entry: Entry  # its line of the manifest, or {}


def find_faces(folder: Path, say: Say, known: Iterable[str] = ()) -> list[FaceFile]:
    """The files by category, label and name. `known`: labels that a folder's name may mean, see `match_label`.

    `say` is given a sentence about each thing that is passed over. UserError where the folder can't be read or has none in it.
    """
    known = tuple(known)
    try:
        labels = list(_label_folders(folder, say))
        if not labels:
            raise UserError(f"{folder}: has no folders in it; put faces into one for each label, as {folder / 'happy'}")
        entries = {entry["file"]: entry for entry in read_manifest(folder, say)}
        found = []
        for place, category in labels:
            for path in _files(place, say):
                name = path.relative_to(folder).as_posix()
                found.append(FaceFile(path, name, match_label(place.name, known), category, entries.get(name, {})))
    except OSError as error:
        advice = "give the folder that holds one folder for each label, as emotion-camera collect makes it"
        raise UserError(f"{error.filename}: can't be read ({error.strerror}); {advice}") from None
    return found


def read_face(file: Path) -> NDArray[np.uint8]:
    """A cropped face of any size and colour as the network's input: uint8 [48, 48] grey levels.

    Its centre square, averaged down as the camera does. UserError where the file is no picture, or can't be a cropped face:
    oblong, tiny, or of one even grey.
    """
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as picture:
            grey = ImageOps.exif_transpose(picture).convert("L")
    except Exception as error:  # Pillow's readers fail on damaged files with any exception
        raise UserError(f"{file}: can't be read as a picture") from error
    short, long = sorted(grey.size)
    if long > ASPECT * short:
        raise UserError(f"{file}: is {grey.width} x {grey.height}, which is no cropped face; crop it to a square")
    if short < SMALLEST:
        raise UserError(f"{file}: is {grey.width} x {grey.height}, too small; {SMALLEST} x {SMALLEST} is the least")
    resampling = Image.Resampling.BOX if short >= SIZE else Image.Resampling.BILINEAR
    face = np.asarray(ImageOps.fit(grey, (SIZE, SIZE), resampling))
    if face.min() == face.max():
        raise UserError(f"{file}: is of one even grey")
    return face


def _label_folders(folder: Path, say: Say) -> Iterator[tuple[Path, str | None]]:
    """Each label's folder, and the category of what is in it."""
    folders = _folders(folder, say)
    categories = [path for path in folders if path.name in CATEGORIES and any(map(Path.is_dir, _visible(path)))]
    if categories and categories != folders:
        other = next(path for path in folders if path not in categories)
        raise UserError(f"{other} stands beside {categories[0]}: put all labels below training and testing, or none")
    for path in folders:
        if categories:
            yield from ((label, CATEGORIES[path.name]) for label in _folders(path, say))
        else:
            yield path, None


def _folders(folder: Path, say: Say) -> list[Path]:
    found = _visible(folder)
    for path in found:
        if not path.is_dir():
            say(f"{path}: lies in no label's folder; passed over")
    return [path for path in found if path.is_dir()]


def _files(folder: Path, say: Say) -> Iterator[Path]:
    for path in _visible(folder):
        if path.is_dir():
            say(f"{path}: is a folder in a label's folder; passed over")
        else:
            yield path


def _visible(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and path.name.casefold() not in IGNORED
    )
