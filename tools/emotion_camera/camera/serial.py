"""A camera's serial port, or a UART: the lines that it prints, and commands typed to it."""

from __future__ import annotations

from emotion_camera.camera.ports import BAUD, open_port
from emotion_camera.events import ConnectionLost
from emotion_camera.reports.lines import LineReader


class SerialConnection:
    """See `emotion_camera.camera.stream.Connection`. UserError when the port can't be opened."""

    takes_commands = True
    limitation = (
        "the camera does not speak OpenMV's protocol V2, which firmware v5 has: its reports come, its picture does not"
    )

    def __init__(self, port: str, baud: int = BAUD) -> None:
        self._serial = open_port(port, baud)
        self._lines = LineReader()
        self.name = f"camera on {port}"

    def read(self) -> tuple[list[str], None]:
        try:
            data = self._serial.read(self._serial.in_waiting or 1)
        except OSError as error:
            raise ConnectionLost from error
        return self._lines.feed(data), None

    def write_line(self, command: str) -> None:
        try:
            self._serial.write(command.encode() + b"\r\n")
        except OSError as error:
            raise ConnectionLost from error

    def close(self) -> None:
        self._serial.close()
