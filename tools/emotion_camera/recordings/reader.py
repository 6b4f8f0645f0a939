"""Reads a recording, however it ended: every complete line and frame before a cut is there.

Recordings are sent from one person to another, so the files are believed no more than a camera: see `emotion_camera.reports`.
"""

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
from emotion_camera.reports.check import ReportCheck
from emotion_camera.reports.lines import LONGEST_LINE, MOST_LINES, json_object
from emotion_camera.reports.parse import EventReport, Report, ReportError, labels_of, parse
from emotion_camera.terminal import one_line

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy as np
    from numpy.typing import NDArray

    from emotion_camera.events import Disconnected, Frame, Line

LONGEST_MS = 366 * 24 * 3600 * 1000  # a recording takes no longer than a year; a time beyond that is a damaged one
LONGEST_ENTRY = MOST_LINES * LONGEST_LINE  # bytes
LARGEST_ABOUT = 1 << 20  # bytes of a recording.json
LARGEST_JPEG = 50_000_000  # bytes
MOST_PIXELS = 25_000_000  # of a frame: a small JPEG can unfold to gigabytes


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
        return read_entries(self.folder / REPORTS, self.started, LONGEST_MS if self.ended_ms is None else self.ended_ms)

    def first_labels(self) -> tuple[str, ...]:
        """The model's labels as they were first told, which may be after some reports; () where they never were."""
        return _first_labels(self.folder / REPORTS)

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
            with Image.open(io.BytesIO(self.jpeg(frame)), formats=["JPEG"]) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise OSError(f"{picture.width} x {picture.height} pixels are too many")
                return np.asarray(picture if picture.mode in ("L", "RGB") else picture.convert("RGB"))
        except (
            OSError,
            SyntaxError,
            ValueError,
            Image.DecompressionBombError,
        ) as error:  # Pillow's, for a damaged file
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
    ended, source = about.get("duration_ms"), about.get("source")
    return Recording(
        folder,
        one_line(source, 200) if isinstance(source, str) else "a camera",
        started,
        ended if type(ended) is int and 0 <= ended <= LONGEST_MS else None,
        _frames(folder),
    )


def unreadable(path: Path) -> bool:
    """Whether a reports.jsonl has complete lines, but none that a camera could have sent; a first line that was cut does not count."""
    if not path.is_file() or next(_timed_lines(path), None) is not None:
        return False
    with open(path, "rb") as file:
        return file.readline().endswith(b"\n")


def read_entries(path: Path, started: datetime, longest_ms: int = LONGEST_MS) -> Iterator[Entry]:
    """The complete lines of a reports.jsonl; what is cut, damaged, without its time or after `longest_ms` is skipped, and
    so are reports that a camera with these labels can't have sent."""
    last_ms, found = 0, False
    check = ReportCheck(_first_labels(path))
    for text, at in _timed_lines(path):
        if not check.believes(text):
            continue
        time_ms = round((at - started) / timedelta(milliseconds=1))
        report = parse(text)
        if report is not None and time_ms <= longest_ms:
            last_ms, found = max(last_ms, time_ms), True
            yield Entry(last_ms, text, report)
    for text, _ in () if found else _timed_lines(path):
        parse(text)  # a few lines, all of a later version


def _first_labels(path: Path) -> tuple[str, ...]:
    """A camera that was running before tells its labels when it is asked: some reports come first."""
    texts = (text for text, _ in _timed_lines(path) if '"labels"' in text)
    return next((labels for text in texts if (report := _parse(text)) and (labels := labels_of(report))), ())


def _timed_lines(path: Path) -> Iterator[tuple[str, datetime]]:
    """Each line as the camera sent it, and its time."""
    if not path.is_file():  # a pipe in its place would never end
        return
    try:
        with open(path, "rb") as file:
            for line in _lines(file):
                fields = json_object(line) or {}
                at = _time(fields.pop("at", None))
                if at is not None:
                    yield json.dumps(fields, separators=(",", ":")), at
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror})") from None


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines that are no longer than LONGEST_ENTRY."""
    whole = True  # the line begins here
    while piece := file.readline(LONGEST_ENTRY):
        ends = len(piece) < LONGEST_ENTRY or piece.endswith(b"\n")
        if whole and ends:
            yield piece
        whole = ends


def _first_time(path: Path) -> datetime | None:
    return next((at for text, at in _timed_lines(path) if _parse(text) is not None), None)


def _parse(text: str) -> Report | None:
    """`parse`; None for a report of a later version, too: one may be damaged."""
    try:
        return parse(text)
    except ReportError:
        return None


def _time(text: Any) -> datetime | None:
    """A time with its time zone, or None."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo and 1970 <= time.year < 9000 else None


def _about(path: Path) -> dict[str, Any]:
    """The fields of recording.json; none if it is missing, damaged or another program's."""
    try:
        about = json_object(path.read_bytes()) if path.is_file() and path.stat().st_size <= LARGEST_ABOUT else None
    except OSError:
        return {}
    if about is None or about.get("format") != FORMAT:
        return {}
    if about.get("v") != VERSION:
        version = about.get("v")
        raise UserError(
            f"{path}: is of version {version}, this program reads recordings of version {VERSION}: update this program"
        )
    return about


def _frames(folder: Path) -> tuple[FrameAt, ...]:
    """The complete frames: both the row in frames.csv and the JPEG end."""
    times, pictures = folder / FRAME_TIMES, folder / FRAMES
    if not times.is_file() or not pictures.is_file():
        return ()
    try:
        rows = times.read_bytes().split(b"\n")[1:-1]
        size = pictures.stat().st_size
    except OSError:
        return ()
    frames: list[FrameAt] = []
    for row in rows:
        try:
            frame = FrameAt(*map(int, row.split(b",")))
        except (ValueError, TypeError):
            continue
        inside = frame.offset >= 0 < frame.size <= LARGEST_JPEG and frame.offset + frame.size <= size
        if inside and (frames[-1].time_ms if frames else 0) <= frame.time_ms <= LONGEST_MS:
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
