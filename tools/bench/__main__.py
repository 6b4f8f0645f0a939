"""The benchmark's command line: `python -m bench`, all quick sections, or those that are named."""

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from emotion_camera.errors import UserError

from bench.runner import Options

QUICK = {
    "detection": "recall, false positives, id switches, cost of a frame",
    "flicker": "spurious label changes, accuracy, latency",
    "resting_face": "accuracy before and after calibrate",
    "memory": "heap in use, and the smallest heap",
    "models": "size, cost and inference time of the models",
    "costs": "time of a face search here, size on the camera's disk",
}
SLOW = {
    "deploy": "what power cuts and pulled cables leave on a camera",
    "upload": "what killed uploads leave in an Edge Impulse project",
    "eim": "Edge Impulse's Linux client and our .eim against LiteRT",
    "page": "frame rate and delay of the live page, in Chromium",
}
LONGEST = "memory"


def main() -> int:
    """Print the tables of each section; 0, or 1 with a sentence when one fails."""
    sections = QUICK | SLOW
    parser = argparse.ArgumentParser(
        "python -m bench",
        description="Measure the camera program on the simulator.",
        epilog="\n".join(["sections:", *(f"  {name:<13} {text}" for name, text in sections.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"default: all but {', '.join(SLOW)}")
    parser.add_argument("--program", type=Path, metavar="FILE", help="default: device/compact/main.py")
    parser.add_argument("--board", help="whose memory to simulate (default: h7)")
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="eim: fer2013.npz, for real faces (default: drawn ones)"
    )
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    chosen = given.pop("sections") or list(QUICK)
    options = Options(**given)
    if unknown := [name for name in chosen if name not in sections]:
        parser.error(f"{unknown[0]}: there is no such section; choose from {', '.join(sections)}")
    if not options.program.is_file():
        parser.error(f"{options.program}: there is no such file")
    return _print(chosen, options)


def _print(sections: Sequence[str], options: Options) -> int:
    """The sections in the order asked for, two at a time; the longest starts first. 1 when one of them failed."""
    start, failed = time.monotonic(), 0
    with ProcessPoolExecutor(2) as pool:
        order = sorted(sections, key=lambda name: name != LONGEST)
        working = {name: pool.submit(measure, name, options) for name in order}
        for name in sections:
            try:
                print(working[name].result(), end="\n\n", flush=True)
            except UserError as error:
                print(f"{name}: {error}\n", file=sys.stderr, flush=True)
                failed = 1
    print(f"{time.monotonic() - start:.0f} s")
    return failed


def measure(section: str, options: Options) -> str:
    """The tables of one section, as text."""
    text: str = importlib.import_module(f"bench.{section}").report(options)
    return text


if __name__ == "__main__":
    sys.exit(main())
