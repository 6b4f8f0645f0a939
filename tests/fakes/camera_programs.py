"""What the tests of the simulator share: a program's beginning, and what a run gave."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from emotion_camera.simulator import Ended, Sent

ROOT = Path(__file__).parents[2]
FACE = ROOT / "tools" / "emotion_camera" / "simulator" / "assets" / "average_faces" / "happy.png"
GENERATIONS = ["v4.5.5", "v4.7", "v4.8", "v5.0"]

# A camera by whichever way the generation has, and the first frame. Two frame buffers: with v5's three an H7 can't search it.
START = """
import gc, image, omv, os, sys, time
V5 = omv.version_major >= 5
def open_camera():
    try:
        import csi
        camera = csi.CSI()
        camera.reset()
        camera.pixformat(csi.GRAYSCALE)
        camera.framesize(csi.QVGA)
        camera.framebuffers(2)
        return camera.snapshot
    except (ImportError, AttributeError):
        import sensor
        sensor.reset()
        sensor.set_pixformat(sensor.GRAYSCALE)
        sensor.set_framesize(sensor.QVGA)
        return sensor.snapshot
def load_cascade():
    try:
        return image.HaarCascade("/rom/haarcascade_frontalface.cascade", stages=25)
    except OSError:
        return image.HaarCascade("frontalface", stages=25)
snapshot = open_camera()
img = snapshot()
"""

# Lines from the serial port without ever waiting for one.
TYPED = """
import select
poll = select.poll()
poll.register(sys.stdin, select.POLLIN)
def typed():
    text = ""
    while poll.poll(0):
        text += sys.stdin.read(1)
    return text
"""


@dataclass
class Played:
    """What a run gave: printed lines, frames as shown with their times and counts, what was sent, and how it ended."""

    lines: list[str]
    shown: list[np.ndarray]
    times_ms: list[int]
    counts: list[tuple[int, int]]  # windows and network runs of each frame
    sent: list[Sent]
    ended: Ended


def children(pid: int) -> list[int]:
    """The processes that the process `pid` has started; Linux alone."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    """Whether the process is there, and more than an entry that nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
