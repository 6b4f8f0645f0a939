"""Each recorded call of the firmware's functions comes to the same on the simulator: value, or exception and text.

256 calls with right and wrong arguments, made in their order by one program, as they were on firmware v4.8.1 and the head
after v5.0.0.
"""

import ast
import json
from functools import cache
from typing import Any

import pytest
from emotion_camera.simulator.host.sources import Source
from recordings import GOLDEN, NETWORK, golden_frame, needs_golden, same_text
from replay import program_of

FIRMWARES = {"v4.8.1": "v4.8.1", "head": "v5.0"}  # as the recording calls them, and as they are called here

# What the simulator does not play, each with the reason.
UNFLUSHED = "a file that is not closed has its content at once here; FAT writes it when it is closed"
ARENA = "TFLM's arena on a 64-bit computer is 544 bytes larger"
EXPLAINED = {
    "read b": UNFLUSHED, "seek end": UNFLUSHED, "seek before start": UNFLUSHED, "stat size": UNFLUSHED,
    "m.ram": ARENA, "Model foo": ARENA,
}  # fmt: skip


@cache
def probes() -> list[dict[str, Any]]:
    return json.loads((GOLDEN / "firmware" / "api.json").read_text())["probes"]


def compared() -> dict[str, int]:
    """The numbers of the calls whose answers are a real camera's and are played, by name."""
    if not GOLDEN.exists():
        return {}
    return {
        probe["name"]: number
        for number, probe in enumerate(probes())
        if not probe.get("of_the_emulation") and probe["name"] not in EXPLAINED
    }


@pytest.fixture(scope="module")
def answers(play) -> dict[str, dict[int, list[str]]]:
    """What came of each call, by its number, on each firmware."""
    found = {}
    frame = golden_frame("f000.png")
    for recorded, firmware in FIRMWARES.items():
        played = play(
            program_of(probes()),
            firmware=firmware,
            board="h7plus",  # as recorded, with more scratch memory than an H7; and the network fits its disk
            heap=1 << 20,
            floats="30-bit",
            flash=NETWORK,
            source=Source("f000", 10, lambda: iter([frame] * 300)),
        )
        assert played.ended.reason == "finished", played.ended
        told = [ast.literal_eval(line[1:]) for line in played.lines if line.startswith("@")]
        found[recorded] = {number: rest for number, *rest in told}
    return found


@needs_golden
@pytest.mark.parametrize("firmware", FIRMWARES)
def test_every_call_is_answered(answers, firmware):
    assert sorted(answers[firmware]) == list(range(len(probes()))) == list(range(256))
    emulated = sum(bool(probe.get("of_the_emulation")) for probe in probes())
    assert len(compared()) == 256 - emulated - len(EXPLAINED) == 224


@needs_golden
@pytest.mark.parametrize("firmware", FIRMWARES)
@pytest.mark.parametrize("name", compared())
def test_a_call_comes_to_what_is_recorded(answers, firmware, name):
    number = compared()[name]
    probe = probes()[number]
    recorded, found = probe[firmware], answers[firmware][number]
    if "raises" in recorded:
        assert found == ["raises", recorded["raises"], recorded["text"]]
    else:
        assert found[:2] == ["gives", recorded["type"]], found
        assert same_text(found[2], recorded["repr"]), found
