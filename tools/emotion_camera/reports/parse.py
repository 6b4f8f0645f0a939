"""One line of what the camera reports, as a dataclass; schema.json, beside this file, describes the lines.

`emotion_camera.camera.read_reports` gives the reports of a camera as they come.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.reports.lines import ReportJoiner, json_object

VERSION = 1


class ReportError(UserError):
    """A report that this program is too old for, as a sentence."""


@dataclass(frozen=True)
class Face:
    """One face in a frame."""

    id: int  # the face keeps it while it stays in view; from 1
    box: tuple[int, int, int, int]  # x, y, width, height in pixels of the frame
    emotion: str | None  # None while the face is uncertain
    score: float  # the best of the scores, 0 to 1
    scores: tuple[float, ...]  # in the order of the ready event's labels; they add up to about 1


@dataclass(frozen=True)
class FacesReport:
    """A frame with at least one face."""

    t: int  # ms on the camera's clock, which wraps around
    fps: float  # frames a second; 0 at the first frame
    faces: tuple[Face, ...]  # the largest first


@dataclass(frozen=True)
class EventReport:
    """Any other report: "ready", "error", "recovered" and others."""

    event: str
    message: str | None  # a sentence for a person, which "error" and "reply" always have
    fields: dict[str, Any]  # all others as they came; of "ready": board, firmware, model, sha256, labels


Report = FacesReport | EventReport


def parse(line: str) -> Report | None:
    """The report in `line`, or None for anything else: other programs' output, half a line, damaged ones.

    Fields that this program does not know are passed over. Raises ReportError for a report of a later version.
    """
    fields = json_object(line)
    if fields is None or not fields.keys() & {"event", "faces"}:
        return None
    version = fields.pop("v", None)
    if type(version) is int and version > VERSION:
        raise ReportError(f"the camera reports in version {version}, this program reads {VERSION}: update this program")
    if type(version) is not int or version != VERSION:
        return None
    try:
        return _event(**fields) if "event" in fields else _faces_report(fields)
    except (KeyError, TypeError, ValueError):
        return None


def labels_of(report: Report) -> tuple[str, ...]:
    """The model's labels, if a report has them (events "ready" and "status"), in the order of a face's scores."""
    labels = report.fields.get("labels") if isinstance(report, EventReport) else None
    known = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    return tuple(labels) if known and labels else ()


class ReportParser:
    """`parse` for lines as they were printed: a report may be in several."""

    def __init__(self) -> None:
        self._joiner = ReportJoiner()

    def parse(self, line: str) -> Report | None:
        """The report that is complete with `line`."""
        return parse(self._joiner.add(line) or "")


def _event(event: Any, message: Any = None, **fields: Any) -> EventReport:
    if not event or not isinstance(event, str) or not isinstance(message, str | None):
        raise TypeError("no event")
    if message is None and event in ("error", "reply"):
        raise TypeError("no message")
    return EventReport(event, message, fields)


def _faces_report(fields: dict[str, Any]) -> FacesReport:
    faces = tuple(_face(face) for face in _list(fields["faces"]))
    if not faces:
        raise ValueError("no faces")
    return FacesReport(_integer(fields["t"]), _number(fields["fps"]), faces)


def _face(fields: dict[str, Any]) -> Face:
    x, y, w, h = (_integer(side) for side in _list(fields["box"]))
    emotion = fields["emotion"]
    if not isinstance(emotion, str | None):
        raise TypeError("no emotion")
    scores = tuple(_number(score, most=1) for score in _list(fields["scores"]))
    return Face(_integer(fields["id"], least=1), (x, y, w, h), emotion, _number(fields["score"], most=1), scores)


def _integer(value: Any, least: int = 0) -> int:
    if type(value) is not int or value < least:  # a bool is an int, too
        raise ValueError("no integer")
    return value


def _number(value: Any, most: float = sys.float_info.max) -> float:
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise ValueError("no number")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value
