"""A simulated OpenMV camera: runs camera programs unmodified, on any computer. See `run`.

As on the camera, where recordings of firmware v4.8.1 and of the head after v5.0.0 were compared: what 224 calls of the
firmware give or raise (`firmware.py` has each generation's), face search, area copies and `histeq` byte for byte, the
network's input bytes and its scores, the scratch memory that frame buffers leave and what then raises MemoryError; with
`floats="30-bit"` a program's arithmetic, so that the whole program's reports are the same, line for line.
As on the camera, by the firmware's source or its facts: pictures in a program's own memory, a damaged network's reset, what
v5's protocol lets through of standard output, boot.py, the heap's areas and what copies take of it, files in the heap, the
arena, the disks, the watchdog, an AE3's frame of 16:10, and what is asked of `run` and `Faults`: typing, buttons, a full disk,
a power cut, a full heap, errors of the firmware.
Not as on the camera: time stands still while the program computes; small objects take twice the memory, for MicroPython runs
as a 64-bit program, so a nearly full heap is fuller: of the recorded program's copies of 36 KB on an H7's heap 36 of 37 find
no room, on the firmware 5; without `floats="30-bit"` only what crosses between program and firmware is rounded. Letters, circles and thick lines are drawn alike but not to the pixel, the
adaptive `histeq` and bicubic copies are OpenCV's and Pillow's; contrast, gain and exposure change nothing; `ulab`, `pyb` and
the rarer image methods are not there. Scratch memory was recorded with an H7's sizes; other boards follow its rules with
their own. What a program has written is on the disk at once, where FAT keeps the last sector and a file's size back until the
file is closed. The firmware's own functions need a little of the heap here, so that a full one fails them, too. A UART loses
nothing.
"""

from emotion_camera.simulator.events import Ended, Event, Line, Sent, Shown
from emotion_camera.simulator.faults import Faults
from emotion_camera.simulator.host.camera import run

__all__ = ["Ended", "Event", "Faults", "Line", "Sent", "Shown", "run"]
