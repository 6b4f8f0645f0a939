"""The network's input for a face in a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emotion_camera.faces.reader import SIZE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emotion_camera.simulator.host.tensor import Box


def is_inside(box: Box, picture: NDArray[np.uint8]) -> bool:
    """Whether a box is a square within the frame, so that every firmware cuts it alike."""
    x, y, w, h = box
    return 0 < w == h and 0 <= x <= picture.shape[1] - w and 0 <= y <= picture.shape[0] - h


def model_view(picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The face in `box` of a frame [H, W] or [H, W, 3], as grey levels [48, 48]: what the network gets, plus 128.

    A large face is averaged down as `Network.infer` of device/main.py does it, by the firmware's own arithmetic; a small
    one is enlarged by the firmware. The box must be inside the frame: see `is_inside`.
    """
    import numpy as np

    from emotion_camera.simulator.host.firmware import HINTS
    from emotion_camera.simulator.host.floats import camera_float
    from emotion_camera.simulator.host.pictures import to_gray
    from emotion_camera.simulator.host.resample import resample
    from emotion_camera.simulator.host.tensor import face_tensor

    face = to_gray(picture)
    if box[2] > SIZE:
        scale = np.float32(camera_float((SIZE + 0.01) / box[2]))
        face = resample(face, box, (scale, scale), HINTS["AREA"])
        box = (0, 0, SIZE, SIZE)
    return (face_tensor(face, box, SIZE) ^ -128).view(np.uint8)


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Normalised correlation of two pictures of the same size, -1 to 1: 1 for the same but for brightness and contrast."""
    import numpy as np

    a, b = (picture.astype(np.float64) - picture.mean() for picture in (one, other))
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-9))
