"""Between the camera and the open pages: reads the camera in a thread of its own, keeps what a new page needs, and sends
everything to all pages."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from statistics import median_high
from typing import TYPE_CHECKING, Any

from emotion_camera.boards import full_name
from emotion_camera.camera.recorded import RecordedStream
from emotion_camera.camera.stream import BARE, DRAWN, CameraStream
from emotion_camera.errors import UserError
from emotion_camera.events import Disconnected, Event, Frame, Line
from emotion_camera.jpeg import jpeg
from emotion_camera.reports.parse import EventReport, Face, FacesReport, parse, report_ms_of
from emotion_camera.reports.reasons import REASONS
from emotion_camera.web.live import Page, pack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emotion_camera.recordings import Recorder

QUALITY = 85  # of JPEG: a QVGA frame has about 12 KB
HISTORY_S = 60  # of reports that a new page gets
# Of their faces and scores: no camera makes more in that time, and a hostile one could fill the memory.
MOST_HISTORY = 300_000
ASK_S = 15  # between two questions for the camera's status, which has its free memory
STATUSES = 9  # over which the median of the free memory is taken: between two garbage collections it falls by megabytes
RATE_S = 2  # over which frames a second are counted
GONE_MS, GONE_FRAMES = (
    1000,
    2.5,
)  # without a report of a face, after which it is out of view: of time, and of a slow camera's frames
SLOWEST = 0.1  # frames a second; what is said to be slower is no longer waited for
PATIENCE_S = 5  # for the camera to let go
DRAW_S = 2  # for the camera to say that it draws boxes again
REPORT = "report.html"
COMMANDS = ("calibrate", "clear", "status")  # that a page may give


class Hub:
    """Reads `stream` from the start until `close`. Pages come by `join`; what they ask for is done by `do`, from any thread.

    The pages draw boxes and names themselves, sharp and in colour. So while one is open, or a recording runs, the camera
    leaves its frames bare ("draw off"), where it takes commands.
    """

    def __init__(self, stream: CameraStream) -> None:
        self.name = stream.name
        self._stream = stream
        self._recorded_stream = stream if isinstance(stream, RecordedStream) else None
        self._lock = threading.RLock()
        self._pages: set[Page] = set()
        self._recorder: Recorder | None = None
        self._recording_since = 0.0
        self._recorded = stream.folder if isinstance(stream, RecordedStream) else None  # the newest finished recording
        self._about: dict[str, Any] = {}  # what "ready" and "status" tell
        self._about_line: str | None = None  # the newest of the two, for a recording that starts later
        self._free: deque[int] = deque(maxlen=STATUSES)  # bytes
        self._lost: str | None = None  # why nothing comes at the moment
        self._ended = False  # a recording has been played to its end
        self._mute: str | None = None  # why the camera takes no commands
        self._asks_bare = False  # the camera was last told "draw off"
        self._bare = False  # and has done it
        self._drawn = threading.Event()  # it has done the opposite
        self._history: deque[dict[str, Any]] = deque()
        self._history_size = 0  # faces and scores in it
        self._frame: tuple[int, bytes] | None = None  # the last one: its number, and it
        self._came: deque[float] = deque()  # when the last frames came
        self._told_fps = (0.0, 0.0)  # by the newest report, and when it came
        self._report_ms = 0  # the camera's setting: the least time between two reports
        self._wrong: str | None = None  # what the camera says is wrong at the moment
        self._now_ms = 0  # the last event's time
        self._again = threading.Event()  # a recording that is over was moved
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._ask)]
        for thread in self._threads:
            thread.start()

    def join(self, page: Page) -> None:
        """Send a page what there is now, and from now on what happens."""
        with self._lock:
            self._pages.add(page)
            self._ask_to_draw()
            page.send(self._state())
            page.send({"type": "history", "reports": list(self._history)})
            if self._frame:
                page.show(*self._frame)

    def leave(self, page: Page) -> None:
        with self._lock:
            self._pages.discard(page)
            self._ask_to_draw()

    def do(self, what: Any) -> None:
        """What a page asks for: {"do": "calibrate"}, "clear", "status", "record" (with "frames": true or false), "stop", or
        "play" (with "paused", and perhaps "position" in ms). UserError when it can't be done."""
        wanted = what.get("do") if isinstance(what, dict) else None
        if wanted in COMMANDS:
            self._stream.send_command(wanted)
        elif wanted == "record":
            self._record(bool(what.get("frames")))
        elif wanted == "stop":
            self._stop_recording()
        elif wanted == "play":
            self._play(bool(what.get("paused")), what.get("position"))
        else:
            raise UserError("the page asked for what this program does not know: load it again")

    def report(self) -> bytes:
        """The page of the newest recording, made by `emotion-camera report`. UserError when there is none, or it can't be made."""
        if self._recorded is None:
            raise UserError("Nothing was recorded yet.")
        folder = self._recorded.resolve()  # one that begins with - would be an option
        command = [sys.executable, "-m", "emotion_camera", "report", str(folder), "--out", str(folder / REPORT)]
        made = subprocess.run([*command, "--no-browser"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode:
            raise UserError(made.stderr.strip() or f"{folder}: its report can't be made")
        return (folder / REPORT).read_bytes()

    def close(self) -> None:
        """Lets the camera draw its boxes again and go, and ends a recording."""
        self._stop_recording()
        with self._lock:
            self._pages.clear()
            waits = self._bare and not self._lost
            self._ask_to_draw()
        if waits and not self._recorded_stream:
            self._drawn.wait(DRAW_S)
        self._closed.set()
        self._again.set()
        self._stream.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _read(self) -> None:
        try:
            for event in self._stream.events():
                with self._lock:
                    self._take(event)
            while self._recorded_stream and not self._closed.is_set():
                self._end_of_recording()
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

    def _end_of_recording(self) -> None:
        """Until somebody moves it."""
        with self._lock:
            self._ended = True
            self._tell(self._state())
        self._again.wait()
        self._again.clear()

    def _play(self, paused: bool, position: Any) -> None:
        if self._recorded_stream is None:
            raise UserError("Only a recording can be moved.")
        moves = type(position) in (int, float)
        with self._lock:
            if moves:
                self._forget(0)
                self._tell({"type": "history", "reports": []})
            self._recorded_stream.play(paused, position if moves else None)
            self._ended = self._ended and not moves
            self._tell(self._state())
        if moves:
            self._again.set()

    def _ask_to_draw(self) -> None:
        """Tells the camera "draw off" when a page or a recording begins to need bare frames, and "draw on" when none does."""
        wants_bare = bool(self._pages or self._recorder)
        if wants_bare == self._asks_bare or self._recorded_stream:
            return
        with suppress(UserError):  # the camera keeps its own drawing
            self._drawn.clear()
            self._stream.send_command("draw off" if wants_bare else "draw on")
            self._asks_bare = wants_bare

    def _take(self, event: Event) -> None:
        self._now_ms = event.time_ms
        if self._recorder:
            self._keep(event)
        if isinstance(event, Disconnected):
            self._lost, self._wrong = event.message, None
            self._tell(self._state())
            return
        if self._lost or self.name != self._stream.name:
            self._lost, self.name = None, self._stream.name
            self._ask_anew()
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
        if isinstance(report, FacesReport):
            self._remember(report)
        elif isinstance(report, EventReport):
            self._hear_event(report, line)

    def _hear_event(self, report: EventReport, line: str) -> None:
        told_ms = report_ms_of(report)
        self._report_ms = self._report_ms if told_ms is None else told_ms
        self._note_trouble(report)
        if report.event in ("ready", "status"):
            self._about |= report.fields
            self._about_line = line
            if type(report.fields.get("free")) is int:
                self._free.append(report.fields["free"])
                self._about["free"] = median_high(self._free)
            if report.event == "ready":  # the program has started anew, and draws
                self._ask_anew()
            self._tell(self._state())
        elif report.message in (BARE, DRAWN):
            self._bare = report.message == BARE
            if not self._bare:
                self._drawn.set()
            self._tell(self._state())
        elif report.event != "recovered":
            message = report.message or f"{report.event}: the camera has done it."
            self._tell({"type": "notice", "message": message, "bad": report.event == "error"})

    def _note_trouble(self, report: EventReport) -> None:
        """An error is told once, and again only by "status": who comes later, or has lost a line, learns it there."""
        before = self._wrong
        if report.event in ("error", "recovered", "ready"):
            self._wrong = report.message if report.event == "error" else None
        self._wrong = report.fields.get("problem", self._wrong)
        if self._wrong != before:
            self._tell(self._state())

    def _ask_anew(self) -> None:
        self._bare = self._asks_bare = False
        self._ask_to_draw()
        self._tell(self._state())

    def _remember(self, report: FacesReport) -> None:
        """The camera prints a report before the frame that it is about is sent: that is the next one to come."""
        faces = [_fields(face) for face in report.faces]
        number = self._frame[0] + 1 if self._frame else 1
        told = {"type": "faces", "at": self._now_ms, "frame": number, "faces": faces, **self._pace(report.fps)}
        self._told_fps = report.fps, time.monotonic()
        self._history.append(told)
        self._history_size += _size(told)
        self._forget(MOST_HISTORY)
        self._tell(told)

    def _forget(self, most: int) -> None:
        """Reports that are too old, and the oldest while there is more than `most` in them."""
        while self._history and (self._history_size > most or self._now_ms - self._history[0]["at"] > 1000 * HISTORY_S):
            self._history_size -= _size(self._history.popleft())

    def _pace(self, fps: float) -> dict[str, Any]:
        """How long a report stands, ms: `every` until the next one at least, `patience` until its faces are out of view."""
        patience = self._report_ms + max(GONE_MS, GONE_FRAMES * 1000 / max(fps, SLOWEST) if fps else 0)
        return {"every": self._report_ms, "patience": round(patience)}

    def _tell(self, message: dict[str, Any]) -> None:
        for page in self._pages:
            page.send(message)

    def _state(self) -> dict[str, Any]:
        recorder, played = self._recorder, self._recorded_stream
        return {
            "type": "state",
            "name": full_name(self.name),
            "board": full_name(played.source if played else self.name).partition(" on ")[0],
            "note": self._stream.limitation,
            "lost": self._lost,
            "wrong": self._wrong,
            "mute": self._mute,
            "about": dict(self._about),  # it is sent by another thread
            "reasons": {why: [reason.what, reason.live] for why, reason in REASONS.items()},
            "bare": self._bare,
            "recording": recorder
            and {"folder": str(recorder.folder), "seconds": time.monotonic() - self._recording_since},
            "recorded": str(self._recorded) if self._recorded else None,
            "playback": played and {"length": played.length_ms, "paused": played.paused, "ended": self._ended},
            **self._pulse(),
        }

    def _pulse(self) -> dict[str, Any]:
        """What a page gets each second, too."""
        played = self._recorded_stream
        return {"fps": self._fps(), "at": self._now_ms, "position": played.position_ms if played else None}

    def _fps(self) -> float:
        """Frames a second that came from the camera, or that it reports where its picture does not come; 0 when none came lately."""
        now = time.monotonic()
        if len(self._came) > 1 and now - self._came[-1] < RATE_S:
            return round((len(self._came) - 1) / (self._came[-1] - self._came[0]), 1)
        fps, at = self._told_fps
        return round(fps, 1) if not self._came and now - at < RATE_S + self._report_ms / 1000 else 0

    def _ask(self) -> None:
        """Every second how fast it goes, and every now and then how the camera is."""
        asked = -float(ASK_S)
        while not self._closed.wait(1):
            with self._lock:
                lost = self._lost
                self._tell({"type": "pulse", **self._pulse()})
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
            if self._recorded_stream:
                raise UserError(f"{self.name}: is recorded already")
            self._recorder, self._recording_since = Recorder(new_folder(), self.name, frames=frames), time.monotonic()
            self._ask_to_draw()
            for line in (self._about_line, _BARE_LINE if self._bare else None):
                if line:
                    self._keep(Line(self._now_ms, line))
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
            self._recorded = Path(recorder.folder)
            self._ask_to_draw()
            try:
                recorder.close()
            except UserError as error:
                self._tell({"type": "notice", "message": str(error), "bad": True})
            self._tell(self._state())


def _size(told: dict[str, Any]) -> int:
    """Faces and scores of a report as pages get it."""
    return sum(1 + len(scores) for _, _, _, scores, *_ in told["faces"])


def _fields(face: Face) -> list[Any]:
    """What a page gets of a face."""
    return [face.id, face.emotion, face.score, face.scores, face.box, face.why, face.valence, face.arousal]


# A recording of bare frames says so, and the page draws boxes when it is played.
_BARE_LINE = json.dumps({"v": 1, "event": "reply", "message": BARE})
