"""Load FER2013 and FER+ in the forms in which people have them.

Four forms of FER2013: `fer2013.npz`; Kaggle's `fer2013.csv` and `icml_face_data.csv` (columns emotion, Usage,
pixels); Kaggle's folders (`train/happy/Training_123.jpg`, `test/fear/PrivateTest_45.jpg`). FER+'s votes come with
the npz or from its own `fer2013new.csv`, which stands row by row beside `fer2013.csv`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS, INPUT_SIZE
from numpy.typing import NDArray

SIZE = INPUT_SIZE
TRAINING, PUBLIC_TEST, PRIVATE_TEST = 0, 1, 2
USAGES = {"Training": TRAINING, "PublicTest": PUBLIC_TEST, "PrivateTest": PRIVATE_TEST}
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
ANNOTATORS = 10  # votes that a picture has in FER+

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Faces:
    """Labelled faces, row by row.

    images: uint8 [n, 48, 48]; labels: uint8 [n], index into `EMOTIONS`; usage: uint8 [n], one of TRAINING,
    PUBLIC_TEST, PRIVATE_TEST; votes: uint8 [n, 10], how many of FER+'s annotators said each of `VOTES`, or None.
    """

    images: Bytes
    labels: Bytes
    usage: Bytes
    votes: Bytes | None = None

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, which: NDArray) -> "Faces":
        """The rows that a mask or index array chooses."""
        votes = None if self.votes is None else self.votes[which]
        return Faces(self.images[which], self.labels[which], self.usage[which], votes)

    def part(self, usage: int) -> "Faces":
        """The rows of one official part: TRAINING, PUBLIC_TEST or PRIVATE_TEST."""
        return self.rows(self.usage == usage)


def load(path: Path, votes: Path | None = None) -> Faces:
    """Load FER2013 from a file or a folder of any of the four forms, with FER+'s votes where they are at hand.

    `votes` names FER+'s `fer2013new.csv`; without it a `fer2013new.csv` beside the data is used, and the votes in
    an npz are as good. Raises UserError with a sentence where the data is missing or not as it should be.
    """
    path = _find(Path(path))
    if path.is_dir():
        faces = _load_folders(path)
        if votes is not None:
            raise UserError(
                f"{votes}: FER+'s votes go by the row order of fer2013.csv, which {path} (a folder of pictures) does "
                "not keep; use fer2013.csv, or leave the votes out"
            )
        return faces
    faces = _load_npz(path) if path.suffix == ".npz" else _load_csv(path)
    beside = path.parent / "fer2013new.csv"
    if votes is None and faces.votes is None and beside.is_file():
        votes = beside
    return replace(faces, votes=load_votes(votes, faces.usage)) if votes is not None else faces


def _find(path: Path) -> Path:
    """The file, or the folder of pictures, that `path` means."""
    if not path.exists():
        raise UserError(
            f"{path}: no such file or folder; give fer2013.csv, fer2013.npz or the folder with train/ and test/"
        )
    if path.is_file():
        return path
    for name in ("fer2013.npz", "fer2013.csv", "icml_face_data.csv"):
        if (path / name).is_file():
            return path / name
    if (path / "train").is_dir():
        return path
    raise UserError(f"{path}: holds neither fer2013.npz, fer2013.csv, icml_face_data.csv nor a folder train/")


def _load_npz(path: Path) -> Faces:
    try:
        with np.load(path) as data:
            missing = {"images", "label", "usage"} - set(data)
            if missing:
                raise UserError(f"{path}: lacks the array {min(missing)}; images, label and usage are needed")
            faces = Faces(data["images"], data["label"], data["usage"], data.get("votes"))
    except UserError:
        raise
    except Exception as error:  # np.load has many: zipfile, zlib, pickle, OS errors
        # Without the error's own words: of a text file, numpy says that it can be loaded "unsafely".
        raise UserError(f"{path}: can't be read as an npz file; fetch it again") from error
    return _check(faces, path)


def _check(faces: Faces, path: Path) -> Faces:
    n = len(faces.images) if faces.images.ndim else 0
    if faces.images.dtype != np.uint8 or faces.images.shape != (n, SIZE, SIZE):
        raise UserError(
            f"{path}: images are {faces.images.dtype} {faces.images.shape}; they must be uint8 [n, {SIZE}, {SIZE}]"
        )
    if not n:
        raise UserError(f"{path}: holds no rows; fetch it again")
    for name, array, limit in (("label", faces.labels, len(EMOTIONS)), ("usage", faces.usage, len(USAGES))):
        if array.shape != (n,):
            raise UserError(f"{path}: {name} has shape {array.shape}, but there are {n} images")
        _check_whole(name, array, path)
        bad = np.flatnonzero((array < 0) | (array >= limit))
        if len(bad):
            raise UserError(f"{path}: row {bad[0]} has the {name} {array[bad[0]]}; it must be 0 to {limit - 1}")
    if faces.votes is not None and faces.votes.shape != (n, len(VOTES)):
        raise UserError(f"{path}: votes have shape {faces.votes.shape}; they must be [{n}, {len(VOTES)}]")
    if faces.votes is not None:
        _check_whole("votes", faces.votes, path)
        bad = np.flatnonzero(((faces.votes < 0) | (faces.votes > ANNOTATORS)).any(axis=1))
        if len(bad):
            raise UserError(f"{path}: row {bad[0]} has votes outside 0 to {ANNOTATORS}")
    votes = None if faces.votes is None else faces.votes.astype(np.uint8)
    return Faces(faces.images, faces.labels.astype(np.uint8), faces.usage.astype(np.uint8), votes)


def _check_whole(name: str, array: NDArray, path: Path) -> None:
    if not np.issubdtype(array.dtype, np.integer):
        raise UserError(f"{path}: {name} is of the type {array.dtype}; it must be of whole numbers, such as uint8")


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[list[str]]:
    """The named columns of each data row of a CSV file, whatever their order and the blanks round their names."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise UserError(
                    f"{path}: its first line names no column {missing[0]!r}; "
                    f"give the file whose first line names {', '.join(columns)}"
                )
            places = [header.index(name) for name in columns]
            number = 1
            for number, row in enumerate(reader, 2):
                if len(row) < len(header):
                    raise UserError(f"{path}: line {number} is cut short; fetch the file again")
                yield [row[place] for place in places]
            if number == 1:
                raise UserError(f"{path}: has a line of column names but no rows after it; fetch the file again")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: can't be read as a CSV file ({error}); fetch it again") from error


def _load_csv(path: Path) -> Faces:
    images, labels, usages = [], [], []
    for number, (emotion, usage, text) in enumerate(_rows(path, ("emotion", "Usage", "pixels")), 2):
        if emotion not in {"0", "1", "2", "3", "4", "5", "6"}:
            raise UserError(f"{path}: line {number} has the emotion {emotion!r}; it must be 0 to 6")
        if usage not in USAGES:
            raise UserError(f"{path}: line {number} has the Usage {usage!r}; it must be one of {', '.join(USAGES)}")
        images.append(_pixels(text, path, number))
        labels.append(int(emotion))
        usages.append(USAGES[usage])
    return Faces(np.stack(images), np.array(labels, np.uint8), np.array(usages, np.uint8))


def _pixels(text: str, path: Path, number: int) -> Bytes:
    try:
        pixels = np.array(text.split(), np.int64)
    except ValueError:
        raise UserError(f"{path}: line {number} has a pixel that is not a whole number") from None
    except OverflowError:
        raise UserError(f"{path}: line {number} has a pixel outside 0 to 255") from None
    if len(pixels) != SIZE * SIZE:
        raise UserError(f"{path}: line {number} has {len(pixels)} pixels; there must be {SIZE * SIZE} (48 x 48)")
    if pixels.min() < 0 or pixels.max() > 255:
        raise UserError(f"{path}: line {number} has a pixel outside 0 to 255")
    return pixels.astype(np.uint8).reshape(SIZE, SIZE)


def _load_folders(path: Path) -> Faces:
    """Kaggle's folder form. The test folder's files are PublicTest_* and PrivateTest_*; other names count as PrivateTest."""
    images, labels, usages = [], [], []
    for part in ("train", "test"):
        for label, emotion in enumerate(EMOTIONS):
            folder = path / part / emotion
            if not folder.is_dir():
                raise UserError(f"{folder}: no such folder; {part}/ needs one for each of {', '.join(EMOTIONS)}")
            for file in sorted(folder.iterdir()):
                if file.suffix.lower() in (".jpg", ".jpeg", ".png"):
                    images.append(read_picture(file))
                    labels.append(label)
                    usages.append(_folder_usage(part, file.name))
    if TRAINING not in usages:
        raise UserError(f"{path}: train/ holds no .jpg or .png picture")
    return Faces(np.stack(images), np.array(labels, np.uint8), np.array(usages, np.uint8))


def _folder_usage(part: str, name: str) -> int:
    if part == "train":
        return TRAINING
    return PUBLIC_TEST if name.startswith("PublicTest") else PRIVATE_TEST


def read_picture(file: Path) -> Bytes:
    """A 48 x 48 picture file as uint8 [48, 48] grey levels; UserError where it is not one."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as picture:
            if picture.size != (SIZE, SIZE):
                raise UserError(
                    f"{file}: is {picture.width} x {picture.height}; FER2013's pictures are {SIZE} x {SIZE}"
                )
            return np.asarray(picture.convert("L"))
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{file}: can't be read as a picture ({error})") from error


def load_votes(path: Path, usage: Bytes) -> Bytes:
    """FER+'s votes, uint8 [n, 10] in the order of `VOTES`, for rows of the parts `usage`; UserError if they don't match."""
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give the file fer2013new.csv itself")
    if not path.is_file():
        raise UserError(f"{path}: no such file; fer2013new.csv is in FER+'s repository")
    votes = []
    for number, (part, *counts) in enumerate(_rows(path, ("Usage", *VOTES))):
        if number >= len(usage) or USAGES.get(part) != usage[number]:
            raise UserError(
                f"{path}: row {number} does not match that row of the pictures; both must be in fer2013.csv's order"
            )
        if not all(count.isdecimal() and int(count) <= ANNOTATORS for count in counts):
            raise UserError(f"{path}: row {number} has votes that are not whole numbers from 0 to {ANNOTATORS}")
        votes.append([int(count) for count in counts])
    if len(votes) != len(usage):
        raise UserError(f"{path}: has votes for {len(votes)} pictures, but there are {len(usage)}")
    return np.array(votes, np.uint8)
