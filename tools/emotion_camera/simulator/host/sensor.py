"""The image sensor: its settings, and the frames it takes of what stands in front of it."""

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import numpy as np

from emotion_camera.simulator.faults import Faults
from emotion_camera.simulator.host.firmware import FRAME_SIZE_IDS, FRAME_SIZES, PIXEL_FORMATS, CameraError
from emotion_camera.simulator.host.pictures import Pixels, to_gray, to_rgb565
from emotion_camera.simulator.host.scratch import Scratch
from emotion_camera.simulator.host.sources import Source, fill

SIZES = {FRAME_SIZE_IDS[name]: size for name, size in FRAME_SIZES.items()}
GAIN_CEILINGS = (2, 4, 8, 16, 32, 64, 128)


class SourceEnded(Exception):
    """There is no further frame."""


class Sensor:
    """Takes frames from a source. `now_us` is the camera's clock: taking a frame moves it to that frame's time.

    The source starts with the first frame that the program keeps; what it skips before, for the sensor to settle, only
    takes time. A program that is slower than the source misses frames, as on a camera.
    """

    def __init__(self, source: Source, faults: Faults, scratch: Scratch) -> None:
        self.source = source
        self.scratch = scratch  # its frame buffers lie there
        self.faults = faults
        self.now_us = 0
        self.taken = 0
        self._frames: Iterator[Any] | None = None  # of a live source as they come, of others with their times
        self._due_us = 0.0  # when the source's next frame is there
        self._last: Pixels | None = None
        self.reset_settings()

    def reset_settings(self) -> None:
        self.size: tuple[int, int] | None = None
        self.size_id: int | None = None
        self.format: int | None = None
        self.area: tuple[int, int, int, int] | None = None
        self.mirrored = self.flipped = False

    def reset(self) -> None:
        if self.faults.no_sensor:
            raise CameraError("RuntimeError", "Failed to detect the image sensor or image sensor is detached.")
        self.reset_settings()

    def set_format(self, pixel_format: int) -> None:
        if not pixel_format and self.format is None:
            return  # 0 is what it is already
        if pixel_format not in PIXEL_FORMATS.values():
            raise CameraError("RuntimeError", "Pixel format is not supported or is not set.")
        self.format = pixel_format

    def set_size(self, size: Any) -> None:
        """A number that is no frame size is taken, and the next snapshot fails."""
        if not isinstance(size, int):
            raise CameraError("RuntimeError", "An invalid argument is used.")
        if size not in SIZES:
            self.size = self.size_id = self.area = None
            return
        taken = self.scratch.board.frame_size(SIZES[size])
        self.scratch.set_frame(*taken)
        self.size_id, self.size, self.area = size, taken, None

    def set_window(self, window: Any) -> None:
        """Cut frames to (w, h) about the middle, or to (x, y, w, h)."""
        if self.size is None:
            raise CameraError("RuntimeError", "Frame size is not supported or is not set.")
        if not isinstance(window, list) or len(window) not in (2, 4):
            raise CameraError("ValueError", "Expected (w, h) or (x, y, w, h) tuple/list.")
        w, h = window[-2:]
        x, y = window[:2] if len(window) == 4 else ((self.size[0] - w) // 2, (self.size[1] - h) // 2)
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + w, self.size[0]), min(y + h, self.size[1])
        if right <= left or bottom <= top:
            raise CameraError("ValueError", "ROI does not overlap on the image!")
        self.area = left, top, right - left, bottom - top

    def set_up(self, name: str) -> int:
        """The `format` or `size_id` that the program has set; RuntimeError before."""
        value = getattr(self, name)
        if value is None:
            what = "Pixel format" if name == "format" else "Frame size"
            raise CameraError("RuntimeError", f"{what} is not supported or is not set.")
        return int(value)

    @property
    def frame_size(self) -> tuple[int, int]:
        if self.size is None:
            raise CameraError("RuntimeError", "Frame size is not supported or is not set.")
        return self.area[2:] if self.area else self.size

    def skip(self, duration_us: int) -> None:
        """Let the time pass; before the first frame that is kept, the source waits."""
        self._check()
        if not self.source.live:
            self.now_us += duration_us
            return
        end = time.monotonic() + duration_us / 1_000_000
        while time.monotonic() < end:
            self._next_frame()

    def snapshot(self) -> Pixels:
        """The next frame. SourceEnded after the last; CameraError for a capture that failed."""
        size = self._check()
        number, self.taken = self.taken, self.taken + 1
        if number in self.faults.timeouts:
            self.now_us += self.faults.timeout_ms * 1000
            raise CameraError("RuntimeError", "Frame capture has timed out.")
        pixels = fill(self._next_frame(), size)
        pixels = to_gray(pixels) if self.format == PIXEL_FORMATS["GRAYSCALE"] else to_rgb565(pixels)
        if self.area:
            x, y, w, h = self.area
            pixels = pixels[y : y + h, x : x + w]
        pixels = pixels[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1]
        return np.array(pixels, order="C")

    def close(self) -> None:
        """Lets go of the source: a webcam, and the thread that reads it."""
        if isinstance(self._frames, Generator):
            self._frames.close()

    def _check(self) -> tuple[int, int]:
        if self.faults.no_sensor:
            raise CameraError("RuntimeError", "Failed to detect the image sensor or image sensor is detached.")
        if self.format is None:
            raise CameraError("RuntimeError", "Pixel format is not supported or is not set.")
        if self.size is None:
            raise CameraError("RuntimeError", "Frame size is not supported or is not set.")
        return self.size

    def _next_frame(self) -> Pixels:
        if self._frames is None:
            self._frames = self.source.frames() if self.source.live else self.source.shown()
            self._due_us = self.now_us
        if self.source.live:
            return self._read()
        while True:
            pixels, seconds = self._read()
            start_us, self._due_us = self._due_us, self._due_us + seconds * 1_000_000
            if self.source.still or round(self._due_us) > self.now_us:  # a slow program misses the others
                break
        self.now_us = max(self.now_us, round(start_us))
        if self.source.still:  # it waits for a slow camera, and goes on from there
            self._due_us = self.now_us + seconds * 1_000_000
        return pixels

    def _read(self) -> Any:
        assert self._frames is not None
        frame = next(self._frames, None)
        if frame is None:
            raise SourceEnded
        return frame


def camera_functions(sensor: Sensor) -> dict[str, Callable[..., Any]]:
    """What `sensor` and `csi.CSI` have, by both their names; each takes the firmware's arguments."""

    def nothing(**arguments: Any) -> None:
        """Gain, exposure and frame rate: likewise."""

    def quality(**arguments: Any) -> bool:
        """Contrast and the like: the source's pictures are what they are."""
        return True

    def gain_ceiling(gainceiling: int) -> bool:
        if gainceiling not in GAIN_CEILINGS:
            raise CameraError("RuntimeError", "An invalid argument is used.")
        return True

    def pixformat(pixformat: int | None) -> int | None:
        if pixformat is None:
            return sensor.set_up("format")
        sensor.set_format(pixformat)
        return None

    def framesize(framesize: Any) -> int | None:
        if framesize is None:
            return sensor.set_up("size_id")
        sensor.set_size(framesize)
        return None

    def window(window: Any) -> Any:
        return (sensor.area or (0, 0, *sensor.frame_size)) if window is None else sensor.set_window(window)

    def framebuffers(count: int | None) -> int | None:
        if count is None:
            return sensor.scratch.buffers
        sensor.set_up("format")
        sensor.set_up("size_id")
        sensor.scratch.set_buffers(count)
        return None

    def mirror(enable: bool) -> None:
        sensor.mirrored = bool(enable)

    def turn(enable: bool) -> None:
        sensor.flipped = bool(enable)

    shared: dict[str, Callable[..., Any]] = {
        "pixformat": pixformat, "framesize": framesize, "framerate": nothing, "contrast": quality,
        "brightness": quality, "saturation": quality, "gainceiling": gain_ceiling, "auto_gain": nothing,
        "auto_exposure": nothing, "auto_whitebal": nothing, "hmirror": mirror, "vflip": turn,
    }  # fmt: skip
    functions = {f"CSI.{name}": function for name, function in shared.items()}
    functions |= {f"sensor.set_{name}": function for name, function in shared.items()}
    functions |= {"CSI.window": window, "sensor.set_windowing": window, "csi.CSI": nothing}
    functions |= {"CSI.framebuffers": framebuffers, "sensor.set_framebuffers": framebuffers}
    functions["sensor.get_framebuffers"] = lambda: sensor.scratch.buffers
    for owner in ("sensor", "CSI"):
        functions[f"{owner}.reset"] = lambda **arguments: sensor.reset()
        functions[f"{owner}.width"] = lambda: sensor.frame_size[0]
        functions[f"{owner}.height"] = lambda: sensor.frame_size[1]
    return functions
