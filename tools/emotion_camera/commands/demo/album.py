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
        self._last_of: dict[str, Image.Image] = {}  # the last frame of each named picture
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

    def add(self, pixels: Pixels, time_ms: int, name: str = "") -> None:
        """One frame, shown at `time_ms`, of the picture called `name`."""
        self._frames.append(_shaded(pixels))
        self._times_ms.append(time_ms)
        self.count += 1
        if name:
            self._last_of[name] = self._frames[-1]

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
        return self._write(name, partial(first.save, format="GIF", **how))

    def save_last_png(self, name: str) -> Path:
        """The last frame."""
        last = _zoomed(self._frames[-1])
        return self._write(name, partial(last.save, format="PNG", optimize=True))

    def save_pngs(self) -> Path:
        """Each frame that is kept, numbered from the first that was added, in place of older ones; the folder."""
        for old in self._folder.iterdir():
            if NUMBERED.fullmatch(old.name):
                self._remove(old)
        for number, frame in enumerate(map(_zoomed, self._frames), self.count - len(self)):
            self._write(f"frame{number:04}.png", partial(frame.save, format="PNG"))
        return self._folder

    def save_pictures(self) -> list[Path]:
        """The last frame of each named picture: a.png for a.jpg, or a.jpg.png where two would have the same name."""
        names = {name: f"{Path(name).stem}.png" for name in self._last_of}
        alike = len({saved.lower() for saved in names.values()}) < len(names)
        if alike or any(NUMBERED.fullmatch(saved) for saved in names.values()):
            names = {name: f"{name}.png" for name in names}
        return [
            self._write(names[name], partial(_zoomed(frame).save, format="PNG", optimize=True))
            for name, frame in self._last_of.items()
        ]

    def _remove(self, path: Path) -> None:
        try:
            path.unlink()
        except OSError as error:
            raise UserError(f"{path}: can't be removed ({error.strerror}); give another folder with --out") from None

    def _write(self, name: str, save: Callable[[Path], None]) -> Path:
        path = self._folder / name
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
