"""Divide collected faces into what is learnt and what is held back to measure on.

Frames of one moment look nearly alike, and a model that learnt one of them knows the others: a moment, and where there
are enough of them a person or a session, goes into one part as a whole.
"""

from dataclasses import dataclass

import numpy as np
from emotion_camera.errors import UserError
from numpy.typing import NDArray

from emotion_training.finetune.faces_folder import Collected

HELD = 0.25  # share of each class that is held back
MOMENT = 1.0  # seconds: frames of a class that are less apart are of one moment
# Normalised correlation. Of pairs in FER2013's PublicTest 36 in 6.4 million exceed it, 28 of them the same picture; the
# portraits, one face with seven expressions, reach 0.89.
ALIKE = 0.95
LEAST = 3  # moments of a class, for one to be held back and most to be learnt
APART = {
    "person": "other people's than those learnt from",
    "session": "of other sessions than those learnt from",
    "moment": "of other moments than those learnt from, but perhaps of the same people",
}


@dataclass(frozen=True)
class Parts:
    """Indices of the faces to learn from and of those held back; `apart`: what they don't share, a key of APART."""

    learn: NDArray[np.int64]
    held: NDArray[np.int64]
    apart: str


def divide(faces: Collected, seed: int) -> Parts:
    """Divide by people if the manifest names enough of them, else by sessions, else by moments.

    Raises UserError where all pictures of a class are of too few moments.
    """
    moments = _moments(faces)
    for apart in ("person", "session"):
        names = [str(told[apart]) for told in faces.told if told.get(apart) is not None]
        if len(names) == len(faces.told):
            parts = _divide(faces, _joined(moments, np.unique(names, return_inverse=True)[1]), seed, apart)
            if parts:
                return parts
    parts = _divide(faces, moments, seed, "moment")
    if parts is None:
        raise UserError(_too_few(faces, moments))
    return parts


def _too_few(faces: Collected, moments: NDArray[np.int64]) -> str:
    counts = {it: len(set(moments[faces.classes == it])) for it in faces.shown()}
    fewest = min(counts, key=lambda it: counts[it])
    shown = "one moment" if counts[fewest] == 1 else f"{counts[fewest]} moments"
    return (
        f"{faces.labels[fewest]}: its {(faces.classes == fewest).sum()} pictures are so alike that they show {shown}; "
        f"collect it at {max(LEAST, counts[fewest] + 1)} or more different moments"
    )


def _moments(faces: Collected) -> NDArray[np.int64]:
    """Which moment each face is of, int [n]: pictures of a class that are alike, or close in time, are of one."""
    groups = np.arange(len(faces.classes))
    for it in faces.shown():
        mine = np.flatnonzero(faces.classes == it)
        near = np.corrcoef(faces.images[mine].reshape(len(mine), -1)) > ALIKE
        times = np.array(
            [faces.told[row].get("time") for row in mine], np.float64
        )  # None becomes NaN: close to nothing
        near |= np.abs(times[:, np.newaxis] - times) < MOMENT
        for a, b in zip(*np.nonzero(np.triu(near, 1)), strict=True):
            groups[groups == groups[mine[b]]] = groups[mine[a]]
    return groups


def _joined(groups: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """The finest grouping in which no group of either is divided."""
    joined = others.copy()
    for group in np.unique(groups):
        met = np.unique(joined[groups == group])
        joined[np.isin(joined, met)] = met[0]
    return joined


def _divide(faces: Collected, groups: NDArray[np.int64], seed: int, apart: str) -> Parts | None:
    """None where some class would not be in both what is learnt and what is held back."""
    rng = np.random.default_rng(seed)
    held = _choose(groups, faces.classes, HELD, rng)
    learn = np.setdiff1d(np.arange(len(groups)), held)
    whole = all(set(faces.classes[part]) == set(faces.shown()) for part in (learn, held))
    return Parts(learn, held, apart) if whole else None


def _choose(
    groups: NDArray[np.int64],
    classes: NDArray[np.int64],
    share: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The rows of about this share of each class, in whole groups, in an order drawn by `rng`."""
    counts = np.bincount(classes)
    held: NDArray = np.zeros(len(counts))

    def missed(held: NDArray) -> float:
        return float((np.abs(held - share * counts) / np.maximum(counts, 1)).sum())

    chosen = []
    for group in rng.permutation(np.unique(groups)):
        mine = np.flatnonzero(groups == group)
        more = held + np.bincount(classes[mine], minlength=len(counts))
        if missed(more) < missed(held):
            held = more
            chosen.append(mine)
    return np.sort(np.concatenate([*chosen, np.empty(0, np.int64)]))
