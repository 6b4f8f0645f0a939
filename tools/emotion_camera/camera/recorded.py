"""A recording, played as if its camera were here."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right
from collections.abc import Generator, Iterator
from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.events import Event, Frame


class RecordedStream:
    """Plays the recording in `folder` once, at its own pace; see `emotion_camera.camera.stream.CameraStream`. UserError when it can't be read.

    It can be paused and moved, from any thread; `events` may be called again after it is over.
    """

    limitation = None
    damaged = 0  # here, not by the recording's reader

    def __init__(self, folder: Path) -> None:
        from emotion_camera.recordings import read_recording

        self.folder = folder
        self._recording = read_recording(folder)
        self.source = self._recording.source  # the camera
        self.name = f"recording {folder.resolve().name}"
        self.length_ms = self._recording.length_ms()
        self.paused = False
        self._at_ms, self._since = 0.0, math.inf  # a position, and when it was there
        self._moved = True  # the events go on from another position
        self._closed = False
        self._changed = threading.Condition()

    @property
    def position_ms(self) -> int:
        """What is shown now, ms since the start."""
        return round(min(self._now_ms(), self.length_ms))

    def play(self, paused: bool = False, position_ms: float | None = None) -> None:
        """Go on, or pause, here or at a position; there the first frame is shown even while it is paused."""
        with self._changed:
            at_ms = self.position_ms if position_ms is None else position_ms
            self._at_ms, self._since, self.paused = min(max(0, at_ms), self.length_ms), time.monotonic(), paused
            self._moved = self._moved or position_ms is not None
            self._changed.notify_all()

    def events(self) -> Generator[Event, None, None]:
        """What happened, when its time has come."""
        self._since = min(self._since, time.monotonic())
        while self._moved and not self._closed:
            self._moved = False
            yield from self._play_on()

    def send_command(self, command: str) -> None:
        raise UserError(f"{self.name}: is a recording and takes no commands; give a camera's port to talk to one")

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _now_ms(self) -> float:
        return self._at_ms + (0 if self.paused else 1000 * max(0, time.monotonic() - self._since))

    def _play_on(self) -> Iterator[Event]:
        """From the position until it is moved, closed or over."""
        shown = not self._recording.frames
        for event in self._recording.events(self._start_ms()):
            if not self._is_due(event.time_ms, shown):
                return
            yield event
            shown = shown or isinstance(event, Frame)

    def _start_ms(self) -> int:
        """From here on, the first frame is that of the position, and its report comes before it."""
        times = [frame.time_ms for frame in self._recording.frames]
        place = bisect_right(times, self._at_ms) - 1
        return times[place - 1] + 1 if place > 0 else 0 if times else round(self._at_ms)

    def _is_due(self, time_ms: int, shown: bool) -> bool:
        """Waits for an event's time, but not while paused at a position that was not shown yet; False when it was moved or closed."""
        with self._changed:
            while not self._moved and not self._closed:
                left_s = (time_ms - self._now_ms()) / 1000
                if left_s <= 0 or (self.paused and not shown):
                    return True
                self._changed.wait(None if self.paused else min(left_s, threading.TIMEOUT_MAX))
            return False
