"""Simulated cameras on a port, with programs that start at once."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from emotion_camera.simulator.host.process import find_micropython

pytest.importorskip("termios", reason="a simulated camera on a port needs pseudo-terminals")

FACE = Path(__file__).parents[2] / "tools" / "emotion_camera" / "simulator" / "assets" / "average_faces" / "happy.png"

needs_board = pytest.mark.skipif(
    find_micropython() is None, reason="a simulated camera on a port needs MicroPython, which has no package here"
)

# Says that it is ready as device/main.py does, and goes on saying so. SIZE makes it as long as wanted.
PROGRAM = b"""
import binascii, hashlib, sensor
with open("emotion.tflite", "rb") as file:
    sha256 = binascii.hexlify(hashlib.sha256(file.read()).digest()).decode()
sensor.reset()
sensor.set_pixformat(sensor.GRAYSCALE)
sensor.set_framesize(sensor.QVGA)
while True:
    print('{"v":1,"event":"ready","sha256":"%s","selftest":"ok"}' % sha256)
    sensor.snapshot()
"""
OLD = {"main.py": PROGRAM, "emotion.txt": b"sad\n", "emotion.tflite": bytes(range(256)) * 10}
NEW = {"main.py": PROGRAM + b"# new\n", "emotion.txt": b"happy\n", "emotion.tflite": b"the new one" * 300}
BROKEN = {**NEW, "main.py": b"this is no Python\n"}


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def connected(folder: Path, **how: object):
    """A camera whose disks are in `folder`, to be used in a `with`."""
    from emotion_camera.camera.repl import Repl
    from emotion_camera.simulator.board.board import SimulatedBoard

    board = SimulatedBoard(folder, **{"source": FACE, **how})
    board.open()
    return closing(Repl(None, board))


def hear(board, word: bytes) -> bytes:
    """What the port says, up to `word`."""
    import serial

    with serial.Serial(board.path, timeout=0.2) as port:
        heard, end = b"", time.monotonic() + 20
        while word not in heard and time.monotonic() < end:
            heard += port.read(4096)
    return heard
