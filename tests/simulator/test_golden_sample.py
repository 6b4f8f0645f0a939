"""The simulator answers as the firmware did, by the part of the recordings that is in the repository (tests/golden)."""

import ast
import base64
import hashlib
import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from emotion_camera.boards import find_board
from emotion_camera.simulator.host.firmware import HINTS, CameraError
from emotion_camera.simulator.host.pictures import Picture, histeq, transform
from emotion_camera.simulator.host.scratch import Scratch, bytes_of_call
from emotion_camera.simulator.host.sources import Source
from recordings import GOLDEN, NETWORK, SAMPLE, needs_golden, same_text
from replay import program_of

PARTS = json.loads((SAMPLE / "sample.json").read_text(encoding="utf-8"))
CALLS: list[dict[str, Any]] = PARTS["calls"]
FIRMWARES = {"v4.8.1": "v4.8.1", "head": "v5.0"}
ANSWERED = {call["name"]: number for number, call in enumerate(CALLS) if "v4.8.1" in call}


@pytest.fixture(scope="module")
def answers(play) -> dict[str, dict[int, list[str]]]:
    """What came of each call, by its number, on each firmware; the frame is plain gray."""
    gray = np.full((240, 320), 128, np.uint8)
    found = {}
    for recorded, firmware in FIRMWARES.items():
        played = play(
            program_of(CALLS),
            firmware=firmware,
            board="h7plus",
            heap=1 << 20,
            floats="30-bit",
            flash=NETWORK,
            source=Source("gray", 10, lambda: iter([gray] * 300)),
        )
        told = [ast.literal_eval(line[1:]) for line in played.lines if line.startswith("@")]
        found[recorded] = {number: rest for number, *rest in told}
    return found


@pytest.mark.parametrize("firmware", FIRMWARES)
@pytest.mark.parametrize("name", ANSWERED)
def test_a_call(answers, firmware, name):
    number = ANSWERED[name]
    recorded = CALLS[number].get(firmware, CALLS[number]["v4.8.1"])
    _, kind, text = answers[firmware][number]
    assert kind == recorded[0], text
    assert same_text(text, recorded[1]), text


@pytest.mark.parametrize("case", PARTS["copies"], ids=lambda case: "{}x{}".format(*case["size"]))
def test_a_copy(case):
    frame = np.zeros((240, 320), np.uint8)
    (left, top), (height, width) = case["corner"], case["shape"]
    pixels = zlib.decompress(base64.b64decode(case["pixels"]))
    frame[top : top + height, left : left + width] = np.frombuffer(pixels, np.uint8).reshape(height, width)
    (scale,) = struct.unpack("<f", bytes.fromhex(case["scale_float32"]))
    copy = transform(Picture(frame), scale, scale, tuple(case["roi"]), HINTS["AREA"], True)
    assert copy is not None
    assert [copy.width, copy.height] == case["size"]
    assert hashlib.sha256(copy.pixels.tobytes()).hexdigest() == case["sha256"]
    histeq(copy, False, -1)
    assert hashlib.sha256(copy.pixels.tobytes()).hexdigest() == case["histeq_sha256"]


def test_scales_as_the_camera_computes_them(play):
    """212 expressions of numbers, each computed by a program with 30-bit floats: the bytes of the result."""
    scales = PARTS["floats"]
    assert len(scales) > 200
    program = "import struct, binascii\n" + "".join(
        f"print(str(binascii.hexlify(struct.pack('<f', {expression})), 'utf-8'))\n" for expression in scales
    )
    assert play(program, floats="30-bit").lines == list(scales.values())


@pytest.mark.parametrize(
    ("firmware", "buffers"), [(name, number) for name, each in PARTS["scratch"]["widest"].items() for number in each]
)
def test_scratch_memory(firmware, buffers):
    scratch = Scratch(find_board("h7"), (4, 8) if firmware == "v4.8.1" else (5, 0))
    scratch.set_frame(320, 240)
    scratch.set_buffers(int(buffers))
    if firmware == "head":
        assert scratch.free == PARTS["scratch"]["free"][buffers]
    widest = PARTS["scratch"]["widest"][firmware][buffers]
    scratch.need(bytes_of_call("Image.find_features", {}, widest, 60))
    with pytest.raises(CameraError):
        scratch.need(bytes_of_call("Image.find_features", {}, widest + 1, 60))


@needs_golden
def test_the_sample_is_of_the_recordings():
    probes = json.loads((GOLDEN / "firmware" / "api.json").read_text())["probes"]
    recorded = json.loads((GOLDEN / "firmware" / "copies.json").read_text())["cases"]
    assert [call["call"] for call in CALLS] == [probe["call"] for probe in probes]
    hashes = {case["sha256"]: case["roi"] for case in recorded}
    assert all(hashes[case["sha256"]] == case["roi"] for case in PARTS["copies"])
    assert PARTS["floats"] == {case["scale"]: case["scale_float32"] for case in recorded}
