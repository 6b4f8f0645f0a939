"""What stands in front of the simulator: the bundled clip, a picture, a folder of pictures, a video, a webcam or a stream."""

import json
import os
import queue
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from emotion_camera.errors import UserError
from emotion_camera.files import ASSETS
from emotion_camera.simulator.host.framing import Pixels, crops_for, cut, find_faces

CLIP = ASSETS / "clip.json"
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".pgm", ".ppm")
PICTURE_FPS = 10
PICTURE_FRAMES = 8  # enough for a program that wants a few frames before it is sure
SMALLEST = 24  # the face detector's window, pixels
LARGEST = 100_000_000  # pixels; a larger picture is a mistake, and would fill the memory
SCENE_FRAMES = 50  # of each scene of several photographs that are shown live: five seconds
STREAMS = ("rtsp://", "http://", "https://")
STREAM_MS = 5000  # for a stream to answer and to go on; OpenCV's own 30 s are too long to wait before a page
SILENT_S = 10  # without a frame: the webcam was pulled out, or the stream has broken
MOST_LATE_S = 0.5  # a video that is decoded slower than it plays goes on from here
KINDS = "a picture, a folder of pictures, a video, webcam, the URL of a stream, or clip"


class SourceLost(UserError):
    """A webcam or a stream gives no more frames; it may come back."""


@dataclass(frozen=True)
class Source:
    """Frames in grayscale [H, W] or RGB [H, W, 3], uint8, of any size. `live` frames come when they come; a `still` source
    waits for a slow camera, where a clip runs on. `pictures` are the files of photographs. `reopen` opens a live source that
    was lost; it raises UserError while it is not there."""

    name: str
    fps: float
    frames: Callable[[], Iterator[Pixels]]
    live: bool = False
    still: bool = False
    pictures: tuple[Path, ...] = ()
    reopen: Callable[[], None] | None = None


def open_source(what: str | Path | None = None) -> Source:
    """The source that `what` names: None or "clip" the bundled clip, "webcam" or "webcam:1" a webcam, the URL of a stream, else a path.

    Raises UserError with a sentence for what is not there, cannot be read or is no picture.
    """
    text = str(what)
    if what is None or text == "clip":
        return _clip()
    if what == "":
        raise UserError(f"the source's name is empty; give {KINDS}")
    if text == "webcam" or text.startswith("webcam:"):
        return _webcam(text)
    if text.lower().startswith(STREAMS):
        return _stream(text)
    path = Path(what)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder; give {KINDS}")
    if path.is_dir():
        return _photographs(path.name, _pictures_in(path))
    if path.suffix.lower() not in PICTURES:
        return _video(path)
    return _animation(path) if _is_animated(path) else _photographs(path.name, [path])


def endless(source: Source) -> Source:
    """The same again and again; a webcam has no end anyway."""
    if source.live:
        return source
    return replace(source, frames=lambda: chain.from_iterable(source.frames() for _ in count()))


def in_real_time(source: Source) -> Source:
    """A clip or video as if it were live: over and over at its own pace, whatever time the program takes for a frame."""
    return replace(source, live=True, frames=lambda: newest(_at_its_pace(source)))


def _at_its_pace(source: Source) -> Generator[Pixels, None, None]:
    start = time.monotonic()
    for number, pixels in enumerate(endless(source).frames()):
        early = start + number / source.fps - time.monotonic()
        if early < -MOST_LATE_S:
            start -= early
        time.sleep(max(0, early))
        yield pixels


def newest(frames: Generator[Pixels, None, None]) -> Iterator[Pixels]:
    """The newest of `frames`, none twice. A thread reads them all: frames that wait in a queue would be shown late.

    Raises what reading them raises, and SourceLost when nothing came for SILENT_S.
    """
    slot: queue.Queue[Pixels | Exception | None] = queue.Queue(1)
    over = threading.Event()

    def put(item: Pixels | Exception | None) -> None:
        with suppress(queue.Empty):
            slot.get_nowait()
        slot.put(item)

    def read() -> None:
        try:
            with closing(frames):
                for pixels in frames:
                    put(pixels)
                    if over.is_set():
                        return
            put(None)
        except Exception as error:
            put(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while (item := slot.get(timeout=SILENT_S)) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    except queue.Empty:
        raise SourceLost(f"the source has given no picture for {SILENT_S} s; it is tried again") from None
    finally:
        over.set()
        # It lets go of the webcam. Python must not end while OpenCV waits for a silent one in a thread: that aborts.
        reader.join(STREAM_MS / 1000)


def scenes(source: Source, frames: int | None = None) -> Iterator[Source]:
    """Each view of each photograph as a source of its own: what was seen in one must not count in the next."""
    for path in source.pictures:
        pixels = read_picture(path)
        for crop in crops_for(find_faces(pixels), pixels.shape):
            yield scene(path.name, cut(pixels, crop), frames or SCENE_FRAMES)


def scene(name: str, pixels: Pixels, frames: int = PICTURE_FRAMES) -> Source:
    """A picture that stands still for so many frames."""
    return Source(name, PICTURE_FPS, lambda: iter([pixels] * frames), still=True)


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


def _pictures_in(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if _is_shown(file))
    if not files:
        raise UserError(f"{folder}: has no pictures in it; give a folder with {', '.join(PICTURES[:3])} files")
    return files


def _photographs(name: str, files: list[Path]) -> Source:
    for file in files:
        read_picture(file)  # tells of a broken picture before anything is written
    source = Source(name, PICTURE_FPS, lambda: iter(()), still=True, pictures=tuple(files))
    return replace(source, frames=lambda: chain.from_iterable(each.frames() for each in scenes(source, PICTURE_FRAMES)))


def _is_shown(file: Path) -> bool:
    """Whether `file` of a folder is a picture; macOS puts hidden ._a.png beside a.png on foreign disks."""
    return file.suffix.lower() in PICTURES and not file.name.startswith(".") and file.is_file()


def _clip() -> Source:
    try:
        fps = float(json.loads(CLIP.read_text(encoding="utf-8"))["fps"])
        path = next(file for file in sorted(CLIP.parent.glob("clip.*")) if file.suffix not in (".json", ".py", ".md"))
    except (OSError, StopIteration, KeyError, ValueError):
        raise UserError(f"{CLIP}: the bundled clip is not there; give {KINDS}") from None
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
    """OpenCV, with its own log turned off: what is wrong is said here, and a stream's URL has passwords in it."""
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
    return Source(path.name, _usual(fps, PICTURE_FPS), lambda: _frames_of(cv2.VideoCapture(str(path)), str(path)))


def _usual(fps: float, otherwise: float) -> float:
    return fps if 1 <= fps <= 240 else otherwise


def _frames_of(capture: Any, name: str) -> Generator[Pixels, None, None]:
    """All frames of an open capture, which is closed after the last; SourceLost where there is not one."""
    try:
        good, frame = capture.read()
        if not good:
            raise SourceLost(f"{name}: gives no picture any more; it is tried again")
        while good:
            yield _from_opencv(frame)
            good, frame = capture.read()
    finally:
        capture.release()


def _from_opencv(frame: Any) -> Pixels:
    return frame if frame.ndim == 2 else np.ascontiguousarray(frame[..., ::-1])


class Capture:
    """A webcam or a stream that is open, and can be opened again."""

    def __init__(self, name: str, open_capture: Callable[[], Any], missing: str) -> None:
        self._name = name
        self._open_capture = open_capture
        self._missing = missing
        self._opened: Any = None
        self.open()

    def open(self) -> None:
        """SourceLost while it is not there."""
        self._opened = self._open_capture()
        if not self._opened.isOpened():
            self._opened = None
            raise SourceLost(f"{self._name}: {self._missing}")

    def get(self, what: int) -> float:
        """A property of the open capture."""
        return float(self._opened.get(what))

    def frames(self) -> Generator[Pixels, None, None]:
        """Frames as they come; SourceLost after the last."""
        if self._opened is None:
            self.open()
        capture, self._opened = self._opened, None
        yield from _frames_of(capture, self._name)
        raise SourceLost(f"{self._name}: gives no picture any more; it is tried again")


def _webcam(name: str) -> Source:
    cv2 = _opencv()
    number = name.partition(":")[2] or "0"
    if not number.isdigit():
        raise UserError(f"{name}: give a webcam as webcam or webcam:1, with its number")
    missing = "there is no such webcam, or another program has it; try webcam:1, or give a picture or clip"
    webcam = Capture(name, lambda: cv2.VideoCapture(int(number)), missing)

    def mirrored() -> Generator[Pixels, None, None]:
        """As people know themselves."""
        with closing(webcam.frames()) as frames:
            for pixels in frames:
                yield np.ascontiguousarray(pixels[:, ::-1])

    fps = _usual(webcam.get(cv2.CAP_PROP_FPS), 30)
    return Source(name, fps, lambda: newest(mirrored()), live=True, reopen=webcam.open)


def _stream(url: str) -> Source:
    """What a URL gives: a live stream, or a video file, which plays at its own pace."""
    cv2 = _opencv()
    name = _without_credentials(url)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, STREAM_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, STREAM_MS]

    def open_capture() -> Any:
        return cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)

    stream = Capture(name, open_capture, "no video can be read from there; check the address, user and password")
    fps, frames = _usual(stream.get(cv2.CAP_PROP_FPS), 25), stream.get(cv2.CAP_PROP_FRAME_COUNT)
    if frames > 0:
        return Source(name, fps, lambda: _frames_of(open_capture(), name))
    return Source(name, fps, lambda: newest(stream.frames()), live=True, reopen=stream.open)


def _without_credentials(url: str) -> str:
    """The URL as it may be printed: no user, no password, no query, which may have a key in it."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        raise UserError(
            "the URL of the stream can't be read; give it as rtsp://host/path or http://host/path"
        ) from None


def fill(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """`pixels` scaled to fill `size` (width, height), cut at two sides where their shapes differ, as a camera's frame has no
    bars; the same pixels when it is their size."""
    from PIL import Image, ImageOps

    if pixels.shape[:2] == size[::-1]:
        return pixels
    return np.asarray(ImageOps.fit(Image.fromarray(pixels), size, Image.Resampling.BILINEAR))


def seen_part(pixels: Pixels, size: tuple[int, int]) -> tuple[float, float, float]:
    """The part of `pixels` that `fill` shows in a frame of `size`: its left and top, and its pixels for one of the frame."""
    height, width = pixels.shape[:2]
    scale = min(width / size[0], height / size[1])
    return (width - size[0] * scale) / 2, (height - size[1] * scale) / 2, scale
