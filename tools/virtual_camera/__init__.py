"""A virtual OpenMV camera: runs camera programs unmodified, on any computer. See `run`.

As on the camera: MicroPython itself, what each firmware generation has and refuses (`firmware.py`), face search, the
network's input bytes and its scores, the heap's areas, files in the heap, the arena, the disks, the watchdog, and
what is asked of `run` and `Faults`: typing, buttons, a full disk, a power cut, a full heap, errors of the firmware.
Not as on the camera: time stands still while the program computes; small objects take twice the memory and floats have
64 bits, for MicroPython runs as a 64-bit program; letters, circles and thick lines are drawn alike but not to the pixel;
contrast, gain and exposure change nothing; `ulab`, `pyb` and the rarer image methods are not there. What a program has
written is on the disk at once, where FAT keeps the last sector and a file's size back until the file is closed. The
firmware's own functions need a little of the heap here, so that a full one fails them, too. A UART loses nothing.
"""

from tools.virtual_camera.camera import run
from tools.virtual_camera.events import Ended, Event, Line, Sent, Shown
from tools.virtual_camera.faults import Faults

__all__ = ["Ended", "Event", "Faults", "Line", "Sent", "Shown", "run"]
