"""Finding where one JSON message ends and the next begins: some clients end a message with NUL, some with a line feed,
and the official Python client with nothing at all."""

from __future__ import annotations

import re
from collections.abc import Iterator

# A backslash takes the next byte with it, unless that is a NUL, which JSON has nowhere.
_MARKS = re.compile(rb'\\[^\0]?|["{}\0]')


class TooLong(Exception):
    """A message is longer than the most that is kept of one."""


class Splitter:
    """Cuts a stream of bytes into JSON objects, looking at each byte once.

    A NUL ends a message whatever came before it, so that a client is in step again after a broken one. What is not
    JSON comes out as a message, too: reading it fails, and the client is told so.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._start_anew()

    def _start_anew(self) -> None:
        self._kept = bytearray()
        self._depth = 0  # of braces
        self._in_text = False  # between quotation marks, where braces don't count
        self._after_backslash = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are whole with these bytes; TooLong when one grows over `longest` bytes."""
        start = 0
        first = int(self._after_backslash and not data.startswith(b"\0"))
        self._after_backslash = False
        for mark in _MARKS.finditer(data, first):
            if self._ends_with(mark.group()):
                self._keep(data[start : mark.end()])
                message = bytes(self._kept).strip(b" \t\r\n\0")
                self._start_anew()
                start = mark.end()
                if message:
                    yield message
        self._keep(data[start:])

    def _ends_with(self, mark: bytes) -> bool:
        """Takes note of a mark; whether a message ends there."""
        if mark == b'"':
            self._in_text = self._depth > 0 and not self._in_text
        elif mark == b"{" and not self._in_text:
            self._depth += 1
        elif mark == b"}" and not self._in_text:
            self._depth -= 1
            return self._depth <= 0
        self._after_backslash = mark == b"\\"
        return mark == b"\0"

    def _keep(self, data: bytes) -> None:
        if len(self._kept) + len(data) > self._longest:
            raise TooLong
        self._kept += data
