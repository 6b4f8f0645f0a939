"""A camera on USB by OpenMV's protocol V2 (firmware v5), which PyPI's `openmv` speaks: its picture and its lines."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any

from emotion_camera.boards import USB
from emotion_camera.events import ConnectionLost
from emotion_camera.reports.lines import LineReader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNEL = "emotion"  # the camera program's own
WRITABLE = 1 << 1  # of a channel's flags: OMV_PROTOCOL_CHANNEL_FLAG_WRITE in firmware v5.0.0's omv_protocol_channel.h
MOST_STDOUT = 65536  # bytes a read; the firmware holds 2,048 at most
QUIET_S = 0.002  # before the camera is asked again when it had nothing new


class ProtocolConnection:
    """See `emotion_camera.camera.stream.Connection`. ConnectionLost when nobody speaks protocol V2 on `port`.

    Lines are read from the channel `stdout`: it holds all of them, the last 1,024 bytes, where the program's own channel
    holds the newest alone, so that a reply would be lost to the report of the next frame. Commands go to the program's
    own channel: while this protocol is spoken the firmware keeps everything from the program's standard input, and
    the channel `stdin` takes programs.
    """

    limitation = None

    def __init__(self, port: str) -> None:
        self._lines = LineReader()
        self._camera = _camera(port)
        self._call(self._camera.connect)
        ids = self._camera.sysinfo["usb_vid"], self._camera.sysinfo["usb_pid"]
        self.name = f"{USB.get(ids, 'OpenMV Cam')} on {port}"
        self._call(self._camera.streaming, True)

    @property
    def takes_commands(self) -> bool:
        number = self._camera.channels_by_name.get(CHANNEL)
        return number is not None and bool(self._camera.channels_by_id[number]["flags"] & WRITABLE)

    def read(self) -> tuple[list[str], NDArray[np.uint8] | None]:
        has_new = self._call(self._camera.read_status)
        data = self._call(self._read_stdout) if has_new.get("stdout") else b""
        frame = self._call(self._camera.read_frame) if has_new.get("stream") else None
        if not data and frame is None:
            time.sleep(QUIET_S)
        return self._lines.feed(data), None if frame is None else _pixels(frame)

    def write_line(self, command: str) -> None:
        self._call(self._camera.channel_write, CHANNEL, command.encode() + b"\n")

    def close(self) -> None:
        try:
            with contextlib.suppress(ConnectionLost):
                self._call(self._camera.streaming, False)  # else the camera goes on compressing frames for nobody
        finally:
            self._camera.disconnect()

    def _read_stdout(self) -> bytes:
        """Not by the package's `read_stdout`, which drops damaged letters, and one whose bytes come in two reads."""
        size = min(self._camera.channel_size("stdout"), MOST_STDOUT)
        return bytes(self._camera.channel_read("stdout", size)) if size else b""

    def _call(self, method: Any, *arguments: Any) -> Any:
        """Calls the package; ConnectionLost for all that it raises when the camera has gone: it even ends the process."""
        try:
            return method(*arguments)
        except (Exception, SystemExit) as error:
            raise ConnectionLost from error


def _camera(port: str) -> Any:
    """The package's camera, made to run before Python 3.12 too: there `4 in Opcode`, which openmv 1.0.7 asks wherever it
    logs a packet, raises TypeError, and the package then ends the process."""
    from openmv import Camera
    from openmv.constants import EventType
    from openmv.transport import Transport

    class Quiet(Camera):
        def _handle_event(self, channel: int, event: int) -> None:
            if channel == 0 and event == EventType.CHANNEL_REGISTERED:
                self.pending_channel_events += 1

    Transport.log = lambda *_, **__: None
    logging.getLogger().addHandler(logging.NullHandler())  # it logs errors by the root logger, which would print them
    return Quiet(port)


def _pixels(frame: dict[str, Any]) -> NDArray[np.uint8] | None:
    """A frame of the package, which makes all of them RGB; a grey one is made grey again. None for one that is damaged."""
    import numpy as np

    height, width = frame["height"], frame["width"]
    if min(height, width) < 1 or len(frame["data"]) != 3 * height * width:
        return None
    rgb = np.frombuffer(frame["data"], np.uint8).reshape(height, width, 3)
    grey = rgb[..., 0]
    return grey if (grey == rgb[..., 1]).all() and (grey == rgb[..., 2]).all() else rgb
