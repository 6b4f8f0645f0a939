"""A camera for tests of `collect`: it says and shows what a test tells it, and obeys `draw off` and `draw on`."""

import json
import queue
import time

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.events import Disconnected, Frame, Line

BOX = (100, 60, 96, 96)
LABELS = ["angry", "happy", "sad"]


def picture(seed):
    """A frame with a pattern of its own: smooth, as faces are, so that averaging it down leaves something."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16), np.uint8)
    return np.kron(coarse, np.ones((20, 20), np.uint8))


def faces(*boxes, emotion="happy", number=1, **told_too):
    told = [
        {"id": number + i, "box": box, "emotion": emotion, "score": 0.9, "scores": [0.1, 0.9], **told_too}
        for i, box in enumerate(boxes or [BOX])
    ]
    return json.dumps({"v": 1, "t": 0, "fps": 10, "faces": told})


def event(name, **fields):
    return json.dumps({"v": 1, "event": name, **fields})


class ScriptedStream:
    """Gives what it is handed, in order."""

    name, limitation = "scripted camera", None

    def __init__(self, obeys=True):
        self._given = queue.SimpleQueue()
        self.heard = []
        self.obeys = obeys
        self.gone = False
        self.draws = True

    def text(self, line):
        self._given.put(Line(0, line))

    def frame(self, pixels):
        self._given.put(Frame(0, pixels))

    def pull(self, message="plug it in"):
        self.gone = True
        self._given.put(Disconnected(0, message))

    def plug(self):
        self.gone = False
        self.draws = True
        self.text(event("ready", board="H7", firmware="5.0.0", labels=LABELS))

    def events(self):
        while (given := self._given.get()) is not None:
            yield given

    def send_command(self, command):
        if self.gone:
            raise UserError("scripted camera: is not connected")
        self.heard.append(command)
        if command in ("draw off", "draw on") and self.obeys:
            self.draws = command == "draw on"
            self.text(event("reply", message="draw is on." if self.draws else "draw is off."))
        if command == "status":
            self.text(event("status", board="H7", firmware="5.0.0", settings={}, rest={}))

    def close(self):
        self._given.put(None)


def wait_until(true, seconds=10):
    """Waits for something that another thread does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has not come to be"
        time.sleep(0.005)
