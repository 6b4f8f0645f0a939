# mypy: ignore-errors
"""Runs program.py, unmodified, and prints what it has of the heap at some of its frames.

A camera program itself: it goes in place of main.py. Its own snapshot, put before the firmware's, is where a frame
ends and the next begins.
"""

import gc
import json

AT = (100, 1000, 10000)  # frames


class Watch:
    def __init__(self, snapshot):
        self.snapshot = snapshot
        self.frames = 0
        self.left = 0  # bytes in use when the program got its last frame
        self.allocated = self.counted = self.most = 0  # bytes, and frames, between which nothing was collected

    def __call__(self, *args, **kwargs):
        if self.frames > 1:  # in the first it loads the network
            self.count(gc.mem_alloc() - self.left)
        if self.frames in AT:
            self.tell()
        frame = self.snapshot(*args, **kwargs)
        self.frames += frame is not None
        self.left = gc.mem_alloc()
        return frame

    def count(self, more):
        if more > 0:
            self.allocated += more
            self.counted += 1
            self.most = max(self.most, more)

    def tell(self):
        gc.collect()
        mean = self.allocated // max(1, self.counted)
        line = {"frames": self.frames, "in_use": gc.mem_alloc() - START, "a_frame": mean, "most": self.most}
        print("heap", json.dumps(line))


try:
    import csi

    watch = Watch(csi.CSI().snapshot)
    csi.CSI.snapshot = lambda camera, *args, **kwargs: watch(*args, **kwargs)
except (ImportError, AttributeError):
    import sensor

    watch = Watch(sensor.snapshot)
    sensor.snapshot = watch

gc.collect()
START = gc.mem_alloc()
execfile("program.py", {"__name__": "__main__"})  # noqa: F821
