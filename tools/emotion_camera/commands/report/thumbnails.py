"""Thumbnails of the faces, if frames were recorded."""

from __future__ import annotations

from bisect import bisect_left

from emotion_camera.commands.report.timeline import Track
from emotion_camera.errors import UserError
from emotion_camera.jpeg import data_url, jpeg
from emotion_camera.recordings import Recording

SIDE = 128  # pixels
MARGIN = 0.15  # of the box, on each side: hair and chin
LATEST_MS = 1000  # after the report: a frame that comes later may show somebody else
QUALITY = 80


def thumbnail(recording: Recording, track: Track) -> str | None:
    """The face as a data: URL, from the frame that followed its best report; None where no such frame was recorded."""
    import numpy as np
    from PIL import Image

    if track.best is None:
        return None
    time_ms, face = track.best
    frames = recording.frames
    place = bisect_left(frames, time_ms, key=lambda frame: frame.time_ms)
    if place == len(frames) or frames[place].time_ms > time_ms + LATEST_MS:
        return None
    try:
        picture = Image.fromarray(recording.picture(frames[place]))
    except UserError:
        return None  # damaged
    x, y, w, h = face.box
    margin = round(MARGIN * w)
    left, top = max(0, x - margin), max(0, y - margin)
    right, bottom = min(picture.width, x + w + margin), min(picture.height, y + h + margin)
    if right - left < 1 or bottom - top < 1:
        return None
    cut = picture.crop((left, top, right, bottom))
    cut.thumbnail((SIDE, SIDE))
    return data_url(jpeg(np.asarray(cut), QUALITY))
