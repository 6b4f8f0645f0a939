"""From a face's box to the bytes the network gets, as the camera's `ml.preprocessing.Normalization` makes them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]  # x, y, width, height in pixels of the frame


class Axis(NamedTuple):
    """Where the drawn output pixels of one axis lie, and between which two source pixels each is mixed."""

    drawn: slice
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    weight: NDArray[np.int64]  # of the second, 0 to 255 of 256


def face_tensor(frame: NDArray[np.uint8], roi: Box, out: int = 48, generation: int = 5) -> NDArray[np.int8]:
    """The int8 [out, out] that the firmware writes into an int8 (1, out, out, 1) input for `roi` (x, y, w, h).

    `frame` is grayscale, uint8 [H, W]; the result is pixel - 128. For a square `roi` every firmware gives the same
    bytes, checked byte for byte against recordings of the firmware at three sizes. Other shapes follow the firmware's
    source and are not checked by a recording: `generation` 5 stretches each axis on its own, an earlier one keeps the
    aspect and crops the centre. A `roi` of exactly `out` x `out` is copied as it is (also from
    the source).

    Raises ValueError when `roi` is empty or does not lie in the frame.
    """
    x, y, w, h = roi
    height, width = frame.shape
    if w < 1 or h < 1 or x < 0 or y < 0 or x + w > width or y + h > height:
        raise ValueError(f"roi {roi} is not in the {width}x{height} frame: give (x, y, width, height) inside it")
    if w == out and h == out:
        return (frame[y : y + h, x : x + w] ^ 0x80).view(np.int8)
    scale_x, scale_y = np.float32(out) / np.float32(w), np.float32(out) / np.float32(h)
    if generation < 5:
        scale_x = scale_y = max(scale_x, scale_y)
    rows, columns = _axis(y, h, out, scale_y), _axis(x, w, out, scale_x)
    mixed = _mix(frame[rows.first], frame[rows.second], rows.weight[:, None])
    mixed = _mix(mixed[:, columns.first], mixed[:, columns.second], columns.weight)
    tensor = np.full((out, out), -128, np.int8)
    tensor[rows.drawn, columns.drawn] = mixed - 128
    return tensor


def _axis(offset: int, size: int, out: int, scale: np.float32) -> Axis:
    """One axis of the firmware's bilinear drawing: float32 up to the start and the step, then 16.16 fixed point.

    `scale * size` can come out one under `out` in float32; the firmware leaves that pixel black.
    """
    scaled = int(np.floor(scale * np.float32(size)))
    before = (out - scaled) // 2  # under 0 where the aspect is kept and the centre cropped
    drawn = slice(max(before, 0), min(before + scaled, out))
    start = int(np.floor(np.float32(offset) * scale)) + max(-before, 0)
    step = int(np.floor(np.float32(65536) / scale))
    position = int(np.floor(np.float32(start << 16) / scale)) - 0x8000 + np.arange(drawn.stop - drawn.start) * step
    first, last = position >> 16, offset + size - 1
    return Axis(drawn, first.clip(offset, last), (first + 1).clip(offset, last), (position >> 8) & 255)


def _mix(a: NDArray[np.integer], b: NDArray[np.integer], weight: NDArray[np.int64]) -> NDArray[np.int64]:
    return (a * (256 - weight) + b * weight + 128) >> 8
