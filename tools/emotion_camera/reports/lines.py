"""From bytes to the lines that `emotion_camera.reports.parse` reads: split, and reports sent in several lines put together."""

from __future__ import annotations

import json
import math
from typing import Any

LONGEST_LINE = 65536  # bytes; what has no line end for longer is no report, and would fill the memory
MOST_LINES = 32  # of one report
DEEPEST = 16  # JSON inside JSON; a report has 4 levels, and Python ends in a RecursionError at about 1,000


class LineSplitter:
    """Splits bytes into lines as they come, without their line ends.

    A line that is not UTF-8 or longer than LONGEST_LINE comes as "": what is left of a damaged report could name an emotion
    that no model knows, or pass for a frame with fewer faces.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._too_long = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that end in `data`."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines and self._too_long:
            lines[0], self._too_long = b"", False
        if len(self._rest) > LONGEST_LINE:
            self._rest, self._too_long = b"", True
        return [_decode(line) for line in lines]

    @property
    def unfinished(self) -> str:
        """The line that has no end yet: a prompt, for example."""
        return _decode(self._rest)


def _decode(line: bytes) -> str:
    try:
        return line.rstrip(b"\r").decode() if len(line) <= LONGEST_LINE else ""
    except UnicodeDecodeError:
        return ""


class ReportJoiner:
    """Joins reports that the camera sent in several lines, because one holds no more than 500 bytes.

    All but the last of these lines have `"more": true`. They are of one event, or of one frame (the same `t`): their
    faces follow each other, other fields add up.
    """

    def __init__(self) -> None:
        self._begun: dict[str, Any] | None = None
        self._count = 0

    def add(self, line: str) -> str | None:
        """The line that is complete now: `line` itself, or what came before it and it in one; None while more must come.

        What was begun and does not go on is dropped: half a report could pass for a frame with fewer faces.
        """
        begun, self._begun = self._begun, None
        if begun is None and '"more"' not in line:
            return line
        fields = json_object(line)
        if fields is None:
            return line
        more = fields.pop("more", None) is True
        self._count = self._count + 1 if begun else 1
        if begun is not None and all(begun.get(name) == fields.get(name) for name in ("v", "event", "t")):
            fields = begun | fields | _joined_faces(begun, fields)
        elif not more:
            return line
        if more:
            self._begun = fields if self._count < MOST_LINES else None
            return None
        return json.dumps(fields)


class LineReader:
    """A camera's bytes as lines, each report in one; blank and damaged lines are left out."""

    def __init__(self) -> None:
        self._splitter = LineSplitter()
        self._joiner = ReportJoiner()

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        return [line for text in self._splitter.feed(data) if (line := self._joiner.add(text))]

    @property
    def unfinished(self) -> str:
        return self._splitter.unfinished


def json_object(line: str | bytes) -> dict[str, Any] | None:
    """The fields of a line that is a JSON object; None of any other, and where it would not pass for JSON elsewhere: NaN,
    1e999, a hundred brackets inside each other."""
    try:
        fields = _STRICT.decode(line.decode() if isinstance(line, bytes) else line)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) and _is_flat(fields, DEEPEST) else None


def _is_flat(value: Any, deepest: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    return deepest > 0 and all(
        _is_flat(it, deepest - 1) for it in (value.values() if isinstance(value, dict) else value)
    )


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text} is no number in JSON")
    return value


_STRICT = json.JSONDecoder(parse_float=_finite, parse_constant=_finite)


def _joined_faces(begun: dict[str, Any], fields: dict[str, Any]) -> dict[str, list[Any]]:
    lists = [each["faces"] for each in (begun, fields) if isinstance(each.get("faces"), list)]
    return {"faces": [face for faces in lists for face in faces]} if lists else {}
