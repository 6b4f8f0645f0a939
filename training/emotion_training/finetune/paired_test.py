"""Whether a model got better: a paired test of its predictions for the same faces before and after."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emotion_training.evaluate.evaluate import markdown_table

CHANCE = 0.05  # a difference of a lower p is called more than chance


@dataclass(frozen=True)
class Comparison:
    """Two models' predictions for the same faces, each int [n], and the targets int [n]; indices into `labels`.

    known: how many of the labels, the first ones, the model knew before.
    """

    labels: tuple[str, ...]
    known: int
    targets: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]

    def accuracy(self, predicted: NDArray[np.int64]) -> float:
        """The share of the faces that is named right."""
        return float((predicted == self.targets).mean())

    def changes(self, rows: NDArray[np.bool_] | None = None) -> tuple[int, int]:
        """How many faces were named wrong before and right now, and how many the other way round."""
        rows = np.ones(len(self.targets), bool) if rows is None else rows
        before, after = (predicted[rows] == self.targets[rows] for predicted in (self.before, self.after))
        return int((~before & after).sum()), int((before & ~after).sum())

    def old_classes(self) -> NDArray[np.bool_]:
        """Which of the faces show a class that the model knew before."""
        return self.targets < self.known

    def worse(self) -> str | None:
        """Why the new model should not replace the old one, or None if it is better.

        Better is: right more often, and not worse, by more than chance, at what it knew before.
        """
        gained, lost = self.changes()
        if gained <= lost:
            return f"it names {self._right(self.after)} of {len(self.targets)} validation faces right, and {self._right(self.before)} before"
        gained, lost = self.changes(self.old_classes())
        if lost > gained and mcnemar(gained, lost) < CHANCE:
            return f"of the faces of classes that it knew, {lost} validation faces are named wrong now that were right, and only {gained} the other way"
        return None

    def _right(self, predicted: NDArray[np.int64]) -> int:
        return int((predicted == self.targets).sum())

    def sentence(self) -> str:
        """The difference and whether it may be chance, in plain words."""
        gained, lost = self.changes()
        p = mcnemar(gained, lost)
        n = len(self.targets)
        sentence = (
            f"Of {n} validation faces {self._right(self.before)} were named right before and {self._right(self.after)} "
            f"are now: {gained} gained, {lost} lost."
        )
        if gained + lost == 0:
            return sentence
        if p < CHANCE:
            return f"{sentence} That is more than chance (exact McNemar test, p = {p:.2g})."
        return f"{sentence} So few changes may be chance (exact McNemar test, p = {p:.2g}): more faces would tell."

    def table(self) -> str:
        """Recall by class and accuracy, before and after, in Markdown."""
        head = ["class", "validation faces", "right before", "right after"]
        lines = [
            self._line(label, self.targets == it) for it, label in enumerate(self.labels) if (self.targets == it).any()
        ]
        return markdown_table(head, [*lines, self._line("all", self.targets >= 0)])

    def _line(self, name: str, rows: NDArray[np.bool_]) -> list[str]:
        shares = (f"{(predicted[rows] == self.targets[rows]).mean():.0%}" for predicted in (self.before, self.after))
        return [name, str(rows.sum()), *shares]


def mcnemar(gained: int, lost: int) -> float:
    """The probability of changes at least this one-sided if each were a coin's toss (two-sided exact McNemar test)."""
    n = gained + lost
    return min(1.0, 2 * sum(math.comb(n, it) for it in range(min(gained, lost) + 1)) / 2**n)
