"""The simulator finds the faces that the firmware finds, in the same boxes."""

import json
from typing import Any

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.simulator.host import haar
from emotion_camera.simulator.host.haar import find_features, find_features_counted, load_cascade
from emotion_camera.simulator.host.tensor import Box
from hypothesis import given
from hypothesis import strategies as st
from recordings import FRAMES, GOLDEN, needs_golden, read


def boxes(frame: np.ndarray, setting: str, roi: list[int] | None = None) -> list[list[int]]:
    threshold, scale = map(float, setting.split("/"))
    found = find_features(frame, load_cascade(), threshold, scale, tuple(roi) if roi else None)  # type: ignore[arg-type]
    return [list(box) for box in found]


def differing(entry: dict[str, Any]) -> list[str]:
    """The settings at which our boxes are not the firmware's; five are compared."""
    frame, in_roi = read(GOLDEN / "frames" / entry["frame"]), entry["find_features_roi"]
    wrong = [setting for setting, found in entry["find_features"].items() if boxes(frame, setting) != found["boxes"]]
    if boxes(frame, in_roi["threshold/scale"], in_roi["roi"]) != in_roi["boxes"]:
        wrong.append("region")
    return [f"{entry['frame']} {setting}" for setting in wrong]


@needs_golden
def test_boxes_are_those_that_the_firmware_gave() -> None:
    entries = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))
    assert sum(len(entry["find_features"]) + 1 for entry in entries) == 300
    assert [wrong for entry in entries for wrong in differing(entry)] == []


@pytest.mark.parametrize("name", ["one", "two", "dim", "noise"])
def test_boxes_in_our_own_frames_stay_the_same(name: str) -> None:
    expected = json.loads((FRAMES / "expected.json").read_text(encoding="utf-8"))[name]
    frame = read(FRAMES / f"{name}.png")
    assert {setting: boxes(frame, setting) for setting in expected["boxes"]} == expected["boxes"]
    assert boxes(frame, "0.75/1.25", [60, 40, 160, 140]) == expected["boxes_in_roi"]


def test_a_low_contrast_face_is_not_found() -> None:
    face = read(FRAMES / "one.png")
    assert len(boxes(face, "0.75/1.25")) == 1
    assert boxes((face // 3 + 85).astype(np.uint8), "0.75/1.25") == []


def test_a_region_costs_fewer_windows_than_the_frame() -> None:
    frame = read(FRAMES / "two.png")
    whole = find_features_counted(frame, load_cascade(), 0.75, 1.25)
    part = find_features_counted(frame, load_cascade(), 0.75, 1.25, (30, 50, 120, 120))
    assert len(part.boxes) == 1
    assert part.counts.windows < whole.counts.windows / 2


def test_fewer_stages_let_more_pass() -> None:
    frame = read(FRAMES / "noise.png")
    few, all_of_them = (find_features_counted(frame, load_cascade(stages), 0.75, 1.25).boxes for stages in (5, 25))
    assert len(few) > len(all_of_them)


@pytest.mark.parametrize("roi", [(0, 0, 24, 100), (0, 0, 100, 24), (310, 0, 100, 100), (400, 400, 50, 50)])
def test_a_region_not_larger_than_the_window_is_refused(roi: Box) -> None:
    with pytest.raises(ValueError, match="larger than 24x24"):
        find_features(np.zeros((240, 320), np.uint8), load_cascade(), roi=roi)


@pytest.mark.parametrize("frame", [np.zeros((60, 80, 3), np.uint8), np.zeros((60, 80), np.float32)])
def test_a_frame_that_is_not_gray_is_refused(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match="grayscale uint8"):
        find_features(frame, load_cascade())


@pytest.mark.parametrize("scale", [1.0, 0.5, float("nan"), 1 + 1e-9])
def test_a_pyramid_that_would_not_end_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="over 1"):
        find_features(np.zeros((60, 80), np.uint8), load_cascade(), scale=scale)


@pytest.mark.parametrize("stages", [0, 26])
def test_a_cascade_has_1_to_25_stages(stages: int) -> None:
    with pytest.raises(ValueError, match="1 to 25"):
        load_cascade(stages)


def test_without_opencv_4_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install"):
        haar.cascade_path()


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, Box]:
    """Blocks of noise (much contrast at all scales) with any region larger than the window."""
    width, height = draw(st.integers(25, 200)), draw(st.integers(25, 150))
    x, y = draw(st.integers(0, width - 25)), draw(st.integers(0, height - 25))
    roi = x, y, draw(st.integers(25, width - x)), draw(st.integers(25, height - y))
    block, seed = draw(st.integers(1, 12)), draw(st.integers(0, 999))
    noise = np.random.default_rng(seed).integers(0, 256, (height // block + 1, width // block + 1), np.uint8)
    return np.kron(noise, np.ones((block, block), np.uint8))[:height, :width], roi


@given(scenes(), st.floats(0, 2), st.floats(1.05, 3))
def test_boxes_lie_in_the_region(scene: tuple[np.ndarray, Box], threshold: float, scale: float) -> None:
    frame, (x, y, w, h) = scene
    for bx, by, bw, bh in find_features(frame, load_cascade(), threshold, scale, (x, y, w, h)):
        # Each side is rounded on its own, so a box may reach one pixel over.
        assert x <= bx < bx + bw <= x + w + 1
        assert y <= by < by + bh <= y + h + 1
        assert bw == bh >= 24
