"""Lets a camera program look at a scene, and tells who of the scene it saw in each frame, and what that took."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.model.bundle import COMPACT, model_files
from emotion_camera.model.contract import DEFAULT_MODEL
from emotion_camera.model.tflite import describe
from emotion_camera.reports.parse import Face, FacesReport, ReportParser
from emotion_camera.simulator import Ended, Line, Shown, run
from emotion_camera.simulator.host.instructions import Cost, frame_cost

from bench.scenes import Scene, Sight

ROOT = Path(__file__).parents[2]
PROGRAM = COMPACT  # the one that fits an H7
PLAIN_LOOP = Path(__file__).with_name("plain_loop.py")
ALIKE = 1.6  # factor between the widths of a reported box and a true one of the same face


@dataclass
class Look:
    """One frame: the faces reported, windows of the cascade evaluated, runs of the network, and M7 instructions."""

    faces: tuple[Face, ...] = ()
    windows: int = 0
    runs: int = 0
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True)
class Seen:
    """One frame against the truth: the report of each person's face, by person, and how many are of nobody."""

    faces: dict[int, Face] = field(default_factory=dict)
    false: int = 0


def files_beside(program: Path) -> dict[str, Path]:
    """The shipped model and its labels, by the names that a program expects, and what is compiled for the program."""
    compiled = {file.name: file for file in program.parent.glob("*.mpy")}
    return {**model_files(DEFAULT_MODEL), **compiled}


def called(program: Path) -> str:
    """The program's name in the tables."""
    return "plain loop" if program == PLAIN_LOOP else f"{program.resolve().parent.name}/{program.name}"


def watch(program: Path, scene: Scene, *, board: str = "h7", typed: bytes = b"") -> list[Look]:
    """What `program` reports of each frame of the scene; `typed` is what its serial port gets at the start.

    The files lie on an SD card, so that a program of any size fits. UserError when the program fails.
    """
    looks = [Look() for _ in scene.truth]
    files = files_beside(program)
    networks = {name: describe(path).layers for name, path in files.items() if path.suffix == ".tflite"}
    faces: tuple[Face, ...] = ()
    parser = ReportParser()
    start_ms = None
    events = run(program, board=board, source=scene.source, sdcard=files, serial_input=typed)
    with closing(events):
        for event in events:
            if isinstance(event, Line):
                report = parser.parse(event.text)
                if isinstance(report, FacesReport):
                    faces = report.faces
                elif report is not None and report.event == "error":
                    raise UserError(f"{called(program)} in the scene {scene.name!r}: {report.message}")
            elif isinstance(event, Shown):
                start_ms = event.time_ms if start_ms is None else start_ms
                number = round((event.time_ms - start_ms) * scene.source.fps / 1000)
                if number < len(looks):
                    cost = frame_cost(event.calls, networks, len(faces))
                    looks[number] = Look(faces, event.windows, event.networks, cost)
                faces = ()
            elif isinstance(event, Ended) and event.reason not in ("stopped", "finished"):
                raise UserError(
                    f"{called(program)} in the scene {scene.name!r} ended ({event.reason}): {event.message}"
                )
    return looks


def compare(looks: Sequence[Look], scene: Scene) -> list[Seen]:
    """Frame by frame, which report is of whom."""
    return [match(look.faces, sights) for look, sights in zip(looks, scene.truth, strict=True)]


def match(faces: Sequence[Face], sights: Sequence[Sight]) -> Seen:
    """Each report goes to at most one person and each person to one report, the nearest pairs first."""
    pairs = sorted(
        (_distance(face, sight), number, sight.person)
        for number, face in enumerate(faces)
        for sight in sights
        if fits(face, sight)
    )
    found: dict[int, Face] = {}
    taken: set[int] = set()
    for _, number, person in pairs:
        if number not in taken and person not in found:
            found[person] = faces[number]
            taken.add(number)
    return Seen(found, len(faces) - len(taken))


def fits(face: Face, sight: Sight) -> bool:
    """Whether the reported box is of that face: the middle of the true box lies in it, and the sizes are alike."""
    x, y, w, h = face.box
    middle_x, middle_y = sight.box[0] + sight.box[2] / 2, sight.box[1] + sight.box[3] / 2
    inside = x <= middle_x <= x + w and y <= middle_y <= y + h
    return inside and 1 / ALIKE <= w / sight.box[2] <= ALIKE


def _distance(face: Face, sight: Sight) -> float:
    """Between the middles, and in size, pixels."""
    x, y, w, h = face.box
    left, top, width, height = sight.box
    return abs(x + w / 2 - left - width / 2) + abs(y + h / 2 - top - height / 2) + abs(w - width)
