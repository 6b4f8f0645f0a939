"""Faces in photographs: each view of a picture is shown to the camera program in a run of its own; what it reports is drawn
over the picture's own pixels."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image, ImageOps

from emotion_camera.commands.demo.album import written
from emotion_camera.commands.demo.marks import WIDEST, mark, sheet
from emotion_camera.commands.demo.narration import in_words
from emotion_camera.reports.check import ReportParser
from emotion_camera.reports.parse import Face, FacesReport
from emotion_camera.reports.reasons import REASONS
from emotion_camera.simulator import Event, Line, Shown
from emotion_camera.simulator.host.framing import Pixels, crops_for, cut, find_faces
from emotion_camera.simulator.host.sources import Source, scene, seen_part
from emotion_camera.simulator.host.tensor import Box
from emotion_camera.terminal import csv_cell

SMALLEST = 50  # pixels of a face that has enough of them to be found and read
COLUMNS = "picture", "face", "x", "y", "w", "h", "emotion", "score", "why", "valence", "arousal"

Camera = Callable[[Source], Generator[Event, None, None]]


@dataclass
class Photograph:
    """What the camera program has found in a picture: faces from left to right, their boxes in the picture's own pixels."""

    name: str
    faces: list[Face] = field(default_factory=list)
    hint: str = ""  # what was not found, or not told, why, and what to do

    def sentence(self) -> str:
        """ "team.jpg: 2 faces: happy 0.91, neutral 0.55"."""
        named = ", ".join(map(in_words, self.faces))
        found = f"{_count(len(self.faces), 'face')}: {named}" if self.faces else ""
        return f"{self.name}: {'; '.join(filter(None, (found, self.hint)))}"


def read_faces(name: str, pixels: Pixels, camera: Camera, hear: Callable[[Event], None]) -> Photograph:
    """Shows the views of a picture to `camera`, one run each; `hear` is called with each event, and may raise UserError."""
    photograph = Photograph(name)
    expected = find_faces(pixels)
    for crop in crops_for(expected, pixels.shape):
        view = cut(pixels, crop)
        for face, size in _best_frame(camera(scene(name, view)), hear):
            photograph.faces = _with(photograph.faces, _in_picture(face, size, view, crop))
    photograph.faces.sort(key=lambda face: face.box[0] + face.box[2] / 2)
    missed = [box for box in expected if not any(_overlaps(box, face.box) for face in photograph.faces)]
    hints = [_hint(missed, bool(photograph.faces))] if missed or not photograph.faces else []
    photograph.hint = "; ".join([*_untold(photograph.faces), *hints])
    return photograph


def _best_frame(
    events: Generator[Event, None, None], hear: Callable[[Event], None]
) -> list[tuple[Face, tuple[int, int]]]:
    """The faces of the frame with most of them, and of several such frames the one with the clearest; each with the frame's size."""
    parser = ReportParser()
    faces: tuple[Face, ...] = ()
    best: list[tuple[Face, tuple[int, int]]] = []
    with closing(events):
        for event in events:
            hear(event)
            report = parser.parse(event.text) if isinstance(event, Line) else None
            if isinstance(report, FacesReport):
                faces = report.faces
            elif isinstance(event, Shown):
                size = event.picture.shape[1], event.picture.shape[0]
                shown, faces = [(face, size) for face in faces], ()
                best = max(best, shown, key=lambda each: (len(each), _clarity(face for face, _ in each)))
    return best


def _clarity(faces: Iterable[Face]) -> tuple[int, float]:
    """How many have a name, which takes some frames, and the sum of the scores."""
    faces = list(faces)
    return sum(face.emotion is not None for face in faces), sum(face.score for face in faces)


def _in_picture(face: Face, size: tuple[int, int], view: Pixels, crop: Box) -> Face:
    """A face of the frame, `size` pixels, in the pixels of the picture that the `view` was cut from."""
    left, top, scale = seen_part(view, size)
    x, y, w, h = (value * scale for value in face.box)
    return replace(face, box=(round(crop[0] + left + x), round(crop[1] + top + y), round(w), round(h)))


def _with(faces: list[Face], new: Face) -> list[Face]:
    """The faces with one more; of two views of the same face the clearer one."""
    same = [face for face in faces if _overlaps(face.box, new.box)]
    if any(_clarity([face]) >= _clarity([new]) for face in same):
        return faces
    return [face for face in faces if face not in same] + [new]


def _overlaps(a: Box, b: Box) -> bool:
    """Whether the centres of two boxes are closer than half of the larger's size."""
    across = abs(a[0] + a[2] / 2 - b[0] - b[2] / 2) + abs(a[1] + a[3] / 2 - b[1] - b[3] / 2)
    return across < max(a[2], b[2]) / 2


def _untold(faces: Sequence[Face]) -> list[str]:
    """Why faces have no name, and what to do."""
    reasons = dict.fromkeys(face.why for face in faces if face.why)
    return [f"{REASONS[why].what}: {REASONS[why].still}" for why in reasons]


def _hint(missed: Sequence[Box], some_found: bool) -> str:
    """What OpenCV takes for faces, and the camera program has not found: it is stricter."""
    if not missed:
        return "no face found: give a picture of faces from the front, upright, in even light"
    what = f"{len(missed)} more may be there" if some_found else "no face found"
    height = missed[0][3]
    if height < SMALLEST:
        return f"{what}: the largest is {height} pixels high; crop closer, in a picture with {SMALLEST} pixels or more for it"
    return f"{what}: the largest, {height} pixels high, is not clear enough; faces from the front, in even light are found best"


class Results:
    """Writes what was found to `folder`, picture by picture: annotated pictures, at the end faces.csv and contact_sheet.png."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self._saved_as = _saved_names(names) if len(names) > 1 else {names[0]: "demo.png"}
        self._photographs: list[Photograph] = []
        self._small: list[tuple[Image.Image, int]] = []  # copies of the pictures, and the full widths

    def add(self, photograph: Photograph, pixels: Pixels) -> Path:
        """Saves the picture with its faces marked, at its own resolution; its path."""
        picture = Image.fromarray(pixels)
        self._photographs.append(photograph)
        self._small.append((ImageOps.contain(picture, (WIDEST, WIDEST)), picture.width))
        marked = mark(picture, photograph.faces)
        path = self._folder / self._saved_as[photograph.name]
        return written(path, lambda beside: marked.save(beside, format="PNG", compress_level=4))

    def save(self) -> list[Path]:
        """The table of all faces and, of several pictures, the contact sheet."""
        paths = [written(self._folder / "faces.csv", self._write_table)]
        if len(self._saved_as) > 1:
            both = zip(self._small, self._photographs, strict=True)
            contacts = sheet([(*small, each.name, each.faces) for small, each in both])
            paths.append(
                written(self._folder / "contact_sheet.png", lambda beside: contacts.save(beside, format="PNG"))
            )
        return paths

    def summary(self) -> str:
        """How many faces, and how many of each emotion."""
        faces = [face for photograph in self._photographs for face in photograph.faces]
        names = Counter(face.word for face in faces)
        counts = ", ".join(f"{name} {count}" for name, count in names.most_common())
        found = f"{_count(len(self._photographs), 'picture')}, {_count(len(faces), 'face')}"
        return f"{found}: {counts}" if counts else found

    def _write_table(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(COLUMNS)
            for photograph in self._photographs:
                for number, face in enumerate(photograph.faces, 1):
                    words = csv_cell(photograph.name), csv_cell(face.emotion or "")
                    told = f"{face.score:.2f}", face.why, face.valence, face.arousal
                    table.writerow([words[0], number, *face.box, words[1], *told])


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _saved_names(names: Sequence[str]) -> dict[str, str]:
    """a.png for a.jpg, or a.jpg.png where two would have the same name, or that of another file of ours."""
    taken = {"demo", "contact_sheet"}
    stems = [Path(name).stem.lower() for name in names]
    alike = len(set(stems)) < len(stems) or taken & set(stems) or any(stem.startswith("frame") for stem in stems)
    return {name: f"{name}.png" if alike else f"{Path(name).stem}.png" for name in names}
