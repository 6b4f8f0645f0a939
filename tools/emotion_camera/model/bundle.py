"""The files that go on a camera: `device/main.py`, or what is in `device/compact` where the heap is small, a model and its labels."""

from pathlib import Path

from emotion_camera.files import DEVICE
from emotion_camera.model import labels

MAIN = DEVICE / "main.py"
COMPACT = DEVICE / "compact" / "main.py"
# What a camera can hold of ours; the model comes last.
SET = ("emotion_camera.mpy", "main.py", "emotion.txt", "emotion.tflite")


def camera_files(small: bool, model: Path) -> dict[str, Path]:
    """All files of a camera by the names that they have on it; the model comes last."""
    main = COMPACT if small else MAIN
    program = {"emotion_camera.mpy": main.with_name("emotion_camera.mpy")} if small else {}
    return {**program, "main.py": main, "emotion.txt": labels.beside(model), "emotion.tflite": model}


def model_files(model: Path) -> dict[str, Path]:
    """A model and the labels beside it, by the names that the camera program looks for."""
    return {"emotion.tflite": model, "emotion.txt": labels.beside(model)}
