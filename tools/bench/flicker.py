"""Spurious label changes per minute, accuracy, and latency to a true change."""

import math
from collections.abc import Sequence
from statistics import mean

from bench import scenes
from bench.metrics import accuracy, labels_and_truth, latencies_ms, null_changes, quantile, spurious_changes
from bench.runner import PLAIN_LOOP, FrameResult, Options, name_of, run_scene
from bench.scenes import Scene
from bench.table import table

UNSMOOTHED = b"set smooth_ms 0\nset margin 0\nset sure 0\nset surprise_ms 0\n"  # commands for the serial port


def report(options: Options) -> str:
    """The plain loop, the program, and the program without smoothing, before two people in four scenes, and before people who talk."""
    people = [scenes.seated(seed=seed) for seed in (1, 2, 7, 8)]
    talkers = [scenes.talking(seed=seed) for seed in (9, 10)]
    return "\n\n".join(
        (
            "Flicker: spurious label changes per minute and person; changes to and from null; frames with the correct label;\n"
            "latency from the middle of a true change to the correct label that then stays for 0.5 s, of the changes that were\n"
            "reported; changes that never were.",
            _table(options, people),
            "The same of people who talk: their mouths open and close 2 to 6 times a second, and now and then they are surprised.",
            _table(options, talkers),
        )
    )


def _table(options: Options, people: Sequence[Scene]) -> str:
    name = name_of(options.program)
    runs = (
        ("plain loop", PLAIN_LOOP, b""),
        (f"{name}, not smoothed", options.program, UNSMOOTHED),
        (name, options.program, b""),
    )
    rows = [
        _row(name, [(scene, run_scene(file, scene, board=options.board, commands=commands)) for scene in people])
        for name, file, commands in runs
    ]
    return table(("program", "flicker", "in/out of null", "accuracy", "latency, median", "90 %", "missed"), rows)


def _row(name: str, runs: Sequence[tuple[Scene, Sequence[FrameResult]]]) -> list[str]:
    people = [
        (labels, truth, scene.source.fps)
        for scene, results in runs
        for labels, truth in labels_and_truth(scene, results).values()
    ]
    minutes = sum(len(truth) / fps / 60 for _, truth, fps in people)
    latencies = [latency for labels, truth, fps in people for latency in latencies_ms(labels, truth, fps)]
    finite = [latency for latency in latencies if math.isfinite(latency)]
    return [
        name,
        f"{sum(spurious_changes(labels, truth) for labels, truth, _ in people) / minutes:.1f}",
        f"{sum(null_changes(labels) for labels, _, _ in people) / minutes:.1f}",
        f"{mean(accuracy(labels, truth) for labels, truth, _ in people):.1%}",
        f"{quantile(finite, 0.5):.0f} ms",
        f"{quantile(finite, 0.9):.0f} ms",
        f"{len(latencies) - len(finite)} of {len(latencies)}",
    ]
