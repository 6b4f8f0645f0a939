"""Which reports are believed: those that a camera with these labels and this frame can have sent.

On a serial line letters change. "hap`y" is an emotion that no model knows, and yet a statistic would count it: such a report
is dropped whole, and the camera is asked for its labels again, for it may be they that were damaged.
"""

from __future__ import annotations

from emotion_camera.reports.lines import ReportJoiner
from emotion_camera.reports.parse import EventReport, Face, FacesReport, Report, ReportError, labels_of, parse

LATER = 3  # reports in a row of a later version: one is a letter that changed


class ReportCheck:
    """Takes one report after the other. As long as no event "ready" or "status" has told the labels, any name is believed.

    `labels` are those that are told later, where that is known: reports before may be of them, or of another model.
    """

    def __init__(self, labels: tuple[str, ...] = ()) -> None:
        self._labels = labels
        self._doubted: tuple[str, ...] = ()  # of the same model, but others: damaged, or the ones before were
        self._model: str | None = None  # its SHA-256
        self._told = False
        self._later = 0
        self._size: tuple[int, int] | None = None

    def see_frame(self, width: int, height: int) -> None:
        """The size of the frames, in pixels: boxes are inside."""
        self._size = width, height

    def believes(self, line: str) -> bool:
        """Whether the camera can have sent a line. What is no report passes; reports of a later version do when they are more
        than damage: who reads them tells."""
        try:
            report = parse(line)
        except ReportError:
            self._later += 1
            return self._later >= LATER
        return report is None or self.accepts(report)

    def accepts(self, report: Report) -> bool:
        """Whether the camera can have sent it."""
        self._later = 0
        if isinstance(report, EventReport):
            return self._accepts_labels(labels_of(report), report.fields.get("sha256"))
        if self._doubted and not self._fit(report) and all(_is_named(face, self._doubted) for face in report.faces):
            self._labels, self._doubted = self._doubted, ()
        return self._fit(report)

    def _accepts_labels(self, labels: tuple[str, ...], model: str | None) -> bool:
        """A model has the same labels each time: others are believed when they come again, or a report names one of them."""
        if not labels:
            return True
        known = self._told and model is not None and model == self._model
        if known and labels not in (self._labels, self._doubted):
            self._doubted = labels
            return False
        self._labels, self._doubted, self._model, self._told = labels, (), model, True
        return True

    def _fit(self, report: FacesReport) -> bool:
        faces = report.faces
        once = len({face.id for face in faces}) == len(faces) and len({len(face.scores) for face in faces}) == 1
        return once and all(self._is_inside(face) and self._is_named(face) for face in faces)

    def _is_named(self, face: Face) -> bool:
        return _is_named(face, self._labels) or (not self._told and len(face.scores) != len(self._labels))

    def _is_inside(self, face: Face) -> bool:
        x, y, w, h = face.box
        return self._size is None or (x + w <= self._size[0] and y + h <= self._size[1])


def _is_named(face: Face, labels: tuple[str, ...]) -> bool:
    return len(face.scores) == len(labels) and (face.emotion is None or face.emotion in labels)


class ReportParser:
    """`parse` for lines as they were printed: a report may be in several, and what the camera can't have sent is left out."""

    def __init__(self) -> None:
        self._joiner = ReportJoiner()
        self._check = ReportCheck()

    def parse(self, line: str) -> Report | None:
        """The report that is complete with `line`. Raises ReportError for reports of a later version."""
        whole = self._joiner.add(line) or ""
        return parse(whole) if self._check.believes(whole) else None
