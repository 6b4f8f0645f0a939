"""Thumbnails of the faces, if frames were recorded."""

from __future__ import annotations

from bisect import bisect_left

from emotion_camera.errors import UserError
from emotion_camera.jpeg import data_url, jpeg
from emotion_camera.recordings import Recording
from emotion_camera.reports.parse import Face

SIDE = 128  # pixels
DRAWN = 2  # pixels: how far the camera's box reaches into the face; the name stands outside of it
LATEST_MS = 1000  # after the report: a frame that comes later may show somebody else
QUALITY = 80


def thumbnail(recording: Recording, time_ms: int, face: Face) -> str | None:
    """The face of a report at `time_ms` as a data: URL, cut inside of the drawn box; None where no frame of it was recorded."""
    import numpy as np
    from PIL import Image

    frames = recording.frames
    place = bisect_left(frames, time_ms, key=lambda frame: frame.time_ms)
    if place == len(frames) or frames[place].time_ms > time_ms + LATEST_MS:
        return None
    try:
        picture = Image.fromarray(recording.picture(frames[place]))
    except UserError:
        return None  # damaged
    x, y, w, h = face.box
    left, top = max(0, x + DRAWN), max(0, y + DRAWN)
    right, bottom = min(picture.width, x + w - DRAWN), min(picture.height, y + h - DRAWN)
    if right - left < 1 or bottom - top < 1:
        return None
    cut = picture.crop((left, top, right, bottom))
    cut.thumbnail((SIDE, SIDE))
    return data_url(jpeg(np.asarray(cut), QUALITY))
