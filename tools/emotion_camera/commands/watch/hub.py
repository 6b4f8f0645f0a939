"""Between the camera and the open pages: reads the camera in a thread of its own, keeps what a new page needs, and sends
everything to all pages."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from emotion_camera.events import Disconnected, Event, Frame, Line
from emotion_camera.camera.stream import CameraStream
from emotion_camera.errors import UserError
from emotion_camera.jpeg import jpeg
from emotion_camera.reports.parse import EventReport, FacesReport, parse
from emotion_camera.web.live import Page, pack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emotion_camera.recordings import Recorder

QUALITY = 80  # of JPEG: a QVGA frame has about 10 KB, and its letters stay clean
HISTORY_S = 60  # of reports that a new page gets
ASK_S = 15  # between two questions for the camera's status, which has its free memory
RATE_S = 2  # over which frames a second are counted
PATIENCE_S = 5  # for the camera to let go
COMMANDS = ("calibrate", "clear", "status")  # that a page may give


class Hub:
    """Reads `stream` from the start until `close`. Pages come by `join`; what they ask for is done by `do`, from any thread."""

    def __init__(self, stream: CameraStream) -> None:
        self.name = stream.name
        self._stream = stream
        self._lock = threading.RLock()
        self._pages: set[Page] = set()
        self._recorder: Recorder | None = None
        self._about: dict[str, Any] = {}  # what "ready" and "status" tell
        self._about_line: str | None = None  # the newest of the two, for a recording that starts later
        self._lost: str | None = None  # why nothing comes at the moment
        self._mute: str | None = None  # why the camera takes no commands
        self._history: deque[dict[str, Any]] = deque()
        self._frame: tuple[int, bytes] | None = None  # the last one: its number, and it
        self._came: deque[float] = deque()  # when the last frames came
        self._now_ms = 0  # the last event's time
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._ask)]
        for thread in self._threads:
            thread.start()

    def join(self, page: Page) -> None:
        """Send a page what there is now, and from now on what happens."""
        with self._lock:
            page.send(self._state())
            page.send({"type": "history", "reports": list(self._history)})
            if self._frame:
                page.show(*self._frame)
            self._pages.add(page)

    def leave(self, page: Page) -> None:
        with self._lock:
            self._pages.discard(page)

    def do(self, what: Any) -> None:
        """What a page asks for: {"do": "calibrate"}, "clear", "status", "record" (with "frames": true or false) or "stop".
        UserError when it can't be done."""
        wanted = what.get("do") if isinstance(what, dict) else None
        if wanted in COMMANDS:
            self._stream.send_command(wanted)
        elif wanted == "record":
            self._record(bool(what.get("frames")))
        elif wanted == "stop":
            self._stop_recording()
        else:
            raise UserError("the page asked for what this program does not know: load it again")

    def close(self) -> None:
        """Lets go of the camera, and ends a recording."""
        self._closed.set()
        self._stream.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        self._stop_recording()

    def _read(self) -> None:
        try:
            for event in self._stream.events():
                with self._lock:
                    self._take(event)
            over = f"{self.name} is over."
        except UserError as error:
            over = str(error)
        if not self._closed.is_set():
            with self._lock:
                self._lost = over
                self._tell(self._state())

    def _take(self, event: Event) -> None:
        self._now_ms = event.time_ms
        if self._recorder:
            self._keep(event)
        if isinstance(event, Disconnected):
            self._lost = event.message
            self._tell(self._state())
            return
        if self._lost or self.name != self._stream.name:
            self._lost, self.name = None, self._stream.name
            self._tell(self._state())
        if isinstance(event, Frame):
            self._show(event.picture)
        elif isinstance(event, Line):
            self._hear(event.text)

    def _show(self, picture: NDArray[np.uint8]) -> None:
        number = self._frame[0] + 1 if self._frame else 1
        self._frame = number, pack(number, jpeg(picture, QUALITY))
        self._came.append(time.monotonic())
        while self._came[-1] - self._came[0] > RATE_S:
            self._came.popleft()
        for page in self._pages:
            page.show(*self._frame)

    def _hear(self, line: str) -> None:
        try:
            report = parse(line)
        except UserError as error:  # the camera is newer than this program
            self._tell({"type": "notice", "message": str(error), "bad": True})
            return
        now_ms = 1000 * time.time()
        if isinstance(report, FacesReport):
            self._remember(now_ms, report)
        elif isinstance(report, EventReport):
            if report.event in ("ready", "status"):
                self._about |= report.fields
                self._about_line = line
                self._tell(self._state())
            if report.event not in ("ready", "status", "recovered"):
                message = report.message or f"{report.event}: the camera has done it."
                self._tell({"type": "notice", "message": message, "bad": report.event == "error"})

    def _remember(self, now_ms: float, report: FacesReport) -> None:
        faces = [[face.id, face.emotion, face.score, face.scores] for face in report.faces]
        told = {"type": "faces", "at": now_ms, "fps": report.fps, "faces": faces}
        self._history.append(told)
        while now_ms - self._history[0]["at"] > 1000 * HISTORY_S:
            self._history.popleft()
        self._tell(told)

    def _tell(self, message: dict[str, Any]) -> None:
        for page in self._pages:
            page.send(message)

    def _state(self) -> dict[str, Any]:
        recorder = self._recorder
        return {
            "type": "state",
            "name": self.name,
            "note": self._stream.limitation,
            "lost": self._lost,
            "mute": self._mute,
            "about": self._about,
            "recording": str(recorder.folder) if recorder else None,
            "fps": self._fps(),
        }

    def _fps(self) -> float:
        """Frames a second that came from the camera; 0 when none came lately."""
        if len(self._came) < 2 or time.monotonic() - self._came[-1] > RATE_S:
            return 0
        return round((len(self._came) - 1) / (self._came[-1] - self._came[0]), 1)

    def _ask(self) -> None:
        """Every second how fast it goes, and every now and then how the camera is."""
        asked = -float(ASK_S)
        while not self._closed.wait(1):
            with self._lock:
                lost = self._lost
                self._tell({"type": "rate", "fps": self._fps()})
            if lost or time.monotonic() - asked < ASK_S:
                continue
            asked = time.monotonic()
            try:
                self._stream.send_command("status")
                mute = None
            except UserError as error:
                mute = str(error)
            with self._lock:
                if mute != self._mute:
                    self._mute = mute
                    self._tell(self._state())

    def _record(self, frames: bool) -> None:
        from emotion_camera.recordings import Recorder, new_folder

        with self._lock:
            if self._recorder:
                raise UserError(f"it is recording already, to {self._recorder.folder}")
            self._recorder = Recorder(new_folder(), self.name, frames=frames)
            if self._about_line:
                self._keep(Line(self._now_ms, self._about_line))
            self._tell(self._state())

    def _keep(self, event: Event) -> None:
        assert self._recorder
        try:
            self._recorder.add(event)
        except UserError as error:  # the disk is full
            self._stop_recording()
            self._tell({"type": "notice", "message": str(error), "bad": True})

    def _stop_recording(self) -> None:
        with self._lock:
            recorder, self._recorder = self._recorder, None
            if recorder is None:
                return
            message, bad = f"It is recorded in {recorder.folder}: see emotion-camera report {recorder.folder}", False
            try:
                recorder.close()
            except UserError as error:
                message, bad = str(error), True
            self._tell({"type": "notice", "message": message, "bad": bad})
            self._tell(self._state())
