"""A simulated camera on a serial port: what mpremote, a terminal and `emotion_camera.commands.deploy` talk to. Linux and macOS.

with SimulatedBoard(Path("disk"), board="h7") as board:
    subprocess.run(["mpremote", "connect", board.path, "resume", "fs", "ls"])

As on the camera: after power-up boot.py runs, then, unless that raises, main.py of the disk, and what it prints comes out
of the port; Ctrl-C stops it and gives the REPL, MicroPython's own, which has the firmware's modules and the board's heap; a
soft reset runs boot.py alone; machine.reset() starts all anew. The disks are FAT disks of the board's size, by MicroPython's
own FatFs, so they fill up and lose files as FAT does.
Not as on the camera: its port does not vanish from the computer during a reset; main.py sees the disk as `run` plays it,
and Ctrl-C stops a main.py that asks nothing of the camera only after half a minute.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import termios
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from emotion_camera.boards import find_board
from emotion_camera.errors import UserError
from emotion_camera.simulator.board.disks import PRELUDE, Disks
from emotion_camera.simulator.disk_folder import files_of
from emotion_camera.simulator.events import Call, Ended, Line, Shown
from emotion_camera.simulator.host.camera import run
from emotion_camera.simulator.host.firmware import find_firmware
from emotion_camera.simulator.host.process import OWN_HEAP, find_micropython
from emotion_camera.simulator.host.served import Served
from emotion_camera.simulator.host.sources import Source, endless, open_source

BOOT_FAILED = 3  # exit status where boot.py keeps main.py from running
RESETS = ("reset", "watchdog")  # after which it starts again by itself
RESET_S = 0.2  # real time that a start takes at least
SOFT_RESET, RESET = 0, -9  # exit status of the REPL after Ctrl-D, and after machine.reset(), which kills it
CTRL_A, CTRL_C = b"\x01", b"\x03"
PROMPT = b">>> "
# What was printed last while MicroPython waits for code: the last asks for more of it.
WAITING = (PROMPT, b">", b"\x01")
FRAME_S = 0.02  # real time that a frame takes at least, so that a camera left alone does not take a whole processor
AT_RESET = -1


class Completed(NamedTuple):
    """What came of one start of MicroPython."""

    printed: bytes
    status: int


class SimulatedBoard:
    """A camera whose disks are the folders `flash` and, where there is one, `sdcard` in `folder`.

    While it is open the disks are images elsewhere; `close` writes back what has changed on them. `omv`: whether the firmware is
    OpenMV's. `dies_after`: its power fails when it has received so many bytes, AT_RESET at the next reset; then `dead` is
    true, as it is after `kill`. `trace`: a file that gets every block which is written to the disk that it starts from.
    """

    def __init__(
        self,
        folder: Path,
        *,
        board: str = "h7plus",
        firmware: str = "v5.0",
        source: Source | str | Path | None = None,
        omv: bool = True,
        dies_after: int | None = None,
        trace: Path | None = None,
    ) -> None:
        self._folder = folder
        self._board, self._name, self._firmware = find_board(board), board, firmware
        self._source, self._omv = source, omv
        self._left = dies_after
        self._trace = trace
        self._disks: Disks | None = None
        self._typed = self._printed = b""
        self.dead = False
        self.frames: Sequence[tuple[Call, ...]] = ()  # of the REPL that runs or ran last: what was called for each
        self._closing = False

    def __enter__(self) -> SimulatedBoard:
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def open(self) -> str:
        """Switch it on; the port's name. UserError where it can't be played."""
        self._prepare()
        self._computer, self._slave = _terminal()  # its end of the cable, and the computer's
        self.path = os.ttyname(self._slave)
        self._player = threading.Thread(target=self._play, daemon=True)
        self._player.start()
        return self.path

    def boot(self, then_fill: bool = False, image: Path | None = None) -> None:
        """Of a start only what comes before main.py: boot.py, on the disks as they are; they are in the folders then.
        `then_fill`: a file `full` takes what is left of the disk that it starts from. `image`: that disk as it is, with its FAT."""
        self._prepare(image)
        try:
            self._run("boot")
            if then_fill:
                self._run("fill")
        finally:
            self._close_disks()

    def _prepare(self, image: Path | None = None) -> None:
        micropython = find_micropython()
        if not micropython:
            raise UserError("a simulated camera on a port needs MicroPython, which has no package for this computer")
        self._micropython = micropython
        disks = Disks(self._folder, self._board, micropython, self._trace)
        disks.open(image)
        self._disks = disks

    def kill(self) -> None:
        """The power fails now."""
        self.dead = self._closing = True

    def close(self) -> None:
        """Switch it off; the disks are in the folders then. UserError where they can't be: the folders are as they were before."""
        self._closing = True
        self._player.join()
        self._close_disks()

    def _close_disks(self) -> None:
        disks, self._disks = self._disks, None
        if disks is not None:
            disks.close()

    # Its life

    def _play(self) -> None:
        why = RESET
        try:
            while not self._closing:
                if why == RESET:
                    self._start()
                if not self._closing:
                    why = self._repl(raw=why == SOFT_RESET and self._was_raw())
                    self._print(b"MPY: soft reboot\r\n" if why == SOFT_RESET else b"")
                if why == RESET and self._left == AT_RESET:
                    self.kill()
        finally:
            os.close(self._computer)
            os.close(self._slave)

    def _start(self) -> None:
        """boot.py and main.py; again and again while main.py ends in a reset, by itself or by a HardFault, and no Ctrl-C comes."""
        while not self._closing:
            done = self._run("boot")
            self._print(done.printed)
            if done.status == BOOT_FAILED or self._run_program() not in RESETS:
                return
            if self._left == AT_RESET:
                self.kill()
            time.sleep(RESET_S)
            self._typed += self._take()
            if CTRL_C in self._typed:
                self._typed = self._typed.rpartition(CTRL_C)[2]
                return

    def _run_program(self) -> str | None:
        """main.py of the disk that it starts from, until it ends or Ctrl-C comes; what it wrote goes to the disk.

        Why it ended; None where it did not end by itself.
        """
        assert self._disks
        start = self._disks.start
        ended = None
        kept: dict[str, bytes] = {}
        try:
            trees = self._disks.export()
            files = {point: files_of(tree) for point, tree in trees.items()}
            if "main.py" not in files[start]:
                return None
            events = run(
                self._disks.exported(start) / "main.py",
                **files,  # type: ignore[arg-type]
                firmware=self._firmware,
                board=self._name,
                source=endless(_opened(self._source)),
                keyboard=self._keys,
                kept=kept,
                boot=False,
            )
            with contextlib.closing(events):
                ended = self._watch(events)
            if kept and kept != files[start]:
                folders = {name: content for name, content in trees[start].items() if content is None}
                self._disks.put(start, folders | kept)
        except UserError as error:
            self._print(f"{error}\r\n".encode())
        return ended

    def _watch(self, events: Iterator[Any]) -> str | None:
        for event in events:
            if isinstance(event, Line):
                self._print(event.text.encode() + b"\r\n")
            if isinstance(event, Shown):
                time.sleep(FRAME_S)
            if isinstance(event, Ended) or self._closing or CTRL_C in self._typed:
                self._typed = self._typed.rpartition(CTRL_C)[2]  # for the REPL
                return event.reason if isinstance(event, Ended) else None
        return None

    def _keys(self) -> bytes:
        """What main.py is given of what was typed: nothing of what follows Ctrl-C."""
        self._typed += self._take()
        if CTRL_C in self._typed:
            return b""
        keys, self._typed = self._typed, b""
        return keys

    def _repl(self, raw: bool) -> int:
        """MicroPython's REPL until it is reset; how it ended."""
        self._printed = b""
        with self._served() as served:
            self.frames = served.frames if served else ()
            master, slave = _terminal()
            process = subprocess.Popen(
                [*self._command(OWN_HEAP if served else 0), "-i", str(PRELUDE)],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=self._environment("repl", served),
                start_new_session=True,
                preexec_fn=_own_tty,
            )
            os.close(slave)
            try:
                self._wait_for_prompt(master, raw)
                while self._pump(master, process):
                    pass
                if self._closing:
                    process.kill()
                return process.wait()
            finally:
                process.kill()
                process.wait()
                os.close(master)

    def _served(self) -> contextlib.AbstractContextManager[Served | None]:
        """The firmware that answers the REPL; none where it is not OpenMV's."""
        if not self._omv:
            return contextlib.nullcontext()
        return Served(find_firmware(self._firmware), self._board, endless(_opened(self._source)))

    def _wait_for_prompt(self, master: int, raw: bool) -> None:
        """What is typed before it is lost: MicroPython throws it away when it sets its terminal up."""
        while not self._printed.endswith(PROMPT) and not self._closing:
            if select.select([master], [], [], 0.05)[0]:
                data = os.read(master, 4096)
                self._print(data)
        if raw:
            os.write(master, CTRL_A)

    def _pump(self, master: int, process: subprocess.Popen[bytes]) -> bool:
        """Pass on what there is in both directions; whether it goes on."""
        ready, _, _ = select.select([master, self._computer], [], [], 0.05)
        if self._closing:
            return False
        if self._computer in ready or self._typed:
            self._typed += self._take()
            if CTRL_C in self._typed and not self._is_waiting(master):
                _interrupt(master, process)
            while self._typed:
                self._typed = self._typed[os.write(master, self._typed) :]
        if master in ready:
            try:
                data = os.read(master, 65536)
            except OSError:  # its process has ended
                data = b""
            self._print(data)
            return bool(data)
        return process.poll() is None

    def _is_waiting(self, master: int) -> bool:
        """Whether MicroPython waits for code; what it is just saying, its prompt perhaps, is heard first."""
        for _ in range(3):  # a program may never stop
            if self._printed.endswith(WAITING) or not select.select([master], [], [], 0.05)[0]:
                break
            with contextlib.suppress(OSError):  # its process has ended
                self._print(os.read(master, 4096))
        return self._printed.endswith(WAITING)

    def _command(self, more: int = 0) -> list[str]:
        """MicroPython with the board's heap, and so many bytes for stand-ins that on a camera are in its flash."""
        return [*self._micropython, "-X", f"heapsize={sum(self._board.heap) + more}"]

    # The cable

    def _take(self) -> bytes:
        """What came from the computer by now."""
        if not select.select([self._computer], [], [], 0)[0]:
            return b""
        data = os.read(self._computer, 4096)
        if self._left is not None and self._left >= 0:
            data = data[: self._left]
            self._left -= len(data)
            if not self._left:
                self.kill()
        return data

    def _print(self, data: bytes) -> None:
        """To the computer; what nobody reads is dropped."""
        self._printed = (self._printed + data)[-200:]
        while data and not self._closing and select.select([], [self._computer], [], 0.2)[1]:
            data = data[os.write(self._computer, data[:512]) :]

    def _was_raw(self) -> bool:
        return self._printed.rfind(b"raw REPL;") > self._printed.rfind(PROMPT)

    def _run(self, what: str) -> Completed:
        """boot.py, or filling the disk."""
        done = subprocess.run(
            [*self._command(), str(PRELUDE)],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(what),
        )
        return Completed(done.stdout.replace(b"\n", b"\r\n"), done.returncode)

    def _environment(self, what: str, served: Served | None = None) -> dict[str, str]:
        assert self._disks
        config = {
            "do": what,
            "disks": self._disks.config(traced=what != "fill"),
            "start": f"/{self._disks.start}",
            "omv": self._omv,
            "host": served.config if served else None,
            "version": find_firmware(self._firmware).version,
            "board_type": self._board.board_type,
            "arch": self._board.arch,
        }
        return {**os.environ, "SIMULATED_BOARD": json.dumps(config)}


def _terminal() -> tuple[int, int]:
    """A pseudo-terminal's two ends that pass bytes on as they are; Ctrl-C interrupts what runs on the second."""
    master, slave = os.openpty()
    tty.setraw(slave)
    modes = termios.tcgetattr(slave)
    modes[3] |= termios.ISIG
    modes[6][termios.VQUIT] = modes[6][termios.VSUSP] = b"\0"
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    return master, slave


def _interrupt(terminal: int, process: subprocess.Popen[bytes]) -> None:
    """Ctrl-C for code that came by raw paste: MicroPython then leaves its terminal as it is at the prompt, where Ctrl-C is a
    letter. It would die of the signal there."""
    if not termios.tcgetattr(terminal)[3] & termios.ISIG and process.poll() is None:
        os.kill(process.pid, signal.SIGINT)


def _own_tty() -> None:
    """Make the terminal this process' own, for Ctrl-C to reach it."""
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _opened(what: Source | str | Path | None) -> Source:
    return what if isinstance(what, Source) else open_source(what)
