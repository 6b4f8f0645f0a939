"""Accuracy before and after `calibrate` for people whose resting face looks sad or angry."""

from collections.abc import Sequence
from statistics import mean

from bench.metrics import Label, accuracy, labels_and_truth, segments
from bench.runner import Options, run_scene
from bench.scenes import FPS, RESTING, START_S, resting
from bench.table import table

SETTLED = FPS // 2  # frames after a change that do not count: `flicker` has the latency


def report(options: Options) -> str:
    """Each person, without and with a calibration in its first seconds."""
    rows, all_shares = [], []
    for number in range(len(RESTING)):
        scene = resting(number)
        shares: list[float] = []
        for commands in (b"", b"calibrate\n"):
            results = run_scene(options.program, scene, board=options.board, commands=commands)
            shares += settled_accuracy(*labels_and_truth(scene, results)[0])
        all_shares.append(shares)
        rows.append([scene.name, *(f"{share:.0%}" for share in shares)])
    rows.append(["mean", *(f"{mean(column):.0%}" for column in zip(*all_shares, strict=True))])
    head = ("person", "rest, before", "expressions, before", "rest, after", "expressions, after")
    return "\n\n".join(
        (
            "Resting face: frames at rest that are called neutral, and frames of the six expressions with the correct label, before\n"
            "and after `calibrate` (only what comes after its seconds, and half a second after each change).",
            table(head, rows),
        )
    )


def settled_accuracy(labels: Sequence[Label], truth: Sequence[Label]) -> tuple[float, float]:
    """Accuracy of the frames at rest, and of those with an expression."""
    start = round(START_S * FPS)
    frames = [frame for segment in segments(truth) for frame in segment[SETTLED:] if frame >= start]

    def of(at_rest: bool) -> float:
        judged = [frame for frame in frames if (truth[frame] == "neutral") == at_rest]
        return accuracy([labels[frame] for frame in judged], [truth[frame] for frame in judged])

    return of(True), of(False)
