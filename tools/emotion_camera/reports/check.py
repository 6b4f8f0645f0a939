"""Which reports are believed: those that a camera with these labels and this frame can have sent.

On a serial line letters change. "hap`y" is an emotion that no model knows, and yet a statistic would count it: such a report
is dropped whole, and the camera is asked for its labels again, for it may be they that were damaged.
"""

from __future__ import annotations

from emotion_camera.reports.lines import ReportJoiner
from emotion_camera.reports.parse import EventReport, Face, Report, ReportError, labels_of, parse


class ReportCheck:
    """Takes one report after the other. As long as no event "ready" or "status" has told the labels, any name is believed.

    `labels` are those that are told later, where that is known: reports before may be of them, or of another model.
    """

    def __init__(self, labels: tuple[str, ...] = ()) -> None:
        self._labels = labels
        self._told = False
        self._size: tuple[int, int] | None = None

    def see_frame(self, width: int, height: int) -> None:
        """The size of the frames, in pixels: boxes are inside."""
        self._size = width, height

    def believes(self, line: str) -> bool:
        """Whether the camera can have sent a line. What is no report passes, and one of a later version: who reads it tells."""
        try:
            report = parse(line)
        except ReportError:
            return True
        return report is None or self.accepts(report)

    def accepts(self, report: Report) -> bool:
        """Whether the camera can have sent it."""
        if isinstance(report, EventReport):
            self._labels = labels_of(report) or self._labels
            self._told = self._told or bool(labels_of(report))
            return True
        once = len({face.id for face in report.faces}) == len(report.faces)
        return once and all(self._is_inside(face) and self._is_named(face) for face in report.faces)

    def _is_named(self, face: Face) -> bool:
        if len(face.scores) != len(self._labels):
            return not self._told
        return face.emotion is None or face.emotion in self._labels

    def _is_inside(self, face: Face) -> bool:
        x, y, w, h = face.box
        return self._size is None or (x + w <= self._size[0] and y + h <= self._size[1])


class ReportParser:
    """`parse` for lines as they were printed: a report may be in several, and what the camera can't have sent is left out."""

    def __init__(self) -> None:
        self._joiner = ReportJoiner()
        self._check = ReportCheck()

    def parse(self, line: str) -> Report | None:
        """The report that is complete with `line`. Raises ReportError as `parse` does."""
        report = parse(self._joiner.add(line) or "")
        return report if report is not None and self._check.accepts(report) else None
