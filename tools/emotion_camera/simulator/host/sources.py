"""What stands in front of the simulator: the bundled clip, a picture, a folder of pictures, a video or a webcam."""

import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_camera.errors import UserError
from emotion_camera.files import ASSETS

Pixels = NDArray[np.uint8]

CLIP = ASSETS / "clip.json"
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".pgm", ".ppm")
PICTURE_FPS = 10
PICTURE_FRAMES = 8  # enough for a program that wants a few frames before it is sure
SMALLEST = 24  # the face detector's window, pixels
LARGEST = 100_000_000  # pixels; a larger picture is a mistake, and would fill the memory


@dataclass(frozen=True)
class Source:
    """Frames in grayscale [H, W] or RGB [H, W, 3], uint8, of any size. `live` frames come when they come; a `still` source
    waits for a slow camera, where a clip runs on. `names` are those of a folder's pictures, PICTURE_FRAMES frames each."""

    name: str
    fps: float
    frames: Callable[[], Iterator[Pixels]]
    live: bool = False
    still: bool = False
    names: tuple[str, ...] = ()


def endless(source: Source) -> Source:
    """The same again and again; a webcam has no end anyway."""
    if source.live:
        return source
    return replace(source, names=(), frames=lambda: chain.from_iterable(source.frames() for _ in count()))


def open_source(what: str | Path | None = None) -> Source:
    """The source that `what` names: None the bundled clip, "webcam" or "webcam:1" a webcam, else a path.

    Raises UserError with a sentence for what is not there, cannot be read or is no picture.
    """
    if what is None:
        return _clip()
    if what == "":
        raise UserError("the source's name is empty; give a picture, a folder, a video or webcam, or none for the clip")
    if str(what) == "webcam" or str(what).startswith("webcam:"):
        return _webcam(str(what))
    path = Path(what)
    if not path.exists():
        raise UserError(
            f"{path}: there is no such file or folder; give a picture, a folder of pictures, a video or webcam"
        )
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() in PICTURES and not _is_animated(path):
        pixels = read_picture(path)
        return Source(path.name, PICTURE_FPS, lambda: iter([pixels] * PICTURE_FRAMES), still=True)
    return _animation(path) if path.suffix.lower() in PICTURES else _video(path)


def read_picture(path: Path) -> Pixels:
    """The picture in `path`, upright, in grayscale or RGB; UserError with a sentence for one that cannot be used."""
    from PIL import ImageOps

    with _opened(path) as picture:
        return _pixels(ImageOps.exif_transpose(picture))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file as a Pillow picture of a usable size; UserError for all that goes wrong with it."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # sizes are checked here
            with Image.open(path) as picture:
                _check_size(path, picture.size)
                yield picture
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(f"{path}: is too large; give at most {LARGEST // 1_000_000} megapixels") from None
    except Exception as error:  # Pillow's decoders raise nearly everything for a broken file
        raise UserError(f"{path}: is not a picture that can be read ({_why(path, error)})") from None


def _why(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return "the file is empty"
    return "unknown format" if "cannot identify" in str(error) else str(error) or type(error).__name__


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if min(size) < SMALLEST:
        raise UserError(
            f"{path}: is {width}x{height} pixels, too small for a face; give at least {SMALLEST}x{SMALLEST}"
        )
    if width * height > LARGEST:
        raise UserError(f"{path}: is {width}x{height} pixels; give at most {LARGEST // 1_000_000} megapixels")


def _pixels(picture: Any) -> Pixels:
    """A Pillow picture of any mode as uint8 grayscale or RGB; 16 bits a pixel keep their upper eight."""
    from PIL import Image

    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, np.float32)
        full = 65535 if values.max() > 255 else 255
        return np.clip(values * (255 / full), 0, 255).astype(np.uint8)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture.convert("RGBA"))
    gray = picture.mode in ("1", "L")
    return np.asarray(picture.convert("L" if gray else "RGB"))


def _folder(path: Path) -> Source:
    files = sorted(file for file in path.iterdir() if _is_shown(file))
    if not files:
        raise UserError(f"{path}: has no pictures in it; give a folder with {', '.join(PICTURES[:3])} files")
    for file in files:
        read_picture(file)  # tells of a broken picture before anything is written

    def frames() -> Iterator[Pixels]:
        for file in files:
            yield from [read_picture(file)] * PICTURE_FRAMES

    return Source(path.name, PICTURE_FPS, frames, still=True, names=tuple(file.name for file in files))


def _is_shown(file: Path) -> bool:
    """Whether `file` of a folder is a picture; macOS puts hidden ._a.png beside a.png on foreign disks."""
    return file.suffix.lower() in PICTURES and not file.name.startswith(".") and file.is_file()


def _clip() -> Source:
    try:
        fps = float(json.loads(CLIP.read_text(encoding="utf-8"))["fps"])
        path = next(file for file in sorted(CLIP.parent.glob("clip.*")) if file.suffix not in (".json", ".py", ".md"))
    except (OSError, StopIteration, KeyError, ValueError):
        raise UserError(f"{CLIP}: the bundled clip is not there; give a picture, a folder, a video or webcam") from None
    source = _animation(path) if path.suffix.lower() in (".png", ".gif", ".webp") else _video(path)
    return Source("the bundled clip", fps, source.frames)


def _is_animated(path: Path) -> bool:
    with _opened(path) as picture:
        return getattr(picture, "n_frames", 1) > 1 and path.suffix.lower() in (".gif", ".png", ".webp")


def _animation(path: Path) -> Source:
    from PIL import ImageSequence

    with _opened(path) as picture:
        picture.load()  # WebP tells the duration only then
        duration_ms = picture.info.get("duration") or 1000 / PICTURE_FPS

    def frames() -> Iterator[Pixels]:
        with _opened(path) as picture:
            try:
                for frame in ImageSequence.Iterator(picture):
                    yield _pixels(frame)
            except Exception:  # Pillow's decoders raise nearly everything
                return  # the file is cut off: what is there is played, as of a video

    return Source(path.name, 1000 / duration_ms, frames)


def _opencv() -> Any:
    """OpenCV, with its own log turned off: what is wrong is said here."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    return cv2


def _video(path: Path) -> Source:
    cv2 = _opencv()
    video = cv2.VideoCapture(str(path))
    fps = video.get(cv2.CAP_PROP_FPS)
    good, first = video.read()
    video.release()
    if not good or first is None:
        empty = "the file is empty" if path.stat().st_size == 0 else "unknown format or no frames"
        raise UserError(f"{path}: is not a picture or a video that can be read ({empty})")
    _check_size(path, (first.shape[1], first.shape[0]))

    def frames() -> Iterator[Pixels]:
        video = cv2.VideoCapture(str(path))
        while (frame := video.read())[0]:
            yield _from_opencv(frame[1])
        video.release()

    return Source(path.name, fps if 1 <= fps <= 240 else PICTURE_FPS, frames)


def _from_opencv(frame: Any) -> Pixels:
    return frame if frame.ndim == 2 else np.ascontiguousarray(frame[..., ::-1])


def _webcam(name: str) -> Source:
    cv2 = _opencv()
    number = name.partition(":")[2] or "0"
    if not number.isdigit():
        raise UserError(f"{name}: give a webcam as webcam or webcam:1, with its number")
    camera = cv2.VideoCapture(int(number))
    if not camera.isOpened():
        raise UserError(f"{name}: there is no such webcam, or another program has it; try webcam:1 or a picture")

    def frames() -> Iterator[Pixels]:
        while (frame := camera.read())[0]:
            yield _from_opencv(frame[1])
        camera.release()

    return Source(name, 30, frames, live=True)


def fit(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """`pixels` scaled to lie inside `size` (width, height), black around them; the same pixels when it is their size."""
    from PIL import Image

    width, height = size
    if pixels.shape[:2] == (height, width):
        return pixels
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    inner = max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1)
    scaled = np.asarray(Image.fromarray(pixels).resize(inner, Image.Resampling.BILINEAR))
    frame = np.zeros((height, width, *pixels.shape[2:]), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    frame[top : top + inner[1], left : left + inner[0]] = scaled
    return frame
