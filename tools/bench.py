"""`python -m tools.bench`: what finding and naming faces costs, here and by the counts that hold on any machine."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from models.contract import check
from tools.virtual_camera.haar import find_features_counted, load_cascade

CLIP = Path(__file__).parent / "virtual_camera" / "clip.webp"
MODEL = Path(__file__).parents[1] / "models" / "emotion.tflite"
FRAME = 108  # two faces
RUNS = 20


def main() -> None:
    """Print median milliseconds and windows of a QVGA frame of the bundled clip at three settings, and the model's costs."""
    with Image.open(CLIP) as clip:
        clip.seek(FRAME)
        frame = np.asarray(clip.convert("L"))
    cascade = load_cascade()
    for threshold, scale in ((0.75, 1.25), (0.85, 1.10), (0.5, 1.5)):
        found = find_features_counted(frame, cascade, threshold, scale)
        took = _median_ms(lambda t=threshold, s=scale: find_features_counted(frame, cascade, t, s))  # type: ignore[misc]
        size = f"{frame.shape[1]}x{frame.shape[0]}"
        print(
            f"haar {size} {threshold:.2f}/{scale:.2f}: {took:.1f} ms, {found.windows:,} windows, {len(found.boxes)} faces"
        )
    model = check(MODEL)
    print(
        f"{MODEL.name}: {model.file_bytes:,} bytes, arena {model.arena_bytes or 'not measured'}, {model.macs:,} multiply-accumulates"
    )


def _median_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    main()
