"""Reading a folder of labelled faces: its picture files by label, and a picture as the network's input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.errors import UserError
from emotion_camera.faces.manifest import MANIFEST, Entry, read_manifest
from emotion_camera.model.contract import INPUT_SIZE
from emotion_camera.model.labels import match_label
from emotion_camera.terminal import NAMED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE = INPUT_SIZE  # pixels: a side of a stored face, of FER2013's pictures and of our networks' input
ASPECT = 1.25  # longer side to shorter; a picture beyond that is hardly a cropped face
SMALLEST = 24  # pixels; half of what the network takes
TRAINING, VALIDATION, TESTING = "training", "validation", "testing"
CATEGORIES = {  # by folder, in small letters
    "training": TRAINING, "train": TRAINING,
    "validation": VALIDATION, "val": VALIDATION, "valid": VALIDATION, "publictest": VALIDATION,
    "testing": TESTING, "test": TESTING, "privatetest": TESTING,
}  # fmt: skip
IGNORED = {MANIFEST, "manifest.json", "thumbs.db", "desktop.ini", "__macosx"}  # and names that begin with a dot

Say = Callable[[str], None]


@dataclass(frozen=True)
class FaceFile:
    """A file in a label's folder, not opened yet."""

    path: Path
    name: str  # below the folder, with /: "happy/0001.png"
    label: str  # one of the known labels, or the name of the file's folder
    category: str | None  # TRAINING, VALIDATION or TESTING, where the labels' folders are below folders of such names
    entry: Entry  # its line of the manifest, or {}


def find_faces(folder: Path, say: Say, known: Iterable[str] = ()) -> list[FaceFile]:
    """The files by category, label and name. `known`: labels that a folder's name may mean, see `match_label`.

    `say` is given a sentence about what is passed over. UserError where the folder can't be read, has no labels in it, or has
    numbers in place of the known labels.
    """
    known = tuple(known)
    try:
        labels = list(_label_folders(folder, say))
        if not labels:
            raise UserError(f"{folder}: has no folders in it; put faces into one for each label, as {folder / 'happy'}")
        _check_numbers(folder, [place.name for place, _ in labels], known)
        entries = {entry["file"]: entry for entry in read_manifest(folder, say)}
        found, empty = [], []
        for place, category in labels:
            files = _files(place, say)
            if not files:
                empty.append(f"{place}: holds no pictures")
            for path in files:
                name = path.relative_to(folder).as_posix()
                found.append(FaceFile(path, name, match_label(place.name, known), category, entries.get(name, {})))
        say_some(empty, say)
    except OSError as error:
        advice = "give the folder that holds one folder for each label, as emotion-camera collect makes it"
        raise UserError(f"{error.filename or folder}: can't be read ({error.strerror}); {advice}") from None
    return found


def has_categories(folder: Path) -> bool:
    """Whether the labels' folders are below folders such as train and test. Raises OSError."""
    return bool(_categories(_visible(folder)))


def read_face(file: Path) -> NDArray[np.uint8]:
    """A cropped face as `read_square` reads it; UserError for one even grey, too."""
    face = read_square(file)
    if face.min() == face.max():
        raise UserError(f"{file}: is of one even grey")
    return face


def read_square(file: Path) -> NDArray[np.uint8]:
    """A cropped face of any size and colour as the network's input: uint8 [48, 48] grey levels.

    Its centre square, averaged down as the camera does. UserError where the file is no picture, or can't be a cropped face:
    oblong or tiny.
    """
    import numpy as np
    from PIL import Image, ImageOps

    from emotion_camera.pictures import read_picture

    grey = Image.fromarray(read_picture(file)).convert("L")
    short, long = sorted(grey.size)
    if long > ASPECT * short:
        raise UserError(f"{file}: is {grey.width} x {grey.height}, which is no cropped face; crop it to a square")
    if short < SMALLEST:
        raise UserError(f"{file}: is {grey.width} x {grey.height}, too small; {SMALLEST} x {SMALLEST} is the least")
    resampling = Image.Resampling.BOX if short >= SIZE else Image.Resampling.BILINEAR
    return np.asarray(ImageOps.fit(grey, (SIZE, SIZE), resampling))


def say_some(sentences: Sequence[str], say: Say) -> None:
    """Give `say` the first of many sentences, and how many more there are."""
    for sentence in sentences[:NAMED]:
        say(sentence)
    if len(sentences) > NAMED:
        say(f"and {len(sentences) - NAMED:,} more like these")


def _label_folders(folder: Path, say: Say) -> Iterator[tuple[Path, str | None]]:
    """Each label's folder, and the category of what is in it."""
    folders = _folders(folder, say)
    categories = _categories(folders)
    if categories and categories != folders:
        other = next(path for path in folders if path not in categories)
        raise UserError(f"{other} stands beside {categories[0]}: put all labels below training and testing, or none")
    for path in folders:
        if categories:
            yield from ((label, CATEGORIES[path.name.casefold()]) for label in _folders(path, say))
        else:
            yield path, None


def _categories(paths: list[Path]) -> list[Path]:
    return [
        path
        for path in paths
        if path.name.casefold() in CATEGORIES and path.is_dir() and any(map(Path.is_dir, _visible(path)))
    ]


def _check_numbers(folder: Path, names: list[str], known: tuple[str, ...]) -> None:
    """AffectNet, RAF-DB and FER2013 number the emotions, each in its own order."""
    if known and all(map(str.isdecimal, names)) and not {*names} & {*known}:
        some = ", ".join(sorted({*names})[:3])
        raise UserError(
            f"{folder}: its folders are numbered ({some} ...), and each data set numbers emotions in its own way; "
            f"name them by what they show, such as {known[0]}"
        )


def _folders(folder: Path, say: Say) -> list[Path]:
    found = _visible(folder)
    say_some([f"{path}: lies in no label's folder; passed over" for path in found if not path.is_dir()], say)
    return [path for path in found if path.is_dir()]


def _files(folder: Path, say: Say) -> list[Path]:
    found = _visible(folder)
    files = [path for path in found if path.is_file()]  # reading a pipe would wait for ever
    kinds = ("is no file", "is a folder in a label's folder")
    say_some([f"{path}: {kinds[path.is_dir()]}; passed over" for path in sorted({*found} - {*files})], say)
    return files


def _visible(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and path.name.casefold() not in IGNORED
    )
