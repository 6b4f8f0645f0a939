"""Files that are whole at any moment: those that grow piece by piece, and those that are replaced at once."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

ABOUT = "recording.json"
REPORTS = "reports.jsonl"
TABLE = "reports.csv"
FRAMES = "frames.mjpeg"
FRAME_TIMES = "frames.csv"
FRAME_COLUMNS = "time_ms,offset,size"

FORMAT = "emotion camera recording"
VERSION = 1
GONE, BACK, STILL_HERE = "gone", "back", "frames"  # the recorder's own events


class GrowingFile:
    """Grows by whole pieces: when this program dies all of them are there, when the power fails those before the last
    `sync`. OSError when there is no room; the file then ends with the piece before."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - open for as long as it grows
        self.size = self._file.tell()

    def append(self, piece: bytes) -> int:
        """Writes a piece, and tells where it begins."""
        start, rest = self.size, memoryview(piece)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(start)
            raise
        self.size += len(piece)
        return start

    def sync(self) -> None:
        """What was written is on the disk, not only on its way there."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def replace_json(path: Path, fields: dict[str, Any]) -> None:
    """The file at once or not at all, even when the power fails."""
    replace_file(path, (json.dumps(fields, indent=1) + "\n").encode())


def replace_file(path: Path, content: bytes) -> None:
    """As `replace_json`, for any content."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
