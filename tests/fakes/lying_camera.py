"""A camera that answers at its REPL what a test wants, true or not: the raw REPL's protocol on the end of a cable."""

import os
import select
import threading
from collections.abc import Callable

PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
INFO = "(('H7PLUS', 'OMV H7P', (5, 0, 0)), 'OpenMV', 4000000, '/flash', 4096, 5000, '{id}')"


class LyingCamera:
    """`answer` gets the code that is to be run, and gives what the camera prints; what it gives for ever, too."""

    def __init__(self, end: int, answer: Callable[[str], bytes]) -> None:
        self._end, self._answer = end, answer
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def _serve(self) -> None:
        taken = b""
        while not self._over.is_set():
            if not select.select([self._end], [], [], 0.02)[0]:
                continue
            try:
                taken += os.read(self._end, 4096)
            except OSError:  # nobody is at the other end
                self._over.wait(0.02)
                continue
            taken = self._react(taken)

    def _react(self, taken: bytes) -> bytes:
        """What is left of it: half of some code."""
        if taken.endswith(b"\x05A\x01"):
            self._write(b"R\x00")  # no raw paste
        elif taken.endswith(b"\x04"):
            code = taken[:-1].decode()
            self._write(b"OK" + self._answer(code) + b"\x04\x04>")
        elif taken.endswith(b"\x01"):
            self._write(PROMPT)
        else:
            return taken
        return b""

    def _write(self, data: bytes) -> None:
        while data and not self._over.is_set():
            if select.select([], [self._end], [], 0.02)[1]:
                data = data[os.write(self._end, data[:256]) :]
