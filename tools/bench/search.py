"""`search`: what finding and naming faces costs a frame, how many are found, and whether people keep their numbers."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean

from emotion_camera.model.cost import milliseconds
from emotion_camera.simulator.host import instructions

from bench import scenes
from bench.figures import quantile
from bench.scenes import Scene
from bench.table import table
from bench.tracking import faces_found, false_boxes, frames_till_boxed, number_changes
from bench.watch import PLAIN_LOOP, Look, called, watch

PORTRAIT_SIZES, PORTRAITS = (60, 80, 110), 2  # pixels, and how many people of each

Run = tuple[Scene, str, Sequence[Look]]  # a scene, the program's name in the tables, and what it saw


def report(program: Path, board: str) -> str:
    """The tables, the plain loop against `program`."""
    runs = [run for scene in _scenes() for run in _watch(scene, program, board)]
    cost = ("scene", "program", "windows", "networks", *instructions.Cost._fields, "all", "frames/s")
    faces = ("scene", "program", "found", "false", "changes", "new faces", "boxed after", "at worst", "never")
    return "\n\n".join(
        (
            "Cost: windows of the cascade, runs of the network, and millions of Cortex-M7 instructions, all a frame, by counts that\n"
            "were recorded on the firmware; frames a second on an OpenMV Cam H7 (480 MHz) that waits for nothing else.",
            table(cost, [_cost(*run) for run in runs]),
            "Faces: found of those in clear sight; boxes of no face in 100 frames; how often a person's number changed; faces that\n"
            "came into sight, after how many frames they were boxed (median, worst), and those that never were.",
            table(faces, [_faces(*run) for run in runs]),
            f"Portraits: frames in which an unmoving, evenly lit face was boxed, of {scenes.PORTRAIT_FRAMES} each, and the worst portrait.",
            table(("face", "program", "boxed", "at worst"), list(_portraits(program, board))),
        )
    )


def _scenes() -> Iterable[Scene]:
    yield from (scenes.nobody(), scenes.leaves(), scenes.one_person(), scenes.two_people(), scenes.three_people())
    yield from (scenes.newcomers(), scenes.newcomers(beside=True), scenes.clip(), scenes.dim_clip())


def _watch(scene: Scene, program: Path, board: str) -> list[Run]:
    programs = (("plain loop", PLAIN_LOOP), (called(program), program))
    return [(scene, name, watch(file, scene, board=board)) for name, file in programs]


def _cost(scene: Scene, name: str, looks: Sequence[Look]) -> list[str]:
    windows, runs = mean(look.windows for look in looks), mean(look.runs for look in looks)
    cost = instructions.mean([look.cost for look in looks])
    millions = [f"{part / 1e6:.1f}" for part in (*cost, cost.all)]
    return [scene.name, name, f"{windows:,.0f}", f"{runs:.2f}", *millions, f"{1000 / milliseconds(cost.all):.1f}"]


def _faces(scene: Scene, name: str, looks: Sequence[Look]) -> list[str]:
    found, delays = faces_found(scene, looks), frames_till_boxed(scene, looks)
    told = [delay for delay in delays if math.isfinite(delay)]
    return [
        scene.name,
        name,
        "-" if math.isnan(found) else f"{found:.1%}",
        f"{false_boxes(scene, looks):.1f}",
        str(number_changes(scene, looks)),
        str(len(delays)),
        f"{quantile(told, 0.5):.0f}" if told else "-",
        f"{max(told):.0f}" if told else "-",
        str(len(delays) - len(told)),
    ]


def _portraits(program: Path, board: str) -> Iterable[list[str]]:
    for turned, name in ((False, "frontal"), (True, "half turned")):
        for size in PORTRAIT_SIZES:
            portraits = [scenes.still_portrait(size, number, turned) for number in range(PORTRAITS)]
            for told, file in (("plain loop", PLAIN_LOOP), (called(program), program)):
                boxed = [faces_found(scene, watch(file, scene, board=board)) for scene in portraits]
                yield [f"{size} pixels, {name}", told, f"{mean(boxed):.1%}", f"{min(boxed):.1%}"]
