"""Time of a face search on this computer, and the program's size on the camera's disk."""

import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from emotion_camera.boards import CLUSTER, find_board
from emotion_camera.simulator.host.haar import find_features_counted, load_cascade
from emotion_camera.simulator.host.pictures import to_gray

from bench.runner import Options, files_beside, name_of
from bench.scenes import clip
from bench.table import table

FRAME = 108  # of the clip: two faces
RUNS = 20


def report(options: Options) -> str:
    """Median milliseconds and windows of a QVGA frame of the bundled clip at three settings, and the files' sizes."""
    frame = np.ascontiguousarray(to_gray(next(islice(clip().source.frames(), FRAME, None))))
    cascade, rows = load_cascade(), []
    for threshold, scale in ((0.75, 1.25), (0.85, 1.10), (0.5, 1.5)):
        found = find_features_counted(frame, cascade, threshold, scale)
        took = _median_ms(lambda t=threshold, s=scale: find_features_counted(frame, cascade, t, s))  # type: ignore[misc]
        rows.append([f"{threshold:.2f}/{scale:.2f}", f"{took:.1f}", f"{found.counts.windows:,}", str(len(found.boxes))])
    return "\n\n".join(
        (
            f"Costs: the cascade over a whole frame of {frame.shape[1]} x {frame.shape[0]} with two faces, on this computer.",
            table(("threshold/scale", "ms", "windows", "faces"), rows),
            f"What {name_of(options.program)} needs on the camera's disk, bytes; an H7 has room for {find_board('h7').flash_room:,}.",
            table(("file", "bytes"), [(name, f"{size:,}") for name, size in _sizes(options.program).items()]),
        )
    )


def _sizes(program: Path) -> dict[str, int]:
    """Bytes of each file on the camera, and of all in whole clusters."""
    files = {program.name: program} | files_beside(program)
    sizes = {name: file.stat().st_size for name, file in files.items()}
    return sizes | {"all, in whole clusters": sum(-(-size // CLUSTER) * CLUSTER for size in sizes.values())}


def _median_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
