"""Asks the camera at its REPL, with code that stays in its memory; nothing is written to its disks."""

import ast
import base64
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emotion_camera.camera.repl import NoAnswer, Repl, Unplugged
from emotion_camera.commands.verify.stimuli import PATCHES, SIDE, patch

GUEST = Path(__file__).with_name("guest")
PIECE = 768  # bytes of a patch or file at once: 1 KB as text, a fraction of the smallest heap
STARTS = ('{"v":', "MicroPython v", "MPY: soft reboot")  # how lines begin that only a started program prints

# Holds the largest block of a small heap while the code comes, so that this lies in what is left and a network finds room.
BALLAST = """
import gc
ballast, size = None, min(gc.mem_free(), 320_000)
while ballast is None and size > 100_000:
    try:
        ballast = bytearray(size)
    except MemoryError:
        size -= 8192
"""

Values = tuple[Any, ...]


class Probe:
    """The camera, and what it is asked. Every method raises UserError for an exception there, Unplugged when it is lost."""

    def __init__(self, camera: Repl) -> None:
        self.camera = camera
        self.own = 0  # bytes of the heap that what was sent takes
        self._mark = f"={secrets.token_hex(4)} "  # before all that is ours among what the camera prints

    def begin(self, guest: str, patches: tuple[str, ...] = PATCHES) -> None:
        """Start with an empty heap, and send the code of `guest` and the patches."""
        self.camera.restart()
        before = self._free()
        self.camera.exec(BALLAST)
        code = [f"MARK = {self._mark!r}\n", *((GUEST / name).read_text("utf-8") for name in ("common.py", guest))]
        for part in code:
            self.ask(part)
        for name in patches:
            self.ask(f"new_patch({name!r}, {SIDE})")
            self.send(patch(name).tobytes(), lambda at, text, name=name: f"put_patch({name!r}, {at}, {text!r})")  # type: ignore[misc]
        self.camera.exec("del ballast")
        self.own = before - self._free()

    def _free(self) -> int:
        printed = self.camera.exec("import gc\ngc.collect()\nprint(gc.mem_free())").strip()
        if not printed.isdecimal():
            raise NoAnswer(
                f"{self.camera.port}: asked for its free memory, the camera says {printed[:40]!r}; run the same again"
            )
        return int(printed)

    def send(self, data: bytes, call: Callable[[int, str], str]) -> None:
        """`data` in pieces: `call` gives the code for the piece that begins at a place, in base64."""
        for at in range(0, len(data), PIECE):
            self.ask(call(at, base64.b64encode(data[at : at + PIECE]).decode()))

    def ask(self, code: str) -> list[Values]:
        """The values that `code` prints by `say`, a tuple a call."""
        answers: list[Values] = []
        self.follow(code, answers.append, lambda line: None)
        return answers

    def follow(self, code: str, on_values: Callable[[Values], None], on_line: Callable[[str], None]) -> None:
        """Run `code`: `on_values` gets each tuple, `on_line` each line that a program prints meanwhile, as they come."""
        self.camera.follow(code, lambda line: self._take(line, on_values, on_line))

    def _take(self, line: str, on_values: Callable[[Values], None], on_line: Callable[[str], None]) -> None:
        ours, rest = line.startswith(self._mark), line.removeprefix(self._mark)
        if ours and rest.startswith("print "):
            on_line(rest.removeprefix("print "))
        elif ours:
            on_values(ast.literal_eval(rest))
        elif line.startswith(STARTS):
            raise Unplugged(
                f"{self.camera.port}: the camera was reset during the check; unplug it, plug it in and run the same "
                "again (a main.py that sets WATCHDOG_MS resets it: take that out first)"
            )
