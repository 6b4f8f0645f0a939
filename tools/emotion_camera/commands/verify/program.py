"""The camera's own main.py before drawn scenes: what each stage takes, how many frames a second, what memory is left."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from emotion_camera.camera.inspection import missing
from emotion_camera.camera.repl import NoAnswer, Unplugged
from emotion_camera.commands.verify.probe import GUEST, Probe, Values
from emotion_camera.commands.verify.stimuli import SCENES
from emotion_camera.errors import UserError
from emotion_camera.reports.check import ReportParser
from emotion_camera.reports.parse import EventReport, FacesReport

if TYPE_CHECKING:
    from emotion_camera.model.cost import Layer
    from emotion_camera.simulator.events import Call

STAGES = ("capture", "copy", "search", "network", "draw", "report", "rest")
WARM_MS, COUNT_MS, LEAST = (
    2000,
    3000,
    10,
)  # a scene's time until it counts, and while it does, with so many frames at least
PATIENCE_S = 240  # for all scenes
ROW = 200, 400  # bytes of scratch memory that find_features takes: for each pixel of width, and besides


@dataclass(frozen=True)
class Scene:
    """What main.py did before a scene. `stages`: milliseconds a frame by STAGES; `seen`: faces in each of its reports.
    `counted`: they are instructions of a Cortex-M7 that were counted and turned into an H7's milliseconds, not measured."""

    name: str
    frames: int
    stages: dict[str, float]
    seen: float
    counted: bool = False

    @property
    def frame_ms(self) -> float:
        return sum(self.stages.values())

    @property
    def fps(self) -> float:
        return 1000 / self.frame_ms if self.frame_ms else 0.0


@dataclass(frozen=True)
class Left:
    """Memory that is left while main.py runs, bytes; `own` of the heap are verify's own besides. `scratch` is what find_features could have; at least so much where
    `scratch_at_least`; None where main.py searches for no faces."""

    heap: int
    own: int
    largest_block: int
    scratch: int | None
    scratch_at_least: bool


class Span(NamedTuple):
    """Frames that counted, by the number of the first among all that main.py took."""

    first: int
    frames: int

    def of(self, calls: Sequence[tuple[Call, ...]], frames: int) -> Sequence[tuple[Call, ...]]:
        """The calls for them, of `calls` that end with the last but one of `frames` frames."""
        skipped = len(calls) - frames + 1  # snapshots that gave no frame, and what was called before the first
        return list(calls)[skipped + self.first :][: self.frames]


@dataclass
class Played:
    """What came of it. `trouble` is a sentence: what was wrong with main.py, if anything; `ready` is its report.
    `is_plain`: it was another program that was timed in its place."""

    scenes: list[Scene] = field(default_factory=list)
    left: Left | None = None
    ready: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""
    is_plain: bool = False
    error: str = ""  # the sentence of main.py's last report of an error


class Listener:
    """Collects what comes while main.py runs: its reports, and the values that timed.py prints."""

    def __init__(self, own: int = 0) -> None:
        self.played = Played()
        self._own = own  # bytes of the heap that verify itself takes
        self.spans: list[Span] = []
        self.frames = 0  # that main.py has taken
        self._faces: list[int] = []  # in each report of the scene that counts
        self._parser = ReportParser()
        self._until = time.monotonic() + PATIENCE_S

    def on_line(self, line: str) -> None:
        """A line of main.py; UserError when it has been at it for too long."""
        if time.monotonic() > self._until:
            raise UserError(f"main.py is still not through the scenes after {PATIENCE_S} s")
        report = self._parser.parse(line)
        if isinstance(report, FacesReport):
            self._faces.append(len(report.faces))
        elif isinstance(report, EventReport):
            if report.event == "ready":
                self.played.ready = report.fields
            if report.event == "error":
                self.played.error = report.message or ""

    def on_values(self, values: Values) -> None:
        """Values of timed.py: a scene begins to count or has been played, what memory is left, how it ended."""
        what, *rest = values
        if what == "count":
            self._faces = []
        elif what == "scene":
            self._end_scene(*rest)
        elif what == "left":
            self.played.left = _left(self._own, *rest)
        elif what == "done":
            self.frames = rest[0]
        elif what == "ended":
            self.played.trouble = f"main.py ended by itself ({rest[0] or 'without a word'})"

    def _end_scene(self, name: str, first: int, frames: int, total_us: int, spent: dict[str, int]) -> None:
        """`total_us` is the time without captures; `spent` has them."""
        stages = {stage: spent.get(stage, 0) / 1000 / frames for stage in STAGES}
        stages["rest"] = max(total_us / 1000 / frames - sum(stages.values()) + stages["capture"], 0)
        # Where there is nobody main.py reports nothing.
        seen = sum(self._faces) / frames
        self.played.scenes.append(Scene(name, frames, stages, seen))
        self.spans.append(Span(first, frames))


def play(probe: Probe, has_main: bool = True) -> Listener:
    """Run main.py before SCENES, or guest/plain.py where that does not get ready.

    Raises Unplugged when the camera is lost; all else that goes wrong is `played.trouble`.
    """
    listener = _play(probe, "") if has_main else Listener()
    if listener.played.ready:
        return listener
    trouble = _why_not(listener.played) if has_main else missing(probe.camera.info, "main.py")
    listener = _play(probe, (GUEST / "plain.py").read_text("utf-8"))
    listener.played.is_plain, listener.played.trouble = True, trouble
    return listener


def _why_not(played: Played) -> str:
    return played.trouble or f"main.py did not get ready ({played.error or 'it gives no reason'})"


def _play(probe: Probe, code: str) -> Listener:
    patches = tuple({face.patch for scene in SCENES.values() for face in scene.faces})
    probe.begin("timed.py", patches)
    plan = [(name, scene.grey, [tuple(face) for face in scene.faces]) for name, scene in SCENES.items()]
    listener = Listener(probe.own)
    played = listener.played
    try:
        probe.follow(f"run({code!r}, {plan!r}, {WARM_MS}, {COUNT_MS}, {LEAST})", listener.on_values, listener.on_line)
    except NoAnswer:
        probe.camera.interrupt()
        played.trouble = "main.py takes no pictures: it printed nothing for a minute"
    except Unplugged:
        raise
    except UserError as error:
        probe.camera.interrupt()
        played.trouble = str(error)
    return listener


def _left(own: int, heap: int, largest_block: int, search: tuple[int, bool] | None) -> Left:
    if search is None:
        return Left(heap, own, largest_block, None, False)
    width, at_least = search
    return Left(heap, own, largest_block, ROW[0] * width + ROW[1] if width else 0, at_least)


def counted(
    listener: Listener, calls: Sequence[tuple[Call, ...]], networks: Mapping[str, Sequence[Layer]]
) -> list[Scene]:
    """The scenes with what the calls of a simulated camera would take of an H7, by the benchmark's count of instructions.

    `calls` are those from one snapshot to the next, and end with those of the last frame but one.
    """
    return [
        _counted(scene, span.of(calls, listener.frames), networks)
        for scene, span in zip(listener.played.scenes, listener.spans, strict=True)
    ]


def _counted(scene: Scene, frames: Sequence[tuple[Call, ...]], networks: Mapping[str, Sequence[Layer]]) -> Scene:
    from emotion_camera.model.cost import milliseconds
    from emotion_camera.simulator.cost import frame_cost, mean

    cost = mean([frame_cost(calls, networks, round(scene.seen)) for calls in frames])
    spent = {
        "copy": cost.copies,
        "search": cost.search,
        "network": cost.network,
        "draw": cost.drawing,
        "rest": cost.rest,
    }
    return replace(scene, stages={stage: milliseconds(spent.get(stage, 0)) for stage in STAGES}, counted=True)
