"""How a board on a port starts: boot.py, main.py, and after a HardFault all over again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.simulator.host.process import find_micropython
from emotion_camera.simulator.host.sources import Source

pytestmark = pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this computer")
PATIENCE_S = 20
DARK = Source("dark", 10, lambda: iter([np.zeros((240, 320), np.uint8)] * 10))
LOADS = b"import ml\nprint('main starts')\nml.Model('x.tflite')\nprint('loaded')\n"


@contextmanager
def switched_on(folder: Path, files: dict[str, bytes], firmware: str = "v5.0") -> Iterator[object]:
    from emotion_camera.simulator.board.board import SimulatedBoard

    disk = folder / "flash"
    disk.mkdir()
    for name, content in files.items():
        (disk / name).write_bytes(content)
    with SimulatedBoard(folder, firmware=firmware, source=DARK) as board:
        yield board


def hear(board, until: bytes, times: int = 1) -> bytes:
    """What comes out of the port, up to so many of `until`; or what came in twenty seconds."""
    import serial

    heard, end = b"", time.monotonic() + PATIENCE_S
    with serial.Serial(board.path, timeout=0.1) as port:
        while heard.count(until) < times and time.monotonic() < end:
            heard += port.read(4096)
    return heard


def test_a_boot_that_raises_leaves_main_out(tmp_path):
    files = {"boot.py": b"print('boot starts')\n1 / 0\n", "main.py": b"print('main starts')\n"}
    with switched_on(tmp_path, files) as board:
        heard = hear(board, b">>> ")
    assert b"boot starts" in heard
    assert b"ZeroDivisionError" in heard
    assert b"main starts" not in heard


@pytest.mark.parametrize(("firmware", "runs"), [("v4.8", False), ("v5.0", True)])
def test_sys_exit_in_boot_leaves_main_out_before_v5(tmp_path, firmware, runs):
    files = {"boot.py": b"import sys\nprint('boot starts')\nsys.exit()\n", "main.py": b"print('main starts')\n"}
    with switched_on(tmp_path, files, firmware) as board:
        heard = hear(board, b">>> ")
    assert b"boot starts" in heard
    assert (b"main starts" in heard) == runs


def test_boot_runs_once_before_main(tmp_path):
    files = {"boot.py": b"print('boot starts')\n", "main.py": b"print('main starts')\n"}
    with switched_on(tmp_path, files) as board:
        heard = hear(board, b">>> ")
    assert heard.index(b"boot starts") < heard.index(b"main starts")
    assert heard.count(b"boot starts") == 2  # and once more for the REPL, which a soft reset gives


def test_a_damaged_network_resets_the_board_for_ever(tmp_path):
    with switched_on(tmp_path, {"main.py": LOADS, "x.tflite": b"this is no network, but a text"}) as board:
        heard = hear(board, b"main starts", times=4)
    assert heard.count(b"main starts") >= 4
    assert b"loaded" not in heard
    assert b">>>" not in heard


def test_ctrl_c_stops_a_board_that_resets_for_ever(tmp_path):
    import serial

    with (
        switched_on(tmp_path, {"main.py": LOADS, "x.tflite": b"this is no network, but a text"}) as board,
        serial.Serial(board.path, timeout=0.1) as port,
    ):
        heard, end = b"", time.monotonic() + PATIENCE_S
        while b">>> " not in heard and time.monotonic() < end:
            if heard.count(b"main starts") >= 2:
                port.write(b"\x03")
            heard += port.read(4096)
    assert b">>> " in heard
