"""The protocols by which every figure here is measured: which rows count, which label is right, and the measures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion_training.data.fer2013 import Faces
from emotion_training.data.targets import SEVEN

CONTEMPT, UNKNOWN, NF = 7, 8, 9  # columns of FER+'s votes; contempt is also the eighth class of "FER+ 8"

PROTOCOLS = {
    "FER2013": "all rows, FER2013's own label, 7 classes",
    "FER+ 7": "rows whose largest of the ten FER+ vote counts is unique and one of the seven emotions",
    "FER+ majority": "the rows of FER+ 7 for which over half of the ten annotators gave the same answer",
    "FER+ 8": "FER+ votes of 1 dropped; rows whose largest count is over half of the rest and is not unknown or NF; contempt counts as wrong",
}


@dataclass(frozen=True)
class EvalSet:
    """Which rows of a part count by a protocol, int [m], and what is right for each, int [m] (7 is contempt)."""

    index: NDArray[np.int64]
    targets: NDArray[np.int64]


def main_protocol(part: Faces) -> str:
    """The protocol that choices are made by: FER+ 7, or FER2013's own where there are no votes."""
    return "FER2013" if part.votes is None else "FER+ 7"


def eval_set(protocol: str, faces: Faces) -> EvalSet:
    """The rows and right answers of `faces` by a protocol of `PROTOCOLS`; the two of FER+ need votes."""
    if protocol == "FER2013":
        return EvalSet(np.arange(len(faces)), faces.labels.astype(np.int64))
    if faces.votes is None:
        raise ValueError(f"{protocol}: needs FER+'s votes; give fer2013new.csv with --votes")
    votes = faces.votes.astype(np.int64)
    if protocol == "FER+ 8":
        return _eight(votes)
    return _seven(votes, least=6 if protocol == "FER+ majority" else 0)


def _seven(votes: NDArray[np.int64], least: int) -> EvalSet:
    largest = votes.max(axis=1, keepdims=True)
    winner = votes.argmax(axis=1)
    keep = ((votes == largest).sum(axis=1) == 1) & np.isin(winner, SEVEN) & (largest[:, 0] >= least)
    return _ours(keep, winner)


def _eight(votes: NDArray[np.int64]) -> EvalSet:
    votes = np.where(votes == 1, 0, votes)
    winner = votes.argmax(axis=1)
    keep = (votes.max(axis=1) > votes.sum(axis=1) / 2) & (winner != UNKNOWN) & (winner != NF)
    return _ours(keep, winner)


def _ours(keep: NDArray[np.bool_], winner: NDArray[np.int64]) -> EvalSet:
    """Vote columns as classes: the seven in the order of EMOTIONS, contempt after them."""
    classes = np.array([[*SEVEN, CONTEMPT].index(column) if column < UNKNOWN else -1 for column in range(10)])
    index = np.flatnonzero(keep)
    return EvalSet(index, classes[winner[index]])


@dataclass(frozen=True)
class Metrics:
    """Accuracy, its mean over classes (`balanced`), recall and precision a class, and the confusion matrix [truth, answer]."""

    rows: int
    accuracy: float
    balanced: float
    recall: list[float]
    precision: list[float]
    confusion: list[list[int]]


def measure(scores: NDArray, wanted: EvalSet) -> Metrics:
    """Metrics of scores [n, 7] over all rows of a part, by the rows and answers of a protocol.

    `balanced` is the mean recall of those of the seven classes that occur; contempt counts in the accuracy alone.
    """
    classes = scores.shape[1]
    answers = scores[wanted.index].argmax(axis=1)
    confusion = np.zeros((classes + 1, classes), np.int64)
    np.add.at(confusion, (wanted.targets, answers), 1)
    seven = confusion[:classes]
    right = np.diag(seven)
    recall = right / np.maximum(seven.sum(axis=1), 1)
    precision = right / np.maximum(confusion.sum(axis=0), 1)
    occurs = seven.sum(axis=1) > 0
    return Metrics(
        rows=len(answers),
        accuracy=float(right.sum() / max(len(answers), 1)),
        balanced=float(recall[occurs].mean()) if occurs.any() else 0.0,
        recall=recall.tolist(),
        precision=precision.tolist(),
        confusion=(confusion if confusion[classes].any() else seven).tolist(),
    )
