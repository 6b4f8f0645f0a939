"""TensorFlow Lite Micro, the camera's interpreter."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

from emotion_camera.model.process import Interpreter, ask


def is_available() -> bool:
    """Whether tflite-micro is installed: it has wheels for Linux x86-64 alone."""
    return find_spec("tflite_micro") is not None


@lru_cache(maxsize=8)
def arena_bytes(model: bytes) -> int | None:
    """Bytes of the smallest arena in which TFLM runs the model; None where tflite-micro has no wheel.

    Pointers are twice as wide here as on the camera, so the camera needs somewhat less. Raises ModelError if TFLM
    does not take the model in 64 MB, `Crash` if it crashes.
    """
    if not is_available():
        return None
    found: int | None = ask({"do": "arena", "engine": "tflm"}, model)[0]["arena"]
    return found


class Tflm(Interpreter):
    """A model in TFLM with an arena of so many bytes."""

    def __init__(self, model: bytes, arena: int) -> None:
        super().__init__("tflm", model, arena)
