"""The one door for text from a camera, a file or the network before it is shown.

Printed as it came, such text could move the cursor, change the terminal's title, hide a line behind another one, or end the
program where the console can't encode it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

LONGEST = 2000  # characters; more than any sentence of ours, and less than a screen
NAMED = 3  # of many things in a sentence


def printable(text: object, file: TextIO | None = None, longest: int = LONGEST) -> str:
    """`one_line` of a text, as `file` (sys.stdout) can encode it."""
    encoding = getattr(file or sys.stdout, "encoding", None) or "utf-8"
    return _shortened(one_line(text, longest).encode(encoding, "backslashreplace").decode(encoding), longest)


def one_line(text: object, longest: int = LONGEST) -> str:
    """`text` as one line that does nothing to a terminal, a page or a spreadsheet's reader.

    White space becomes a space; control characters, parts of escape sequences and what else is invisible become Python's
    escapes, such as \\x1b; what is longer than `longest` ends with three dots.
    """
    shown = str(text)[: longest + 1]
    return _shortened("".join(letter if letter.isprintable() else _escaped(letter) for letter in shown), longest)


def print_line(text: object, file: TextIO | None = None) -> None:
    """Prints `printable(text)` at once."""
    print(printable(text, file), file=file or sys.stdout, flush=True)


def print_notes(name: str, notes: Iterable[str]) -> None:
    """Prints what is to be known of a file, which is used all the same, to standard error."""
    for note in notes:
        print_line(f"{name}: {note}", sys.stderr)


def first_of(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are: "a, b, c and 197 more"."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def csv_cell(text: str) -> str:
    """`one_line` of a text, that a spreadsheet takes for text wherever it begins a cell: "=cmd" becomes "'=cmd"."""
    return re.sub(r"(^|[;,|])([\s\"]*)(?=[=+\-@])", r"\1\2'", one_line(text))


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: max(0, longest - 3)] + "..."


def _escaped(letter: str) -> str:
    return " " if letter.isspace() else letter.encode("unicode_escape").decode()
