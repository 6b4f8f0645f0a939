"""`rest`: what a calibration does for people whose face at rest looks sad or angry."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from bench.figures import Label, accuracy, holds
from bench.scenes import FPS, RESTING, START_S, resting
from bench.table import table
from bench.tracking import labels_and_truth
from bench.watch import watch

SETTLED = FPS // 2  # frames after a change that are not judged: `steady` has the delay


def report(program: Path, board: str) -> str:
    """Each person, without and with a calibration in its first seconds."""
    rows, all_figures = [], []
    for number in range(len(RESTING)):
        scene = resting(number)
        figures: list[float] = []
        for typed in (b"", b"calibrate\n"):
            told, true = labels_and_truth(scene, watch(program, scene, board=board, typed=typed))[0]
            figures += settled_accuracy(told, true)
        all_figures.append(figures)
        rows.append([scene.name, *(f"{part:.0%}" for part in figures)])
    rows.append(["mean", *(f"{mean(column):.0%}" for column in zip(*all_figures, strict=True))])
    head = ("person", "rest, before", "expressions, before", "rest, after", "expressions, after")
    return "\n\n".join(
        (
            "Rest: frames at rest that are called neutral, and frames of the six expressions with the right name, before and\n"
            "after `calibrate` (only what comes after its seconds, and half a second after each change).",
            table(head, rows),
        )
    )


def settled_accuracy(told: Sequence[Label], true: Sequence[Label]) -> tuple[float, float]:
    """The part of the frames with the right name at rest, and the same of expressions."""
    start = round(START_S * FPS)
    frames = [frame for hold in holds(true) for frame in hold[SETTLED:] if frame >= start]
    rest = [frame for frame in frames if true[frame] == "neutral"]
    shown = [frame for frame in frames if true[frame] != "neutral"]
    at_rest, expressions = (
        accuracy([told[frame] for frame in part], [true[frame] for frame in part]) for part in (rest, shown)
    )
    return at_rest, expressions
