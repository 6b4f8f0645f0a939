"""Saves the frames that the camera shows as an animated GIF and as PNGs."""

import itertools
import re
import tempfile
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.simulator.host.pictures import Pixels

ZOOM = 2  # the letters on a QVGA frame are small
SHADES = 32  # of gray: the GIF is a third of the size with 256, and looks the same
KEPT = 1200  # frames, the latest: two minutes of a webcam, and 100 MB of memory
LAST_MS = 100
NUMBERED = re.compile(r"frame\d+\.png")
SHORTEST_MS = 20  # viewers show shorter frames slower


class Album:
    """The latest frames in the order shown, saved in `folder` at the end. UserError when that cannot be written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._frames: deque[Image.Image] = deque(maxlen=KEPT)
        self._times_ms: deque[int] = deque(maxlen=KEPT)
        self.count = 0  # frames added, kept or not
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UserError(
                f"{folder}: can't be written to ({error.strerror}); give another folder with --out"
            ) from None

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, pixels: Pixels, time_ms: int) -> None:
        """One frame, shown at `time_ms`."""
        self._frames.append(_shaded(pixels))
        self._times_ms.append(time_ms)
        self.count += 1

    def save_gif(self, name: str) -> Path:
        """The frames as an animation that takes the time they took."""
        times = list(self._times_ms)
        steps = [max(after - before, SHORTEST_MS) for before, after in itertools.pairwise(times)]
        first, *rest = map(_zoomed, self._frames)
        how: dict[str, Any] = {
            "save_all": True,
            "append_images": rest,
            "duration": [*steps, LAST_MS],
            "loop": 0,
            "optimize": True,
        }
        return written(self._folder / name, partial(first.save, format="GIF", **how))

    def save_pngs(self) -> Path:
        """Each frame that is kept, numbered from the first that was added, in place of older ones; the folder."""
        for old in self._folder.iterdir():
            if NUMBERED.fullmatch(old.name):
                self._remove(old)
        for number, frame in enumerate(map(_zoomed, self._frames), self.count - len(self)):
            written(self._folder / f"frame{number:04}.png", partial(frame.save, format="PNG"))
        return self._folder

    def _remove(self, path: Path) -> None:
        try:
            path.unlink()
        except OSError as error:
            raise UserError(f"{path}: can't be removed ({error.strerror}); give another folder with --out") from None


def written(path: Path, save: Callable[[Path], None]) -> Path:
    """`path`, written by `save` whole or not at all; UserError when it can't be."""
    try:
        with whole_file(path) as beside:
            save(beside)
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); give another folder with --out") from None
    return path


def _zoomed(frame: Image.Image) -> Image.Image:
    return frame.resize((frame.width * ZOOM, frame.height * ZOOM), Image.Resampling.NEAREST)


def _shaded(pixels: Pixels) -> Image.Image:
    """The frame with one palette of grays for all frames, or its own colours."""
    if pixels.ndim == 3:
        return Image.fromarray(pixels).quantize(64)
    frame = Image.fromarray((pixels.astype(np.uint16) * SHADES >> 8).astype(np.uint8))
    shades = [round(i * 255 / (SHADES - 1)) for i in range(SHADES)]
    frame.putpalette([value for shade in shades for value in (shade, shade, shade)])
    return frame
