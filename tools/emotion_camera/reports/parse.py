"""What the camera reports, on the computer: `read` a camera's port, or `parse` a line.

for report in read():
    if isinstance(report, FacesReport):
        print(report.faces[0].emotion)

report.schema.json, beside this file, describes the lines.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotion_camera.camera.ports import BAUD, find_port, open_port
from emotion_camera.errors import UserError

if TYPE_CHECKING:
    from serial import SerialBase

VERSION = 1
LONGEST_LINE = 65536  # bytes; what has no line end for longer is no report, and would fill the memory
MOST_LINES = 32  # that one report may be told in
FIRST_WAIT_S, LAST_WAIT_S = 0.5, 5  # between two tries to connect again

log = logging.getLogger(__name__)


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
    """What else a camera tells: "ready", "error", "recovered" and others."""

    event: str
    message: str | None  # a sentence for a person, which "error" and "reply" always have
    fields: dict[str, Any]  # all others as they came; of "ready": board, firmware, model, sha256, labels


Report = FacesReport | EventReport


class Joiner:
    """Puts reports together that the camera told in several lines, because one holds no more than 500 bytes.

    All but the last of these lines have `"more": true`. They are of one event, or of one frame (the same `t`): their
    faces follow each other, other fields add up.
    """

    def __init__(self) -> None:
        self._begun: dict[str, Any] | None = None
        self._count = 0

    def add(self, line: str) -> str | None:
        """The line that is whole now: `line` itself, or what came before it and it in one; None while more must come.

        What was begun and does not go on is dropped: half a report could pass for a frame with fewer faces.
        """
        begun, self._begun = self._begun, None
        if begun is None and '"more"' not in line:
            return line
        fields = _fields(line)
        if fields is None:
            return line
        more = fields.pop("more", None) is True
        self._count = self._count + 1 if begun else 1
        if begun is not None and all(begun.get(name) == fields.get(name) for name in ("v", "event", "t")):
            fields = begun | fields | _faces_of(begun, fields)
        elif not more:
            return line
        if more:
            self._begun = fields if self._count < MOST_LINES else None
            return None
        return json.dumps(fields)


def _fields(line: str) -> dict[str, Any] | None:
    """The fields of a line that is a JSON object."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _faces_of(begun: dict[str, Any], fields: dict[str, Any]) -> dict[str, list[Any]]:
    lists = [each["faces"] for each in (begun, fields) if isinstance(each.get("faces"), list)]
    return {"faces": [face for faces in lists for face in faces]} if lists else {}


def parse(line: str) -> Report | None:
    """The report in `line`, or None for anything else: other programs' output, half a line, damaged ones.

    Fields that this program does not know are passed over. Raises ReportError for a report of a later version.
    """
    fields = _fields(line)
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


def read(port: str | None = None, *, baud: int = BAUD, reconnect: bool = True) -> Iterator[Report]:
    """The reports of the camera on `port`, as they come.

    `port` is a device such as /dev/ttyACM0 or COM3, or one of pyserial's URLs, such as socket://host:1234; None finds
    the camera on USB. `baud` matters on a UART alone; on USB, 921600 and 12000000 would silence the reports.
    When the camera is unplugged, this waits for it to come back, for ever, or ends if `reconnect` is false.
    Raises UserError when the first connection fails, and ReportError as `parse` does.
    """
    connection = _connect(port, baud)
    while True:
        joiner = Joiner()
        with connection:
            for line in _whole_lines(connection):
                report = parse(joiner.add(line) or "")
                if report is not None:
                    yield report
        if not reconnect:
            return
        log.warning("%s: the connection is lost; waiting for it to come back", connection.port)
        connection = _connect_again(port, baud)


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
    return FacesReport(_whole(fields["t"]), _number(fields["fps"]), faces)


def _face(fields: dict[str, Any]) -> Face:
    x, y, w, h = (_whole(side) for side in _list(fields["box"]))
    emotion = fields["emotion"]
    if not isinstance(emotion, str | None):
        raise TypeError("no emotion")
    scores = tuple(_number(score, most=1) for score in _list(fields["scores"]))
    return Face(_whole(fields["id"], least=1), (x, y, w, h), emotion, _number(fields["score"], most=1), scores)


def _whole(value: Any, least: int = 0) -> int:
    if type(value) is not int or value < least:  # a bool is an int, too
        raise ValueError("no whole number")
    return value


def _number(value: Any, most: float = sys.float_info.max) -> float:
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise ValueError("no number")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _connect(port: str | None, baud: int) -> SerialBase:
    return open_port(port or find_port(), baud)


def _connect_again(port: str | None, baud: int) -> SerialBase:
    """Tries until it has a connection, and logs why it has none, once for each reason."""
    wait_s: float = FIRST_WAIT_S
    logged = None
    while True:
        time.sleep(wait_s)
        try:
            return _connect(port, baud)
        except UserError as error:
            if str(error) != logged:
                logged = str(error)
                log.warning("%s", error)
        wait_s = min(2 * wait_s, LAST_WAIT_S)


def _whole_lines(connection: SerialBase) -> Iterator[str]:
    """The lines that come until the connection is lost; half a line at the cut is dropped."""
    rest = b""
    while True:
        try:
            rest += connection.read(connection.in_waiting or 1)
        except OSError:
            return
        *lines, rest = rest.split(b"\n")
        if len(rest) > LONGEST_LINE:
            rest = b""
        yield from map(_text, lines)


def _text(line: bytes) -> str:
    """A line with damaged letters must not pass for a report: it could name an emotion that no model knows."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return ""
