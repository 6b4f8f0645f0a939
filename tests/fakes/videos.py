"""Small video files whose frames stand as long as wanted, and with what phones write into them."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from emotion_camera.pictures import opencv

cv2 = opencv()
TIMESCALE = 90_000  # of the frames' times, in a second: no rounding at any usual frame rate
PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")  # the boxes of MP4 around the table of the frames' times
MATRICES = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}  # clockwise


def shade(level: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """An even frame of `size` (width, height)."""
    return np.full((size[1], size[0], 3), level, np.uint8)


def write_mp4(
    path: Path,
    frames: Sequence[np.ndarray],
    seconds: Sequence[float] | float = 0.1,
    *,
    rotated: int = 0,
    codec: bytes = b"",
    pixel: tuple[int, int] = (1, 1),
) -> Path:
    """Frames BGR, each for so many seconds; turned by `rotated` degrees when played, as phones do. `codec` takes the place of
    the real one's name. `pixel`: the width and height of one, by each other."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30, frames[0].shape[1::-1])
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    times = [seconds] * len(frames) if isinstance(seconds, float | int) else list(seconds)
    data = _with_times(path.read_bytes(), [round(each * TIMESCALE) for each in times])
    data = _with_pixel(_turned(data, rotated), pixel)
    path.write_bytes(data.replace(b"mp4v", codec).replace(b"esds", b"free") if codec else data)
    return path


def _with_times(data: bytes, ticks: list[int]) -> bytes:
    """With one entry for each frame in the table stts, and all boxes about it as large as they are then."""
    table = b"".join(struct.pack(">II", 1, each) for each in ticks)
    stts = struct.pack(">I4sII", 16 + len(table), b"stts", 0, len(ticks)) + table
    at = data.index(b"stts") - 4
    longer = len(stts) - _size(data, at)
    data = bytearray(data[:at] + stts + data[at + _size(data, at) :])
    for name in PARENTS:
        parent = data.index(name) - 4
        data[parent : parent + 4] = struct.pack(">I", _size(data, parent) + longer)
    header = data.index(b"mdhd") + 4
    data[header + 12 : header + 20] = struct.pack(">II", TIMESCALE, sum(ticks))
    edits = data.find(b"edts")  # how much of the frames is played, in another clock
    if edits > 0:
        data[edits : edits + 4] = b"free"
    return bytes(data)


def _with_pixel(data: bytes, shape: tuple[int, int]) -> bytes:
    """With the box of the pixels' shape at the end of the video's description."""
    box = struct.pack(">I4sII", 16, b"pasp", *shape)
    entry = data.index(b"mp4v", data.index(b"stsd")) - 4
    end = entry + _size(data, entry)
    data = bytearray(data)
    for parent in (*(data.index(name) - 4 for name in (*PARENTS, b"stsd")), entry):
        data[parent : parent + 4] = struct.pack(">I", _size(data, parent) + len(box))
    return bytes(data[:end] + box + data[end:])


def _turned(data: bytes, degrees: int) -> bytes:
    """With the matrix of the track's header."""
    a, b, c, d = (value << 16 for value in MATRICES[degrees])
    at = data.index(b"tkhd") + 4 + 40
    return data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :]


def _size(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
