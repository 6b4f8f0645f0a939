"""The port that a camera is on: found by its USB id, opened, or the name of a simulated camera."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.boards import BOARDS, USB, find_board
from emotion_camera.errors import UserError

if TYPE_CHECKING:
    from serial import SerialBase

# Any rate will do on USB but 921600 and 12000000: there they make the camera speak the IDE's protocol, not text.
BAUD = 115200
TIMEOUT_S = 0.5  # of a read: on Windows, Ctrl-C waits for its end
SIMULATED = (
    "simulator",
    "virtual",
)  # the port of a simulated camera, alone or with ":" and a board; virtual is its older name
# Help of the option --source.
SOURCE_HELP = (
    "what the simulated camera sees: webcam or webcam:1, a picture, a folder, a video, the URL of a stream, or clip"
)
SIMULATED_BOARD = "h7plus"  # which is meant without one


def simulated_board(port: str | None) -> str | None:
    """The board, by its name in BOARDS, of the simulated camera that `port` means; None where it means none.

    UserError for a board that is not known.
    """
    kind, _, name = (port or "").partition(":")
    if kind not in SIMULATED:
        return None
    found = find_board(name or SIMULATED_BOARD)
    return next(each for each, board in BOARDS.items() if board is found)


def find_port() -> str:
    """The serial port of the camera that is plugged in; UserError when there is none, or more than one."""
    from serial.tools import list_ports

    found = [(port.device, USB.get((port.vid, port.pid))) for port in list_ports.comports()]
    cameras = [(device, name) for device, name in found if name]
    if not cameras:
        raise UserError("no OpenMV camera is on USB: plug it in, or give its port, such as /dev/ttyACM0 or COM3")
    if len(cameras) > 1:
        listed = ", ".join(f"{device} ({name})" for device, name in sorted(cameras))
        raise UserError(f"{len(cameras)} OpenMV cameras are on USB: give the port of one of {listed}")
    return cameras[0][0]


def open_port(port: str, baud: int = BAUD) -> SerialBase:
    """The open `port`: a device such as /dev/ttyACM0 or COM3, or one of pyserial's URLs, such as socket://host:1234.

    No other program can open it meanwhile. Raises UserError with a sentence when it cannot be opened.
    """
    import serial

    try:
        return serial.serial_for_url(port, baudrate=baud, timeout=TIMEOUT_S, exclusive=True)
    except Exception as error:  # OSError, mostly; termios.error of a port that vanishes, ValueError of a wrong URL
        raise UserError(f"{port}: {_why(port, error)}") from None


def _why(port: str, error: Exception) -> str:
    """Windows' errors come from pyserial without a number, as text."""
    number, text = getattr(error, "errno", None), str(error)
    if number == errno.ENOENT or "FileNotFoundError" in text:
        return "there is no such port; plug the camera in, or give another port"
    if number in (errno.EBUSY, errno.EAGAIN) or "PermissionError" in text:
        return f"{_holder(port)} has the port open; close it (OpenMV IDE, a serial terminal) and try again"
    if number in (errno.EACCES, errno.EPERM):
        return f"you may not open the port; run sudo usermod -aG {_group(port)} $USER, then log out and in"
    return f"the port cannot be opened ({text})"


def _holder(port: str) -> str:
    """The program that has `port` open, where the system tells: Linux does, of one's own programs."""
    device = os.path.realpath(port)
    for opened in Path("/proc").glob("[0-9]*/fd/*"):
        process = opened.parts[2]
        try:
            if process != str(os.getpid()) and os.readlink(opened) == device:
                return f"{Path('/proc', process, 'comm').read_text().strip()} (process {process})"
        except OSError:  # it has ended, or closed the file
            continue
    return "another program"


def _group(port: str) -> str:
    """The group whose members may open `port`: dialout on Debian and Ubuntu, uucp on Arch."""
    import grp

    try:
        name = grp.getgrgid(os.stat(port).st_gid).gr_name
    except (KeyError, OSError):
        return "dialout"
    return "dialout" if name == "root" else name
