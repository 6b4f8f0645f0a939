"""The benchmark's command line: all parts, two at a time, or those that are named."""

import argparse
import importlib
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from emotion_camera.errors import UserError

from bench.watch import PROGRAM

PARTS = ("search", "steady", "rest", "memory", "models", "costs")
LONGEST = "memory"


def main() -> int:
    """Print the tables of each part; 0, or 1 with a sentence when a program fails."""
    parser = argparse.ArgumentParser("python -m bench", description="Measure the camera program on the virtual camera.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--program", type=Path, default=PROGRAM, metavar="FILE", help="another one than device/compact/main.py"
    )
    parser.add_argument("--board", default="h7", help="whose memory to play (default: h7)")
    arguments = parser.parse_args()
    strange = [part for part in arguments.parts if part not in PARTS]
    if strange:
        parser.error(f"{strange[0]}: there is no such part; choose from {', '.join(PARTS)}")
    if not arguments.program.is_file():
        parser.error(f"{arguments.program}: there is no such file")
    return _print(arguments.parts or PARTS, arguments.program, arguments.board)


def _print(parts: list[str] | tuple[str, ...], program: Path, board: str) -> int:
    """The parts in the order asked for; the longest starts first. 1 when one of them failed."""
    start, failed = time.monotonic(), 0
    with ProcessPoolExecutor(2) as pool:
        order = sorted(parts, key=lambda part: part != LONGEST)
        working = {part: pool.submit(measure, part, program, board) for part in order}
        for part in parts:
            try:
                print(working[part].result(), end="\n\n", flush=True)
            except UserError as error:
                print(f"{part}: {error}\n", file=sys.stderr, flush=True)
                failed = 1
    print(f"{time.monotonic() - start:.0f} s")
    return failed


def measure(part: str, program: Path, board: str) -> str:
    """The tables of one part, as text."""
    return importlib.import_module(f"bench.{part}").report(program, board)


if __name__ == "__main__":
    sys.exit(main())
