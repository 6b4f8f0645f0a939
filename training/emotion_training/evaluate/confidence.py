"""Calibration of confidence: temperature scaling, expected calibration error, and accuracy by score threshold.

A score is calibrated if it equals the accuracy: of the faces with a top score of 0.8, 80 % are classified correctly.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in Guo et al. 2017
TEMPERATURES = 0.1, 10.0  # search range
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Bin:
    """Predictions with a top score above `low` and up to `high`: number, mean score (confidence), and accuracy."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def log_softmax(logits: NDArray) -> NDArray:
    """Log probabilities of logits [n, classes]."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def fit_temperature(logits: NDArray, targets: NDArray) -> float:
    """The temperature T that minimizes the negative log likelihood of softmax(logits / T); 1 if there are no rows.

    logits [n, classes], targets int [n]. Temperature scaling (Guo et al. 2017, "On calibration of modern neural networks")
    changes no top class. The loss is convex in 1/T, so it has one minimum in log T, which a golden-section search finds to
    a thousandth.
    """
    if not len(targets):
        return 1.0
    low, high = (math.log(limit) for limit in TEMPERATURES)
    while high - low > 1e-3:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if _loss(logits / math.exp(left), targets) < _loss(logits / math.exp(right), targets):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def _loss(logits: NDArray, targets: NDArray) -> float:
    """Mean negative log likelihood."""
    return -float(log_softmax(logits)[np.arange(len(targets)), targets].mean())


def reliability(scores: NDArray, targets: NDArray, bins: int = BINS) -> list[Bin]:
    """The reliability diagram of scores [n, classes] against targets int [n], in bins of equal width by top score."""
    confidence, correct = scores.max(axis=1), scores.argmax(axis=1) == targets
    numbers = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    diagram = []
    for number in range(bins):
        inside = numbers == number
        means = (float(values[inside].mean()) if inside.any() else 0.0 for values in (confidence, correct))
        diagram.append(Bin(number / bins, (number + 1) / bins, int(inside.sum()), *means))
    return diagram


def ece(scores: NDArray, targets: NDArray, bins: int = BINS) -> float:
    """Expected calibration error: the mean distance between top score and accuracy over the bins, weighted by count."""
    return ece_from_bins(reliability(scores, targets, bins))


def ece_from_bins(bins: list[Bin]) -> float:
    """The expected calibration error of the bins of `reliability`."""
    total = sum(each.count for each in bins)
    return sum(each.count * abs(each.accuracy - each.confidence) for each in bins) / max(total, 1)


def coverage(scores: NDArray, targets: NDArray) -> list[dict[str, float]]:
    """For each of THRESHOLDS the share of faces whose top score reaches it (coverage), and the accuracy on those faces.

    scores [n, classes], targets int [n]; accuracy is 0 if no face reaches the threshold.
    """
    confidence, correct = scores.max(axis=1), scores.argmax(axis=1) == targets
    rows = []
    for threshold in THRESHOLDS:
        covered = confidence >= threshold
        accuracy = float(correct[covered].mean()) if covered.any() else 0.0
        rows.append(
            {"threshold": threshold, "coverage": round(float(covered.mean()), 4), "accuracy": round(accuracy, 4)}
        )
    return rows
