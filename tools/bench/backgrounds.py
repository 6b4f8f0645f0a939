"""Backgrounds without people, to count false positives: drawn, not photographed.

Each is grey levels in floating point [height, width], MARGIN pixels larger than a frame on each side, so that the camera can sway.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MARGIN = 8
Room = NDArray[Any]


def plain_wall(random: np.random.Generator, width: int, height: int) -> Room:
    """A wall in light from one side."""
    y, x = np.mgrid[0 : height + 2 * MARGIN, 0 : width + 2 * MARGIN].astype(np.float32)
    left, top = random.uniform(60, 140), random.uniform(40, 90)
    return 170 - 70 * ((x - left) / width) ** 2 - 80 * ((y - top) / height) ** 2


def furnished(random: np.random.Generator, width: int, height: int) -> Room:
    """A shelf of books, a window, pictures on the wall, a lamp and a table with crockery."""
    room = plain_wall(random, width, height)
    _window(room, width * 0.72, height * 0.08, width * 0.2, height * 0.34)
    for shelf in range(3):
        _books(random, room, 12, 30 + 56 * shelf, int(width * 0.42), 46)
    for number in range(3):
        _picture(random, room, width * 0.5 + 34 * number, height * (0.12 + 0.08 * (number % 2)), 26, 30)
    _fill(room, width * 0.5, height * 0.8, width * 0.48, height * 0.08, 78)
    for number in range(5):
        _round(room, width * 0.55 + 26 * number, height * 0.76, random.uniform(6, 11), random.uniform(5, 10), 205)
        _round(room, width * 0.55 + 26 * number, height * 0.76, 4, 3, 120)
    _round(room, width * 0.88, height * 0.56, 20, 13, 232)
    _fill(room, width * 0.88 - 2, height * 0.6, 4, height * 0.2, 60)
    return room


def curtains(random: np.random.Generator, width: int, height: int) -> Room:
    """Curtains in folds with a pattern of dots, and a radiator under them."""
    y, x = np.mgrid[0 : height + 2 * MARGIN, 0 : width + 2 * MARGIN].astype(np.float32)
    fold = x + 6 * np.sin(y / 70 + random.uniform(0, 6))
    room = 130 + 45 * np.sin(fold / 5.5) + 18 * np.sin(fold / 13) - 25 * (y / height)
    for top in range(14, int(height * 0.75), 26):
        for left in range(10 + top % 3 * 8, width, 26):
            _round(room, left, top, 4, 4, 215)
    for left in range(20, width - 10, 14):
        _fill(room, left, height * 0.82, 10, height * 0.16, 190)
    return room


def foliage(random: np.random.Generator, width: int, height: int) -> Room:
    """Leaves before a window: high contrast at all sizes, where the cascade rejects most windows late."""
    room = np.full((height + 2 * MARGIN, width + 2 * MARGIN), 60, np.float32)
    for size in (48, 34, 24, 16, 11):
        for _ in range(60_000 // size**2):
            x, y = random.uniform(0, room.shape[1]), random.uniform(0, room.shape[0])
            _round(room, x, y, size * random.uniform(0.3, 0.7), size * random.uniform(0.5, 1), random.uniform(15, 235))
    return room


def _books(random: np.random.Generator, room: Room, x: float, y: float, length: int, tall: float) -> None:
    _fill(room, x, y, length, tall, 40)
    at = x + 2
    while at < x + length - 8:
        wide, high = random.uniform(5, 15), tall * random.uniform(0.65, 0.95)
        _fill(room, at, y + tall - high, wide, high, random.uniform(35, 225))
        _fill(room, at, y + tall - 0.7 * high, wide, 3, random.uniform(60, 240))
        at += wide + 1


def _window(room: Room, x: float, y: float, w: float, h: float) -> None:
    _fill(room, x, y, w, h, 90)
    for column in range(2):
        for row in range(2):
            _fill(room, x + 3 + column * w / 2, y + 3 + row * h / 2, w / 2 - 5, h / 2 - 5, 245)


def _picture(random: np.random.Generator, room: Room, x: float, y: float, w: float, h: float) -> None:
    _fill(room, x, y, w, h, random.uniform(20, 60))
    _fill(room, x + 3, y + 3, w - 6, h - 6, random.uniform(120, 220))
    _round(room, x + w / 2, y + 0.6 * h, w / 5, h / 5, random.uniform(40, 110))


def _fill(room: Room, x: float, y: float, w: float, h: float, tone: float) -> None:
    left, top, right, bottom = (max(round(value), 0) for value in (x, y, x + w, y + h))
    room[top:bottom, left:right] = tone


def _round(room: Room, x: float, y: float, half_width: float, half_height: float, tone: float) -> None:
    """An ellipse with a soft edge and a lighter upper half."""
    top, bottom = max(int(y - half_height - 1), 0), max(int(y + half_height + 2), 0)
    left, right = max(int(x - half_width - 1), 0), max(int(x + half_width + 2), 0)
    part = room[top:bottom, left:right]
    v, u = np.mgrid[top : top + part.shape[0], left : left + part.shape[1]].astype(np.float32)
    u, v = (u - x) / half_width, (v - y) / half_height
    cover = ((1 - np.hypot(u, v)) * min(half_width, half_height) + 0.5).clip(0, 1)
    part += (tone - 18 * v - part) * cover
