"""OpenCV's captures: video files, webcams and streams, as frames with the time that each stands."""

from __future__ import annotations

import mmap
import os
import re
import shlex
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np

from emotion_camera.errors import UserError
from emotion_camera.pictures import Pixels, Timed, is_text, opencv

SLOWEST, FASTEST = 0.01, 1000  # frames a second; what says otherwise is no rate: RTP's clock, or a file's damage
USUAL_FPS = 25
# The codec in a file that OpenCV can't open: of a video track in MP4 and MOV, in AVI, in Matroska and WebM.
CODECS = (rb"vmhd.{0,400}?stsd.{12}(.{4})", rb"strh.{4}vids(.{4})", rb"\x86[\x81-\xbf](V_[A-Z0-9/_.]+)")
WIDEST_PIXEL = 4  # by its height, or the other way round: television's are up to twice as wide; more is a file's damage
SINGLE = ("MPNG", "webp")  # codecs of pictures whose number FFmpeg does not know


class SourceLost(UserError):
    """A webcam or a stream gives no more frames; it may come back."""


class Capture:
    """A webcam or a stream that is open, and can be opened again."""

    def __init__(self, name: str, open_capture: Callable[[], Any], missing: str) -> None:
        self._name = name
        self._open_capture = open_capture
        self._missing = missing
        capture = self._opened = self._open()
        self.fps = rate(capture)
        self.count = capture.get(opencv().CAP_PROP_FRAME_COUNT)  # of a file's frames; 0 or less of a stream
        self.is_single = self.count == 1 or _codec(capture) in SINGLE

    def open(self) -> None:
        """SourceLost while it is not there."""
        self._opened = self._open()

    def _open(self) -> Any:
        capture = self._open_capture()
        if not capture.isOpened():
            raise SourceLost(f"{self._name}: {self._missing}")
        return capture

    def frames(self) -> Generator[Pixels, None, None]:
        """Frames as they come; SourceLost after the last."""
        if self._opened is None:
            self.open()
        capture, self._opened = self._opened, None
        try:
            while (pixels := _read(capture)) is not None:
                yield pixels
        finally:
            capture.release()
        raise SourceLost(f"{self._name}: gives no picture any more; it is tried again")


def open_video(path: Path) -> Any:
    """A video file from its start, as OpenCV's capture. By its full path: FFmpeg takes 12:30.mp4 for a URL of the protocol 12."""
    cv2 = opencv()
    return cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)


def check_video(path: Path) -> tuple[float, tuple[int, int]]:
    """The frame rate and the size (width, height) of a video file; UserError for one of which no frame can be read."""
    if not is_text(path):
        raise UserError(f"{path}: its name is no text in UTF-8, and so no video can be opened; rename it")
    capture = open_video(path)
    try:
        fps, codec, first = rate(capture), _codec(capture), _read(capture)
        count = capture.get(opencv().CAP_PROP_FRAME_COUNT)
    finally:
        capture.release()
    if first is not None:
        return fps, (first.shape[1], first.shape[0])
    if codec := codec if count > 1 else _codec_in(path):
        raise UserError(
            f"{path}: no frame of its video ({codec}) can be decoded: OpenCV lacks the codec, or the file is damaged; convert "
            f"it to H.264: ffmpeg -i {shlex.quote(path.name)} -c:v libx264 converted.mp4"
        )
    raise UserError(
        f"{path}: is not a picture or a video that can be read (unknown format or no frames: cut off, perhaps, or sound alone)"
    )


def timed_frames(capture: Any, name: str) -> Generator[Timed, None, None]:
    """All frames of an open file, each with the time that it stands. Where the file tells no times they come at its rate.

    The capture is closed after the last. SourceLost where there is not one.
    """
    fps = rate(capture)
    at_s, pixels = 0.0, _read(capture)
    try:
        if pixels is None:
            raise SourceLost(f"{name}: gives no picture any more; it is tried again")
        while (following := _read(capture)) is not None:
            next_s = capture.get(opencv().CAP_PROP_POS_MSEC) / 1000
            next_s = next_s if next_s > at_s else at_s + 1 / fps
            yield pixels, next_s - at_s
            at_s, pixels = next_s, following
        yield pixels, 1 / fps
    finally:
        capture.release()


def rate(capture: Any) -> float:
    """Frames a second as the capture says."""
    fps = float(capture.get(opencv().CAP_PROP_FPS))
    return fps if SLOWEST <= fps <= FASTEST else USUAL_FPS


def _read(capture: Any) -> Pixels | None:
    """The next frame, grayscale or RGB, with square pixels; None after the last."""
    cv2 = opencv()
    good, frame = capture.read()
    if not good or frame is None:
        return None
    wide, high = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
    if wide != high and 0 < wide <= WIDEST_PIXEL * high and high <= WIDEST_PIXEL * wide:  # television's are no squares
        frame = cv2.resize(frame, (max(1, round(frame.shape[1] * wide / high)), frame.shape[0]))
    return frame if frame.ndim == 2 else np.ascontiguousarray(frame[..., ::-1])


def _codec(capture: Any) -> str:
    return int(capture.get(opencv().CAP_PROP_FOURCC)).to_bytes(4, "little", signed=True).decode("latin-1").strip("\0 ")


def _codec_in(path: Path) -> str:
    """The codec of the first video in a file of a known kind, or ""."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = next(filter(None, (re.search(pattern, data, re.DOTALL) for pattern in CODECS)), None)
        return found[1].decode("latin-1") if found else ""
