"""Compile a model for the neural processor of an OpenMV AE3, and give the compiler's estimates.

`emotion-camera vela` writes the files for the camera; `emotion-camera deploy` compiles by itself.
"""

import argparse
from pathlib import Path

from emotion_camera.boards import BOARDS
from emotion_camera.errors import UserError
from emotion_camera.files import write_file
from emotion_camera.model.bundle import model_files
from emotion_camera.model.contract import DEFAULT_MODEL, Model, check
from emotion_camera.model.vela import COMPILES, compile_model, version
from emotion_camera.progress import say
from emotion_camera.terminal import print_notes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    parser.description = "Compile a model for the AE3's neural processor."
    parser.add_argument(
        "model", nargs="?", type=Path, default=DEFAULT_MODEL, help="a .tflite with its labels beside it in a .txt"
    )
    parser.add_argument("--out", type=Path, default=Path("ae3"), metavar="FOLDER", help="where to (default: ae3)")


def run(arguments: argparse.Namespace) -> int:
    """Write emotion.tflite and emotion.txt for an AE3; 0."""
    model = check(arguments.model, limits=BOARDS["ae3"].limits)
    if model.compiled:
        raise UserError(f"{model.path}: is compiled already; give it to emotion-camera deploy --model")
    print_notes(model.path.name, model.notes)
    if version():
        say(f"{model.path.name}: {COMPILES}")
    compiled = compile_model(model)
    _write(model, compiled.data, arguments.out)
    print(
        f"{arguments.out / 'emotion.tflite'}: {len(compiled.data):,} bytes; for the AE3: emotion-camera deploy --model {arguments.out / 'emotion.tflite'}"
    )
    print(f"Vela's estimate, not a measurement: {compiled.cycles:,} cycles, {compiled.pace}")
    return 0


def _write(model: Model, data: bytes, folder: Path) -> None:
    """The compiled model and the labels by the names that the camera program looks for; UserError where that can't be."""
    if folder.resolve() == model.path.resolve().parent:
        raise UserError(f"{folder}: is the folder of the plain model; give another folder with --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, plain in model_files(model.path).items():
            write_file(folder / name, data if plain == model.path else plain.read_bytes())
    except OSError as error:
        raise UserError(f"{folder}: can't be written to ({error.strerror}); give another folder with --out") from None
