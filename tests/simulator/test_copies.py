"""Copies, and what histeq makes of them, byte for byte as recorded on firmware v4.8.1 and the head after v5.0.0."""

import base64
import hashlib
import json
import struct
from functools import cache

import numpy as np
import pytest
from emotion_camera.simulator.host.firmware import HINTS
from emotion_camera.simulator.host.floats import camera_float
from emotion_camera.simulator.host.pictures import Picture, histeq, transform
from emotion_camera.simulator.host.resample import resample
from emotion_camera.simulator.host.tensor import face_tensor
from recordings import GOLDEN, needs_golden, read

KINDS = ["everywhere", "near", "face", "edge", "part", "odd", "odd small", "whole", "whole odd", "whole part"]


@cache
def cases() -> list[dict]:
    return json.loads((GOLDEN / "firmware" / "copies.json").read_text())["cases"]


@cache
def frame(name: str) -> np.ndarray:
    return read(GOLDEN / "frames" / name)


def copied(case: dict) -> Picture:
    """The copy that the simulator makes of a recorded case."""
    (scale,) = struct.unpack("<f", bytes.fromhex(case["scale_float32"]))
    copy = transform(Picture(frame(case["frame"])), scale, scale, tuple(case["roi"]), HINTS["AREA"], True)
    assert copy is not None
    return copy


@needs_golden
@pytest.mark.parametrize("kind", [*KINDS, "partly outside"])
def test_area_copies_are_the_firmwares(kind):
    of_this_kind = [case for case in cases() if case["kind"] == kind]
    assert of_this_kind
    for case in of_this_kind:
        copy = copied(case)
        assert [copy.width, copy.height] == case["size"], case
        assert hashlib.sha256(copy.pixels.tobytes()).hexdigest() == case["sha256"], case
        if "base64" in case:
            assert copy.pixels.tobytes() == base64.b64decode(case["base64"])


@needs_golden
def test_histeq_of_each_copy_is_the_firmwares():
    for case in cases():
        copy = copied(case)
        histeq(copy, False, -1)
        assert hashlib.sha256(copy.pixels.tobytes()).hexdigest() == case["histeq_sha256"], case


@needs_golden
def test_scales_are_the_cameras_floats():
    """Of literals, and of quotients of whole numbers."""
    plain = [case for case in cases() if not set(case["scale"]) & set("*+")]
    assert len(plain) > 200
    for case in plain:
        above, _, below = case["scale"].partition("/")
        value = camera_float(float(above) / float(below or 1))
        assert struct.pack("<f", value).hex() == case["scale_float32"], case


@pytest.mark.parametrize(
    ("value", "bits"),
    [(0.4, "cfcccc3e"), (0.7, "3033333f"), (0.5, "0000003f"), (1.0, "0000803f"), (-0.4, "cfccccbe"), (0.0, "00000000"),
     (3.9999999, "00008040"), (1e39, "0000807f")],
)  # fmt: skip
def test_a_float_keeps_30_bits(value, bits):
    assert struct.pack("<f", camera_float(value)).hex() == bits


def test_a_copy_begins_on_its_own_grid():
    """At half size a region that starts at an odd pixel is copied from the even one before it."""
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
    half = np.float32(0.5)
    assert resample(picture, (3, 1, 4, 4), (half, half), HINTS["AREA"]).tolist() == [[7, 9], [27, 29]]


def test_made_larger_a_copy_repeats_pixels():
    picture = np.array([[10, 20], [30, 40]], np.uint8)
    twice = np.float32(2)
    assert resample(picture, (0, 0, 2, 2), (twice, twice), HINTS["AREA"]).tolist() == [
        [10, 10, 20, 20], [10, 10, 20, 20], [30, 30, 40, 40], [30, 30, 40, 40],
    ]  # fmt: skip


def test_mirrored_and_turned_copies():
    picture = np.array([[1, 2], [3, 4]], np.uint8)
    one = np.float32(1)
    assert resample(picture, (0, 0, 2, 2), (one, one), HINTS["HMIRROR"]).tolist() == [[2, 1], [4, 3]]
    assert resample(picture, (0, 0, 2, 2), (one, one), HINTS["VFLIP"]).tolist() == [[3, 4], [1, 2]]


def test_bilinear_copies_are_as_a_networks_input():
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (60, 80), np.uint8)
    scale = np.float32(16) / np.float32(30)
    copy = resample(picture, (11, 7, 30, 30), (scale, scale), HINTS["BILINEAR"])
    assert (copy == face_tensor(picture, (11, 7, 30, 30), 16).view(np.uint8) ^ 0x80).all()
