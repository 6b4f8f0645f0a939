"""A recording's frames as a video that every player plays."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.recordings.reader import Recording

VIDEO = "frames.mp4"
FASTEST = 30  # frames a second


def write_video(recording: Recording) -> Path:
    """frames.mp4 beside the frames, each shown for as long as it was. UserError when it can't be written."""
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    import cv2
    import numpy as np
    from PIL import Image, ImageOps

    path = recording.folder / VIDEO
    times = [frame.time_ms for frame in recording.frames]
    fps = min(FASTEST, 1000 / max(1, _usual_step(times)))
    height, width = recording.picture(recording.frames[0]).shape[:2]
    try:
        with whole_file(path) as beside:
            # OpenCV chooses the container by the name's end.
            video: Any = cv2.VideoWriter(str(beside), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
            try:
                written = 0
                for frame, until in zip(recording.frames, [*times[1:], times[-1] + round(1000 / fps)], strict=True):
                    fitted = ImageOps.pad(Image.fromarray(recording.picture(frame)), (width, height))
                    picture = np.asarray(fitted)
                    colours = np.repeat(picture[..., None], 3, 2) if picture.ndim == 2 else picture[..., ::-1]
                    while written < (until - times[0]) * fps / 1000:
                        video.write(np.ascontiguousarray(colours))
                        written += 1
            finally:
                video.release()
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); the frames are in {recording.folder}") from None
    return path


def _usual_step(times_ms: list[int]) -> float:
    return median(after - before for before, after in pairwise(times_ms)) if times_ms[1:] else 100
