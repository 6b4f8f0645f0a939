# mypy: ignore-errors
"""Runs program.py, unmodified, and prints its heap in use after AT frames.

A camera program itself, in place of main.py. It replaces the firmware's snapshot, at which a frame ends and the next begins.
"""

import gc
import json

AT = (100, 1000, 10000)  # frames


class Probe:
    def __init__(self, snapshot):
        self.snapshot = snapshot
        self.frames = 0
        self.left = 0  # bytes in use when the program got its last frame
        self.allocated = self.counted = self.most = 0  # bytes, and frames without a collection

    def __call__(self, *args, **kwargs):
        if self.frames > 1:  # in the first it loads the network
            self.count(gc.mem_alloc() - self.left)
        if self.frames in AT:
            self.report()
        frame = self.snapshot(*args, **kwargs)
        self.frames += frame is not None
        self.left = gc.mem_alloc()
        return frame

    def count(self, more):
        if more > 0:
            self.allocated += more
            self.counted += 1
            self.most = max(self.most, more)

    def report(self):
        gc.collect()
        mean = self.allocated // max(1, self.counted)
        line = {"frames": self.frames, "in_use": gc.mem_alloc() - START, "a_frame": mean, "most": self.most}
        print("heap", json.dumps(line))


try:
    import csi

    probe = Probe(csi.CSI().snapshot)
    csi.CSI.snapshot = lambda camera, *args, **kwargs: probe(*args, **kwargs)
except (ImportError, AttributeError):
    import sensor

    sensor.snapshot = Probe(sensor.snapshot)

gc.collect()
START = gc.mem_alloc()
execfile("program.py", {"__name__": "__main__"})  # noqa: F821
