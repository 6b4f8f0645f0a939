"""The camera program as each board gets it: `device/main.py`, or what is in `device/compact` where room is short."""

from pathlib import Path
from typing import Any

from emotion_camera.boards import find_board
from emotion_camera.files import DEVICE
from emotion_camera.model.contract import ROOMY_BOARD, SMALL_BOARD, Limits
from emotion_camera.simulator.host.process import find_micropython

MAIN = DEVICE / "main.py"
COMPACT = DEVICE / "compact" / "main.py"
SMALL = 500_000  # bytes of heap: an H7 has 336 thousand, a Nicla Vision 378, all others that run it millions


def is_small(board: str) -> bool:
    """Whether a board gets the compact program: its source alone would not leave the model room."""
    return is_small_heap(sum(find_board(board).heap))


def limits_for(board: str) -> Limits:
    """The most that a model for a board may take. An N6 and an M7 refuse, or have no room for, any such model all the same."""
    return SMALL_BOARD if is_small(board) else ROOMY_BOARD


def is_small_heap(heap: int) -> bool:
    """`is_small` for a board of which only its heap is known, in bytes."""
    return heap < SMALL


def camera_files(small: bool, model: Path) -> dict[str, Path]:
    """All files of a camera by the names that they have on it; the model comes last."""
    main = COMPACT if small else MAIN
    program = {"emotion_camera.mpy": main.with_name("emotion_camera.mpy")} if small else {}
    labels = {"emotion.txt": model.with_suffix(".txt")}
    return {**program, "main.py": main, **labels, "emotion.tflite": model}


def model_files(model: Path) -> dict[str, Path]:
    """A model and the labels beside it, by the names that the camera program looks for."""
    return {"emotion.tflite": model, "emotion.txt": model.with_suffix(".txt")}


def program_for(board: str, model: Path) -> dict[str, Any]:
    """The arguments `script` and `flash` or `sdcard` of `emotion_camera.simulator.run`: program, model and labels for a board.

    CPython reads no .mpy: where it stands in for MicroPython a small board gets main.py, on an SD card.
    """
    files = model_files(model)
    if not is_small(board):
        return {"script": MAIN, "flash": files}
    if not find_micropython():
        return {"script": MAIN, "sdcard": files}
    return {"script": COMPACT, "flash": files | {"emotion_camera.mpy": COMPACT.with_name("emotion_camera.mpy")}}
