"""A virtual OpenMV camera: runs camera programs unmodified, on any computer. See `run`.

As on the camera: MicroPython itself, what each firmware generation has and refuses (`firmware.py`), face search, the
network's input bytes and its scores, the heap's areas, files in the heap, the arena, the disks, the watchdog.
Not as on the camera: time stands still while the program computes; small objects take twice the memory and floats have
64 bits, for MicroPython runs as a 64-bit program; letters, circles and thick lines are drawn alike but not to the pixel;
contrast, gain and exposure change nothing; `ulab`, `pyb` and the rarer image methods are not there.
"""

from tools.virtual_camera.camera import run
from tools.virtual_camera.events import Ended, Event, Line, Sent, Shown
from tools.virtual_camera.faults import Faults

__all__ = ["Ended", "Event", "Faults", "Line", "Sent", "Shown", "run"]
