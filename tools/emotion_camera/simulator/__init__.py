"""A simulated OpenMV camera: runs camera programs unmodified, on any computer. See `run`.

The same as on the camera, compared with recordings of firmware v4.8.1 and of the head after v5.0.0:
- what 224 calls of the firmware return or raise (`host/firmware.py` has each generation's);
- face search, area copies and `histeq`, byte for byte; the network's input bytes and its scores;
- the scratch memory that frame buffers leave, and the MemoryError of what needs more;
- with `floats="30-bit"` the program's arithmetic, and with it the reports of the whole program, line for line.

The same by the firmware's source or its facts: pictures in a program's own memory, the reset by a damaged network, what v5's
protocol lets through of standard output, boot.py, the areas of the heap and what copies take of it, files in the heap, the
arena, the disks, the watchdog, an AE3's frame of 16:10. `run` and `Faults` can type, press buttons, fill the disk or the heap,
cut the power and make calls fail.

Different from the camera:
- Time stands still while the program computes. A UART loses nothing.
- Small objects take twice the memory, because MicroPython runs as a 64-bit program, so a nearly full heap is fuller: of the
  recorded program's copies of 36 KB on an H7's heap 36 of 37 find no room, on the firmware 5. The firmware's own functions
  need a little of the heap here, so that a full one fails them, too.
- Without `floats="30-bit"` only what crosses between program and firmware is rounded.
- Letters, circles and thick lines are similar, but not to the pixel; the adaptive `histeq` is OpenCV's and bicubic copies are
  Pillow's. Contrast, gain and exposure change nothing. `ulab`, `pyb` and the rarer image methods are missing.
- Scratch memory was recorded with an H7's sizes; other boards follow its rules with their own.
- What a program has written is on the disk at once, where FAT keeps the last sector and a file's size back until the file is
  closed.
"""

from emotion_camera.simulator.events import Ended, Event, Line, Sent, Shown
from emotion_camera.simulator.faults import Faults
from emotion_camera.simulator.host.camera import run

__all__ = ["Ended", "Event", "Faults", "Line", "Sent", "Shown", "run"]
