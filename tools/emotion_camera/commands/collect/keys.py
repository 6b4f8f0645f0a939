"""Single key presses in the terminal, without Enter; Linux, macOS and Windows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def single_keys() -> Iterator[None]:
    """Put the terminal in cbreak mode: keys come at once and without an echo; Ctrl-C works as usual."""
    try:
        import termios
        import tty
    except ImportError:  # Windows, whose consoles have it without being asked
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def take_key(wait_s: float) -> str | None:
    """The next key, None when none comes within `wait_s`; EOFError when the terminal has gone."""
    if sys.platform == "win32":
        return _take_windows_key(wait_s)
    import os
    import select

    if not select.select([sys.stdin], [], [], wait_s)[0]:
        return None
    key = os.read(sys.stdin.fileno(), 1)
    if not key:
        raise EOFError
    if key == b"\x1b" and select.select([sys.stdin], [], [], 0)[0]:  # an arrow or a function key, such as ESC [ A
        os.read(sys.stdin.fileno(), 1)
        while select.select([sys.stdin], [], [], 0)[0] and not b"@" <= os.read(sys.stdin.fileno(), 1) <= b"~":
            pass
    return key.decode("ascii", "ignore")


def _take_windows_key(wait_s: float) -> str | None:
    import msvcrt
    import time

    end = time.monotonic() + wait_s
    while not msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]
        if time.monotonic() > end:
            return None
        time.sleep(0.02)
    key: str = msvcrt.getwch()  # type: ignore[attr-defined,unused-ignore]
    if key == "\x03":  # getwch takes Ctrl-C for a key
        raise KeyboardInterrupt
    return key
