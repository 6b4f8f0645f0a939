"""Read the pictures and labels that Studio writes, and refuse in a sentence what can't be learnt from; no TensorFlow.

Pictures: `X_split_train.npy`, `X_split_test.npy`, float32 from 0 to 1, [n, size, size, 1] or flattened [n, size * size].
Labels: `Y_split_train.npy`, `Y_split_test.npy`, one-hot [n, classes], or int32 [n, 4] with the class, from 1, in the first
column, then sample, start and end. Studio's examples read the first form, its documentation describes the second. (The
"test" files are what Studio calls the validation set.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion_training.data.fer2013 import DataError

SIZES = (24, 320)  # pixels; a covered box of the augmentation is up to 19, and 320 x 320 bytes nearly fill the arena
MOST_CLASSES = 100
CHUNK = 1000  # pictures at a time, for their float32 takes four times the memory
ROUNDING = 1e-3  # how far a pixel may lie outside 0 to 1
DOWNLOAD = "give the folder that edge-impulse-blocks runner --download-data writes"
SCALING = "set the block's image scaling to pixels ranging 0..1 in Studio"


@dataclass(frozen=True)
class Split:
    """Pictures uint8 [n, size, size], and the class of each, int64 [n], from 0."""

    images: NDArray[np.uint8]
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """What to learn from and what to test on, and how many classes there are."""

    train: Split
    test: Split
    count: int

    @property
    def size(self) -> int:
        return self.train.images.shape[1]


def read(folder: Path, names: Sequence[str] | None = None) -> Pictures:
    """The four arrays in `folder`, checked; `names` of the classes, where known, are used to name them.

    Pixels are rounded to the 256 levels that the camera has. Raises DataError with a sentence for what can't be learnt from.
    """
    files = [folder / f"{what}_split_{part}.npy" for part in ("train", "test") for what in ("X", "Y")]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise DataError(f"{missing[0]}: no such file; {DOWNLOAD}")
    (train, columns), (test, test_columns) = _split(*files[:2]), _split(*files[2:])
    if test.images.shape[1] != train.images.shape[1] or test_columns != columns:
        raise DataError(f"{folder}: the test arrays have another shape than the training ones; {DOWNLOAD}")
    count = columns or len(names or ()) or int(max(train.classes.max(), test.classes.max())) + 1
    _check_classes(files[1], train.classes, test.classes, count, names)
    return Pictures(train, test, count)


def _split(x: Path, y: Path) -> tuple[Split, int | None]:
    classes, columns = _classes(y)
    images = _images(x)
    if len(images) != len(classes):
        raise DataError(f"{x}: has {len(images)} pictures, but {y.name} has {len(classes)} labels; {DOWNLOAD}")
    return Split(images, classes), columns


def _load(path: Path) -> NDArray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a cut file fails in many ways
        raise DataError(f"{path}: is cut short or not a NumPy array; {DOWNLOAD}") from error
    if array.ndim == 0 or not len(array):
        what = (
            "add pictures" if "train" in path.name else "set a larger validation set in the advanced training settings"
        )
        raise DataError(f"{path}: holds nothing; {what} in Studio")
    return array


def _images(path: Path) -> NDArray[np.uint8]:
    array = _load(path)
    size = _size(path, array.shape)
    if not np.issubdtype(array.dtype, np.floating):
        raise DataError(f"{path}: pixels are of the type {array.dtype}, not float; {SCALING}")
    images = np.empty((len(array), size, size), np.uint8)
    for start in range(0, len(array), CHUNK):
        part = np.asarray(array[start : start + CHUNK], np.float32).reshape(-1, size, size)
        _check_pixels(path, part)
        images[start : start + CHUNK] = np.rint(np.clip(part, 0, 1) * 255)
    return images


def _size(path: Path, shape: tuple[int, ...]) -> int:
    """The side of the square pictures; DataError where they are not square and grey, or of no usable size."""
    pixels = math.prod(shape[1:])
    if (len(shape) == 4 and shape[3] == 3) or (len(shape) == 2 and _side(pixels / 3)):
        raise DataError(
            f"{path}: the pictures are in colour; set the image block's colour depth to Grayscale in Studio"
        )
    size = _side(pixels)
    if not size or shape[1:] not in ((size, size, 1), (size * size,)):
        raise DataError(
            f"{path}: has the shape {list(shape)}, which is not of square grey pictures; set the image size to 48 x 48 in Studio"
        )
    if not SIZES[0] <= size <= SIZES[1]:
        raise DataError(
            f"{path}: the pictures are {size} x {size}; from {SIZES[0]} to {SIZES[1]} are possible: set the image size to "
            "48 x 48 in Studio"
        )
    return size


def _side(pixels: float) -> int | None:
    side = round(math.sqrt(pixels))
    return side if side and side * side == pixels else None


def _check_pixels(path: Path, part: NDArray[np.float32]) -> None:
    if not np.isfinite(part).all():
        raise DataError(f"{path}: has a pixel that is not a number; generate the features again in Studio")
    low, high = float(part.min()), float(part.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise DataError(f"{path}: has pixels from {low:.4g} to {high:.4g}, not within 0 to 1; {SCALING}")


def _classes(path: Path) -> tuple[NDArray[np.int64], int | None]:
    """The class of each row, and how many there are where the array says so."""
    with path.open("rb") as file:
        if file.read(1) in (b"[", b"{"):  # boxes come as JSON, by the same name
            raise DataError(
                f"{path}: holds boxes for object detection; set the project's labeling method to one label per data item"
            )
    array = _load(path)
    if array.dtype.kind not in "biuf" or array.ndim > 2 or not (array == np.floor(array)).all():
        raise DataError(f"{path}: holds numbers to predict, not classes; label the pictures with words in Studio")
    rows = np.asarray(array)
    if rows.ndim == 2 and ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all():
        return rows.argmax(axis=1), rows.shape[1]
    if rows.ndim == 2 and rows.shape[1] == 4 and rows[:, 0].min() >= 1:
        return rows[:, 0].astype(np.int64) - 1, None
    raise DataError(f"{path}: has the shape {list(rows.shape)} and is not one-hot, a column for each class; {DOWNLOAD}")


def _check_classes(
    path: Path, train: NDArray[np.int64], test: NDArray[np.int64], count: int, names: Sequence[str] | None
) -> None:
    if not 2 <= count <= MOST_CLASSES:
        raise DataError(
            f"{path}: has {count} classes; from 2 to {MOST_CLASSES} are possible: change the labels in Studio"
        )
    if max(train.max(), test.max()) >= count:
        raise DataError(
            f"{path}: has a label {max(train.max(), test.max()) + 1}, but there are {count} classes; {DOWNLOAD}"
        )
    empty = np.flatnonzero(np.bincount(train, minlength=count) == 0)
    if len(empty):
        column = int(empty[0])
        name = f" ({names[column]})" if names and len(names) == count else ""
        raise DataError(
            f"{path}: column {column + 1} of {count}{name} has no picture to learn from; add some, or remove the class in Studio"
        )
