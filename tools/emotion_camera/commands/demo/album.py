"""Saves the frames that the camera shows as an animated WebP and GIF and as PNGs.

Where a frame's report is known, its boxes and names are drawn from it at the size of the saved picture, in place of the camera's own.
"""

import itertools
import re
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageColor

from emotion_camera.commands.demo.marks import colours, mark
from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.reports.parse import Face
from emotion_camera.simulator.host.pictures import Pixels

ZOOM = 2  # the letters on a QVGA frame are small
SHADES = 32  # of gray in the GIF, which has 11 MB of the clip with 64; the WebP, of 2 MB, has all
QUALITY = 80  # of the WebP
KEPT = 1200  # frames, the latest: two minutes of a webcam, and 100 MB of memory
LAST_MS = 100
NUMBERED = re.compile(r"frame\d+\.png")
SHORTEST_MS = 20  # viewers show shorter frames slower


class Album:
    """The latest frames in the order shown, saved in `folder` at the end. UserError when that cannot be written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._frames: deque[tuple[Pixels, Sequence[Face] | None]] = deque(maxlen=KEPT)
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

    def add(
        self, pixels: Pixels, time_ms: int, faces: Sequence[Face] | None = None, clean: Pixels | None = None
    ) -> None:
        """One frame, shown at `time_ms`; with the `faces` of its report they are marked on `clean`, which shows no boxes yet."""
        self._frames.append((pixels, None) if faces is None or clean is None else (clean, faces))
        self._times_ms.append(time_ms)
        self.count += 1

    def save_webp(self, name: str) -> Path:
        """The frames as an animation that takes the time they took, in all shades."""
        return self._save_animation(name, map(_drawn, self._frames), format="WEBP", quality=QUALITY, method=1)

    def save_gif(self, name: str) -> Path:
        """The same as a GIF, with fewer shades."""
        palette = _palette()
        reduced = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in map(_drawn, self._frames))
        return self._save_animation(name, reduced, format="GIF", optimize=False)

    def _save_animation(self, name: str, frames: Iterator[Image.Image], **how: Any) -> Path:
        times = list(self._times_ms)
        steps = [max(after - before, SHORTEST_MS) for before, after in itertools.pairwise(times)]
        first = next(frames)
        how |= {"save_all": True, "append_images": frames, "duration": [*steps, LAST_MS], "loop": 0}
        return written(self._folder / name, partial(first.save, **how))

    def save_pngs(self) -> Path:
        """Each frame that is kept, numbered from the first that was added, in place of older ones; the folder."""
        for old in self._folder.iterdir():
            if NUMBERED.fullmatch(old.name):
                self._remove(old)
        for number, frame in enumerate(map(_drawn, self._frames), self.count - len(self)):
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


def _drawn(frame: tuple[Pixels, Sequence[Face] | None]) -> Image.Image:
    pixels, faces = frame
    picture = Image.fromarray(pixels).convert("RGB")
    size = picture.width * ZOOM, picture.height * ZOOM
    if faces is None:
        return picture.resize(size, Image.Resampling.NEAREST)
    return mark(picture.resize(size, Image.Resampling.LANCZOS), faces, ZOOM)


def _palette() -> Image.Image:
    """Grays, and each emotion's colour pure and half mixed with its ink; of photographs in colour the web's 216."""
    grays = [(round(i * 255 / (SHADES - 1)),) * 3 for i in range(SHADES)]
    named = list(colours().values())
    pure = [ImageColor.getrgb(colour) for colour, _ in named]
    mixed = [
        tuple((a + b) // 2 for a, b in zip(ImageColor.getrgb(x), ImageColor.getrgb(y), strict=True)) for x, y in named
    ]
    cube = [(r, g, b) for r in range(0, 256, 51) for g in range(0, 256, 51) for b in range(0, 256, 51)]
    entries = [*grays, *pure, *mixed, *cube][:256]
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for entry in entries for value in entry[:3]])
    return palette
