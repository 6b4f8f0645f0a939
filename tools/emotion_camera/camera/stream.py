"""A camera as it runs: its frames and its lines, one after the other, and the commands that it is given.

with closing(open_stream("simulator")) as stream:
    for event in stream.events():
        if isinstance(event, Line):
            print(printable(event.text))
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from emotion_camera.camera.ports import BAUD, choose_port, find_port, open_port, simulated_board
from emotion_camera.camera.serial import SerialConnection
from emotion_camera.camera.usb import ProtocolConnection
from emotion_camera.errors import UserError
from emotion_camera.events import ConnectionLost, Disconnected, Event, Frame, Line
from emotion_camera.reports.check import ReportCheck
from emotion_camera.reports.parse import Report, parse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emotion_camera.simulator.host.sources import Source

RETRY_S = 0.5  # between two tries to connect again
ASK_S = 5  # between two questions for the labels, while there are reports that don't fit those that are known
LONGEST_RETRY_S = 5  # the same for who reads reports, perhaps for days: each wait is twice the one before
# How the camera program answers "draw off" and "draw on", and one that knows neither.
BARE, DRAWN, NO_COMMAND = "draw is off.", "draw is on.", "That is no command"
NO_COMMANDS = (
    "the program on the camera takes no commands while its picture is watched: put the newest one on it "
    "(emotion-camera deploy), or type the command in a serial terminal"
)
NO_PACKAGE = (
    "the Python package openmv is not installed, and there is none for Python 3.14: the camera's reports come, its picture "
    "does not; use Python 3.13 or older"
)

log = logging.getLogger(__name__)


class CameraStream(Protocol):
    """A camera, real or simulated, or a recording that is played."""

    @property
    def name(self) -> str:
        """ "OpenMV Cam H7 Plus on /dev/ttyACM0", "simulated h7plus", "recording holiday"."""
        ...

    @property
    def limitation(self) -> str | None:
        """What this one can't do, as a sentence for the person: no picture, for example."""
        ...

    @property
    def damaged(self) -> int:
        """How many reports were left out so far, because the camera can't have sent them: see `emotion_camera.reports.check`."""
        ...

    def events(self) -> Generator[Event, None, None]:
        """What happens, as it happens; ends when `close` is called, or the recording is over. To be read by one thread."""
        ...

    def send_command(self, command: str) -> None:
        """Gives the camera program a command such as "calibrate", from any thread; UserError when it can't be given."""
        ...

    def close(self) -> None:
        """Ends `events`, from any thread; at once, or as soon as the camera answers."""
        ...


class Connection(Protocol):
    """One connection to a camera, from its first to its last byte. All but `limitation` and `takes_commands` for one thread."""

    @property
    def name(self) -> str: ...

    @property
    def limitation(self) -> str | None: ...

    @property
    def takes_commands(self) -> bool: ...

    def read(self) -> tuple[list[str], NDArray[np.uint8] | None]:
        """The lines and the frame that are new; waits a moment when there are none. Raises ConnectionLost."""
        ...

    def write_line(self, command: str) -> None:
        """Sends a line to the camera program. Raises ConnectionLost."""
        ...

    def close(self) -> None: ...


def open_stream(port: str | None, source: str | None = None) -> CameraStream:
    """The camera on `port`: None the one on USB, a device or pyserial's URL; "simulator" or "simulator:BOARD" a simulated one,
    whose disk is the folder .simulated-camera/BOARD here; the path of a recording's folder plays that.
    `source` is what a simulated camera sees, live: "webcam", a picture, a folder, a video, the URL of a stream or "clip".

    Raises UserError with a sentence when it can't be opened.
    """
    board = simulated_board(port or (None if source is None else "simulator"))
    if source is not None and board is None:
        raise UserError(f"{port}: sees what is in front of it; give --source without --port, or with --port simulator")
    if board is not None:
        from emotion_camera.camera.simulated import SimulatedStream

        return SimulatedStream(board, None if source is None else _live(source))
    if port is not None and Path(port).is_dir():
        from emotion_camera.camera.recorded import RecordedStream

        return RecordedStream(Path(port))
    if port is not None and Path(port).is_file():
        raise UserError(f"{port}: is a file; give a camera's port, simulator, or the folder of a recording")
    chosen = choose_port(port)
    return ReconnectingStream(lambda: _connect(chosen or find_port()))


def _live(source: str) -> Source:
    from emotion_camera.simulator.host.sources import in_real_time, open_source

    opened = open_source(source)
    return opened if opened.live or opened.still else in_real_time(opened)


def read_reports(port: str | None = None, *, baud: int = BAUD, reconnect: bool = True) -> Iterator[Report]:
    """The reports of the camera on `port`, as they come.

    `port` is a device such as /dev/ttyACM0 or COM3, or one of pyserial's URLs, such as socket://host:1234; None finds
    the camera on USB. As in `open_stream` it may be a simulated camera, or the folder of a recording, which ends.
    `baud` matters on a UART alone; on USB, 921600 and 12000000 would silence the reports.
    When the camera is unplugged, this waits for it to come back, for ever, or ends if `reconnect` is false.
    Raises UserError when the first connection fails, and ReportError as `parse` does.
    """
    stream = _reports_stream(port, baud, LONGEST_RETRY_S if reconnect else None)
    with closing(stream.events()) as events:
        for event in events:
            if isinstance(event, Disconnected):
                log.warning("%s", event.message)
            elif isinstance(event, Line) and (report := parse(event.text)) is not None:
                yield report


def _reports_stream(port: str | None, baud: int, longest_retry_s: float | None) -> CameraStream:
    """Without pictures, where there is a choice."""
    if simulated_board(port) is not None or (port is not None and Path(port).is_dir()):
        return open_stream(port)
    return ReconnectingStream(lambda: SerialConnection(port or find_port(), baud), longest_retry_s)


def _connect(port: str) -> Connection:
    """Protocol V2 where the camera speaks it, else its serial port. UserError when the port can't be opened."""
    if "://" in port:  # the package takes none
        return SerialConnection(port)
    open_port(port).close()  # raises UserError with the reason; the package does not
    try:
        return ProtocolConnection(port)
    except ConnectionLost:
        return SerialConnection(port)
    except ModuleNotFoundError:
        connection = SerialConnection(port)
        connection.limitation = NO_PACKAGE
        return connection


class ReconnectingStream:
    """A `CameraStream` of what `connect` gives, which is called again while the connection is lost.

    The first call is made here: UserError as `connect` raises it. `longest_retry_s`: most seconds between two tries, None
    ends the events with the connection. Each connection is asked for its status, because a camera that was running before
    has told its labels long ago. Reports that it can't have sent are left out: see `emotion_camera.reports.check`.
    """

    def __init__(self, connect: Callable[[], Connection], longest_retry_s: float | None = RETRY_S) -> None:
        self._connect = connect
        self._longest_retry_s = longest_retry_s
        self._commands: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._opened = time.monotonic()
        self._connection: Connection | None = None
        self.damaged = 0
        self._open()

    def events(self) -> Generator[Event, None, None]:
        try:
            while self._connection is not None and not self._closed.is_set():
                try:
                    yield from self._listen(self._connection)
                except ConnectionLost:
                    self._disconnect()
                    if self._longest_retry_s is not None:
                        yield from self._reconnect(self._longest_retry_s)
        finally:
            self._disconnect()

    def send_command(self, command: str) -> None:
        if self._connection is None:
            raise UserError(f"{self.name}: is not connected; plug it in, then give the command again")
        if not self._connection.takes_commands:
            raise UserError(NO_COMMANDS)
        self._commands.put(command)

    def close(self) -> None:
        self._closed.set()

    def _open(self) -> None:
        connection = self._connect()
        self.name, self.limitation = connection.name, connection.limitation
        self._connection = connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _listen(self, connection: Connection) -> Iterator[Event]:
        check, asked_s = ReportCheck(), -math.inf
        doubtful = True  # the labels are not known
        while not self._closed.is_set():
            while not self._commands.empty():
                connection.write_line(self._commands.get())
            if doubtful and connection.takes_commands and time.monotonic() - asked_s > ASK_S:
                connection.write_line("status")
                doubtful, asked_s = False, time.monotonic()
            lines, picture = connection.read()
            for line in lines:
                if check.believes(line):
                    yield Line(self._ms(), line)
                else:
                    doubtful = True
                    self.damaged += 1
            if picture is not None:
                check.see_frame(picture.shape[1], picture.shape[0])
                yield Frame(self._ms(), picture)

    def _reconnect(self, longest_retry_s: float) -> Iterator[Disconnected]:
        """Tries until it is connected again; one event for each reason why it is not."""
        message = f"{self.name}: the connection is lost; plug the camera in again, the rest goes by itself"
        yield Disconnected(self._ms(), message)
        retry_s: float = RETRY_S
        while not self._wait(retry_s):
            try:
                return self._open()
            except ConnectionLost:
                pass
            except UserError as error:
                if str(error) != message:
                    message = str(error)
                    yield Disconnected(self._ms(), message)
            retry_s = min(2 * retry_s, longest_retry_s)

    def _wait(self, seconds: float) -> bool:
        """Whether it was closed meanwhile."""
        return self._closed.wait(seconds)

    def _ms(self) -> int:
        return round((time.monotonic() - self._opened) * 1000)
