"""Read collected faces: a folder of folders, each named by what its pictures show.

`faces/happy/0001.png`, `faces/tired/a.jpg`: a folder named as one of the model's labels (in capitals or not) holds
faces of that class, any other a new class. A `manifest.jsonl` beside the folders may tell more of a picture, a line
of JSON each: {"file": "happy/0001.png", "person": ..., "session": ..., "time": ISO 8601, or seconds}, all but "file" optional.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from emotion_camera.errors import UserError
from numpy.typing import NDArray

from emotion_training.data.fer2013 import SIZE

Face = NDArray[np.uint8]
Told = dict[str, Any]

LEAST = 10  # pictures of a class: two or three of them are held back
OBLONG = 1.25  # longer side to shorter; a picture beyond is hardly a cut face
SMALLEST = 24  # pixels; half of what the network takes
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,19}")  # what the camera's font draws, and room for on a frame
MANIFEST = "manifest.jsonl"
PASSED_OVER = {MANIFEST, "manifest.json", "thumbs.db", "desktop.ini", "__macosx"}  # and what begins with a dot


@dataclass(frozen=True)
class Collected:
    """Faces with their classes, and what is told of each.

    images: uint8 [n, 48, 48]; classes: int [n], index into `labels`, which are the model's, then new ones by name;
    files: by their path in the folder; told: what the manifest has of each, by "person", "session", "time" (in seconds).
    """

    images: Face
    classes: NDArray[np.int64]
    labels: tuple[str, ...]
    files: tuple[str, ...]
    told: tuple[Told, ...]

    def shown(self) -> list[int]:
        """The classes that have faces."""
        return sorted({int(it) for it in self.classes})


def warn(sentence: str) -> None:
    """Say on standard error what was passed over."""
    print(f"training: {sentence}", file=sys.stderr)


def read(folder: Path, known: tuple[str, ...], say: Callable[[str], None] = warn) -> Collected:
    """The collected faces of a folder, for a model with the labels `known`.

    A file that is no usable picture is passed over, and told to `say`. Raises UserError where the folder can't be read,
    holds fewer than two classes, has too few pictures of a class, or a class's name can't be a label.
    """
    folder = Path(folder)
    places = _folders(folder, known, say)
    pictures = [(file, label, face) for label, place in places for file, face in _pictures(place, say)]
    if not pictures:
        raise UserError(
            f"{folder}: holds no usable pictures; put cut faces into a folder for each label, as faces/happy"
        )
    labels = (*known, *sorted({label for _, label, _ in pictures} - set(known)))
    told = _manifest(folder / MANIFEST, say)
    files = tuple(file.relative_to(folder).as_posix() for file, _, _ in pictures)
    found = Collected(
        np.stack([face for _, _, face in pictures]),
        np.array([labels.index(label) for _, label, _ in pictures], np.int64),
        labels,
        files,
        tuple(told.get(file, {}) for file in files),
    )
    _check_enough(folder, found)
    return found


def _folders(folder: Path, known: tuple[str, ...], say: Callable[[str], None]) -> list[tuple[str, Path]]:
    """The folders of pictures, each with its label."""
    places = []
    for it in _listed(folder):
        if it.is_dir():
            places.append((_label(it, known), it))
        else:
            say(f"{it}: lies in no label's folder; passed over")
    if not places:
        raise UserError(f"{folder}: has no folders in it; put cut faces into one for each label, as {folder}/happy")
    return places


def _listed(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(
            f"{folder}: can't be read ({error.strerror}); give the folder that holds one folder for each label"
        ) from error
    return [it for it in found if not it.name.startswith(".") and it.name.casefold() not in PASSED_OVER]


def _label(folder: Path, known: tuple[str, ...]) -> str:
    for label in known:
        if label.casefold() == folder.name.casefold():
            return label
    if not LABEL.fullmatch(folder.name) or folder.name.endswith(" "):
        raise UserError(
            f"{folder}: can't be a label on the camera; name it with up to 20 plain letters, digits, blanks, - and _"
        )
    return folder.name


def _pictures(folder: Path, say: Callable[[str], None]) -> Iterator[tuple[Path, Face]]:
    for file in _listed(folder):
        try:
            yield file, read_face(file)
        except UserError as error:
            say(f"{error}; passed over")


def read_face(file: Path) -> Face:
    """A cut face from a picture of any size and colour, as the network takes it: uint8 [48, 48] grey levels.

    The middle square of it, averaged down as the camera does. Raises UserError where the file is no picture, or one that
    can't be a cut face: oblong, tiny, or of one even grey.
    """
    from PIL import Image, ImageOps

    if file.is_dir():
        raise UserError(f"{file}: is a folder in a label's folder")
    try:
        with Image.open(file) as picture:
            grey = ImageOps.exif_transpose(picture).convert("L")
    except Exception as error:  # Pillow's readers fail on damaged files with any exception
        raise UserError(f"{file}: can't be read as a picture") from error
    short, long = sorted(grey.size)
    if long > OBLONG * short:
        raise UserError(f"{file}: is {grey.width} x {grey.height}, which is no cut face; cut it to a square")
    if short < SMALLEST:
        raise UserError(f"{file}: is {grey.width} x {grey.height}, too small; {SMALLEST} x {SMALLEST} is the least")
    how = Image.Resampling.BOX if short >= SIZE else Image.Resampling.BILINEAR
    face = np.asarray(ImageOps.fit(grey, (SIZE, SIZE), how))
    if face.min() == face.max():
        raise UserError(f"{file}: is of one even grey")
    return face


def _manifest(path: Path, say: Callable[[str], None]) -> dict[str, Told]:
    """What the manifest tells of each file; a line that can't be used is passed over."""
    if not path.is_file():
        return {}
    told, bad = {}, 0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            told[str(row["file"])] = {**row, "time": _seconds(row.get("time"))}
        except (ValueError, TypeError, KeyError):
            bad += bool(line.strip())
    if bad:
        say(f"{path}: {bad} of its lines are cut short or name no file; passed over")
    return told


def _seconds(time: Any) -> float | None:
    if isinstance(time, str):
        return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()  # "Z" is not known before Python 3.11
    return None if time is None else float(time)


def _check_enough(folder: Path, found: Collected) -> None:
    shown = found.shown()
    if len(shown) == 1:
        raise UserError(
            f"{folder}: has faces of {found.labels[shown[0]]} alone; collect at least one more class to tell it from"
        )
    for it in shown:
        count = int((found.classes == it).sum())
        if count < LEAST:
            raise UserError(
                f"{folder / found.labels[it]}: has {count} usable pictures; at least {LEAST} are needed: "
                "collect more, or move the folder away"
            )
