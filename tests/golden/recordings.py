"""Where the recordings of the firmware and our own frames are, and how a frame is read and a float compared."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotion_camera.simulator.host.floats import with_camera_floats
from PIL import Image

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
FRAMES = Path(__file__).parent / "frames"
SAMPLE = (
    Path(__file__).parents[1] / "golden"
)  # what of the recordings is in the repository, and what they were made with
PROGRAM = (
    SAMPLE / "program_0697083.txt"
)  # device/main.py of that commit, and its network; no .py, for nobody is to tidy it
NETWORK = {"emotion.tflite": SAMPLE / "emotion_0697083.tflite", "emotion.txt": SAMPLE / "emotion_0697083.txt"}
needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason="no ../shared/golden: recordings of the firmware")

NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?|-?\d+e[-+]?\d+|0x[0-9a-f]+|0xADDR")


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


@cache
def golden_frame(name: str) -> np.ndarray:
    return read(GOLDEN / "frames" / name)


def same_text(found: str, recorded: str) -> bool:
    """Whether two texts differ in nothing but addresses, and floats by less than the camera keeps or prints of them."""
    if NUMBER.sub("#", found) != NUMBER.sub("#", recorded):
        return False
    pairs = zip(NUMBER.findall(found), NUMBER.findall(recorded), strict=True)
    return all(a.startswith("0x") or same_float(a, b) for a, b in pairs)


def same_float(found: str, recorded: str) -> bool:
    a, b = float(found), float(recorded)
    digits, _, exponent = recorded.partition("e")
    half = 0.51 * 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    return bool(with_camera_floats(a) == with_camera_floats(b) or abs(a - b) <= half)


def same_values(found: Any, recorded: Any) -> bool:
    """Whether two values are the same with the camera's floats."""
    return bool(with_camera_floats(found) == with_camera_floats(recorded))
