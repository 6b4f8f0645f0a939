"""A recording, played as if its camera were here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from emotion_camera.events import Event
from emotion_camera.errors import UserError


class RecordedStream:
    """Plays the recording in `folder` once, at its own pace; see `emotion_camera.camera.stream.CameraStream`. UserError when it can't be read."""

    limitation = None

    def __init__(self, folder: Path) -> None:
        from emotion_camera.recordings import read_recording

        self._recording = read_recording(folder)
        self.name = f"recording {folder.resolve().name}"
        self._closed = threading.Event()

    def events(self) -> Iterator[Event]:
        """What happened, when its time has come."""
        start = time.monotonic()
        for event in self._recording.events():
            if self._closed.wait(max(0, start + event.time_ms / 1000 - time.monotonic())):
                return
            yield event

    def send_command(self, command: str) -> None:
        raise UserError(f"{self.name}: is a recording and takes no commands; give a camera's port to talk to one")

    def close(self) -> None:
        self._closed.set()
