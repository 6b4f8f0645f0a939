"""For tests of the live page: a camera that does what it is told, and the page's server in a thread."""

import asyncio
import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from emotion_camera.commands.watch.command import FILES, report_handler
from emotion_camera.commands.watch.hub import Hub
from emotion_camera.errors import UserError
from emotion_camera.events import Disconnected, Event, Frame, Line
from emotion_camera.web.live import serving

LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
PICTURE = np.tile(np.arange(0, 240, 0.75, np.float32).astype(np.uint8), (240, 1))


class FakeStream:
    """Gives the events that it is told to, and remembers what was said to it; see `emotion_camera.camera.stream.CameraStream`."""

    name = "told camera"
    limitation = None

    def __init__(self, mute: str | None = None) -> None:
        self.said: list[str] = []
        self.closed = threading.Event()
        self._mute = mute
        self._began = time.monotonic()
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def events(self) -> Iterator[Event]:
        while (event := self._events.get()) is not None:
            yield event

    def send_command(self, command: str) -> None:
        if self._mute:
            raise UserError(self._mute)
        self.said.append(command)
        if command in ("draw off", "draw on"):
            self.print(event="reply", message="draw is off." if command == "draw off" else "draw is on.")

    def close(self) -> None:
        self.closed.set()
        self._events.put(None)

    def show(self, picture: np.ndarray = PICTURE) -> None:
        self._events.put(Frame(self._ms(), picture))

    def print(self, **fields: object) -> None:
        self._events.put(Line(self._ms(), json.dumps({"v": 1, **fields})))

    def _ms(self) -> int:
        return round(1000 * (time.monotonic() - self._began))

    def report(self, *faces: tuple[int, str | None], leader: str | None = None, **told: object) -> None:
        """Faces by number and emotion; the highest score is the emotion's, or that of `leader`. `told`: further fields of each."""
        self.print(t=0, fps=10.0, faces=[_face(number, emotion, leader or emotion) | told for number, emotion in faces])

    def ready(self, **fields: object) -> None:
        told = {"board": "H7", "firmware": "5.0.0", "model": "emotion.tflite", "sha256": "0" * 64, "labels": LABELS}
        self.print(event="ready", selftest="ok", **(told | fields))

    def lose(self, message: str = "the cable is out") -> None:
        self._events.put(Disconnected(self._ms(), message))


def _face(number: int, emotion: str | None, leader: str | None) -> dict[str, object]:
    scores = [0.9 if label == leader else 0.01 for label in LABELS]
    return {
        "id": number,
        "box": [10 + 90 * (number - 1), 60, 80, 80],
        "emotion": emotion,
        "score": max(scores),
        "scores": scores,
    }


@contextmanager
def served(camera: object, opens_browser: bool = False) -> Iterator[tuple[Hub, str]]:
    """The hub of a camera, and the address of its page."""
    hub = Hub(camera)  # type: ignore[arg-type]
    address: queue.SimpleQueue[str] = queue.SimpleQueue()
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with serving(FILES, hub, 0, {"/report": report_handler(hub)}, opens_browser) as url:
            address.put(url)
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield hub, address.get(timeout=10)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
        hub.close()


def wait_until(true, patience_s: float = 15) -> None:
    """Returns as soon as `true()` is; AssertionError when it never is."""
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
