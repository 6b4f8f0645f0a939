"""Recall, false positives, id switches, time to detection, and the cost of a frame in Cortex-M7 instructions."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean

from emotion_camera.model.cost import milliseconds
from emotion_camera.simulator.cost import Cost
from emotion_camera.simulator.cost import mean as mean_cost

from bench import scenes
from bench.metrics import false_positives, frames_to_detection, id_switches, quantile, recall
from bench.runner import PLAIN_LOOP, FrameResult, Options, name_of, run_scene
from bench.scenes import Scene
from bench.table import table

PORTRAIT_SIZES, PORTRAITS = (60, 80, 110), 2  # pixels, and people of each size

Run = tuple[Scene, str, Sequence[FrameResult]]  # a scene, the program's name in the tables, and what it reported


def report(options: Options) -> str:
    """The tables, the plain loop against the program."""
    programs = {"plain loop": PLAIN_LOOP, name_of(options.program): options.program}
    runs = [
        (scene, name, run_scene(program, scene, board=options.board))
        for scene in _scenes()
        for name, program in programs.items()
    ]
    cost = ("scene", "program", "windows", "inferences", *Cost._fields, "all", "frames/s")
    faces = ("scene", "program", "recall", "false", "id switches", "new faces", "detected after", "at worst", "never")
    return "\n\n".join(
        (
            "Cost per frame: windows of the cascade, inferences, and millions of Cortex-M7 instructions, by counts that were recorded on\n"
            "the firmware; frames per second on an OpenMV Cam H7 (480 MHz) that waits for nothing else.",
            table(cost, [_cost(*run) for run in runs]),
            "Faces: recall of those in clear sight; false positives in 100 frames; id switches; faces that came into sight, after how\n"
            "many frames they were detected (median, worst), and those that never were.",
            table(faces, [_faces(*run) for run in runs]),
            f"Portraits: recall of a motionless, evenly lit face over {scenes.PORTRAIT_FRAMES} frames, and of the worst portrait.",
            table(("face", "program", "recall", "at worst"), list(_portraits(programs, options.board))),
        )
    )


def _scenes() -> Iterable[Scene]:
    yield from (scenes.nobody(), scenes.leaves(), scenes.one_person(), scenes.two_people(), scenes.three_people())
    yield from (scenes.newcomers(), scenes.newcomers(beside=True), scenes.clip(), scenes.dim_clip())


def _cost(scene: Scene, name: str, results: Sequence[FrameResult]) -> list[str]:
    windows, inferences = mean(it.windows for it in results), mean(it.inferences for it in results)
    cost = mean_cost([it.cost for it in results])
    millions = [f"{part / 1e6:.1f}" for part in (*cost, cost.all)]
    return [scene.name, name, f"{windows:,.0f}", f"{inferences:.2f}", *millions, f"{1000 / milliseconds(cost.all):.1f}"]


def _faces(scene: Scene, name: str, results: Sequence[FrameResult]) -> list[str]:
    found, delays = recall(scene, results), frames_to_detection(scene, results)
    detected = [delay for delay in delays if math.isfinite(delay)]
    return [
        scene.name,
        name,
        "-" if math.isnan(found) else f"{found:.1%}",
        f"{false_positives(scene, results):.1f}",
        str(id_switches(scene, results)),
        str(len(delays)),
        f"{quantile(detected, 0.5):.0f}" if detected else "-",
        f"{max(detected):.0f}" if detected else "-",
        str(len(delays) - len(detected)),
    ]


def _portraits(programs: dict[str, Path], board: str) -> Iterable[list[str]]:
    for turned, view in ((False, "frontal"), (True, "half turned")):
        for size in PORTRAIT_SIZES:
            portraits = [scenes.still_portrait(size, number, turned) for number in range(PORTRAITS)]
            for name, program in programs.items():
                found = [recall(scene, run_scene(program, scene, board=board)) for scene in portraits]
                yield [f"{size} pixels, {view}", name, f"{mean(found):.1%}", f"{min(found):.1%}"]
