"""A camera on USB: picture and lines by OpenMV's protocol V2 (firmware v5), or its lines alone from the serial port."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from emotion_camera.camera.ports import CAMERAS, find_port, open_port
from emotion_camera.camera.stream import Event, Frame, Gone, Lines, Text
from emotion_camera.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNEL = "emotion"  # the camera program's own, of protocol V2
WRITABLE = 1 << 1  # of a channel's flags: OMV_PROTOCOL_CHANNEL_FLAG_WRITE in firmware v5.0.0's omv_protocol_channel.h
RETRY_S = 0.5  # between two tries to connect again
QUIET_S = 0.002  # before the camera is asked again when it had nothing new

NO_PICTURE = (
    "the camera does not speak OpenMV's protocol V2, which firmware v5 has: its reports come, its picture does not"
)
NO_COMMANDS = (
    "the program on the camera takes no commands while its picture is watched: put the newest one on it "
    "(emotion-camera deploy), or type the command in a serial terminal"
)


class Lost(Exception):
    """The camera no longer answers."""


class Connection(Protocol):
    """One way to talk to a camera, from the first to the last byte. All but `note` and `takes_commands` for one thread."""

    @property
    def name(self) -> str: ...

    @property
    def note(self) -> str | None: ...

    @property
    def takes_commands(self) -> bool: ...

    def take(self) -> tuple[list[str], NDArray[np.uint8] | None]:
        """The lines and the frame that are new; waits a moment when there are none. Lost when the camera has gone."""
        ...

    def type(self, command: str) -> None:
        """Sends a line to the camera program. Lost when the camera has gone."""
        ...

    def close(self) -> None: ...


class CameraLive:
    """The camera on `port`, or the one on USB; see `emotion_camera.camera.stream.Live`. Connects again when the cable was pulled."""

    def __init__(self, port: str | None) -> None:
        self._port = port
        self._typed: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._opened = time.monotonic()
        self._connection: Connection | None = connect(port or find_port())
        self.name = self._connection.name
        self.note = self._connection.note

    def events(self) -> Iterator[Event]:
        try:
            while not self._closed.is_set():
                assert self._connection is not None
                try:
                    yield from self._listen(self._connection)
                except Lost:
                    yield from self._come_back()
        finally:
            self._let_go()

    def say(self, command: str) -> None:
        if self._connection is None:
            raise UserError(f"{self.name}: is not connected; plug it in, then give the command again")
        if not self._connection.takes_commands:
            raise UserError(NO_COMMANDS)
        self._typed.put(command)

    def close(self) -> None:
        self._closed.set()

    def _ms(self) -> int:
        return round((time.monotonic() - self._opened) * 1000)

    def _listen(self, connection: Connection) -> Iterator[Event]:
        while not self._closed.is_set():
            while not self._typed.empty():
                connection.type(self._typed.get())
            lines, picture = connection.take()
            for line in lines:
                yield Text(self._ms(), line)
            if picture is not None:
                yield Frame(self._ms(), picture)

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _come_back(self) -> Iterator[Gone]:
        """Tries until the camera is there again, and tells why it is not, once for each reason."""
        self._let_go()
        message = f"{self.name}: the connection is lost; plug the camera in again, the rest goes by itself"
        yield Gone(self._ms(), message)
        while not self._closed.wait(RETRY_S):
            try:
                self._connection = connect(self._port or find_port())
                self.name, self.note = self._connection.name, self._connection.note
                return
            except (UserError, Lost) as error:
                if isinstance(error, UserError) and str(error) != message:
                    message = str(error)
                    yield Gone(self._ms(), message)


def connect(port: str) -> Connection:
    """Protocol V2 where the camera speaks it, else its serial port. UserError when the port can't be opened."""
    if "://" in port:  # the package takes none
        return SerialConnection(port)
    open_port(port).close()  # says in a sentence what is wrong with it
    try:
        return ProtocolConnection(port)
    except Lost:
        return SerialConnection(port)


class ProtocolConnection:
    """By PyPI's `openmv`. Lost, when nobody speaks protocol V2 on `port`.

    Lines are read from the channel `stdout`: it holds all of them, the last 1,024 bytes, where the program's own channel
    holds the newest alone, so that an answer would be lost to the report of the next frame. Commands go to the program's
    own channel: while this protocol is spoken the firmware keeps everything from the program's standard input, and
    the channel `stdin` takes programs.
    """

    note = None

    def __init__(self, port: str) -> None:
        self._lines = Lines()
        self._camera = _camera(port)
        self._ask(self._camera.connect)
        usb = self._camera.sysinfo["usb_vid"], self._camera.sysinfo["usb_pid"]
        self.name = f"{CAMERAS.get(usb, 'OpenMV Cam')} on {port}"
        self._ask(self._camera.streaming, True)

    @property
    def takes_commands(self) -> bool:
        number = self._camera.channels_by_name.get(CHANNEL)
        return number is not None and bool(self._camera.channels_by_id[number]["flags"] & WRITABLE)

    def take(self) -> tuple[list[str], NDArray[np.uint8] | None]:
        has_new = self._ask(self._camera.read_status)
        text = self._ask(self._camera.read_stdout) if has_new.get("stdout") else None
        frame = self._ask(self._camera.read_frame) if has_new.get("stream") else None
        if not text and frame is None:
            time.sleep(QUIET_S)
        lines = self._lines.feed(text.encode()) if text else []
        return lines, None if frame is None else _pixels(frame)

    def type(self, command: str) -> None:
        self._ask(self._camera.channel_write, CHANNEL, command.encode() + b"\n")

    def close(self) -> None:
        try:
            self._ask(self._camera.streaming, False)  # else the camera goes on compressing frames for nobody
        except Lost:
            pass
        finally:
            self._camera.disconnect()

    def _ask(self, what: Any, *arguments: Any) -> Any:
        """Calls the package; Lost for all that it raises when the camera has gone: it even ends the process."""
        try:
            return what(*arguments)
        except (Exception, SystemExit) as error:
            raise Lost from error


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


class SerialConnection:
    """The lines that the camera prints, and what is typed to it. UserError when the port can't be opened."""

    takes_commands = True
    note = NO_PICTURE

    def __init__(self, port: str) -> None:
        self._serial = open_port(port)
        self._lines = Lines()
        self.name = f"camera on {port}"

    def take(self) -> tuple[list[str], None]:
        try:
            data = self._serial.read(self._serial.in_waiting or 1)
        except OSError as error:
            raise Lost from error
        return self._lines.feed(data), None

    def type(self, command: str) -> None:
        try:
            self._serial.write(command.encode() + b"\r\n")
        except OSError as error:
            raise Lost from error

    def close(self) -> None:
        self._serial.close()


def _pixels(frame: dict[str, Any]) -> NDArray[np.uint8]:
    """A frame of the package, which makes all of them RGB; a grey one is made grey again."""
    import numpy as np

    rgb = np.frombuffer(frame["data"], np.uint8).reshape(frame["height"], frame["width"], 3)
    grey = rgb[..., 0]
    return grey if (grey == rgb[..., 1]).all() and (grey == rgb[..., 2]).all() else rgb
