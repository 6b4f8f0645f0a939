"""Heap in use over 10,000 frames, allocations per frame, and the smallest heap in which the program runs."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.reports.parse import EventReport, FacesReport, parse
from emotion_camera.simulator import Ended, Line, run

from bench.runner import PLAIN_LOOP, Options, files_beside, name_of
from bench.scenes import still
from bench.table import table

HEAP_PROBE = Path(__file__).with_name("heap_probe.py")
FRAMES = 10_000
LEAST, MOST, STEP = 50 * 1024, 1024 * 1024, 1024  # bytes of heap: range and resolution of the search
TRIAL_FRAMES = 12
FIRMWARES = ("v4.5.5", "v5.0")


def report(options: Options) -> str:
    """Both tables."""
    program, board = options.program, options.board
    grown = [_grown("plain loop", PLAIN_LOOP, board, FRAMES // 10), _grown(name_of(program), program, board, FRAMES)]
    least = [[firmware, f"{least_heap(program, board, firmware):,}"] for firmware in FIRMWARES]
    return "\n\n".join(
        (
            "Memory on the simulator, where small objects take twice a camera's bytes: heap in use after so many frames, after a\n"
            "collection; bytes allocated per frame, with the simulator's own.",
            table(("program", "after 100", "after 1,000", "after 10,000", "a frame", "most"), grown),
            f"The smallest heap, in one piece, in which {name_of(program)} reports faces.",
            table(("firmware", "bytes"), least),
        )
    )


def _grown(name: str, program: Path, board: str, frames: int) -> list[str]:
    lines = list(heap_lines(program, board, frames))
    in_use = [f"{line['in_use']:,}" for line in lines] + ["-"] * (3 - len(lines))
    return [name, *in_use, f"{lines[-1]['a_frame']:,}", f"{lines[-1]['most']:,}"]


def heap_lines(program: Path, board: str, frames: int) -> Iterator[dict[str, int]]:
    """What heap_probe.py prints; UserError when the program does not get as far."""
    files = files_beside(program) | {"program.py": program}
    count = 0
    for event in run(HEAP_PROBE, python="micropython", board=board, source=still(frames + 1).source, sdcard=files):
        if isinstance(event, Line) and event.text.startswith("heap "):
            count += 1
            yield json.loads(event.text[5:])
        elif isinstance(event, Line) and '"error"' in event.text:
            raise UserError(f"{name_of(program)} on the board {board}: {event.text}")
        elif isinstance(event, Ended) and event.reason != "stopped":
            raise UserError(f"{name_of(program)} ended ({event.reason}): {event.message}")
    if not count:
        raise UserError(f"{name_of(program)} did not take 100 frames")


def least_heap(program: Path, board: str, firmware: str) -> int:
    """The smallest heap, to STEP bytes, in which the program reports faces in most frames and no error."""
    low, high = LEAST, MOST
    if not _works(program, board, firmware, high):
        raise UserError(f"{name_of(program)} does not run on {firmware} with {high:,} bytes of heap")
    while high - low > STEP:
        middle = (low + high) // 2
        low, high = (low, middle) if _works(program, board, firmware, middle) else (middle, high)
    return high


def _works(program: Path, board: str, firmware: str, heap: int) -> bool:
    source = still(TRIAL_FRAMES).source
    events = run(
        program,
        python="micropython",
        board=board,
        firmware=firmware,
        source=source,
        sdcard=files_beside(program),
        heap=heap,
    )
    faces = 0
    with closing(events):
        for event in events:
            report = parse(event.text) if isinstance(event, Line) else None
            faces += isinstance(report, FacesReport)
            if isinstance(report, EventReport) and report.event == "error":
                return False
    return faces > TRIAL_FRAMES // 2
