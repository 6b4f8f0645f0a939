"""Writing a recording."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.events import Disconnected, Event, Frame, Line
from emotion_camera.files import GrowingFile, write_json
from emotion_camera.jpeg import jpeg
from emotion_camera.recordings.files import (
    ABOUT,
    BACK,
    FORMAT,
    FRAME_COLUMNS,
    FRAME_TIMES,
    FRAMES,
    GONE,
    REPORTS,
    STILL_HERE,
    VERSION,
)
from emotion_camera.recordings.reader import Entry
from emotion_camera.recordings.table import CsvFormat, Table
from emotion_camera.reports.lines import json_object
from emotion_camera.reports.parse import EventReport, FacesReport, parse

SYNC_S = 1  # what a power cut may cost
STILL_HERE_MS = 10_000  # between lines that count the frames, while no face is in them
QUALITY = 85  # of JPEG: about 10 KB a frame of 320 x 240, and the letters in it stay clean
CAMERA = ("board", "firmware", "model", "sha256", "labels")  # what recording.json keeps of it


class RecordingError(UserError):
    """Why a recording can't go on, as a sentence; what was recorded until then can be read."""


class Recorder:
    """Writes what a camera gives to a new folder: `add` each event, then `close`; by any thread.

    Raises UserError for a folder that has something in it already or can't be made; `add` and `close` raise
    RecordingError when the disk is full or gone, `add` ReportError when the camera is newer than this program.
    """

    def __init__(
        self,
        folder: Path,
        source_name: str,
        frames: bool = False,
        table: CsvFormat = CsvFormat(),  # noqa: B008 - frozen
    ) -> None:
        self.folder = folder
        self._table_format = table
        self.frames = self.reports = 0  # frames that came, kept or not; lines with faces
        self.faces: set[int] = set()  # the numbers that were seen
        self.length_ms = 0
        self._lock = threading.RLock()
        self._trouble: RecordingError | None = None
        self._gone = False
        self._told_ms = 0  # when the last line was written
        _make(folder)
        self._clock = Clock()
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        self._started = datetime.fromisoformat(now)  # as it will be read
        self._about: dict[str, Any] = {"format": FORMAT, "v": VERSION, "source": source_name, "started": now}
        with self._guarded():
            self._open(frames)
        self._over = threading.Event()
        self._syncing = threading.Thread(target=self._sync_now_and_then, daemon=True)
        self._syncing.start()

    def add(self, event: Event) -> None:
        """Writes what is kept of an event; nothing once the recording is closed."""
        with self._lock:
            if self._trouble is not None:
                raise self._trouble
            if not self._over.is_set():
                with self._guarded():
                    self._add(event)

    def close(self) -> None:
        """Ends the recording; again does no harm."""
        if self._over.is_set():
            return
        self._over.set()
        self._syncing.join()
        with self._lock:
            try:
                if self._trouble is None:
                    self.length_ms = max(self.length_ms, self._clock.real_ms())
                    self._about["duration_ms"] = self.length_ms
                    with self._guarded():
                        write_json(self.folder / ABOUT, self._about)
            finally:
                for file in self._files():
                    file.close()

    def _open(self, frames: bool) -> None:
        write_json(self.folder / ABOUT, self._about)
        self._lines = GrowingFile(self.folder / REPORTS)
        self._table = Table(self.folder, self._started, self._table_format)
        self._pictures = GrowingFile(self.folder / FRAMES) if frames else None
        self._times = GrowingFile(self.folder / FRAME_TIMES) if frames else None
        if self._times:
            self._times.append(f"{FRAME_COLUMNS}\n".encode())

    def _files(self) -> list[GrowingFile | Table]:
        return [file for file in (self._lines, self._table, self._pictures, self._times) if file]

    def _add(self, event: Event) -> None:
        self.length_ms = self._clock.time(event.time_ms)
        if isinstance(event, Disconnected):
            self._gone = True
            self._own(GONE, message=event.message)
            return
        if self._gone:
            self._gone = False
            self._own(BACK)
        if isinstance(event, Line) and not _is_own(event.text):
            self._line(event.text)
        elif isinstance(event, Frame):
            self._frame(event)

    def _own(self, event: str, **fields: Any) -> None:
        self._line(json.dumps({"v": 1, "event": event, **fields}))

    def _line(self, text: str) -> None:
        report = parse(text)
        if report is None:
            return  # other programs' output, a traceback
        at = self._started + timedelta(milliseconds=self.length_ms)
        fields = (json_object(text) or {}) | {"at": at.isoformat(timespec="milliseconds")}
        self._lines.append(json.dumps(fields, separators=(",", ":")).encode() + b"\n")
        self._told_ms = self.length_ms
        self._table.add(Entry(self.length_ms, text, report))
        if isinstance(report, FacesReport):
            self.reports += 1
            self.faces.update(face.id for face in report.faces)
        elif isinstance(report, EventReport) and "labels" in report.fields:
            self._about["camera"] = {key: value for key, value in report.fields.items() if key in CAMERA}
            write_json(self.folder / ABOUT, self._about)

    def _frame(self, frame: Frame) -> None:
        self.frames += 1
        if self._pictures and self._times:
            picture = jpeg(frame.picture, QUALITY)
            offset = self._pictures.append(picture)
            self._times.append(f"{self.length_ms},{offset},{len(picture)}\n".encode())
        if self.length_ms - self._told_ms >= STILL_HERE_MS:
            self._own(STILL_HERE, count=self.frames)

    def _sync_now_and_then(self) -> None:
        """In its own thread: an SD card may take long, and the camera does not wait."""
        while not self._over.wait(SYNC_S):
            try:
                for file in self._files():
                    file.sync()
            except ValueError:  # the table was closed just now, to be written anew
                pass
            except OSError as error:
                self._trouble = self._trouble or _sentence(self.folder, error)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._trouble = _sentence(self.folder, error)
            raise self._trouble from None


def _is_own(text: str) -> bool:
    """Whether a line of the camera says to be one of the recorder's: a gap in it would be none."""
    report = parse(text)
    return isinstance(report, EventReport) and report.event in (GONE, BACK, STILL_HERE)


class Clock:
    """A recording's time in ms: it runs as the events' own does, and as this computer's steady clock where theirs starts
    anew."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._before: int | None = None  # the last event's own time
        self._offset = 0
        self._now = 0

    def real_ms(self) -> int:
        """Since the start, by the computer's steady clock."""
        return round(1000 * (time.monotonic() - self._start))

    def time(self, time_ms: int) -> int:
        """The recording's time of an event that comes now and has this time; it never goes back."""
        if self._before is None or time_ms < self._before:
            self._offset = max(self._now, self.real_ms()) - time_ms
        self._before = time_ms
        self._now = time_ms + self._offset
        return self._now


def _make(folder: Path) -> None:
    """A new folder, or one with nothing in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: can't be written to ({error.strerror}); give another folder with --out") from None
    if used:
        raise UserError(f"{folder}: has something in it already; give a new folder with --out")


def _sentence(folder: Path, error: OSError) -> RecordingError:
    return RecordingError(
        f"{folder}: the disk can't be written to ({error.strerror}), so the recording has ended; what was recorded until "
        "then is whole: make room, or record to another disk with --out"
    )
