"""What the camera is shown: small frames of one grey with average faces of nobody in them, the same there and here.

A face travels once as a patch of 64 x 64 pixels, 4 KB; the camera draws all frames of these. Numbers are such that a
camera's 30-bit floats hold them: 0.75 is the same on every board, 0.7 is not.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from emotion_camera.files import ASSETS
from emotion_camera.simulator.host.tensor import Box

Pixels = NDArray[np.uint8]

SIDE = 64  # pixels of a patch: a face that the cascade finds at 0.75/1.25
FAINT = 3  # divides the contrast of a face to under 50 grey levels, where the cascade finds none


class Placed(NamedTuple):
    """A patch by its name, and where its corner is; what reaches out of the frame to the right or below is cut."""

    patch: str
    x: int
    y: int


class Frame(NamedTuple):
    """One grey, with patches on it."""

    width: int
    height: int
    grey: int
    faces: tuple[Placed, ...] = ()


class Region(NamedTuple):
    """A part of a frame and the scale of an area copy of it."""

    roi: Box
    scale: float


FRAMES = (
    Frame(160, 120, 150, (Placed("happy", 30, 28),)),
    Frame(160, 120, 128, (Placed("angry", 6, 20), Placed("surprise", 88, 40))),
    Frame(160, 120, 100, (Placed("happy", 110, 66), Placed("angry", 20, 10))),
    Frame(160, 120, 140, (Placed("faint", 40, 30),)),
    Frame(320, 240, 150, (Placed("angry", 31, 47), Placed("happy", 203, 118))),
)
SEARCHES = ((0.75, 1.25), (0.5, 1.5), (0.875, 1.125))  # thresholds and scales of find_features
ROI = (9, 5, 131, 104)  # searched too, in each frame
COPIES = (
    Region((0, 0, 160, 120), 0.5),
    Region((26, 25, 75, 75), 0.75),
    Region((13, 9, 101, 93), 0.4375),
    Region((31, 22, 96, 96), 0.625),
)
INPUTS = ((30, 28, 64, 64), (26, 31, 58, 58), (6, 9, 100, 100), (37, 31, 41, 41), (50, 20, 48, 48))
# Frames by number with the square about a face, and the same a bit larger and smaller.
FACES = (
    (0, (30, 28, 64, 64)),
    (0, (26, 24, 72, 72)),
    (1, (6, 20, 64, 64)),
    (1, (90, 42, 58, 58)),
    (1, (84, 36, 72, 72)),
    (2, (18, 8, 68, 68)),
)
PATCHES = ("happy", "angry", "surprise", "faint")

# What main.py is timed with, drawn over what the sensor captured. The larger frame is cut where the sensor's is smaller.
SCENES = {
    "no face": Frame(320, 240, 140),
    "one face": Frame(320, 240, 140, (Placed("happy", 60, 80),)),
    "two faces": Frame(320, 240, 140, (Placed("happy", 60, 80), Placed("happy", 200, 60))),
}


def picture(frame: Frame) -> Pixels:
    """The frame as uint8 [height, width]."""
    pixels = np.full((frame.height, frame.width), frame.grey, np.uint8)
    for name, x, y in frame.faces:
        part = pixels[y : y + SIDE, x : x + SIDE]
        part[...] = patch(name)[: part.shape[0], : part.shape[1]]
    return pixels


@cache
def patch(name: str) -> Pixels:
    """One of PATCHES, uint8 [SIDE, SIDE]: one of the bundled average faces."""
    from PIL import Image

    of = "happy" if name == "faint" else name
    with Image.open(ASSETS / "average_faces" / f"{of}.png") as face:
        pixels = np.asarray(face.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))
    return pixels // FAINT + 100 if name == "faint" else pixels
