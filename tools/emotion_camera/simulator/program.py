"""What a simulated camera gets on its disk: the program for its board, a model and its labels."""

from pathlib import Path
from typing import Any

from emotion_camera.boards import find_board
from emotion_camera.model.bundle import COMPACT, MAIN, model_files
from emotion_camera.simulator.host.process import find_micropython


def program_for(board: str, model: Path) -> dict[str, Any]:
    """The arguments `script` and `flash` or `sdcard` of `emotion_camera.simulator.run`: program, model and labels for a board.

    What its own flash has no room for is on an SD card. CPython reads no .mpy: where it stands in for MicroPython a small
    board gets main.py, on a card.
    """
    files, found = model_files(model), find_board(board)
    disk = "flash" if model.stat().st_size <= found.limits.file else "sdcard"
    if not found.small_heap:
        return {"script": MAIN, disk: files}
    if not find_micropython():
        return {"script": MAIN, "sdcard": files}
    return {"script": COMPACT, disk: files | {"emotion_camera.mpy": COMPACT.with_name("emotion_camera.mpy")}}
