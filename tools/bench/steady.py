"""`steady`: how much the names flicker, and what smoothing them costs in delay."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from bench import scenes
from bench.figures import accuracy, delays_ms, extra_changes, null_changes, quantile
from bench.scenes import Scene
from bench.table import table
from bench.tracking import labels_and_truth
from bench.watch import PLAIN_LOOP, Look, called, watch

UNSMOOTHED = b"set smooth_ms 0\nset margin 0\nset sure 0\n"  # commands for the serial port


def report(program: Path, board: str) -> str:
    """The plain loop, `program`, and `program` with smoothing turned off, before two people in two scenes."""
    runs: tuple[tuple[str, Path, bytes], ...] = (
        ("plain loop", PLAIN_LOOP, b""),
        (f"{called(program)}, not smoothed", program, UNSMOOTHED),
        (called(program), program, b""),
    )
    rows = [
        _row(name, [(scene, watch(file, scene, board=board, typed=typed)) for scene in _scenes()])
        for name, file, typed in runs
    ]
    head = ("program", "flicker", "in/out of null", "accuracy", "delay, median", "90 %", "missed")
    return "\n\n".join(
        (
            "Steady: changes of the name a minute and person beyond the true ones; changes to and from null; frames with the\n"
            "right name; ms from the middle of a true change to the right name that stays for 0.5 s, of the\n"
            "changes told at all; changes never told.",
            table(head, rows),
        )
    )


def _scenes() -> list[Scene]:
    return [scenes.steady(seed=seed) for seed in (1, 2, 7, 8)]


def _row(name: str, watched: Sequence[tuple[Scene, Sequence[Look]]]) -> list[str]:
    people = [
        (told, true, scene.source.fps)
        for scene, looks in watched
        for told, true in labels_and_truth(scene, looks).values()
    ]
    minutes = sum(len(true) / fps / 60 for _, true, fps in people)
    delays = [delay for told, true, fps in people for delay in delays_ms(told, true, fps)]
    told_ms = [delay for delay in delays if math.isfinite(delay)]
    return [
        name,
        f"{sum(extra_changes(told, true) for told, true, _ in people) / minutes:.1f}",
        f"{sum(null_changes(told) for told, _, _ in people) / minutes:.1f}",
        f"{mean(accuracy(told, true) for told, true, _ in people):.1%}",
        f"{quantile(told_ms, 0.5):.0f} ms",
        f"{quantile(told_ms, 0.9):.0f} ms",
        f"{len(delays) - len(told_ms)} of {len(delays)}",
    ]
