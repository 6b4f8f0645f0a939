"""A camera as it runs: its frames and its lines, one after the other, and the commands that it is given.

with closing(open_live("virtual")) as live:
    for event in live.events():
        if isinstance(event, Text):
            print(event.text)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from emotion_camera.errors import UserError
from emotion_camera.reports.parse import Joiner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VIRTUAL = "virtual"
VIRTUAL_BOARD = "h7plus"  # which "virtual" alone means
LONGEST_LINE = 65536  # bytes; what has no line end for longer is no line, and would fill the memory


@dataclass(frozen=True)
class Frame:
    """The frame buffer as the camera shows it, boxes drawn. Times are ms since the connection was opened, by this
    computer's clock."""

    time_ms: int
    picture: NDArray[np.uint8]  # [H, W] or [H, W, 3], RGB


@dataclass(frozen=True)
class Text:
    """A line that the camera printed; `emotion_camera.reports.parse.parse` reads it."""

    time_ms: int
    text: str


@dataclass(frozen=True)
class Gone:
    """The connection was lost, or the program has ended: what to do, as a sentence. The events go on when it is back."""

    time_ms: int
    message: str


Event = Frame | Text | Gone


class Live(Protocol):
    """A camera, real or virtual, or a recording that is played."""

    @property
    def name(self) -> str:
        """ "OpenMV Cam H7 Plus on /dev/ttyACM0", "virtual h7plus", "recording holiday"."""
        ...

    @property
    def note(self) -> str | None:
        """What this one can't do, as a sentence for the person: no picture, for example."""
        ...

    def events(self) -> Iterator[Event]:
        """What happens, as it happens; ends when `close` is called, or the recording is over. To be read by one thread."""
        ...

    def say(self, command: str) -> None:
        """Gives the camera program a command such as "calibrate", from any thread; UserError when it can't be given."""
        ...

    def close(self) -> None:
        """Ends `events`, from any thread; at once, or as soon as the camera answers."""
        ...


def open_live(port: str | None) -> Live:
    """The camera on `port`: None the one on USB, a device or pyserial's URL, "virtual" or "virtual:BOARD" a virtual one,
    whose disk is the folder .virtual-camera/BOARD here; the path of a recording's folder plays that.

    Raises UserError with a sentence when it can't be opened.
    """
    if port is not None and port.partition(":")[0] == VIRTUAL:
        from emotion_camera.camera.simulated import VirtualLive

        return VirtualLive(port.partition(":")[2] or VIRTUAL_BOARD)
    if port is not None and Path(port).is_dir():
        from emotion_camera.camera.recorded import RecordingLive

        return RecordingLive(Path(port))
    if port is not None and Path(port).is_file():
        raise UserError(f"{port}: is a file; give a camera's port, virtual, or the folder of a recording")
    from emotion_camera.camera.usb import CameraLive

    return CameraLive(port)


class Lines:
    """Bytes as they come, put together to lines, and lines that are one report to one."""

    def __init__(self) -> None:
        self._rest = b""
        self._joiner = Joiner()

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` ends. A damaged one is left out: it could pass for a report of what was never seen."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""
        texts = [line.rstrip(b"\r").decode("utf-8", "replace") for line in lines]
        whole = [self._joiner.add(text) for text in texts if text and "\ufffd" not in text]
        return [text for text in whole if text]
