"""Runs a camera program over a scene on the simulator, and matches its reports with the scene's ground truth."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.model.bundle import COMPACT, model_files
from emotion_camera.model.contract import DEFAULT_MODEL
from emotion_camera.model.tflite import describe
from emotion_camera.reports.check import ReportParser
from emotion_camera.reports.parse import Face, FacesReport
from emotion_camera.simulator import Ended, Line, Shown, run
from emotion_camera.simulator.cost import Cost, frame_cost

from bench.scenes import Scene, TrueFace

ROOT = Path(__file__).parents[2]
PLAIN_LOOP = Path(__file__).with_name("plain_loop.py")
SIZE_RATIO = 1.6  # largest, of the widths of a reported and a true box of the same face


@dataclass(frozen=True)
class Options:
    """What a section measures: a program, the board whose memory and speed is simulated, and FER2013's .npz for `eim`."""

    program: Path = COMPACT  # the one that fits an H7
    board: str = "h7"
    data: Path | None = None


@dataclass
class FrameResult:
    """One frame: the faces reported, windows of the cascade evaluated, inferences, and Cortex-M7 instructions."""

    faces: tuple[Face, ...] = ()
    windows: int = 0
    inferences: int = 0
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True)
class Matched:
    """One frame against the truth: the reported face of each person, and the number of boxes without a face."""

    faces: dict[int, Face] = field(default_factory=dict)
    false_positives: int = 0


def files_beside(program: Path) -> dict[str, Path]:
    """The default model, its labels and compiled modules beside the program, by their names on the camera."""
    compiled = {file.name: file for file in program.parent.glob("*.mpy")}
    return {**model_files(DEFAULT_MODEL), **compiled}


def name_of(program: Path) -> str:
    """The program's name in the tables."""
    return "plain loop" if program == PLAIN_LOOP else f"{program.resolve().parent.name}/{program.name}"


def run_scene(program: Path, scene: Scene, *, board: str = "h7", commands: bytes = b"") -> list[FrameResult]:
    """What `program` reports of each frame of the scene; `commands` is its serial input at the start.

    The files are on an SD card, so that a program of any size fits. UserError when the program fails.
    """
    results = [FrameResult() for _ in scene.truth]
    files = files_beside(program)
    networks = {name: describe(path).layers for name, path in files.items() if path.suffix == ".tflite"}
    faces: tuple[Face, ...] = ()
    parser = ReportParser()
    start_ms = None
    events = run(program, board=board, source=scene.source, sdcard=files, serial_input=commands)
    with closing(events):
        for event in events:
            if isinstance(event, Line):
                report = parser.parse(event.text)
                if isinstance(report, FacesReport):
                    faces = report.faces
                elif report is not None and report.event == "error":
                    raise UserError(f"{name_of(program)} in the scene {scene.name!r}: {report.message}")
            elif isinstance(event, Shown):
                start_ms = event.time_ms if start_ms is None else start_ms
                number = round((event.time_ms - start_ms) * scene.source.fps / 1000)
                if number < len(results):
                    cost = frame_cost(event.calls, networks, len(faces))
                    results[number] = FrameResult(faces, event.windows, event.networks, cost)
                faces = ()
            elif isinstance(event, Ended) and event.reason not in ("stopped", "finished"):
                raise UserError(
                    f"{name_of(program)} in the scene {scene.name!r} ended ({event.reason}): {event.message}"
                )
    return results


def match_frames(results: Sequence[FrameResult], scene: Scene) -> list[Matched]:
    """Match each frame's reports with its true faces."""
    return [match(result.faces, truth) for result, truth in zip(results, scene.truth, strict=True)]


def match(faces: Sequence[Face], truth: Sequence[TrueFace]) -> Matched:
    """Match reported and true faces one to one, the nearest pairs first."""
    pairs = sorted(
        (_distance(face, true), number, true.person)
        for number, face in enumerate(faces)
        for true in truth
        if fits(face, true)
    )
    found: dict[int, Face] = {}
    taken: set[int] = set()
    for _, number, person in pairs:
        if number not in taken and person not in found:
            found[person] = faces[number]
            taken.add(number)
    return Matched(found, len(faces) - len(taken))


def fits(face: Face, true: TrueFace) -> bool:
    """Whether a reported box is of that face: it holds the true box's centre, and the sizes are similar."""
    x, y, w, h = face.box
    centre_x, centre_y = true.box[0] + true.box[2] / 2, true.box[1] + true.box[3] / 2
    inside = x <= centre_x <= x + w and y <= centre_y <= y + h
    return inside and 1 / SIZE_RATIO <= w / true.box[2] <= SIZE_RATIO


def _distance(face: Face, true: TrueFace) -> float:
    """Offset of the centres plus difference in width, pixels."""
    x, y, w, h = face.box
    left, top, width, height = true.box
    return abs(x + w / 2 - left - width / 2) + abs(y + h / 2 - top - height / 2) + abs(w - width)
