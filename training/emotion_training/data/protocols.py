"""The evaluation protocols: which rows of a test part count, the target class of each, and the metrics."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion_training.data.fer2013 import SEVEN, Faces

CONTEMPT, UNKNOWN, NF = 7, 8, 9  # columns of FER+'s votes; contempt is also the eighth class of "FER+ 8"

PROTOCOLS = {
    "FER2013": "all rows; targets are the FER2013 labels (7 classes)",
    "FER+ 7": "rows on which one class has the most FER+ votes (no tie) and is one of the seven emotions",
    "FER+ majority": "the rows of FER+ 7 on which more than half of the ten annotators agree",
    "FER+ 8": "single FER+ votes are dropped; rows with an absolute majority of the rest that is not unknown or NF (no face); contempt counts as an error",
}


@dataclass(frozen=True)
class EvalSet:
    """The rows of a part that count by a protocol, int [m], and their target classes, int [m] (7 is contempt)."""

    index: NDArray[np.int64]
    targets: NDArray[np.int64]


def main_protocol(part: Faces) -> str:
    """The protocol for model selection: FER+ 7, or FER2013 if there are no votes."""
    return "FER2013" if part.votes is None else "FER+ 7"


def eval_set(protocol: str, faces: Faces) -> EvalSet:
    """The rows and targets of `faces` by one of PROTOCOLS. Raises ValueError for FER+ without votes."""
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
    return _selected(keep, winner)


def _eight(votes: NDArray[np.int64]) -> EvalSet:
    votes = np.where(votes == 1, 0, votes)
    winner = votes.argmax(axis=1)
    keep = (votes.max(axis=1) > votes.sum(axis=1) / 2) & (winner != UNKNOWN) & (winner != NF)
    return _selected(keep, winner)


def _selected(keep: NDArray[np.bool_], winner: NDArray[np.int64]) -> EvalSet:
    """Map vote columns to classes: the seven in the order of EMOTIONS, then contempt."""
    classes = np.array([[*SEVEN, CONTEMPT].index(column) if column < UNKNOWN else -1 for column in range(10)])
    index = np.flatnonzero(keep)
    return EvalSet(index, classes[winner[index]])


@dataclass(frozen=True)
class Metrics:
    """Accuracy, balanced accuracy, recall and precision per class, and the confusion matrix [true, predicted]."""

    rows: int
    accuracy: float
    balanced: float
    recall: list[float]
    precision: list[float]
    confusion: list[list[int]]


def measure(scores: NDArray, subset: EvalSet) -> Metrics:
    """The metrics of scores [n, 7], given for all rows of a part, on the rows of a protocol.

    `balanced` is the mean recall of the classes that occur; contempt counts in the accuracy alone.
    """
    classes = scores.shape[1]
    predicted = scores[subset.index].argmax(axis=1)
    confusion = np.zeros((classes + 1, classes), np.int64)
    np.add.at(confusion, (subset.targets, predicted), 1)
    seven = confusion[:classes]
    correct = np.diag(seven)
    recall = correct / np.maximum(seven.sum(axis=1), 1)
    precision = correct / np.maximum(confusion.sum(axis=0), 1)
    occurs = seven.sum(axis=1) > 0
    return Metrics(
        rows=len(predicted),
        accuracy=float(correct.sum() / max(len(predicted), 1)),
        balanced=float(recall[occurs].mean()) if occurs.any() else 0.0,
        recall=recall.tolist(),
        precision=precision.tolist(),
        confusion=(confusion if confusion[classes].any() else seven).tolist(),
    )
