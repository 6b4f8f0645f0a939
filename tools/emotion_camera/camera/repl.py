"""A camera's files and its REPL, over mpremote: `open_camera` stops the program that runs and holds the port until `close`.

with closing(open_camera("virtual:h7")) as camera:
    print(camera.about.board, camera.sha256("main.py"))
"""

from __future__ import annotations

import ast
import contextlib
import errno
import hashlib
import io
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_camera.camera.ports import find_port, open_port
from emotion_camera.errors import UserError

if TYPE_CHECKING:
    from mpremote.transport_serial import SerialTransport
    from serial import SerialBase

    from emotion_camera.simulator.board.board import Board

OLDEST = (4, 5, 5)  # firmware
CHUNK = 1024  # bytes a write: four times mpremote's, and a fraction of the smallest heap with the REPL alone in it
TRIES = 4  # to get the REPL: a program that is being stopped can swallow a key
ANSWER_S = 5  # for its answer to a key
SLOW_S = 60  # what the camera does by itself, such as copying a file, is given so long
ASK_S = 2  # between two questions for the camera's status
BACK_S = 15  # for the port to come back after a reset

ABOUT = """
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
    number = binascii.hexlify(machine.unique_id()).decode()
except Exception:
    number = "camera"
print(repr((who, sys.platform, gc.mem_free() + gc.mem_alloc(), os.getcwd(), disk[0], disk[3], number)))
"""

FORGET = """
import gc, sys
sys.modules.pop("emotion_camera", None)
for name in list(globals()):
    if name[0] != "_":
        del globals()[name]
import gc
gc.collect()
"""


@dataclass(frozen=True)
class About:
    """What a camera says of itself. Sizes in bytes; `disk` is the one that it starts from, with so much room in clusters."""

    board: str  # omv.board_type()
    arch: str  # omv.arch()
    version: tuple[int, int, int]
    heap: int
    disk: str  # "/flash", or "/sdcard" when a card is in
    cluster: int
    free: int
    number: str  # its own, in hexadecimal

    @property
    def firmware(self) -> str:
        return "v" + ".".join(map(str, self.version))

    @property
    def has_card(self) -> bool:
        return self.disk == "/sdcard"


class Unplugged(UserError):
    """The camera stopped answering."""


class NoAnswer(Unplugged):
    """The port is there, but what is behind it says nothing that can be understood."""


class Camera:
    """A camera at its REPL. Names of files are below the folder that it starts from. Every method raises UserError with a
    sentence: Unplugged when the camera no longer answers, another one when its disk is full or can't be written."""

    def __init__(self, port: str | None, board: Board | None = None) -> None:
        self._wanted = board.path if board else port
        self.port = self._wanted or find_port()
        self.board = board  # a virtual one, which ends with this
        self._transport: SerialTransport | None = None
        self._busy = False  # whether what was last asked of the camera may still be at work there
        try:
            self._connect()
            self.about = self._ask()
        except BaseException:
            self.close()
            raise

    def exec(self, code: str) -> str:
        """What `code` prints on the camera."""
        with self._told("its program"):
            printed, error = self._raw().exec_raw(code, timeout=SLOW_S)
        self._check(error)
        return str(printed.decode(errors="replace"))

    def follow(self, code: str, hear: Callable[[str], None]) -> None:
        """Run `code` on the camera; `hear` gets each whole line that it prints as it comes, and may raise to end it."""
        rest = b""

        def take(data: bytes) -> None:
            nonlocal rest
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                hear(line.decode(errors="replace").rstrip("\r"))

        with self._told("its program"):
            self._raw().exec_raw_no_follow(code)
            _, error = self._raw().follow(SLOW_S, take)
        self._check(error)

    def _check(self, error: bytes) -> None:
        """UserError for an exception on the camera."""
        if error:
            raise UserError(
                f"{self.port}: the camera refused ({error.decode(errors='replace').strip().splitlines()[-1]})"
            )

    def restart(self) -> None:
        """A soft reset: boot.py runs, main.py does not, and the heap is what it is after a start.

        Where there is none in time, what main.py has left in the heap is given back all the same.
        """
        try:
            with self._told("the soft reset"):
                self._raw().enter_raw_repl(soft_reset=True, timeout_overall=ANSWER_S)
        except NoAnswer:
            self._drain()
            self._enter_repl()
            self.exec(FORGET)

    def files(self, folder: str = "") -> dict[str, int]:
        """Sizes by name of the files in a folder, none where it is not there."""
        with self._told(folder):
            try:
                return {file.name: file.st_size for file in self._raw().fs_listdir(folder) if not file.st_mode & 0x4000}
            except FileNotFoundError:
                return {}

    def sha256(self, name: str) -> str | None:
        """The hash of a file, as the camera reads it; None where there is none."""
        with self._told(name):
            try:
                return str(self._raw().fs_hashfile(name, "sha256", CHUNK).hex())
            except FileNotFoundError:
                return None

    def read(self, name: str) -> bytes:
        with self._told(name):
            try:
                return bytes(self._raw().fs_readfile(name, CHUNK))
            except FileNotFoundError:
                raise UserError(f"{name}: is not on the camera") from None

    def write(self, name: str, data: bytes, progress: Callable[[int, int], None] | None = None) -> None:
        """Writes a file and has the camera check it; UserError when it holds something else afterwards."""
        with self._told(name):
            self._raw().fs_writefile(name, data, CHUNK, progress)
        if self.sha256(name) != hashlib.sha256(data).hexdigest():
            raise UserError(
                f"{name}: the camera's disk holds something else than was written to it; "
                "eject it on this computer, then try again"
            )

    def remove(self, name: str) -> None:
        """Removes a file if it is there."""
        with self._told(name), contextlib.suppress(FileNotFoundError):
            self._raw().fs_rmfile(name)

    def make_folder(self, name: str) -> None:
        with self._told(name), contextlib.suppress(FileExistsError):
            self._raw().fs_mkdir(name)

    def reset(self) -> None:
        """Starts the camera anew, as when it is plugged in; `lines` tells what it says, `reconnect` stops it again."""
        with self._told("the reset"):
            # The pause lets the camera answer before it is gone.
            self._raw().exec_raw_no_follow("import time, machine\ntime.sleep_ms(100)\nmachine.reset()")
        self._hang_up()

    def _start_program(self) -> None:
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
        """What the camera prints after `reset`, for so long; None whenever it was silent for a moment.

        It is asked for its status now and then, for what it said before the port was open again is lost.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            serial = self._find_again(lambda: open_port(self.port))
            asked = time.monotonic()
            with _released(serial), contextlib.suppress(OSError):  # it vanishes: it was the port from before the reset
                rest = b""
                while time.monotonic() < end:
                    data = serial.read(serial.in_waiting or 1)
                    *lines, rest = (rest + data).split(b"\n")
                    yield from (line.decode(errors="replace").strip() for line in lines)
                    if not data:
                        yield rest.decode(errors="replace").strip() or None
                    if time.monotonic() > asked + ASK_S:
                        asked = time.monotonic()
                        serial.write(b"status\r\n")

    def close(self) -> None:
        """Lets go of the port; the program starts again if it is stopped."""
        if self._transport is not None and self._transport.in_raw_repl and self.board is None:
            with contextlib.suppress(UserError):
                self._start_program()
        self._hang_up()
        if self.board:
            self.board.close()
            self.board = None

    def _connect(self) -> None:
        from mpremote.transport_serial import SerialTransport

        _release(open_port(self.port))  # mpremote does not say why it can't
        with self._told("the port"):
            self._transport = SerialTransport(self.port, timeout=ANSWER_S)
        try:
            self._enter_repl()
        except NoAnswer:
            if self.board:
                raise UserError(
                    "the virtual camera's own main.py does not stop for Ctrl-C: take it out of its folder in .virtual-camera"
                ) from None
            raise UserError(
                f"{self.port}: what is there does not answer as MicroPython does; is it an OpenMV camera? "
                "Close OpenMV IDE, reset the camera and try again"
            ) from None

    def interrupt(self) -> None:
        """Stop what runs on the camera: the REPL answers again."""
        with self._told("the REPL"):
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
        with self._told("the REPL"):
            self._raw().enter_raw_repl(soft_reset=False, timeout_overall=ANSWER_S)
            self._raw().exec("1")  # fails where a late answer to the try before this one is taken for this one's

    def _drain(self) -> None:
        """Wait until nothing more comes, for a while at most."""
        with self._told("the REPL"):
            serial = self._raw().serial
            for _ in range(10):
                time.sleep(ANSWER_S / 10)
                if not serial.in_waiting:
                    return
                serial.read(serial.in_waiting)

    def _ask(self) -> About:
        who, platform, heap, disk, cluster, free, number = ast.literal_eval(self.exec(ABOUT))
        if who is None:
            raise UserError(
                f"{self.port}: a board with MicroPython ({platform}), but no OpenMV camera; give another port"
            )
        board, arch, version = who
        if tuple(version) < OLDEST:
            raise UserError(
                f"{self.port}: its firmware v{'.'.join(map(str, version))} is too old; in OpenMV IDE choose Tools, "
                f"Install the Latest Release (v{'.'.join(map(str, OLDEST))} at least)"
            )
        return About(board, arch, tuple(version), heap, disk, cluster, free * cluster, number)

    def _find_again(self, connect: Callable[[], Any]) -> Any:
        """What `connect` gives once the port is back; it may have another name then."""
        end = time.monotonic() + BACK_S
        while True:
            try:
                self.port = self._wanted or find_port()
                return connect()
            except UserError as error:
                if time.monotonic() > end:
                    raise Unplugged(f"{self.port}: the camera did not come back after its reset ({error})") from None
                time.sleep(0.3)

    def _raw(self) -> Any:
        if self._transport is None:
            raise Unplugged(f"{self.port}: the connection to the camera is closed")
        return self._transport

    def _hang_up(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            with contextlib.suppress(Exception):  # the port may be gone
                _release(transport.serial)

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turns what mpremote, pyserial and the system raise into sentences."""
        from mpremote.transport import TransportError, TransportExecError
        from serial import SerialException

        self._busy = True  # until it is through: Ctrl-C, or an error, may come at any moment
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it did not understand
                yield
            self._busy = False
        except UserError:
            raise
        except TransportExecError as error:
            self._busy = False
            raise UserError(f"{what}: the camera refused ({error.error_output.strip().splitlines()[-1]})") from None
        except (TransportError, struct.error, SyntaxError, ValueError) as error:
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


def open_camera(port: str | None) -> Camera:
    """The camera on `port` at its REPL: None the one on USB, a device, or virtual[:BOARD], a virtual camera with MicroPython's
    own REPL whose disk is the folder .virtual-camera/BOARD here. UserError when it can't be had."""
    from emotion_camera.camera.stream import VIRTUAL, VIRTUAL_BOARD

    if port is None or port.partition(":")[0] != VIRTUAL:
        return Camera(port)
    return Camera(None, _virtual(port.partition(":")[2] or VIRTUAL_BOARD))


def _virtual(name: str) -> Board:
    from emotion_camera.boards import BOARDS, find_board
    from emotion_camera.camera.simulated import DISKS

    found = find_board(name)
    try:
        from emotion_camera.simulator.board.board import Board
    except ImportError:  # no termios
        raise UserError(
            "a virtual camera's disk needs Linux or macOS; copy the files into its folder by hand"
        ) from None
    name = next(each for each, board in BOARDS.items() if board is found)
    board = Board(Path(DISKS) / name, board=name)
    board.open()
    return board
