"""Reads a recording, however it ended: every complete line and frame before a cut is there."""

from __future__ import annotations

import heapq
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_camera.errors import UserError
from emotion_camera.recordings.files import ABOUT, BACK, FORMAT, FRAME_TIMES, FRAMES, GONE, REPORTS, STILL_HERE, VERSION
from emotion_camera.reports.parse import EventReport, Report, parse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emotion_camera.events import Disconnected, Frame, Line


@dataclass(frozen=True)
class Entry:
    """A line of a recording."""

    time_ms: int  # since the start
    text: str  # the line as the camera sent it
    report: Report  # the same, read; its event may be the recorder's own "gone", "back" or "frames"


@dataclass(frozen=True)
class FrameAt:
    """A frame of a recording: when it was shown, and where its JPEG lies in frames.mjpeg."""

    time_ms: int
    offset: int
    size: int


@dataclass(frozen=True)
class Recording:
    """What a recording's folder holds. Lines and pictures are read when they are asked for: they may be many."""

    folder: Path
    source: str  # the camera and its port, in words
    started: datetime
    ended_ms: int | None  # since the start; None when it was cut off, or still runs
    frames: tuple[FrameAt, ...]

    def entries(self) -> Iterator[Entry]:
        """All complete lines, in order; their times never go back. ReportError for those of a later version."""
        return read_entries(self.folder / REPORTS, self.started)

    def jpeg(self, frame: FrameAt) -> bytes:
        """A frame as it was recorded."""
        with open(self.folder / FRAMES, "rb") as file:
            file.seek(frame.offset)
            return file.read(frame.size)

    def picture(self, frame: FrameAt) -> NDArray[np.uint8]:
        """A frame's pixels: uint8 [H, W] or [H, W, 3]. UserError when its file is damaged."""
        import numpy as np
        from PIL import Image

        try:
            with Image.open(io.BytesIO(self.jpeg(frame))) as picture:
                return np.asarray(picture)
        except (OSError, SyntaxError) as error:  # Pillow raises both for a damaged file
            path = self.folder / FRAMES
            raise UserError(f"{path}: the frame at {frame.time_ms} ms can't be read ({error})") from None

    def events(self, start_ms: int = 0) -> Iterator[Frame | Line | Disconnected]:
        """Lines and frames from `start_ms` on in the order in which they came, as a camera gives them."""
        from emotion_camera.events import Frame

        frames = (Frame(frame.time_ms, self.picture(frame)) for frame in self.frames if frame.time_ms >= start_ms)
        entries = (entry for entry in self.entries() if entry.time_ms >= start_ms)
        return heapq.merge(filter(None, map(_as_event, entries)), frames, key=lambda event: event.time_ms)

    def length_ms(self) -> int:
        """Until its last line or frame."""
        last_frame = self.frames[-1].time_ms if self.frames else 0
        return self.ended_ms or max(last_frame, max((entry.time_ms for entry in self.entries()), default=0))


def read_recording(folder: Path) -> Recording:
    """The recording in `folder`. UserError with a sentence when there is none, or one of a later version."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "there is no such folder"
        raise UserError(f"{folder}: {what}; give the folder that emotion-camera record has written")
    about = _about(folder / ABOUT)
    started = _time(about.get("started")) or _first_time(folder / REPORTS)
    if started is None:
        raise UserError(f"{folder}: is no recording; give a folder that emotion-camera record has written")
    if unreadable(folder / REPORTS):
        raise UserError(
            f"{folder / REPORTS}: is damaged, no line of it can be read; reports.csv beside it may have the rows"
        )
    ended = about.get("duration_ms")
    return Recording(
        folder,
        str(about.get("source", "a camera")),
        started,
        ended if type(ended) is int and ended >= 0 else None,
        _frames(folder),
    )


def unreadable(path: Path) -> bool:
    """Whether a reports.jsonl has complete lines, but none that a camera could have sent; a first line that was cut does not count."""
    if not path.is_file() or next(_timed_lines(path), None) is not None:
        return False
    with open(path, "rb") as file:
        return file.readline().endswith(b"\n")


def read_entries(path: Path, started: datetime) -> Iterator[Entry]:
    """The complete lines of a reports.jsonl; what is cut, damaged or without its time is skipped."""
    last_ms = 0
    for text, at in _timed_lines(path):
        report = parse(text)
        if report is not None:
            last_ms = max(last_ms, round((at - started) / timedelta(milliseconds=1)))
            yield Entry(last_ms, text, report)


def _timed_lines(path: Path) -> Iterator[tuple[str, datetime]]:
    """Each line as the camera sent it, and its time."""
    try:
        with open(path, "rb") as file:
            for line in file:
                try:
                    fields = json.loads(line)
                    at = _time(fields.pop("at"))
                except (ValueError, RecursionError, KeyError, AttributeError, TypeError):
                    continue
                if at is not None:
                    yield json.dumps(fields, separators=(",", ":")), at
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror})") from None


def _first_time(path: Path) -> datetime | None:
    return next((at for text, at in _timed_lines(path) if parse(text) is not None), None)


def _time(text: Any) -> datetime | None:
    """A time with its time zone, or None."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def _about(path: Path) -> dict[str, Any]:
    """The fields of recording.json; none if it is missing, damaged or another program's."""
    try:
        about = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        return {}
    if about.get("v") != VERSION:
        raise UserError(
            f"{path}: is of version {about.get('v')}, this program reads recordings of version {VERSION}: update this program"
        )
    return about


def _frames(folder: Path) -> tuple[FrameAt, ...]:
    """The complete frames: both the row in frames.csv and the JPEG end."""
    try:
        rows = (folder / FRAME_TIMES).read_bytes().split(b"\n")[1:-1]
        size = (folder / FRAMES).stat().st_size
    except OSError:
        return ()
    frames: list[FrameAt] = []
    for row in rows:
        try:
            frame = FrameAt(*map(int, row.split(b",")))
        except (ValueError, TypeError):
            continue
        inside = frame.offset >= 0 < frame.size and frame.offset + frame.size <= size
        if inside and (not frames or frame.time_ms >= frames[-1].time_ms):
            frames.append(frame)
    return tuple(frames)


def _as_event(entry: Entry) -> Line | Disconnected | None:
    from emotion_camera.events import Disconnected, Line

    if isinstance(entry.report, EventReport):
        if entry.report.event == GONE:
            return Disconnected(entry.time_ms, entry.report.message or "")
        if entry.report.event in (BACK, STILL_HERE):
            return None
    return Line(entry.time_ms, entry.text)
