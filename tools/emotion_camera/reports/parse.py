"""One line of what the camera reports, as a dataclass; schema.json, beside this file, describes the lines.

A line comes from a serial port, where letters change, or from a file that somebody has sent: what is in a report is within
the bounds below, and text does nothing to a terminal or page. `emotion_camera.reports.check` goes on from here: whether a
camera with these labels can have sent it. `emotion_camera.camera.read_reports` gives the reports of a camera as they come.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.reports.lines import json_object
from emotion_camera.terminal import LONGEST, one_line

VERSION = 1
MOST_FACES = 100  # in a frame; the camera program shows 10 at most
MOST_LABELS = 512  # of one letter each, they fill the 1,024 bytes that the camera reads of its labels file
WIDEST = 10_000  # pixels a side of a frame; the largest sensor of an OpenMV Cam has 2,592
FASTEST = 1000  # frames a second: the camera's clock counts ms
LARGEST = (1 << 53) - 1  # the largest integer that every reader of JSON has
MOST_REPORT_MS = 60_000  # of device/main.py's setting
REPORT_MS = re.compile(r"report_ms is (\d{1,9})\.")
WHY = ("far", "dark", "blurred", "turned", "covered", "unsure")  # emotion_camera.reports.reasons says what each means
UNCERTAIN = "uncertain"  # of a camera that does not tell why
# What a label can't have: control characters, line ends, and letters that turn the direction of writing or are half of one.
NAME = re.compile(r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]{1,1024}")


class ReportError(UserError):
    """A report that this program is too old for, as a sentence."""


@dataclass(frozen=True)
class Face:
    """One face in a frame."""

    id: int  # the face keeps it while it stays in view; from 1
    box: tuple[int, int, int, int]  # x, y, width, height in pixels of the frame
    emotion: str | None  # None while the face can't be told
    score: float  # the best of the scores, 0 to 1
    scores: tuple[float, ...]  # in the order of the ready event's labels; they add up to about 1
    # Of program 0.3.0 and later:
    why: str | None = None  # what keeps the face from being told: one of WHY, while there is no emotion
    valence: float | None = None  # -1 (unpleasant) to 1 (pleasant); None for a model whose labels are not known
    arousal: float | None = None  # -1 (calm) to 1 (excited)

    @property
    def word(self) -> str:
        """Its emotion, or what stands in place of one: why it can't be told."""
        return self.emotion or self.why or UNCERTAIN


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
    return tuple(report.fields.get("labels", ())) if isinstance(report, EventReport) else ()


def report_ms_of(report: Report) -> int | None:
    """The setting report_ms, the least time between two reports of faces, where a report tells it: "status" and the answer to
    "set report_ms"."""
    if not isinstance(report, EventReport):
        return None
    said = REPORT_MS.match(report.message or "")
    value = report.fields.get("settings", {}).get("report_ms", int(said[1]) if said else None)
    return None if value is None or not 0 <= value <= MOST_REPORT_MS else round(value)


def _event(event: Any, message: Any = None, **fields: Any) -> EventReport:
    if not isinstance(event, str) or not NAME.fullmatch(event) or not isinstance(message, str | None):
        raise TypeError("no event")
    if message is None and event in ("error", "reply"):
        raise TypeError("no message")
    return EventReport(event, None if message is None else one_line(message), _well_formed(fields))


def _well_formed(fields: dict[str, Any]) -> dict[str, Any]:
    """An event's fields without those that this program knows and that are not what they should be."""
    words = {
        name: one_line(fields[name], longest) for name, longest in WORDS.items() if isinstance(fields.get(name), str)
    }
    return {name: value for name, value in (fields | words).items() if FIELDS.get(name, _anything)(value)}


def _anything(value: Any) -> bool:
    return True


def _is_word(value: Any) -> bool:
    return isinstance(value, str)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST


def _are_labels(value: Any) -> bool:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_LABELS:
        return False
    return all(isinstance(it, str) and NAME.fullmatch(it) for it in value) and len(set(value)) == len(value)


def _are_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        type(it) in (int, float) and abs(it) <= LARGEST and NAME.fullmatch(name) for name, it in value.items()
    )


WORDS = dict.fromkeys(("board", "firmware", "program", "model", "sha256", "selftest"), 200) | {
    "problem": LONGEST
}  # characters
FIELDS: dict[str, Callable[[Any], bool]] = dict.fromkeys(WORDS, _is_word) | {
    "free": _is_size,
    "labels": _are_labels,
    "settings": _are_numbers,
    "rest": _are_numbers,
    "problem": lambda value: isinstance(value, str | None),
}


def _faces_report(fields: dict[str, Any]) -> FacesReport:
    faces = tuple(_face(face) for face in _list(fields["faces"], MOST_FACES))
    return FacesReport(_integer(fields["t"]), _number(fields["fps"], FASTEST), faces)


def _face(fields: dict[str, Any]) -> Face:
    x, y, w, h = _list(fields["box"], 4)
    place = _integer(x, most=WIDEST), _integer(y, most=WIDEST), _integer(w, 1, WIDEST), _integer(h, 1, WIDEST)
    emotion = fields["emotion"]
    if emotion is not None and not NAME.fullmatch(emotion):
        raise ValueError("no emotion")
    scores = tuple(_number(score, 1) for score in _list(fields["scores"], MOST_LABELS))
    why = fields.get("why") if emotion is None and fields.get("why") in WHY else None
    affect = (_number(fields[name], 1, -1) if name in fields else None for name in ("valence", "arousal"))
    return Face(_integer(fields["id"], least=1), place, emotion, _number(fields["score"], 1), scores, why, *affect)


def _integer(value: Any, least: int = 0, most: int = LARGEST) -> int:
    if type(value) is not int or not least <= value <= most:  # a bool is an int, too
        raise ValueError("no integer")
    return value


def _number(value: Any, most: float, least: float = 0) -> float:
    if type(value) not in (int, float) or not least <= value <= most:
        raise ValueError("no number")
    return value


def _list(value: Any, longest: int) -> list[Any]:
    if not isinstance(value, list) or not 0 < len(value) <= longest:
        raise TypeError("no list")
    return value
