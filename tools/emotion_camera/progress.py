"""Progress of long work: a bar or a clock on a terminal; elsewhere nothing, or a plain line. tqdm draws it, imported when used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from emotion_camera.terminal import print_line, printable

if TYPE_CHECKING:
    from tqdm import tqdm


def bar(total: int, what: str = "", unit: str = "") -> tqdm:
    """A bar on stderr, a context manager: `update(n)` moves it; with `unit` "B" it shows KB and MB. Nothing where no terminal is."""
    from tqdm import tqdm

    return tqdm(total=total, desc=printable(what) or None, unit=unit or "it", unit_scale=unit == "B", disable=None)


def clock(what: str) -> tqdm:
    """A line with the time since, for work of unknown length: `refresh()` draws it, `close()` ends it. A plain line elsewhere."""
    from tqdm import tqdm

    if not sys.stderr.isatty():
        print_line(what, sys.stderr)
    return tqdm(desc=printable(what), bar_format="{desc} {elapsed}", disable=None)


def say(text: object) -> None:
    """A line on stderr, above a bar if there is one."""
    if not sys.stderr.isatty():
        print_line(text, sys.stderr)
        return
    from tqdm import tqdm

    tqdm.write(printable(text, sys.stderr), file=sys.stderr)
