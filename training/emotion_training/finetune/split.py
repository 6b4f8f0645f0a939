"""Split collected faces into a training and a validation part by groups.

Frames taken within a moment look nearly alike, and a model that trained on one of them knows the others: such frames, and
where there are enough of them those of a person or a session, go into one part as a whole.
"""

from dataclasses import dataclass

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.faces.manifest import time_s
from emotion_camera.progress import bar
from numpy.typing import NDArray

from emotion_training.data.near_duplicates import normalised
from emotion_training.finetune.collected import CollectedFaces

VAL_SHARE = 0.25  # of each class
SAME_MOMENT_S = 1.0  # frames of a class that are less apart are of one moment
# Normalised correlation. Of pairs in FER2013's PublicTest 36 in 6.4 million exceed it, 28 of them the same picture; the
# average faces, one face with seven expressions, reach 0.89.
ALIKE = 0.95
CHUNK = 500  # faces that are compared with all others at a time
MIN_GROUPS = 3  # of a class, for one to be for validation and most for training
GROUP_KEYS = {
    "person": "of other people than the training faces",
    "session": "of other sessions than the training faces",
    "moment": "of other moments than the training faces, but perhaps of the same people",
}


@dataclass(frozen=True)
class Split:
    """Indices of the faces for training and for validation; `group_key`: what they don't share, a key of GROUP_KEYS."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    group_key: str


def split(faces: CollectedFaces, seed: int) -> Split:
    """Split by people if the manifest names enough of them, else by sessions, else by moments.

    Raises UserError where all pictures of a class are of too few moments.
    """
    moments = _moments(faces)
    for key in ("person", "session"):
        names = [str(entry[key]) for entry in faces.entries if entry.get(key) is not None]
        if len(names) == len(faces.entries):
            found = _split(faces, _merged(moments, np.unique(names, return_inverse=True)[1]), seed, key)
            if found:
                return found
    found = _split(faces, moments, seed, "moment")
    if found is None:
        raise UserError(_too_few(faces, moments))
    return found


def _too_few(faces: CollectedFaces, moments: NDArray[np.int64]) -> str:
    counts = {it: len(set(moments[faces.classes == it])) for it in faces.present()}
    fewest = min(counts, key=lambda it: counts[it])
    shown = "one moment" if counts[fewest] == 1 else f"{counts[fewest]} moments"
    return (
        f"{faces.labels[fewest]}: its {(faces.classes == fewest).sum()} pictures are so alike that they show {shown}; "
        f"collect it at {max(MIN_GROUPS, counts[fewest] + 1)} or more different moments"
    )


def _moments(faces: CollectedFaces) -> NDArray[np.int64]:
    """The group of each face, int [n]: pictures of a class that are alike, or close in time, are of one moment."""
    groups = np.arange(len(faces.classes))
    with bar(len(groups), "comparing faces", " faces") as progress:
        for it in faces.present():
            mine = np.flatnonzero(faces.classes == it)
            vectors = normalised(faces.images[mine])
            times = np.array(
                [time_s(faces.entries[row]) for row in mine], np.float64
            )  # None becomes NaN: close to nothing
            joined = np.arange(len(mine))
            for rows in np.array_split(joined, -(-len(mine) // CHUNK)):
                near = vectors[rows] @ vectors.T > ALIKE
                near |= np.abs(times[rows, np.newaxis] - times) < SAME_MOMENT_S
                for row in near:
                    _join(joined, row)
                progress.update(len(rows))
            groups[mine] = mine[joined]
    return groups


def _join(groups: NDArray[np.int64], members: NDArray[np.bool_]) -> None:
    """Make one of all groups that have one of the `members`, a mask."""
    met = groups[members]
    if met.size and (met != met[0]).any():
        joins = np.zeros(len(groups), bool)
        joins[met] = True
        groups[joins[groups]] = met.min()


def _merged(groups: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """The finest grouping in which no group of either is split; both are numbered below their length."""
    merged = others.copy()
    for group in np.unique(groups):
        _join(merged, groups == group)
    return merged


def _split(faces: CollectedFaces, groups: NDArray[np.int64], seed: int, key: str) -> Split | None:
    """None where some class would not be in both parts."""
    val = _choose(groups, faces.classes, VAL_SHARE, np.random.default_rng(seed))
    train = np.setdiff1d(np.arange(len(groups)), val)
    whole = all(set(faces.classes[part]) == set(faces.present()) for part in (train, val))
    return Split(train, val, key) if whole else None


def _choose(
    groups: NDArray[np.int64], classes: NDArray[np.int64], share: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The rows of about this share of each class, in whole groups, in an order drawn by `rng`."""
    counts = np.bincount(classes)
    taken: NDArray = np.zeros(len(counts))

    def missed(taken: NDArray) -> float:
        return float((np.abs(taken - share * counts) / np.maximum(counts, 1)).sum())

    chosen = []
    for group in rng.permutation(np.unique(groups)):
        mine = np.flatnonzero(groups == group)
        more = taken + np.bincount(classes[mine], minlength=len(counts))
        if missed(more) < missed(taken):
            taken = more
            chosen.append(mine)
    return np.sort(np.concatenate([*chosen, np.empty(0, np.int64)]))
