"""Draw the model card's figures with matplotlib."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from emotion_camera.model.contract import EMOTIONS
from matplotlib.figure import Figure

from emotion_training.data.protocols import Metrics
from emotion_training.evaluate.confidence import Bin, ece_from_bins

DPI = 110


def draw_confusion(metrics: Metrics, title: str, path: Path) -> None:
    """Draw the confusion matrix, normalized by true class (recall on the diagonal), with the counts."""
    counts = np.array(metrics.confusion)[: len(EMOTIONS)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel="predicted class", ylabel="true class")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=45)
    axes.set_yticks(range(len(EMOTIONS)), EMOTIONS)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{share:.0%}\n{counts[row, column]}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if share > 0.5 else "black")
    figure.savefig(path, dpi=DPI)


def draw_reliability(diagrams: Mapping[str, list[Bin]], title: str, path: Path) -> None:
    """Draw reliability diagrams side by side, accuracy by confidence above the number of faces in each bin."""
    figure = Figure(figsize=(4.4 * len(diagrams), 5), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(2, len(diagrams), sharex=True, squeeze=False, height_ratios=(3, 1))
    for column, (name, bins) in enumerate(diagrams.items()):
        above, below = axes[:, column]
        left = [each.low for each in bins]
        style = {"width": 1 / len(bins), "align": "edge", "edgecolor": "white"}
        above.bar(left, [each.accuracy for each in bins], color="tab:blue", label="accuracy", **style)
        above.plot((0, 1), (0, 1), "--", color="tab:red", label="perfect calibration")
        above.set(title=f"{name}: ECE {ece_from_bins(bins):.3f}", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1))
        above.legend(loc="upper left")
        below.bar(left, [each.count for each in bins], color="tab:gray", **style)
        below.set(xlabel="confidence (top score)", ylabel="faces")
    figure.savefig(path, dpi=DPI)
