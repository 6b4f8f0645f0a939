"""The result as a table for a person, and as JSON to send to somebody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from emotion_camera.commands.verify.checks import DIFFERENT, EQUAL, Check
from emotion_camera.commands.verify.examine import Result
from emotion_camera.commands.verify.program import STAGES, Left, Scene
from emotion_camera.terminal import printable

VERSION = 1  # of the JSON
TITLES = {"copies": "area copies", "inputs": "network inputs", "scores": "scores"}
WIDTH = 16  # of the first column
MOST_BLOCK = 512 * 1024  # bytes of the heap's largest block that are looked for
COUNTED = (
    "A simulated camera has no time of its own: these are the instructions of the calls, counted, at an OpenMV Cam H7's speed",
    "(560,000 a millisecond). Capture is not in them.",
)
NO_TIME = ("A simulated camera has no time of its own: nothing was measured.",)


def page(result: Result) -> str:
    """The table, and a sentence for what differs."""
    parts = [_head(result), _checks(result), _program(result), _verdict(result)]
    return "\n\n".join("\n".join(map(printable, part)) for part in (list(part) for part in parts) if part)


def _head(result: Result) -> Iterator[str]:
    info = result.info
    kind = ", simulated" if result.simulated else ""
    yield f"{'board':<{WIDTH}}{info.board} ({info.arch}){kind}"
    yield f"{'firmware':<{WIDTH}}{info.firmware}, {info.heap:,} bytes of heap"
    for what, name in (("program", "main.py"), ("", "emotion_camera.mpy"), ("model", "emotion.tflite")):
        if name in result.files:
            mine = f"is {result.known[name]}" if name in result.known else "is not the repository's"
            version = result.played.ready.get("program") if what == "program" else None
            more = f", version {version}" if version else ""
            yield f"{what:<{WIDTH}}{name} {mine} ({result.files[name][:12]}){more}"


def _checks(result: Result) -> Iterator[str]:
    for check in result.checks:
        yield f"{TITLES.get(check.name, check.name):<{WIDTH}}{_line(check)}"


def _line(check: Check) -> str:
    if check.compared == 0:
        return f"{check.level}: {check.fact}"
    same = f"{check.compared - check.different} of {check.compared}"
    more = " (a step of int8 may be between them)" if check.name == "scores" and check.level == EQUAL else ""
    fact = f": {check.fact}" if check.fact else ""
    return f"{same:<10} {check.level}{more}{fact}"


def _program(result: Result) -> Iterator[str]:
    played = result.played
    if played.trouble:
        yield f"{'program':<{WIDTH}}not measured: {played.trouble}"
    if played.is_plain and played.scenes:
        yield f"{'':<{WIDTH}}A plain loop that searches faces and draws, without a network, was in its place:"
    if played.scenes:
        yield from _scenes(played.scenes, result.simulated)
    if played.left:
        yield f"{'memory left':<{WIDTH}}{_left(played.left)}"
    if played.ready:
        yield f"{'self-test':<{WIDTH}}{played.ready.get('selftest', 'none')}"
    if played.error and not played.trouble:
        yield f"{'program says':<{WIDTH}}{played.error}"


def _scenes(scenes: list[Scene], simulated: bool) -> Iterator[str]:
    counted = scenes[0].counted
    yield f"{'ms a frame':<{WIDTH}}" + "".join(f"{stage:>9}" for stage in (*STAGES, "all", "frames/s", "faces"))
    for scene in scenes:
        yield f"{scene.name:<{WIDTH}}" + "".join(f"{cell:>9}" for cell in _cells(scene, simulated))
    if simulated:
        yield from COUNTED if counted else NO_TIME


def _cells(scene: Scene, simulated: bool) -> list[str]:
    """A scene's numbers; those that nothing measured or counted are a dash."""
    unknown = ("capture", "report") if scene.counted else STAGES if simulated else ()
    stages = ["-" if stage in unknown else f"{scene.stages[stage]:.1f}" for stage in STAGES]
    known = scene.counted or not simulated
    return [*stages, *([f"{scene.frame_ms:.1f}", f"{scene.fps:.1f}"] if known else "--"), f"{scene.seen:.1f}"]


def _left(left: Left) -> str:
    at_least = "at least " if left.scratch_at_least else ""
    scratch = f", {at_least}{left.scratch:,} bytes of scratch memory" if left.scratch is not None else ""
    block = "over 512 KB" if left.largest_block >= MOST_BLOCK else f"{left.largest_block:,}"
    return f"{left.heap:,} bytes of heap beside {left.own:,} of verify's own (largest block {block}){scratch}"


def _verdict(result: Result) -> Iterator[str]:
    for check in result.checks:
        if check.level == DIFFERENT:
            yield f"{TITLES.get(check.name, check.name)} differ: {check.meaning}."
    if result.differs:
        yield "Please send the file of --json to the project, with what you see on the camera."
    elif not any(check.compared for check in result.checks):
        yield "Nothing could be compared."
    elif all(check.level == EQUAL for check in result.checks):
        yield "This camera answers as the program expects."
    else:
        yield "All that was compared is equal."


def as_json(result: Result) -> dict[str, Any]:
    """All numbers. Nothing that the camera saw is in it, and no number of its own."""
    info, played = result.info, result.played
    return {
        "verify": VERSION,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "camera": {"board": info.board, "arch": info.arch, "firmware": info.firmware, "heap": info.heap},
        "simulated": result.simulated,
        "files": {name: {"sha256": value, "is": result.known.get(name)} for name, value in result.files.items()},
        "checks": [asdict(check) | {"level": check.level} for check in result.checks],
        "ready": played.ready,
        "scenes": [asdict(scene) | {"frame_ms": scene.frame_ms, "fps": scene.fps} for scene in played.scenes],
        "left": asdict(played.left) if played.left else None,
        "is_plain": played.is_plain,
        "trouble": played.trouble,
        "error": played.error,
    }
