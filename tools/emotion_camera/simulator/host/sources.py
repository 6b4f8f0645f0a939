"""What stands in front of the simulator: the bundled clip, a picture, a folder of pictures, a video, a webcam or a stream."""

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from emotion_camera import pictures
from emotion_camera.errors import UserError
from emotion_camera.files import ASSETS
from emotion_camera.pictures import Pixels, Timed, opencv
from emotion_camera.simulator.host.captures import Capture, SourceLost, check_video, open_video, timed_frames
from emotion_camera.simulator.host.framing import crops_for, cut, find_faces
from emotion_camera.terminal import NAMED, first_of

CLIP = ASSETS / "clip.json"
PICTURE_FPS = 10
PICTURE_FRAMES = 8  # enough for a program that wants a few frames before it is sure
STANDS_S = 0.1  # a frame that stands longer is seen again: a sensor goes on taking pictures of a slide show
STANDS_MOST_S = 60  # what a frame stands at most: beyond that a file's clock is damaged
SMALLEST = 24  # the face detector's window, pixels
SCENE_FRAMES = 50  # of each scene of several photographs that are shown live: five seconds
STREAMS = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp")
URL = re.compile(r"([a-z][a-z0-9+.-]+):/+", re.IGNORECASE)  # C:/ is a drive of Windows
STREAM_MS = 5000  # for a stream to answer and to go on; OpenCV's own 30 s are too long to wait before a page
SILENT_S = 10  # without a frame: the webcam was pulled out, or the stream has broken
MOST_LATE_S = 0.5  # a video that is decoded slower than it plays goes on from here
KINDS = "a picture, a folder of pictures, a video, webcam, the URL of a stream, or clip"
LITTER = ("thumbs.db", "desktop.ini")  # of Windows

Shown = TypeVar("Shown")


@dataclass(frozen=True)
class Source:
    """Frames in grayscale [H, W] or RGB [H, W, 3], uint8, of any size. `live` frames come when they come; a `still` source
    waits for a slow camera, where a clip runs on. `timed` gives the frames with their own times, where those are not all
    1 / `fps`. `pictures` are the files of photographs, and `left_out` says what of their folder is not shown. `reopen` opens
    a live source that was lost; it raises UserError while it is not there."""

    name: str
    fps: float
    frames: Callable[[], Iterator[Pixels]]
    live: bool = False
    still: bool = False
    pictures: tuple[Path, ...] = ()
    reopen: Callable[[], None] | None = None
    timed: Callable[[], Iterator[Timed]] | None = None
    left_out: tuple[str, ...] = ()

    def shown(self) -> Iterator[Timed]:
        """Each frame and the seconds until the next; one that stands long is there again about every STANDS_S."""
        if self.timed is None:
            yield from ((pixels, 1 / self.fps) for pixels in self.frames())
            return
        for pixels, seconds in self.timed():
            seconds = min(seconds, STANDS_MOST_S)
            times = max(1, round(seconds / STANDS_S))
            yield from [(pixels, seconds / times)] * times


def open_source(what: str | Path | None = None) -> Source:
    """The source that `what` names: None or "clip" the bundled clip, "webcam" or "webcam:1" a webcam, a URL, else a path.

    Raises UserError with a sentence for what is not there, cannot be read or is no picture.
    """
    text = str(what)
    if what is None or text == "clip":
        return _clip()
    if what == "":
        raise UserError(f"the source's name is empty; give {KINDS}")
    if text == "webcam" or text.startswith("webcam:"):
        return _webcam(text)
    path = Path(what)
    if URL.match(text) and not path.exists():
        return _by_url(text)
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder; give {KINDS}")
    return _folder(path) if path.is_dir() else _file(path)


def endless(source: Source) -> Source:
    """The same again and again; a webcam has no end anyway."""
    if source.live:
        return source
    timed = source.timed
    return replace(source, frames=lambda: _repeated(source.frames), timed=timed and (lambda: _repeated(timed)))


def _repeated(play: Callable[[], Iterator[Shown]]) -> Iterator[Shown]:
    while True:
        empty = True
        for each in play():
            empty = False
            yield each
        if empty:  # else it would never give anything, and never end
            return


def in_real_time(source: Source) -> Source:
    """A clip or video as if it were live: over and over at its own pace, whatever time the program takes for a frame."""
    return replace(source, live=True, frames=lambda: newest(_at_its_pace(source)))


def _at_its_pace(source: Source) -> Generator[Pixels, None, None]:
    due = time.monotonic()
    for pixels, seconds in endless(source).shown():
        early = due - time.monotonic()
        if early < -MOST_LATE_S:
            due -= early
        time.sleep(max(0, early))
        yield pixels
        due += seconds


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
    pixels = pictures.read_picture(path)
    _check_not_tiny(path, (pixels.shape[1], pixels.shape[0]))
    return pixels


def _check_not_tiny(path: Path, size: tuple[int, int]) -> None:
    if min(size) < SMALLEST:
        words = f"is {size[0]}x{size[1]} pixels, too small for a face; give at least {SMALLEST}x{SMALLEST}"
        raise UserError(f"{path}: {words}")


def _file(path: Path) -> Source:
    """A picture, whatever its ending, or else a video."""
    if not path.is_file():
        raise UserError(f"{path}: is neither a file nor a folder; give {KINDS}")
    if not pictures.is_picture(path):
        return _video(path)
    if pictures.is_animated(path):
        return _animation(path)
    read_picture(path)  # tells of a broken picture before anything is written
    return _photographs(path.name, [path])


def _folder(folder: Path) -> Source:
    """Its pictures. What else is there is left out, as is a broken picture."""
    try:
        files = sorted(file for file in folder.iterdir() if not _is_litter(file.name))
    except OSError as error:
        raise UserError(f"{folder}: can't be read ({error.strerror})") from None
    shown, others, broken = [], [], []
    for file in files:
        try:
            if file.is_file() and pictures.is_picture(file):
                _check_not_tiny(file, pictures.size_of(file))
                shown.append(file)
            else:
                others.append(file.name + "/" * file.is_dir())
        except UserError as error:
            broken.append(str(error))
    names = first_of(others)
    if not shown and broken:
        raise UserError(f"{broken[0]}; {folder} has no picture that can be shown")
    if not shown:
        raise UserError(f"{folder}: has no pictures in it{f', only {names}' * bool(others)}; give {KINDS}")
    left_out = [f"{folder}: left out, as no pictures: {names}"] if others else []
    left_out += [f"{words}; left out" for words in broken[:NAMED]]
    if len(broken) > NAMED:
        left_out.append(f"{folder}: {len(broken) - NAMED:,} more pictures can't be shown; left out")
    return replace(_photographs(folder.name, shown), left_out=tuple(left_out))


def _is_litter(name: str) -> bool:
    """What systems put into folders; macOS has a hidden ._a.png beside a.png on foreign disks."""
    return name.startswith(".") or name.lower() in LITTER


def _photographs(name: str, files: list[Path]) -> Source:
    source = Source(name, PICTURE_FPS, lambda: iter(()), still=True, pictures=tuple(files))
    return replace(
        source, frames=lambda: (pixels for each in scenes(source, PICTURE_FRAMES) for pixels in each.frames())
    )


def _clip() -> Source:
    try:
        fps = float(json.loads(CLIP.read_text(encoding="utf-8"))["fps"])
        path = next(file for file in sorted(CLIP.parent.glob("clip.*")) if file.suffix not in (".json", ".py", ".md"))
    except (OSError, StopIteration, KeyError, ValueError):
        raise UserError(f"{CLIP}: the bundled clip is not there; give {KINDS}") from None
    return Source("the bundled clip", fps, _file(path).frames)


def _animation(path: Path) -> Source:
    with closing(pictures.read_animation(path)) as frames:
        first, seconds = next(frames)
    _check_not_tiny(path, (first.shape[1], first.shape[0]))
    return _timed(path.name, 1 / seconds, lambda: pictures.read_animation(path))


def _video(path: Path) -> Source:
    fps, size = check_video(path)
    _check_not_tiny(path, size)
    pictures.check_size(path, size)
    return _timed(path.name, fps, lambda: timed_frames(open_video(path), str(path)))


def _timed(name: str, fps: float, timed: Callable[[], Iterator[Timed]]) -> Source:
    return Source(name, fps, lambda: (pixels for pixels, _ in timed()), timed=timed)


def _webcam(name: str) -> Source:
    if not re.fullmatch(r"webcam(:[0-9]{1,3})?", name):
        raise UserError(f"{name}: give a webcam as webcam or webcam:1, with its number")
    number = int(name.partition(":")[2] or 0)
    missing = "there is no such webcam, or another program has it; try webcam:1, or give a picture or clip"
    webcam = Capture(name, lambda: opencv().VideoCapture(number), missing)

    def mirrored() -> Generator[Pixels, None, None]:
        """As people know themselves."""
        with closing(webcam.frames()) as frames:
            for pixels in frames:
                yield np.ascontiguousarray(pixels[:, ::-1])

    return Source(name, webcam.fps, lambda: newest(mirrored()), live=True, reopen=webcam.open)


def _by_url(url: str) -> Source:
    scheme, slashes, _ = url.partition("://")
    if not slashes:
        scheme = scheme.partition(":")[0]
        raise UserError(f"{scheme}: a URL has two slashes behind its colon; give it as {scheme}://host/path")
    if scheme.lower() == "file":
        return open_source(Path(url2pathname(urlsplit(url).path)))
    name = _without_credentials(url)
    if scheme.lower() not in STREAMS:
        known = ", ".join(f"{each}://" for each in STREAMS)
        raise UserError(f"{name}: is a URL that can't be opened; give one with {known}, or a file")
    return _stream(url, name)


def _stream(url: str, name: str) -> Source:
    """What a URL gives: a live stream, or a video file, which plays at its own pace."""
    cv2 = opencv()
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, STREAM_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, STREAM_MS]

    def open_capture() -> Any:
        return cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)

    missing = "no video can be read from there; check the address, user and password"
    stream = Capture(name, open_capture, missing)
    if stream.is_single:
        raise UserError(
            f"{name}: is a single picture; give the address of a video, or download the picture and give the file"
        )
    if stream.count > 0:
        return _timed(name, stream.fps, lambda: timed_frames(open_capture(), name))
    return Source(name, stream.fps, lambda: newest(stream.frames()), live=True, reopen=stream.open)


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
    bars; the same pixels when it is their size. An upright picture is there as a whole, or its face would be larger than the
    frame: beside it, its edges are repeated."""
    from PIL import Image, ImageOps

    if pixels.shape[:2] == size[::-1]:
        return pixels
    picture = Image.fromarray(pixels)
    if not _is_upright(pixels, size):
        return np.asarray(ImageOps.fit(picture, size, Image.Resampling.BILINEAR))
    whole = np.asarray(ImageOps.contain(picture, size, Image.Resampling.BILINEAR))
    left = (size[0] - whole.shape[1]) // 2
    return cut(whole, (-left, 0, *size))


def _is_upright(pixels: Pixels, size: tuple[int, int]) -> bool:
    return pixels.shape[0] > pixels.shape[1] and size[0] > size[1]


def seen_part(pixels: Pixels, size: tuple[int, int]) -> tuple[float, float, float]:
    """The part of `pixels` that `fill` shows in a frame of `size`: its left and top, and its pixels for one of the frame."""
    height, width = pixels.shape[:2]
    scales = width / size[0], height / size[1]
    scale = max(scales) if _is_upright(pixels, size) else min(scales)
    return (width - size[0] * scale) / 2, (height - size[1] * scale) / 2, scale
