"""The network gets the bytes that the firmware would write for the same face."""

import base64
import hashlib
import json

import numpy as np
import pytest
from emotion_camera.simulator.host.tensor import Box, face_tensor
from hypothesis import given
from hypothesis import strategies as st
from recordings import FRAMES, GOLDEN, needs_golden, read


def box(words: str) -> Box:
    x, y, w, h = map(int, words.split(","))
    return x, y, w, h


@needs_golden
def test_tensors_are_the_firmwares_byte_for_byte() -> None:
    entries = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))
    compared = 0
    for entry in entries:
        frame = read(GOLDEN / "frames" / entry["frame"])
        for words, recorded in entry["tensor_48x48_int8_base64"].items():
            assert face_tensor(frame, box(words)).tobytes() == base64.b64decode(recorded), (entry["frame"], words)
            compared += 1
    assert compared == 120


@pytest.mark.parametrize("name", ["one", "two", "dim", "noise"])
def test_tensors_of_our_own_frames_stay_the_same(name: str) -> None:
    expected = json.loads((FRAMES / "expected.json").read_text(encoding="utf-8"))[name]["tensor_sha256"]
    frame = read(FRAMES / f"{name}.png")
    assert {
        words: hashlib.sha256(face_tensor(frame, box(words)).tobytes()).hexdigest() for words in expected
    } == expected


def test_a_face_of_48_pixels_is_copied() -> None:
    frame = read(FRAMES / "one.png")
    assert (face_tensor(frame, (90, 60, 48, 48)) == frame[60:108, 90:138].astype(int) - 128).all()


def test_half_size_averages_neighbours() -> None:
    frame = np.zeros((96, 96), np.uint8)
    frame[:, 1::2] = 200
    assert set(face_tensor(frame, (0, 0, 96, 96))[:, 1:].ravel().tolist()) == {100 - 128}


@st.composite
def crops(draw: st.DrawFn) -> tuple[int, int, Box]:
    width, height = draw(st.integers(1, 330)), draw(st.integers(1, 250))
    size = draw(st.integers(1, min(width, height)))
    x, y = draw(st.integers(0, width - size)), draw(st.integers(0, height - size))
    return width, height, (x, y, size, size)


@given(crops(), st.integers(0, 255), st.sampled_from([4, 5]), st.sampled_from([24, 48, 96]))
def test_an_even_frame_gives_an_even_tensor(crop: tuple[int, int, Box], gray: int, generation: int, out: int) -> None:
    width, height, roi = crop
    tensor = face_tensor(np.full((height, width), gray, np.uint8), roi, out, generation)
    assert tensor.shape == (out, out)
    assert tensor.dtype == np.int8
    drawn = int(
        np.float32(out) / np.float32(roi[2]) * np.float32(roi[2])
    )  # out, or one less, and then one row is black
    assert (tensor == gray - 128).sum() >= drawn * drawn
    assert set(tensor.ravel().tolist()) <= {gray - 128, -128}


@given(crops(), st.integers(0, 99))
def test_nothing_outside_the_face_gets_in(crop: tuple[int, int, Box], seed: int) -> None:
    width, height, (x, y, size, _) = crop
    frame = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    masked = np.zeros_like(frame)
    masked[y : y + size, x : x + size] = frame[y : y + size, x : x + size]
    assert (face_tensor(frame, (x, y, size, size)) == face_tensor(masked, (x, y, size, size))).all()


@given(crops(), st.integers(0, 99))
def test_generations_agree_on_a_square(crop: tuple[int, int, Box], seed: int) -> None:
    width, height, roi = crop
    frame = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    assert (face_tensor(frame, roi, generation=4) == face_tensor(frame, roi, generation=5)).all()


@pytest.mark.parametrize(("generation", "sides_seen"), [(4, False), (5, True)])
def test_a_wide_region_is_cropped_before_v5_and_stretched_from_it(generation: int, sides_seen: bool) -> None:
    frame = np.zeros((60, 180), np.uint8)
    frame[:, :30] = frame[:, -30:] = 255
    tensor = face_tensor(frame, (0, 0, 180, 60), generation=generation)
    assert (tensor[:, [0, -1]] == 127).all() == sides_seen
    assert (tensor[:, 24] == -128).all()


@given(st.integers(1, 90), st.integers(1, 60), st.sampled_from([4, 5]))
def test_any_shape_fills_the_tensor(width: int, height: int, generation: int) -> None:
    tensor = face_tensor(np.full((height, width), 200, np.uint8), (0, 0, width, height), generation=generation)
    assert (tensor == 72).sum() >= 47 * 47


@pytest.mark.parametrize("roi", [(0, 0, 0, 0), (-1, 0, 10, 10), (0, 0, 81, 10), (75, 55, 6, 6), (10, 10, 5, -5)])
def test_a_region_outside_the_frame_is_refused(roi: Box) -> None:
    with pytest.raises(ValueError, match="inside it"):
        face_tensor(np.zeros((60, 80), np.uint8), roi)
