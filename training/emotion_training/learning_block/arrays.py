"""Read and check the image and label arrays that Studio writes. Does not import TensorFlow.

Images: `X_split_train.npy`, `X_split_test.npy`, float32 from 0 to 1, [n, size, size, 1] or flattened [n, size * size].
Labels: `Y_split_train.npy`, `Y_split_test.npy`, one-hot [n, classes], or int32 [n, 4] with the class, from 1, in the first
column, then sample, start and end. Studio's examples read the first form, its documentation describes the second. (The
"test" files are Studio's validation set.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from emotion_camera.errors import UserError
from numpy.typing import NDArray

SIZES = (24, 320)  # pixels; random erasing covers up to 19, and 320 x 320 bytes nearly fill the arena
MAX_CLASSES = 100
CHUNK = 1000  # images at a time: float32 takes four times the memory
ROUNDING = 1e-3  # tolerance of the pixel range 0 to 1
DOWNLOAD = "give the folder that edge-impulse-blocks runner --download-data writes"
SCALING = "set the block's image scaling to pixels ranging 0..1 in Studio"


@dataclass(frozen=True)
class Split:
    """Images uint8 [n, size, size] and the class index of each, int64 [n]."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """The training and validation images, and the number of classes."""

    train: Split
    test: Split
    classes: int

    @property
    def size(self) -> int:
        return self.train.images.shape[1]


def read(folder: Path, names: Sequence[str] | None = None) -> Dataset:
    """Read and check the four arrays in `folder`. `names`: the class names, if known, for error messages.

    Pixels are rounded to the camera's 256 levels. Raises UserError for data that cannot be trained on.
    """
    files = [folder / f"{array}_split_{part}.npy" for part in ("train", "test") for array in ("X", "Y")]
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise UserError(f"{missing[0]}: no such file; {DOWNLOAD}")
    (train, columns), (test, test_columns) = _split(*files[:2]), _split(*files[2:])
    if test.images.shape[1] != train.images.shape[1] or test_columns != columns:
        raise UserError(f"{folder}: the test arrays have another shape than the training ones; {DOWNLOAD}")
    classes = columns or len(names or ()) or int(max(train.labels.max(), test.labels.max())) + 1
    _check_classes(files[1], train.labels, test.labels, classes, names)
    return Dataset(train, test, classes)


def _split(x: Path, y: Path) -> tuple[Split, int | None]:
    labels, columns = _labels(y)
    images = _images(x)
    if len(images) != len(labels):
        raise UserError(f"{x}: has {len(images)} pictures, but {y.name} has {len(labels)} labels; {DOWNLOAD}")
    return Split(images, labels), columns


def _load(path: Path) -> NDArray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # np.load raises many types for a truncated file
        raise UserError(f"{path}: is cut short or not a NumPy array; {DOWNLOAD}") from error
    if array.ndim == 0 or not len(array):
        remedy = (
            "add pictures" if "train" in path.name else "set a larger validation set in the advanced training settings"
        )
        raise UserError(f"{path}: is empty; {remedy} in Studio")
    return array


def _images(path: Path) -> NDArray[np.uint8]:
    array = _load(path)
    size = _size(path, array.shape)
    if not np.issubdtype(array.dtype, np.floating):
        raise UserError(f"{path}: pixels are of the type {array.dtype}, not float; {SCALING}")
    images = np.empty((len(array), size, size), np.uint8)
    for start in range(0, len(array), CHUNK):
        part = np.asarray(array[start : start + CHUNK], np.float32).reshape(-1, size, size)
        _check_pixels(path, part)
        images[start : start + CHUNK] = np.rint(np.clip(part, 0, 1) * 255)
    return images


def _size(path: Path, shape: tuple[int, ...]) -> int:
    """The side of the square images in pixels; UserError if they are not square grayscale images of a usable size."""
    pixels = math.prod(shape[1:])
    if (len(shape) == 4 and shape[3] == 3) or (len(shape) == 2 and _side(pixels / 3)):
        raise UserError(
            f"{path}: the pictures have three color channels; set the image block's colour depth to Grayscale in Studio"
        )
    size = _side(pixels)
    if not size or shape[1:] not in ((size, size, 1), (size * size,)):
        raise UserError(
            f"{path}: has the shape {list(shape)}, which is not that of square grayscale pictures; set the image size to 48 x 48 in Studio"
        )
    if not SIZES[0] <= size <= SIZES[1]:
        raise UserError(
            f"{path}: the pictures are {size} x {size}; from {SIZES[0]} to {SIZES[1]} are supported: set the image size to "
            "48 x 48 in Studio"
        )
    return size


def _side(pixels: float) -> int | None:
    side = round(math.sqrt(pixels))
    return side if side and side * side == pixels else None


def _check_pixels(path: Path, part: NDArray[np.float32]) -> None:
    if not np.isfinite(part).all():
        raise UserError(f"{path}: has a pixel that is not a number; generate the features again in Studio")
    low, high = float(part.min()), float(part.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise UserError(f"{path}: has pixels from {low:.4g} to {high:.4g}, not within 0 to 1; {SCALING}")


def _labels(path: Path) -> tuple[NDArray[np.int64], int | None]:
    """The class index of each row, and the number of classes if the array is one-hot."""
    with path.open("rb") as file:
        if file.read(1) in (b"[", b"{"):  # bounding boxes come as JSON under the same name
            raise UserError(
                f"{path}: holds bounding boxes for object detection; set the project's labeling method to one label per data item"
            )
    array = _load(path)
    if array.dtype.kind not in "biuf" or array.ndim > 2 or not (array == np.floor(array)).all():
        raise UserError(f"{path}: holds regression targets, not classes; label the pictures with words in Studio")
    rows = np.asarray(array)
    if rows.ndim == 2 and ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all():
        return rows.argmax(axis=1), rows.shape[1]
    if rows.ndim == 2 and rows.shape[1] == 4 and rows[:, 0].min() >= 1:
        return rows[:, 0].astype(np.int64) - 1, None
    raise UserError(f"{path}: has the shape {list(rows.shape)} and is not one-hot, a column for each class; {DOWNLOAD}")


def _check_classes(
    path: Path, train: NDArray[np.int64], test: NDArray[np.int64], classes: int, names: Sequence[str] | None
) -> None:
    if not 2 <= classes <= MAX_CLASSES:
        raise UserError(
            f"{path}: has {classes} classes; from 2 to {MAX_CLASSES} are supported: change the labels in Studio"
        )
    if max(train.max(), test.max()) >= classes:
        raise UserError(
            f"{path}: has a label {max(train.max(), test.max()) + 1}, but there are {classes} classes; {DOWNLOAD}"
        )
    empty = np.flatnonzero(np.bincount(train, minlength=classes) == 0)
    if len(empty):
        column = int(empty[0])
        name = f" ({names[column]})" if names and len(names) == classes else ""
        raise UserError(
            f"{path}: column {column + 1} of {classes}{name} has no training picture; add some, or remove the class in Studio"
        )
