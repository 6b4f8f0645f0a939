"""A camera's files and its REPL, over mpremote: `open_repl` stops the program that runs and holds the port until `close`.

with closing(open_repl("simulator:h7")) as camera:
    print(camera.info.board, camera.sha256("main.py"))
"""

from __future__ import annotations

import ast
import contextlib
import errno
import hashlib
import io
import math
import re
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotion_camera.camera.ports import choose_port, find_port, on_usb, open_port, simulated_board
from emotion_camera.errors import UserError
from emotion_camera.reports.lines import LineReader, LineSplitter

if TYPE_CHECKING:
    from mpremote.transport_serial import SerialTransport
    from serial import SerialBase

    from emotion_camera.simulator.board.board import SimulatedBoard

OLDEST = (4, 5, 5)  # firmware
CHUNK = 1024  # bytes a write: four times mpremote's, and a fraction of the smallest heap with the REPL alone in it
TRIES = 4  # to get the REPL: a program that is being stopped can swallow a key
ANSWER_S = 5  # for its answer to a key
SLOW_S = 60  # what the camera does by itself, such as copying a file, is given so long
STATUS_S = 2  # between two questions for the camera's status
BACK_S = 15  # for the port to come back after a reset
LONGEST_ANSWER = 256 * 1024  # bytes to one command: a camera that never ends, or another device, would fill the memory
LARGEST_FILE = 32_000_000  # bytes that are read from a camera; the largest flash holds 24 MB

INFO = """
import gc, os, sys
try:
    import omv
    who = (omv.board_type(), omv.arch(), (omv.version_major, omv.version_minor, omv.version_patch))
except ImportError:
    who = None
gc.collect()
disk = os.statvfs(".")
try:
    import machine, binascii
    unique_id = binascii.hexlify(machine.unique_id()).decode()
except Exception:
    unique_id = "camera"
print(repr((who, sys.platform, gc.mem_free() + gc.mem_alloc(), os.getcwd(), disk[0], disk[3], unique_id)))
"""

FREE_PROGRAM = """
import gc, sys
sys.modules.pop("emotion_camera", None)
for name in list(globals()):
    if name[0] != "_":
        del globals()[name]
import gc
gc.collect()
"""


@dataclass(frozen=True)
class CameraInfo:
    """Board, firmware and disk of a camera. Sizes in bytes; `disk` is the one that it starts from, `free` its free space in whole clusters."""

    board: str  # omv.board_type()
    arch: str  # omv.arch()
    version: tuple[int, int, int]
    heap: int
    disk: str  # "/flash", or "/sdcard" when a card is in
    cluster: int
    free: int
    unique_id: str  # machine.unique_id() in hexadecimal

    @property
    def firmware(self) -> str:
        return "v" + ".".join(map(str, self.version))

    @property
    def has_card(self) -> bool:
        return self.disk == "/sdcard"


class Unplugged(UserError):
    """The camera stopped answering."""


class NoAnswer(Unplugged):
    """The port is open, but what answers there is not MicroPython's REPL."""


class Repl:
    """A camera at its REPL. Names of files are below the folder that it starts from. Every method raises UserError with a
    sentence: Unplugged when the camera no longer answers, another one when its disk is full or can't be written."""

    def __init__(self, port: str | None, board: SimulatedBoard | None = None) -> None:
        self._given_port = board.path if board else port
        self.port = self._given_port or find_port()
        self.board = board  # a simulated one, which ends with this
        self._transport: SerialTransport | None = None
        self._busy = False  # whether what was last asked of the camera may still be at work there
        try:
            self._connect()
            self.info = self._read_info()
        except BaseException:
            self.close()
            raise

    def exec(self, code: str) -> str:
        """What `code` prints on the camera."""
        with self._as_sentences("its program"):
            printed, error = self._raw().exec_raw(code, timeout=SLOW_S)
        self._check(error)
        return str(printed.decode(errors="replace"))

    def follow(self, code: str, on_line: Callable[[str], None]) -> None:
        """Run `code` on the camera; `on_line` gets each whole line that it prints as it comes, and may raise to end it."""
        splitter = LineSplitter()

        def take(data: bytes) -> None:
            for line in splitter.feed(data):
                on_line(line)

        with self._as_sentences("its program"):
            self._raw().exec_raw_no_follow(code)
            self._raw().serial.most = math.inf  # what is printed is not kept
            _, error = self._raw().follow(SLOW_S, take)
        self._check(error)

    def _check(self, error: bytes) -> None:
        """UserError for an exception on the camera."""
        if error:
            raise UserError(f"{self.port}: the camera refused ({_last_line(error.decode(errors='replace'))})")

    def restart(self) -> None:
        """A soft reset: boot.py runs, main.py does not, and the heap is what it is after a start.

        Where there is none in time, what main.py has left in the heap is given back all the same.
        """
        try:
            with self._as_sentences("the soft reset"):
                self._raw().enter_raw_repl(soft_reset=True, timeout_overall=ANSWER_S)
        except NoAnswer:
            self._drain()
            self._enter_repl()
            self.exec(FREE_PROGRAM)

    def files(self, folder: str = "") -> dict[str, int]:
        """Sizes by name of the files in a folder, none where it is not there."""
        with self._as_sentences(folder):
            try:
                listed = self._raw().fs_listdir(folder)
            except FileNotFoundError:
                return {}
            files = {file.name: file.st_size for file in listed if not file.st_mode & 0x4000}
            if not all(isinstance(name, str) and type(size) is int and size >= 0 for name, size in files.items()):
                raise ValueError("the list of files is none")
            return files

    def free(self) -> int:
        """Bytes free on the disk that the camera starts from, now, in whole clusters."""
        printed = self.exec("import os\ndisk = os.statvfs('.')\nprint(disk[0] * disk[3])").strip()
        if not printed.isdecimal():
            raise NoAnswer(self._lost("its free space", ValueError(printed[:40])))
        return int(printed)

    def sha256(self, name: str) -> str | None:
        """The hash of a file, as the camera reads it; None where there is none."""
        with self._as_sentences(name):
            try:
                return str(self._raw().fs_hashfile(name, "sha256", CHUNK).hex())
            except FileNotFoundError:
                return None

    def read(self, name: str) -> bytes:
        def check(count: int, _: int) -> None:
            if count > LARGEST_FILE:
                raise UserError(f"{name}: is longer than {LARGEST_FILE:,} bytes on the camera; delete it there")

        with self._as_sentences(name):
            try:
                return bytes(self._raw().fs_readfile(name, CHUNK, check))
            except FileNotFoundError:
                raise UserError(f"{name}: is not on the camera") from None

    def write(self, name: str, data: bytes, progress: Callable[[int, int], None] | None = None) -> None:
        """Writes a file and has the camera check it; UserError when it holds something else afterwards."""
        with self._as_sentences(name):
            self._raw().fs_writefile(name, data, CHUNK, progress)
        if self.sha256(name) != hashlib.sha256(data).hexdigest():
            raise UserError(
                f"{name}: the camera's disk holds something else than was written to it; "
                "eject it on this computer, then try again"
            )

    def remove(self, name: str) -> None:
        """Removes a file if it is there."""
        with self._as_sentences(name), contextlib.suppress(FileNotFoundError):
            self._raw().fs_rmfile(name)

    def make_folder(self, name: str) -> None:
        with self._as_sentences(name), contextlib.suppress(FileExistsError):
            self._raw().fs_mkdir(name)

    def reset(self) -> None:
        """Restarts the camera, as when it is plugged in. Then `lines` gives what it prints, `reconnect` the REPL."""
        with self._as_sentences("the reset"):
            # The pause lets the camera answer before it is gone.
            self._raw().exec_raw_no_follow("import time, machine\ntime.sleep_ms(100)\nmachine.reset()")
        self._disconnect()

    def _restart_program(self) -> None:
        if self._busy:  # Ctrl-C, or an error here, has left the camera at work
            self.interrupt()
        try:
            self.reset()
        except NoAnswer:
            self.interrupt()
            self.reset()

    def reconnect(self) -> None:
        """The REPL again, after `reset`."""
        self._find_again(lambda: self._connect())

    def lines(self, seconds: float) -> Iterator[str | None]:
        """What the camera prints after `reset`, for so long, each report in one line; None whenever it was silent for a moment.

        It gets the command `status` every STATUS_S seconds, because what it printed before the port was open again is lost.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            serial = self._find_again(lambda: open_port(self.port))
            asked = time.monotonic()
            with _released(serial), contextlib.suppress(OSError):  # it vanishes: it was the port from before the reset
                reader = LineReader()
                while time.monotonic() < end:
                    data = serial.read(serial.in_waiting or 1)
                    yield from map(str.strip, reader.feed(data))
                    if not data:
                        yield reader.unfinished.strip() or None
                    if time.monotonic() > asked + STATUS_S:
                        asked = time.monotonic()
                        serial.write(b"status\r\n")

    def close(self) -> None:
        """Lets go of the port; the program starts again if it is stopped."""
        if self._transport is not None and self._transport.in_raw_repl and self.board is None:
            with contextlib.suppress(UserError):
                self._restart_program()
        self._disconnect()
        if self.board:
            with _without_ctrl_c():  # it writes the disks back
                self.board.close()
            self.board = None

    def _connect(self) -> None:
        from mpremote.transport_serial import SerialTransport

        _release(open_port(self.port))  # mpremote does not say why it can't
        with self._as_sentences("the port"):
            self._transport = SerialTransport(self.port, timeout=ANSWER_S)
            self._transport.serial = _Bounded(self._transport.serial)
        try:
            self._enter_repl()
        except NoAnswer:
            if self.board:
                raise UserError(
                    "the simulated camera's own main.py does not stop for Ctrl-C: take it out of its folder in .simulated-camera"
                ) from None
            raise UserError(
                f"{self.port}: what is there does not answer as MicroPython does; is it an OpenMV camera? "
                f"Close OpenMV IDE, reset the camera and try again{on_usb()}"
            ) from None

    def interrupt(self) -> None:
        """Stop what runs on the camera: the REPL answers again."""
        with self._as_sentences("the REPL"):
            self._raw().serial.write(b"\r\x03")
        self._drain()
        self._enter_repl()

    def _enter_repl(self) -> None:
        for tries_left in reversed(range(TRIES)):
            try:
                return self._press_keys()
            except NoAnswer:
                if not tries_left:
                    raise
                self._drain()

    def _press_keys(self) -> None:
        with self._as_sentences("the REPL"):
            self._raw().enter_raw_repl(soft_reset=False, timeout_overall=ANSWER_S)
            self._raw().exec("1")  # fails where a late answer to the try before this one is taken for this one's

    def _drain(self) -> None:
        """Wait until nothing more comes, for a while at most."""
        with self._as_sentences("the REPL"):
            serial = self._raw().serial
            for _ in range(10):
                time.sleep(ANSWER_S / 10)
                if not serial.in_waiting:
                    return
                serial.read(serial.in_waiting)

    def _read_info(self) -> CameraInfo:
        printed = self.exec(INFO)
        try:
            who, platform, heap, disk, cluster, free, unique_id = ast.literal_eval(printed)
            board, arch, version = who or ("", "", OLDEST)
            info = CameraInfo(board, arch, tuple(version), heap, disk, cluster, free * cluster, unique_id)
            _check_info(info)
            is_old = info.version < OLDEST
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
            raise NoAnswer(self._lost("the question what it is", error)) from None
        if who is None:
            raise UserError(
                f"{self.port}: a board with MicroPython ({platform}), but no OpenMV camera; give another port{on_usb()}"
            )
        if is_old:
            raise UserError(
                f"{self.port}: its firmware {info.firmware} is too old; in OpenMV IDE choose Tools, "
                f"Install the Latest Release (v{'.'.join(map(str, OLDEST))} at least)"
            )
        return info

    def _find_again(self, connect: Callable[[], Any]) -> Any:
        """What `connect` gives once the port is back; it may have another name then."""
        end = time.monotonic() + BACK_S
        while True:
            try:
                self.port = self._given_port or find_port()
                return connect()
            except UserError as error:
                if time.monotonic() > end:
                    raise Unplugged(f"{self.port}: the camera did not come back after its reset ({error})") from None
                time.sleep(0.3)

    def _raw(self) -> Any:
        if self._transport is None:
            raise Unplugged(f"{self.port}: the connection to the camera is closed")
        return self._transport

    def _disconnect(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(Exception):  # the port may be gone
                _release(transport.serial.inner)

    @contextlib.contextmanager
    def _as_sentences(self, what: str) -> Iterator[None]:
        """Turns what mpremote, pyserial and the system raise into sentences."""
        from mpremote.transport import TransportError, TransportExecError
        from serial import SerialException

        no_answer = (TransportError, struct.error, SyntaxError, ValueError, TypeError, RecursionError, MemoryError)
        self._busy = True  # until it is through: Ctrl-C, or an error, may come at any moment
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it did not understand
                yield
            self._busy = False
        except UserError:
            raise
        except TransportExecError as error:
            self._busy = False
            raise UserError(f"{what}: the camera refused ({_last_line(error.error_output)})") from None
        except no_answer as error:  # of mpremote, which takes what comes for what it asked for
            raise NoAnswer(self._lost(what, error)) from None
        except SerialException as error:
            raise Unplugged(self._lost(what, error)) from None
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise UserError(f"{what}: the camera's disk is full; delete what you don't need") from None
            if error.errno in (errno.EROFS, errno.EACCES):
                raise UserError(f"{what}: the camera's disk can't be written to") from None
            if isinstance(error, (FileNotFoundError, FileExistsError)):
                raise
            raise Unplugged(self._lost(what, error)) from None

    def _lost(self, what: str, error: Exception) -> str:
        return f"{self.port}: the camera was lost at {what} ({error}); plug it in and run the same again"


@contextlib.contextmanager
def _without_ctrl_c() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Bounded:
    """A serial port that gives no more than LONGEST_ANSWER bytes to one command, as mpremote reads it: ValueError then."""

    def __init__(self, inner: SerialBase) -> None:
        self.inner = inner
        self.most: float = LONGEST_ANSWER
        self._count = 0

    def write(self, data: bytes) -> Any:
        self.most, self._count = LONGEST_ANSWER, 0
        return self.inner.write(data)

    def read(self, size: int = 1) -> bytes:
        data = bytes(self.inner.read(size))
        self._count += len(data)
        if self._count > self.most:
            raise ValueError("its answer never ends")
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def _check_info(info: CameraInfo) -> None:
    """ValueError or TypeError for what no camera is."""
    numbers = [*info.version, info.heap, info.cluster, info.free]
    words = (info.board, info.arch, info.disk, info.unique_id)
    if not all(type(number) is int and 0 <= number < 1 << 53 for number in numbers) or not info.cluster:
        raise ValueError(f"{numbers} are no sizes")
    if not all(isinstance(word, str) for word in words) or not 0 < len(info.version) < 9:
        raise ValueError(f"{words} are no names")
    if not re.fullmatch("[0-9a-f]{1,64}|camera", info.unique_id):  # it becomes the name of a folder
        raise ValueError(info.unique_id)


@contextlib.contextmanager
def _released(serial: SerialBase) -> Iterator[None]:
    try:
        yield
    finally:
        _release(serial)


def _release(serial: SerialBase) -> None:
    """Closes a port, and gives its lock back first: a process that is being started meanwhile has both for a moment."""
    with contextlib.suppress(Exception):  # the port may be gone; Windows knows no lock
        serial.exclusive = False
    with contextlib.suppress(OSError):
        serial.close()


def _last_line(text: str) -> str:
    """Of a traceback: the exception."""
    return text.strip().rpartition("\n")[2]


def open_repl(port: str | None) -> Repl:
    """The camera on `port` at its REPL: None the one on USB, a device, or simulator[:BOARD], a simulated camera with MicroPython's
    own REPL whose disk is the folder .simulated-camera/BOARD here. UserError when it can't be had."""
    board = simulated_board(port)
    return Repl(choose_port(port)) if board is None else Repl(None, _simulated(board))


def _simulated(name: str) -> SimulatedBoard:
    from emotion_camera.camera.simulated import DISKS

    try:
        from emotion_camera.simulator.board.board import SimulatedBoard
    except ImportError:  # no termios
        raise UserError(
            "a simulated camera's disk needs Linux or macOS; copy the files into its folder by hand"
        ) from None
    board = SimulatedBoard(DISKS / name, board=name)
    board.open()
    return board
