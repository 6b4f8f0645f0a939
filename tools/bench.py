"""`python -m tools.bench`: what finding the faces of one frame costs here, on one core."""

import statistics
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tools.virtual_camera.haar import find_features_counted, load_cascade

CLIP = Path(__file__).parent / "virtual_camera" / "clip.webp"
FRAME = 108  # two faces
RUNS = 20


def main() -> None:
    """Print median milliseconds and windows of a QVGA frame of the bundled clip, at three settings."""
    with Image.open(CLIP) as clip:
        clip.seek(FRAME)
        frame = np.asarray(clip.convert("L"))
    cascade = load_cascade()
    for threshold, scale in ((0.75, 1.25), (0.85, 1.10), (0.5, 1.5)):
        times = []
        for _ in range(RUNS):
            start = time.perf_counter()
            found = find_features_counted(frame, cascade, threshold, scale)
            times.append(time.perf_counter() - start)
        took = 1000 * statistics.median(times)
        size = f"{frame.shape[1]}x{frame.shape[0]}"
        print(
            f"haar {size} {threshold:.2f}/{scale:.2f}: {took:.1f} ms, {found.windows} windows, {len(found.boxes)} faces"
        )


if __name__ == "__main__":
    main()
