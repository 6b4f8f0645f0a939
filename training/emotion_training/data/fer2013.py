"""Load FER2013 and FER+ in the forms in which people have them.

Four forms of FER2013: `fer2013.npz`; Kaggle's `fer2013.csv` and `icml_face_data.csv` (columns emotion, Usage,
pixels); Kaggle's folders (`train/happy/Training_123.jpg`, `test/fear/PrivateTest_45.jpg`). FER+'s votes come with
the npz or from its own `fer2013new.csv`, which stands row by row beside `fer2013.csv`.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.faces.reader import TESTING, VALIDATION, FaceFile, has_categories
from emotion_camera.files import foreign_kind
from emotion_camera.model.contract import EMOTIONS, INPUT_SIZE
from emotion_camera.model.labels import emotion_of
from emotion_camera.progress import say
from numpy.typing import NDArray

from emotion_training.data.folders import read_folders
from emotion_training.data.tables import rows

SIZE = INPUT_SIZE
TRAINING, PUBLIC_TEST, PRIVATE_TEST = 0, 1, 2
USAGES = {"Training": TRAINING, "PublicTest": PUBLIC_TEST, "PrivateTest": PRIVATE_TEST}
WHOLE = "give data with the official parts, or folders train, val (for PublicTest) and test"  # where a part is missing
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
SEVEN = [4, 5, 6, 1, 3, 2, 0]  # the columns of VOTES in the order of EMOTIONS
ANNOTATORS = 10  # votes that a picture has in FER+
AGREEMENT = 0.64  # of FER+'s largest vote with FER2013's label; 0.18 in a shuffled order
LEAST_AGREEMENT = 0.4
ENOUGH = 500  # pictures to tell
PACKED = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")

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
    if votes is None:
        return faces
    faces = replace(faces, votes=load_votes(votes, faces.usage))
    _check_order(faces, votes)
    return faces


def _check_order(faces: Faces, path: Path) -> None:
    """UserError for votes that are of other pictures: where one file was sorted or shuffled, the parts still match."""
    assert faces.votes is not None
    agree = float((faces.votes[:, SEVEN].argmax(axis=1) == faces.labels).mean())
    if len(faces) >= ENOUGH and agree < LEAST_AGREEMENT:
        raise UserError(
            f"{path}: its votes agree with the labels of {agree:.0%} of the pictures, and in the right order of {AGREEMENT:.0%}; "
            "give both files in the order in which they were published"
        )


def _find(path: Path) -> Path:
    """The file, or the folder of pictures, that `path` means."""
    if not path.exists():
        raise UserError(
            f"{path}: no such file or folder; give fer2013.csv, fer2013.npz or the folder with train/ and test/"
        )
    if path.is_file():
        return path
    try:
        found = _inside(path)
        if found:
            return found
        advice = _advice(path)
    except OSError as error:
        raise UserError(f"{error.filename}: can't be read ({error.strerror}); give a folder of yours") from None
    wanted = "fer2013.npz, fer2013.csv, icml_face_data.csv nor the folders train and test"
    raise UserError(f"{path}: holds neither {wanted}; {advice}")


def _advice(path: Path) -> str:
    """What to give in place of a folder that is no data set."""
    below = [*sorted(path.glob("*/")), *sorted(path.glob("*/*/"))]
    found = next((it for it in (path.absolute().parent, *below) if it.is_dir() and _inside(it)), None)
    tables = sorted(path.glob("*.csv"))
    packed = [it for it in sorted(path.iterdir()) if it.suffix.lower() in PACKED]
    if found or tables:
        return f"give {found or tables[0]}"
    return f"unpack {packed[0].name}" if packed else "put the folders of emotions below train and test"


def _inside(folder: Path) -> Path | None:
    """The data set that lies in a folder itself."""
    named = (folder / name for name in ("fer2013.npz", "fer2013.csv", "icml_face_data.csv"))
    found = next((path for path in named if path.is_file()), None)
    return found or (folder if has_categories(folder) else None)


def _load_npz(path: Path) -> Faces:
    with path.open("rb") as file:
        kind = foreign_kind(file.read(1024))
    if kind and "zip" not in kind:  # as an npz is
        raise UserError(f"{path}: {kind}")
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


def _load_csv(path: Path) -> Faces:
    images, labels, usages = [], [], []
    for number, (emotion, usage, text) in rows(path, ("emotion", "Usage", "pixels")):
        if usage not in USAGES:
            raise UserError(f"{path}: line {number} has the Usage {usage!r}; it must be one of {', '.join(USAGES)}")
        labels.append(_label(emotion, path, number))
        images.append(_pixels(text, path, number))
        usages.append(USAGES[usage])
    return Faces(np.stack(images), np.array(labels, np.uint8), np.array(usages, np.uint8))


def _label(text: str, path: Path, number: int) -> int:
    """The index of an emotion that is given by number or by name."""
    if text in {"0", "1", "2", "3", "4", "5", "6"}:
        return int(text)
    if emotion_of(text) not in EMOTIONS:
        raise UserError(
            f"{path}: line {number} has the emotion {text!r}; it must be 0 to 6, or one of {', '.join(EMOTIONS)}"
        )
    return EMOTIONS.index(emotion_of(text))


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
    """A folder of pictures. Files of the test folder named PublicTest_* are that part's, as are those of a validation folder."""
    images, labels, files = read_folders(path, say)
    return Faces(images, labels, np.array([_usage(file) for file in files], np.uint8))


def _usage(file: FaceFile) -> int:
    if file.category == VALIDATION or (file.category == TESTING and file.path.name.startswith("PublicTest")):
        return PUBLIC_TEST
    return PRIVATE_TEST if file.category == TESTING else TRAINING


def load_votes(path: Path, usage: Bytes) -> Bytes:
    """FER+'s votes, uint8 [n, 10] in the order of `VOTES`, for rows of the parts `usage`; UserError if they don't match."""
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give the file fer2013new.csv itself")
    if not path.is_file():
        raise UserError(f"{path}: no such file; fer2013new.csv is in FER+'s repository")
    found = list(rows(path, ("Usage", *VOTES)))
    if len(found) != len(usage):
        raise UserError(
            f"{path}: has votes for {len(found):,} pictures, but there are {len(usage):,}; give those of this data"
        )
    for (line, (part, *counts)), used in zip(found, usage, strict=True):
        if USAGES.get(part) != used:
            raise UserError(
                f"{path}: line {line} is of another part than that picture; both must be in fer2013.csv's order"
            )
        if not all(count.isdecimal() and int(count) <= ANNOTATORS for count in counts):
            raise UserError(f"{path}: line {line} has votes that are not whole numbers from 0 to {ANNOTATORS}")
    return np.array([cells[1:] for _, cells in found], np.uint8)
