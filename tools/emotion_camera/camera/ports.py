"""The port that a camera is on: found by its USB id, opened, or the name of a simulated camera."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.boards import BOARDS, USB, find_board
from emotion_camera.errors import UserError
from emotion_camera.terminal import print_line

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
TRIES = 3  # to name one of several cameras
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
    cameras = _cameras()
    if not cameras:
        raise UserError("no OpenMV camera is on USB: plug it in, or give its port, such as /dev/ttyACM0 or COM3")
    if len(cameras) > 1:
        raise UserError(f"{len(cameras)} OpenMV cameras are on USB: give the port of one of {_listed(cameras)}")
    return next(iter(cameras))


def choose_port(port: str | None) -> str | None:
    """`port`, or in its place the one that the person chooses: where there are several cameras and none is given, or where
    there is no such port but cameras on others. Without a terminal, or an answer, UserError with the list; nothing is guessed.

    None stays None where one camera is on USB, or none: its port may have another name after a reset.
    """
    if port is None and len(cameras := _cameras()) > 1:
        return _ask(f"{len(cameras)} OpenMV cameras are on USB", cameras)
    if port is not None and _is_missing(port) and (cameras := _cameras()):
        return _ask(f"{port}: there is no such port", cameras)
    return port


def on_usb() -> str:
    """The cameras on USB, as the end of a sentence about another port; "" without any."""
    cameras = _cameras()
    return f"; on USB there is {_listed(cameras)}" if cameras else ""


def _cameras() -> dict[str, str]:
    """The names of the cameras on USB by their ports."""
    from serial.tools import list_ports

    found = sorted((port.device, USB.get((port.vid, port.pid))) for port in list_ports.comports())
    return {device: name for device, name in found if name}


def _listed(cameras: dict[str, str]) -> str:
    return ", ".join(f"{device} ({name})" for device, name in cameras.items())


def _is_missing(port: str) -> bool:
    from serial.tools import list_ports

    if os.name == "nt":
        return port.upper().startswith("COM") and port.upper() not in {
            it.device.upper() for it in list_ports.comports()
        }
    return "://" not in port and not os.path.exists(port)


def _ask(trouble: str, cameras: dict[str, str]) -> str:
    meant = {str(number): device for number, device in enumerate(cameras, 1)} | {device: device for device in cameras}
    if sys.stdin.isatty() and sys.stdout.isatty():
        print_line(f"{trouble}. Cameras:")
        for number, (device, name) in enumerate(cameras.items(), 1):
            print_line(f"  {number}  {device}  {name}")
        with contextlib.suppress(EOFError):
            for _ in range(TRIES):
                answer = input("which one? its number, or nothing to stop: ").strip()
                if not answer:
                    break
                if answer in meant:
                    return meant[answer]
    raise UserError(f"{trouble}: give --port with one of {_listed(cameras)}")


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
        return f"there is no such port; plug the camera in, or give another port{on_usb()}"
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
