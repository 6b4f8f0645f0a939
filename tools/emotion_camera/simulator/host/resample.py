"""How the firmware makes a picture larger or smaller: for `copy`, `crop`, `scale` and `draw_image`, byte for byte.

The firmware steps through the picture in 16.16 fixed point, from floor(roi.x * scale) / scale on: a copy begins on its own
grid, up to one pixel of the copy left of and above the region. A pixel of an area copy is the mean of the pixels that it
covers, rounded three times, so a plain mean is a grey level off here and there. All 372 recorded copies come out the same
(tests/simulator/test_copies.py). Bicubic copies are Pillow's.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from emotion_camera.simulator.host.firmware import HINTS
from emotion_camera.simulator.host.tensor import Box

WHOLE = 65536  # one pixel in 16.16 fixed point

Pixels = NDArray[np.uint8]
Index = NDArray[np.int64]
Scales = tuple[np.float32, np.float32]


class Axis(NamedTuple):
    """Along one axis, for each pixel of the copy: the first and last pixel that it covers, and their weights, of 256."""

    first: Index
    last: Index
    first_weight: Index
    last_weight: Index


def resample(pixels: Pixels, roi: Box, scales: Scales, hint: int) -> Pixels:
    """The part `roi` (x, y, w, h) of `pixels` [H, W] or [H, W, 3], in which it lies, as large as `scales` (x, y) make it.

    `scales` are the camera's floats, `hint` is the firmware's: AREA, BILINEAR, BICUBIC or none of them, with HMIRROR, VFLIP.
    """
    size = copy_size(roi, scales)
    if min(size) < 1:
        return np.zeros((max(size[1], 0), max(size[0], 0), *pixels.shape[2:]), np.uint8)
    if pixels.ndim == 3:
        copy = np.stack([_resample(pixels[..., i], roi, scales, size, hint) for i in range(3)], 2)
    else:
        copy = _resample(pixels, roi, scales, size, hint)
    return np.ascontiguousarray(copy[:: -1 if hint & HINTS["VFLIP"] else 1, :: -1 if hint & HINTS["HMIRROR"] else 1])


def copy_size(roi: Box, scales: Scales) -> tuple[int, int]:
    """Width and height of a copy; 0 where a scale leaves nothing, negative for a negative scale."""
    return int(np.float32(roi[2]) * scales[0]), int(np.float32(roi[3]) * scales[1])


def _resample(pixels: Pixels, roi: Box, scales: Scales, size: tuple[int, int], hint: int) -> Pixels:
    steps = [int(np.floor(np.float32(WHOLE) / scale)) for scale in scales]
    same = steps[0] == steps[1] == WHOLE
    if hint & HINTS["AREA"] and max(steps) > WHOLE and min(roi[2:]) > 1:
        axis = _whole_axis if all(step % WHOLE == 0 for step in steps) else _axis
        columns, rows = (axis(roi[i], roi[i + 2], scales[i], steps[i], size[i]) for i in (0, 1))
        return (_plain_mean if axis is _whole_axis else _weighted_mean)(pixels, rows, columns)
    if hint & (HINTS["BILINEAR"] | HINTS["BICUBIC"]) and not hint & HINTS["AREA"] and not same and min(roi[2:]) > 1:
        return (_bicubic if hint & HINTS["BICUBIC"] else _bilinear)(pixels, roi, scales, steps, size)
    across, down = (
        np.minimum(_starts(roi[i], scales[i], steps[i], size[i]) >> 16, roi[i] + roi[i + 2] - 1) for i in (0, 1)
    )
    return pixels[down[:, None], across]


def _starts(offset: int, scale: np.float32, step: int, count: int) -> Index:
    """Where each pixel of the copy begins in the picture, in 16.16: the region's start, rounded down to the copy's grid."""
    start = int(np.floor(np.float32(offset) * scale))
    return int(np.floor(np.float32(start << 16) / scale)) + np.arange(count, dtype=np.int64) * step


# The mean of an area


def _whole_axis(offset: int, length: int, scale: np.float32, step: int, count: int) -> Axis:
    """Where a pixel of the copy covers whole pixels: all weigh the same. The region's last pixel, left over, is taken along."""
    first = _starts(offset, scale, step, count) >> 16
    end = offset + length - 1
    last = np.where(first + (step >> 16) >= end, end, first + (step >> 16) - 1)
    full = np.full(count, 256)
    return Axis(first, last, full, full)


def _axis(offset: int, length: int, scale: np.float32, step: int, count: int) -> Axis:
    """Where it covers parts of pixels, `step` of them: the first and the last weigh less than the 256 of those between."""
    at = _starts(offset, scale, step, count)
    first = at >> 16
    last = first + ((step + WHOLE - 1) >> 16) - 1
    left = 256 - (((at + 255) >> 8) & 255)
    right = ((at + step + 255) >> 8) & 255
    total = 256 + ((step >> 8) & 255)
    right = np.where((right == 0) & (left < total), 256, right)
    end = offset + length - 1
    right = np.where(last > end, np.where(first >= end, 0, 256), right)
    first, last = np.minimum(first, end), np.minimum(last, end)
    more = 128 * (left + right < total)
    left, right = left + more, right + more
    return Axis(first, last, left, right - (left + right > total))


def _plain_mean(pixels: Pixels, rows: Axis, columns: Axis) -> Pixels:
    sums = _sums(pixels, rows.first, rows.last + 1, columns.first, columns.last + 1)
    area = (rows.last + 1 - rows.first)[:, None] * (columns.last + 1 - columns.first)
    return ((sums + area // 2) // area).astype(np.uint8)


def _weighted_mean(pixels: Pixels, rows: Axis, columns: Axis) -> Pixels:
    """Corners, edges and middle one after the other, each time 8 bits less, as the firmware does it."""
    row_ends: list[tuple[Index, Index]] = [
        (rows.first, rows.first_weight[:, None]),
        (rows.last, rows.last_weight[:, None]),
    ]
    column_ends: list[tuple[Index, Index]] = [
        (columns.first, columns.first_weight),
        (columns.last, columns.last_weight),
    ]
    # The middle, without its ends.
    top, left = rows.first + 1, columns.first + 1
    bottom: Index = np.maximum(rows.last, top)
    right: Index = np.maximum(columns.last, left)
    total: Index = np.zeros((len(rows.first), len(columns.first)), np.int64)
    area = total
    for row, row_weight in row_ends:
        for column, column_weight in column_ends:
            total = total + pixels[row[:, None], column] * (row_weight * column_weight)
            area = area + row_weight * column_weight
    total, area = (total + 128) >> 8, (area + 255) >> 8
    for row, weight in row_ends:
        total = total + weight * _sums(pixels, row, row + 1, left, right)
        area = area + weight * (right - left)
    for column, weight in column_ends:
        total = total + weight * _sums(pixels, top, bottom, column, column + 1)
        area = area + weight * (bottom - top)[:, None]
    total, area = (total + 128) >> 8, (area + 255) >> 8
    total = total + _sums(pixels, top, bottom, left, right)
    area = area + (bottom - top)[:, None] * (right - left)
    return ((total + area // 2) // area).astype(np.uint8)


def _sums(pixels: Pixels, top: Index, bottom: Index, left: Index, right: Index) -> Index:
    """The sums of the rectangles rows [top, bottom) by columns [left, right), one for each pixel of the copy."""
    integral = np.zeros((pixels.shape[0] + 1, pixels.shape[1] + 1), np.int64)
    integral[1:, 1:] = pixels.cumsum(0, dtype=np.int64).cumsum(1)
    top, bottom = top.clip(0, pixels.shape[0])[:, None], bottom.clip(0, pixels.shape[0])[:, None]
    left, right = left.clip(0, pixels.shape[1]), right.clip(0, pixels.shape[1])
    return integral[bottom, right] - integral[top, right] - integral[bottom, left] + integral[top, left]


# Mixing neighbours


def _bilinear(pixels: Pixels, roi: Box, scales: Scales, steps: list[int], size: tuple[int, int]) -> Pixels:
    """As for a network's input (tensor.py), which was checked byte for byte."""
    mixed: Index = pixels.astype(np.int64)
    for i, axis in ((1, 0), (0, 1)):  # rows first
        at = _starts(roi[i], scales[i], steps[i], size[i]) - WHOLE // 2
        ends = roi[i], roi[i] + roi[i + 2] - 1
        first, second = (mixed.take((index + (at >> 16)).clip(*ends), axis) for index in (0, 1))
        weight = ((at >> 8) & 255).reshape((-1, 1) if axis == 0 else (1, -1))
        mixed = (first * (256 - weight) + second * weight + 128) >> 8
    return mixed.astype(np.uint8)


def _bicubic(pixels: Pixels, roi: Box, scales: Scales, steps: list[int], size: tuple[int, int]) -> Pixels:
    x, y, w, h = roi
    part = Image.fromarray(pixels[y : y + h, x : x + w])
    matrix = (1 / float(scales[0]), 0, 0, 0, 1 / float(scales[1]), 0)
    return np.asarray(part.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC))
