"""What the firmware's `image` methods do to a picture, in NumPy and Pillow.

A grayscale picture is uint8 [H, W], an RGB565 one uint8 [H, W, 3] with the precision of 565. Each function of
`METHODS` takes a `Picture` and the arguments of the firmware's method; it returns None for "the picture itself".
Exact: Haar (`haar.py`), copies (`resample.py`), histeq, pixels. Approximate: fonts, circles, thick lines, bicubic copies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from emotion_camera.simulator.host.firmware import CameraError, vector
from emotion_camera.simulator.host.floats import camera_float
from emotion_camera.simulator.host.haar import Detection, find_features_counted, load_cascade
from emotion_camera.simulator.host.resample import copy_size, resample
from emotion_camera.simulator.host.tensor import Box

Pixels = NDArray[np.uint8]
PADDING = 31  # bytes that a picture's memory takes more than its pixels, so that they can start at a cache line
CELL = (8, 10)  # the firmware's font: one character's cell, pixels


@dataclass
class Picture:
    """A picture on the camera; its methods change `pixels` in place or put other pixels there."""

    pixels: Pixels

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def height(self) -> int:
        return self.pixels.shape[0]


@dataclass(frozen=True)
class Statistics:
    """What `get_statistics` measures."""

    values: dict[str, float]


def to_gray(pixels: Pixels) -> Pixels:
    """Grayscale by the usual luma."""
    return pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))


def to_rgb565(pixels: Pixels) -> Pixels:
    """Colours as 565 bits hold them, still three bytes a pixel."""
    rgb = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
    return rgb & np.array([0xF8, 0xFC, 0xF8], np.uint8)


def pack(pixels: Pixels) -> bytes:
    """The bytes that the pixels take in the camera's memory."""
    if pixels.ndim == 2:
        return pixels.tobytes()
    red, green, blue = (pixels[..., i].astype(np.uint16) for i in range(3))
    return (red >> 3 << 11 | green >> 2 << 5 | blue >> 3).astype("<u2").tobytes()


def unpack(data: bytes, width: int, height: int, gray: bool) -> Pixels:
    """The pixels that `pack` made `data` of."""
    if gray:
        return np.frombuffer(data, np.uint8).reshape(height, width).copy()
    values = np.frombuffer(data, "<u2").reshape(height, width)
    return np.stack([values >> 11 << 3, (values >> 5 & 63) << 2, (values & 31) << 3], 2).astype(np.uint8)


def clip(roi: Box | None, picture: Picture) -> Box:
    """`roi` cut to the picture, the whole picture for None; the firmware's OSErrors for an impossible one."""
    x, y, w, h = roi or (0, 0, picture.width, picture.height)
    if w < 1 or h < 1:
        raise CameraError("OSError", "Invalid ROI dimensions!")
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, picture.width), min(y + h, picture.height)
    if left >= right or top >= bottom:
        raise CameraError("OSError", "ROI does not overlap on the image!")
    return left, top, right - left, bottom - top


def _color(picture: Picture, color: Any) -> Any:
    """A colour argument as Pillow takes it: a gray level or an (r, g, b) tuple; None is white."""
    color = vector(color, 3) if isinstance(color, list) else color
    if picture.pixels.ndim == 2:
        if isinstance(color, tuple):
            return (color[0] * 38 + color[1] * 75 + color[2] * 15) >> 7
        return 255 if color is None else int(color) & 255
    if isinstance(color, tuple):
        return color
    if color is None:
        return 255, 255, 255
    return color >> 11 << 3, (color >> 5 & 63) << 2, (color & 31) << 3


def _draw(picture: Picture, paint: Callable[[ImageDraw.ImageDraw], Any]) -> None:
    canvas = Image.fromarray(picture.pixels)
    paint(ImageDraw.Draw(canvas))
    picture.pixels[...] = np.asarray(canvas)


def draw_line(picture: Picture, line: Box, color: Any, thickness: int) -> None:
    _draw(picture, lambda draw: draw.line(line, _color(picture, color), max(thickness, 1)))


def draw_rectangle(picture: Picture, rect: Box, color: Any, thickness: int, fill: bool) -> None:
    x, y, w, h = rect
    ink = _color(picture, color)
    rings = range(-((thickness - 1) // 2), thickness // 2 + 1)  # centred on the outline, as the firmware does

    def paint(draw: ImageDraw.ImageDraw) -> None:
        for i in rings:
            if w > 2 * i and h > 2 * i:
                draw.rectangle((x + i, y + i, x + w - 1 - i, y + h - 1 - i), ink if fill else None, ink)

    _draw(picture, paint)


def draw_circle(picture: Picture, circle: tuple[int, int, int], color: Any, thickness: int, fill: bool) -> None:
    x, y, r = circle
    ink = _color(picture, color)
    box = (x - r, y - r, x + r, y + r)
    if r >= 0:
        _draw(picture, lambda draw: draw.ellipse(box, ink if fill else None, ink, max(thickness, 1)))


def draw_cross(picture: Picture, point: tuple[int, int], color: Any, size: int, thickness: int) -> None:
    x, y = point
    draw_line(picture, (x - size, y, x + size, y), color, thickness)
    draw_line(picture, (x, y - size, x, y + size), color, thickness)


def draw_string(picture: Picture, point: tuple[int, int], text: str, color: Any, scale: float, **spacing: Any) -> None:
    """Text in the firmware's 8x10 cells, each `scale` times as large; parts outside the picture are cut off."""
    if not scale > 0:
        raise CameraError("ValueError", "Error: 0 < scale!")
    mask = _text_mask(text, spacing["x_spacing"], spacing["y_spacing"], bool(spacing["mono_space"]))
    width, height = int(mask.shape[1] * scale), int(mask.shape[0] * scale)
    mask = mask[(np.arange(height) / scale).astype(int)[:, None], (np.arange(width) / scale).astype(int)]
    x, y = point
    left, top = max(x, 0), max(y, 0)
    mask = mask[top - y : picture.height - y if y < picture.height else 0, left - x : max(picture.width - x, 0)]
    picture.pixels[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = _color(picture, color)


@lru_cache(maxsize=256)
def _text_mask(text: str, x_spacing: int, y_spacing: int, mono_space: bool) -> NDArray[np.bool_]:
    rows = [[_glyph(c, mono_space) for c in line] for line in text.split("\n")]
    step = CELL[1] + y_spacing
    width = max(sum(glyph.shape[1] + x_spacing for glyph in row) for row in rows)
    mask = np.zeros((step * (len(rows) - 1) + CELL[1], max(width, 0)), np.bool_)
    for line, row in enumerate(rows):
        x = 0
        for glyph in row:
            mask[line * step : line * step + CELL[1], x : x + glyph.shape[1]] |= glyph[:, : mask.shape[1] - x]
            x += glyph.shape[1] + x_spacing
    return mask


@lru_cache(maxsize=256)
def _glyph(character: str, mono_space: bool) -> NDArray[np.bool_]:
    """One character in its cell; the font has printable ASCII, all else is blank."""
    canvas = Image.new("1", CELL)
    if " " < character <= "~":
        ImageDraw.Draw(canvas).text((1, -1), character, 1, ImageFont.load_default_imagefont())
    glyph = np.array(canvas)
    columns = np.flatnonzero(glyph.any(0))
    return glyph if mono_space or not len(columns) else glyph[:, columns[0] : columns[-1] + 2]


def draw_image(
    picture: Picture,
    image: Any,
    x: int,
    y: int,
    x_scale: float | None,
    y_scale: float | None,
    roi: Box | None,
    hint: int,
    **rest: Any,
) -> None:
    """Another picture, or a part of it, drawn from (x, y) on, as large as `copy` makes it; parts outside are cut off."""
    if not isinstance(image, Picture):
        raise CameraError("NotImplementedError", "the simulator draws pictures only, no single colour")
    plain = {"rgb_channel": -1, "alpha": 255}
    if any(value != plain.get(name) for name, value in rest.items()):
        raise CameraError("NotImplementedError", "the simulator plays draw_image with a scale, roi and hint only")
    area, scales = clip(roi, image), _scales(x_scale, y_scale)
    drawn = resample(image.pixels, area, (camera_float(scales[0]), camera_float(scales[1])), hint)
    drawn = to_gray(drawn) if picture.pixels.ndim == 2 else to_rgb565(drawn)
    left, top = max(x, 0), max(y, 0)
    drawn = drawn[top - y : max(picture.height - y, 0), left - x : max(picture.width - x, 0)]
    picture.pixels[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn


def clear(picture: Picture) -> None:
    picture.pixels[...] = 0


def flush(picture: Picture) -> None:
    """On a camera this shows the picture at once; here a picture is shown when the next one is taken."""


def get_pixel(picture: Picture, point: tuple[int, int], rgbtuple: bool | None) -> Any:
    x, y = point
    if not (0 <= x < picture.width and 0 <= y < picture.height):
        return NOTHING
    value = picture.pixels[y, x].tolist()
    if isinstance(value, list):
        return tuple(value) if rgbtuple is not False else value[0] >> 3 << 11 | value[1] >> 2 << 5 | value[2] >> 3
    return (value,) * 3 if rgbtuple else value


def set_pixel(picture: Picture, point: tuple[int, int], color: Any) -> None:
    x, y = point
    if 0 <= x < picture.width and 0 <= y < picture.height:
        picture.pixels[y, x] = _color(picture, color)


def _scales(x_scale: float | None, y_scale: float | None) -> tuple[float, float]:
    """Both scales: one that is left out is as the other, 1 where both are."""
    both = [scale for scale in (x_scale, y_scale) if scale is not None] or [1.0]
    return both[0], both[-1]


def transform(
    picture: Picture, x_scale: float | None, y_scale: float | None, roi: Box | None, hint: int, copy: bool
) -> Picture | None:
    """`copy`, `crop` and `scale` are one function in the firmware, too. In place unless `copy`."""
    area = clip(roi, picture)
    across, down = (camera_float(scale) for scale in _scales(x_scale, y_scale))
    width, height = copy_size(area, (across, down))
    if width * height < 0:
        raise CameraError(
            "MemoryError", f"memory allocation failed, allocating {width * height + PADDING & 0xFFFFFFFF} bytes"
        )
    pixels = resample(picture.pixels, area, (across, down), hint)
    if copy:
        return Picture(pixels)
    if pixels.size > picture.pixels.size:
        raise CameraError("ValueError", "The image doesn't fit in the frame buffer!")
    picture.pixels = pixels
    return None


def to_grayscale(picture: Picture, copy: bool, **rest: Any) -> Picture | None:
    gray = Picture(to_gray(picture.pixels).copy())
    transform(gray, copy=False, **rest)
    if copy:
        return gray
    picture.pixels = gray.pixels
    return None


def histeq(picture: Picture, adaptive: bool, clip_limit: float) -> None:
    """Each gray level becomes 255 times the part of the pixels that are not brighter."""
    if picture.pixels.ndim == 3:
        raise CameraError("NotImplementedError", "the simulator plays Image.histeq on grayscale only")
    if adaptive:
        import cv2

        # OpenCV's, in as many tiles; the firmware's own differs by some gray levels.
        limit = float(clip_limit) if clip_limit > 0 else 0.0
        picture.pixels[...] = cv2.createCLAHE(limit, (8, 8)).apply(picture.pixels)
        return
    step = np.float32(255) / np.float32(picture.pixels.size)
    levels = np.bincount(picture.pixels.ravel(), minlength=256).cumsum().astype(np.float32) * step
    picture.pixels[...] = levels.astype(np.uint8)[picture.pixels]


def get_statistics(picture: Picture, roi: Box | None) -> Statistics:
    x, y, w, h = clip(roi, picture)
    part = to_gray(picture.pixels)[y : y + h, x : x + w].ravel()
    lower, median, upper = (int(np.percentile(part, q, method="lower")) for q in (25, 50, 75))
    mode = int(np.bincount(part, minlength=256).argmax())
    values = {"mean": round(float(part.mean())), "median": median, "mode": mode, "stdev": round(float(part.std()))}
    return Statistics({**values, "min": int(part.min()), "max": int(part.max()), "lq": lower, "uq": upper})


def find_faces(
    picture: Picture,
    cascade: Any,
    threshold: float,
    roi: Box | None,
    scale: float = 1.5,
    scale_factor: float | None = None,
) -> Detection:
    """`find_features`; v4 calls the pyramid's step `scale_factor`, v5 `scale`."""
    if not isinstance(cascade, dict) or "cascade" not in cascade:
        kind = cascade.get("object") if isinstance(cascade, dict) else type(cascade).__name__
        raise CameraError("TypeError", f"Can't convert {kind} to type")
    area = clip(roi, picture)
    if area[2] <= 24 or area[3] <= 24:
        raise CameraError("OSError", "Region of interest is smaller than detector window!")
    step = scale if scale_factor is None else scale_factor
    stages = load_cascade(cascade["cascade"])
    return find_features_counted(to_gray(picture.pixels), stages, threshold, step, area)


NOTHING = object()  # the method's result is None, not the picture

METHODS: dict[str, Callable[..., Any]] = {
    "clear": clear,
    "flush": flush,
    "get_pixel": get_pixel,
    "set_pixel": set_pixel,
    "draw_line": draw_line,
    "draw_rectangle": draw_rectangle,
    "draw_circle": draw_circle,
    "draw_cross": draw_cross,
    "draw_string": draw_string,
    "draw_image": draw_image,
    "copy": transform,
    "crop": transform,
    "scale": transform,
    "to_grayscale": to_grayscale,
    "histeq": histeq,
    "get_statistics": get_statistics,
    "find_features": find_faces,
}
