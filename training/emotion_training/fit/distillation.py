"""Distillation: the soft targets of teachers for FER2013's pictures, kept in small files so that any computer can train by them.

A file `NAME.npz` of the teacher NAME holds, for n rows of fer2013.csv:

- `rows`: int32 [n], their numbers, counted from 0;
- `coded`: uint8 [n, 7], -log(score) in steps of STEP: 250 KB a teacher, and no score is 0;
- `recipe`: how the teacher was trained, as `emotion_training.fit.recipes.teacher_recipe` writes it;
- `pictures`: SHA-256 of the pictures' bytes in the order of `rows`, in hexadecimal.

The last two are checked before a file is used: soft targets of an older recipe, or for other pictures, would mislead in silence.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray

from emotion_training.data.fer2013 import Faces
from emotion_training.fit.recipes import TEACHERS, teacher_recipe

FOLDER = Path(__file__).resolve().parent / "soft_targets"
STEP = 0.04


@dataclass(frozen=True)
class SoftTargets:
    """The names of teachers, and the mean of their scores for the training rows: float32 [n, 7], each row adding up to 1."""

    teachers: tuple[str, ...]
    scores: NDArray[np.float32]


def files(folder: Path) -> list[Path]:
    """The files of soft targets in a folder; UserError where there is none."""
    found = sorted(folder.glob("*.npz"))
    if not found:
        raise UserError(
            f"{folder}: holds no soft targets (NAME.npz); have them made by emotion-camera train teachers --run {folder}, "
            "or give another --teachers"
        )
    return found


def write(path: Path, faces: Faces, rows: NDArray[np.int64], scores: NDArray) -> None:
    """Write the scores [n, 7], 0 to 1, that the teacher that `path` is named for gives the n rows `rows` of `faces`."""
    coded = np.clip(np.round(-np.log(np.maximum(scores, 1e-9)) / STEP), 0, 255).astype(np.uint8)
    recipe, pictures = np.array(teacher_recipe(path.stem)), np.array(fingerprint(faces, rows))
    with whole_file(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, rows=rows.astype(np.int32), coded=coded, recipe=recipe, pictures=pictures)


def fingerprint(faces: Faces, rows: NDArray) -> str:
    """SHA-256 of the pictures of these rows, in their order."""
    return hashlib.sha256(faces.images[rows].tobytes()).hexdigest()


def read(paths: list[Path], faces: Faces, rows: NDArray[np.int64]) -> SoftTargets | None:
    """The mean soft targets of these files for the rows `rows`; None where the teachers saw other pictures.

    Raises UserError where a file is damaged or of another recipe, and where only some of the files are of these pictures.
    """
    found = {path: _scores(path, faces, rows) for path in paths}
    known = {path: scores for path, scores in found.items() if scores is not None}
    if not known:
        return None
    for path in paths:
        if path not in known:
            raise UserError(
                f"{path}: is of other pictures than {next(iter(known)).name} beside it; delete it, or train that teacher again"
            )
    return SoftTargets(tuple(path.stem for path in known), np.mean(list(known.values()), axis=0, dtype=np.float32))


def check(path: Path, faces: Faces) -> None:
    """UserError where a file of soft targets is damaged, of another recipe or of other pictures."""
    if _scores(path, faces, np.empty(0, np.int64)) is None:
        raise UserError(f"{path}: was made from other pictures than the data's; delete it, or choose another --run")


def _scores(path: Path, faces: Faces, rows: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """A teacher's scores [len(rows), 7]; None where it saw other pictures, or not all of these."""
    seen, coded, pictures = _read(path)
    if seen.max() >= len(faces) or fingerprint(faces, seen) != pictures:
        return None
    place = np.full(len(faces), -1)
    place[seen] = np.arange(len(seen))
    if (place[rows] < 0).any():
        return None
    scores = np.exp(-STEP * coded[place[rows]].astype(np.float32))
    return scores / scores.sum(axis=1, keepdims=True)


def _read(path: Path) -> tuple[NDArray[np.int32], NDArray[np.uint8], str]:
    """A file's rows, their coded scores and the pictures' fingerprint."""
    try:
        with np.load(path) as data:
            rows, coded, recipe, pictures = data["rows"], data["coded"], str(data["recipe"]), str(data["pictures"])
    except Exception as error:  # np.load has many: zipfile, zlib, pickle, OS errors
        raise UserError(
            f"{path}: is missing, cut short or no file of soft targets; delete it and train that teacher again"
        ) from error
    if path.stem not in TEACHERS or recipe != teacher_recipe(path.stem):
        raise UserError(
            f"{path}: was made by another recipe than training/emotion_training/fit/recipes.py has for {path.stem}; "
            "delete it and train that teacher again"
        )
    shape = (len(rows), len(EMOTIONS)) if rows.ndim == 1 else None
    if coded.shape != shape or coded.dtype != np.uint8 or rows.dtype != np.int32 or not len(rows) or rows.min() < 0:
        raise UserError(f"{path}: its arrays are not those of soft targets; delete it and train that teacher again")
    return rows, coded, pictures
