"""The program of commit 0697083 prints on the simulator what it printed on the firmware, line for line.

It saw the 48 golden frames of QVGA size, four times each at ten a second, as the recording did, with the camera's 30-bit
floats. Where the recording's heap was an H7's, some copies found no room in it and the lines then differ: that depends on
the heap's state byte for byte, which is not played; all other lines are the same.
"""

import json
from functools import cache
from typing import Any

import pytest
from emotion_camera.simulator import Line, run
from emotion_camera.simulator.host.sources import Source
from recordings import GOLDEN, NETWORK, PROGRAM, golden_frame, needs_golden, same_values

TIMES = 4  # that each frame is shown
BOOT_MS = 500  # the first of them at 2500 ms, after two seconds for the sensor to settle
ROOMY = 1 << 20  # bytes of heap
HERE = ("firmware", "board")  # what the ready line says of the camera

pytestmark = [needs_golden, pytest.mark.slow]


@cache
def sequences() -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads((GOLDEN / "firmware" / "program.json").read_text())["sequences"]}


def recorded(name: str) -> list[dict[str, Any]]:
    return [report(line) for line in sequences()[name]["lines"]]


def report(line: str) -> dict[str, Any]:
    return {key: value for key, value in json.loads(line).items() if key not in HERE}


@cache
def played(firmware: str, board: str) -> list[dict[str, Any]]:
    """What the program reports."""
    frames = [golden_frame(f"f{number:03}.png") for number in range(48) for _ in range(TIMES)]
    events = run(
        PROGRAM,
        firmware=firmware,
        board=board,
        heap=ROOMY,
        floats="30-bit",
        sdcard=NETWORK,
        boot_ms=BOOT_MS,
        source=Source("golden", 10, lambda: iter(frames)),
    )
    return [report(event.text) for event in events if isinstance(event, Line) and event.text.startswith("{")]


def test_with_room_for_all_copies():
    found, expected = played("v4.8.1", "h7"), recorded("roomy")
    assert len(found) == len(expected) == 162
    for ours, theirs in zip(found, expected, strict=True):
        assert same_values(ours, theirs)


def test_v5_with_more_scratch_memory_reports_the_same():
    assert same_values(played("v5.0", "h7plus"), recorded("roomy"))


def test_v5_on_an_h7_where_three_frame_buffers_leave_too_little():
    """It searches little more than nothing, and says so once."""
    found, expected = played("v5.0", "h7"), recorded("head, H7 memory, unmodified")
    assert len(expected) == 104
    assert found[1]["event"] == "error"
    for ours, theirs in zip(found, expected, strict=True):
        assert same_values(ours, theirs)


@pytest.mark.parametrize(
    ("name", "same"), [("v4.8.1, H7 memory", 70), ("head, H7 memory, framebuffers(2)", 153)], ids=["v4.8.1", "head"]
)
def test_on_an_h7s_heap_all_lines_are_the_same_but_those_after_a_copy_without_room(name, same):
    found = {line.get("t"): line for line in played("v4.8.1", "h7")}
    parted = set(sequences()[name]["differs_from_roomy_at_t"])
    alike = [line for line in recorded(name) if line.get("t") not in parted]
    assert len(alike) == same
    for theirs in alike:
        assert same_values(found[theirs.get("t")], theirs)
