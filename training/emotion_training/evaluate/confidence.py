"""Make a score mean what it says: of the faces named with a score of 0.8, eight in ten should be named right."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in Guo et al. 2017
COLDEST, HOTTEST = 0.1, 10.0  # temperatures among which to search
LEAST = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # scores for which coverage is told
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Bin:
    """The answers whose score is over `low` and at most `high`: how many, their mean score, and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def temperature(logits: NDArray, truth: NDArray) -> float:
    """The T for which softmax(logits / T) gives the right answers the least negative log likelihood; 1 where there are no rows.

    logits [n, classes], truth int [n]. Temperature scaling (Guo et al. 2017, "On calibration of modern neural networks"):
    no answer changes, only how sure it sounds. The loss is convex in 1/T, so it has one valley in log T, which a
    golden-section search finds to a thousandth.
    """
    if not len(truth):
        return 1.0
    low, high = math.log(COLDEST), math.log(HOTTEST)
    while high - low > 1e-3:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if _loss(logits / math.exp(left), truth) < _loss(logits / math.exp(right), truth):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def _loss(logits: NDArray, truth: NDArray) -> float:
    """Mean negative log likelihood."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    likelihood = shifted[np.arange(len(truth)), truth] - np.log(np.exp(shifted).sum(axis=1))
    return -float(likelihood.mean())


def reliability(scores: NDArray, truth: NDArray, bins: int = BINS) -> list[Bin]:
    """The top answers of scores [n, classes] in bins of equal width by their score, against truth int [n]."""
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    found = []
    for number in range(bins):
        inside = place == number
        means = (float(values[inside].mean()) if inside.any() else 0.0 for values in (confidence, right))
        found.append(Bin(number / bins, (number + 1) / bins, int(inside.sum()), *means))
    return found


def ece(scores: NDArray, truth: NDArray, bins: int = BINS) -> float:
    """Expected calibration error of the top answers: how far score and share of right answers lie apart, on average."""
    return ece_of(reliability(scores, truth, bins))


def ece_of(found: list[Bin]) -> float:
    """The expected calibration error from the bins of `reliability`."""
    total = sum(it.count for it in found)
    return sum(it.count * abs(it.accuracy - it.confidence) for it in found) / max(total, 1)


def coverage(scores: NDArray, truth: NDArray) -> list[dict[str, float]]:
    """How many of the answers have at least a score, and how many of those are right, for each of LEAST.

    scores [n, classes], truth int [n]; accuracy is 0 where no answer has that score.
    """
    sure, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    found = []
    for least in LEAST:
        said = sure >= least
        accuracy = float(right[said].mean()) if said.any() else 0.0
        found.append({"least": least, "coverage": round(float(said.mean()), 4), "accuracy": round(accuracy, 4)})
    return found


def draw_reliability(parts: Mapping[str, list[Bin]], title: str, path: Path) -> None:
    """Draw, side by side for each part, the share of right answers by score, and below it how many answers there are."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4 * len(parts), 5), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(2, len(parts), sharex=True, squeeze=False, height_ratios=(3, 1))
    for column, (name, found) in enumerate(parts.items()):
        above, below = axes[:, column]
        place = [it.low for it in found]
        shape = {"width": 1 / len(found), "align": "edge", "edgecolor": "white"}
        above.bar(place, [it.accuracy for it in found], color="tab:blue", label="named right", **shape)
        above.plot((0, 1), (0, 1), "--", color="tab:red", label="as sure as right")
        above.set(title=f"{name}: ECE {ece_of(found):.3f}", ylabel="share named right", xlim=(0, 1), ylim=(0, 1))
        above.legend(loc="upper left")
        below.bar(place, [it.count for it in found], color="tab:gray", **shape)
        below.set(xlabel="score of the answer", ylabel="faces")
    figure.savefig(path, dpi=110)
