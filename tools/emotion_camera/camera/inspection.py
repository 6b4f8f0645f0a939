"""What is on a camera: which of this version's files it holds, and why one is missing. For deploy, doctor and verify."""

from __future__ import annotations

from hashlib import sha256

from emotion_camera.boards import board_by_arch, why_not
from emotion_camera.camera.repl import CameraInfo, Repl
from emotion_camera.files import MODELS
from emotion_camera.model.bundle import COMPACT, MAIN
from emotion_camera.model.vela import plain_of

DEPLOY = "emotion-camera deploy"  # what to run when a file is missing or another one


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return sha256(data).hexdigest()


def known_files() -> dict[str, dict[str, str]]:
    """For each name on the camera this version's files: folder and name by SHA-256."""
    places = {
        "main.py": [MAIN, COMPACT],
        "emotion_camera.mpy": [COMPACT.with_name("emotion_camera.mpy")],
        "emotion.tflite": sorted(MODELS.glob("*.tflite")),
        "emotion.txt": sorted(MODELS.glob("*.txt")),
    }
    return {
        name: {
            digest(path.read_bytes()): f"{path.parent.name}/{path.name}" for path in reversed(paths)
        }  # of equal ones the first
        for name, paths in places.items()
    }


def compiled_of(data: bytes) -> str | None:
    """Folder and name of this version's model that Vela compiled a file from, and that it did; None for any other file."""
    plain = plain_of(data)
    return f"{known_files()['emotion.tflite'][digest(plain)]}, compiled by Vela" if plain else None


def missing(info: CameraInfo, name: str) -> str:
    """Why a file of ours is not on a camera, and what to do."""
    return why_not(board_by_arch(info.arch), info.heap) or f"{name} is not on the camera: {DEPLOY}"


def hashes(camera: Repl, names: list[str], folder: str = "") -> dict[str, str]:
    """SHA-256 by name of those files that are in a folder of the camera."""
    there = camera.files(folder)
    found = {name: camera.sha256(f"{folder}/{name}" if folder else name) for name in names if name in there}
    return {name: value for name, value in found.items() if value is not None}
