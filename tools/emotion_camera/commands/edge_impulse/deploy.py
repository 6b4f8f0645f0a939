"""`edge-impulse deploy`: a model of one's own goes through Studio and comes back as its OpenMV library, for main.py."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from emotion_camera.commands.edge_impulse import studio
from emotion_camera.commands.edge_impulse.archive import open_export
from emotion_camera.commands.edge_impulse.credentials import add_key, api_key
from emotion_camera.commands.edge_impulse.import_model import add_place, tell
from emotion_camera.commands.edge_impulse.install import check_name, install
from emotion_camera.errors import UserError
from emotion_camera.model.contract import check
from emotion_camera.model.input_range import trained_range
from emotion_camera.model.tflite import describe
from emotion_camera.terminal import print_notes

EPILOG = """
The model must be an int8 .tflite that the camera can run, with its labels beside it in a .txt; emotion-camera train writes one.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's arguments and help."""
    parser.description = (
        "Send a model through Studio, and get it back for OpenMV. It replaces the project's uploaded model."
    )
    parser.epilog = EPILOG
    parser.add_argument("--model", type=Path, required=True, metavar="FILE", help="its labels beside it in a .txt")
    add_place(parser, "the model's, with _studio at its end")
    add_key(parser)


def run(arguments: argparse.Namespace) -> int:
    """Deploy one model; UserError with a sentence for what can't be."""
    key = api_key(arguments)
    model: Path = arguments.model
    name = check_name(arguments.name or f"{model.stem}_studio")
    checked, scaling = check(model), _scaling(model)
    print_notes(model.name, checked.notes)
    print(f"{model.name} becomes the uploaded model of the key's project, in place of one that is there", flush=True)
    built = studio.deploy(model, checked.labels, key, scaling)
    source = f"Studio's OpenMV library of {model.name}"
    export = open_export(built, source)
    sha256 = hashlib.sha256(built).hexdigest()
    installed = install(export, name, arguments.out, source=source, source_sha256=sha256, force=arguments.force)
    same = export.model == model.read_bytes()
    print("Studio returned the model unchanged" if same else "Studio returned another file than it was given")
    tell(installed, arguments.out / f"{name}.tflite")
    return 0


def _scaling(model: Path) -> str:
    """What Studio is told of the pixels that a model takes; UserError where it has no word for it."""
    low, high = trained_range(describe(model).inputs[0])
    if (low, high) not in ((0, 1), (0, 255)):
        raise UserError(
            f"{model}: takes pixels from {low:.3g} to {high:.3g}, and Studio's SDK knows 0 to 1 and 0 to 255 only: put it on the camera "
            "with emotion-camera deploy"
        )
    return f"{low:g}..{high:g}"
