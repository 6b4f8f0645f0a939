"""Where the recordings of the firmware and our own frames are, and how a frame is read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
FRAMES = Path(__file__).parent / "frames"
needs_golden = pytest.mark.skipif(not GOLDEN.exists(), reason="no ../shared/golden: recordings of the firmware")


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))
