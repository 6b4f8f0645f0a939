"""`edge-impulse deploy`: a model of one's own goes through Studio and comes back as its OpenMV library, for main.py."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from emotion_camera.commands.edge_impulse import studio
from emotion_camera.commands.edge_impulse.archive import open_export
from emotion_camera.commands.edge_impulse.credentials import add_key, api_key
from emotion_camera.commands.edge_impulse.import_model import add_place, tell
from emotion_camera.commands.edge_impulse.install import check_name, store
from emotion_camera.errors import UserError

EPILOG = """
An int8 .tflite goes as it is. A float one (.tflite, .onnx, or a SavedModel in a .zip) needs --representative: float pixels
from 0 to 1, [pictures, size, size, 1], as numpy.save writes them, with black and white among them.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's arguments and help."""
    parser.description = (
        "Send a model through Studio, and get it back for OpenMV. It replaces the project's uploaded model."
    )
    parser.epilog = EPILOG
    parser.add_argument("--model", type=Path, required=True, metavar="FILE", help="its labels beside it in a .txt")
    parser.add_argument(
        "--representative", type=Path, metavar="FILE.npy", help="pictures to make a float model int8 by"
    )
    add_place(parser, "the model's, with _studio at its end")
    add_key(parser)


def run(arguments: argparse.Namespace) -> int:
    """Deploys one model; UserError or ModelError with a sentence for what can't be."""
    key = api_key(arguments)
    model: Path = arguments.model
    name = check_name(arguments.name or f"{model.stem}_studio")
    labels = _check(model, arguments.representative)
    print(f"{model.name} becomes the uploaded model of the key's project, in place of one that is there", flush=True)
    built = studio.deploy(model, labels, key, arguments.representative)
    source = f"Studio's OpenMV library of {model.name}"
    export = open_export(built, source)
    sha256 = hashlib.sha256(built).hexdigest()
    stored = store(export, name, arguments.out, source=source, source_sha256=sha256, force=arguments.force)
    same = export.model == model.read_bytes()
    print(
        "Studio gave back the very bytes that it was given"
        if same
        else "Studio gave back another file than it was given"
    )
    tell(stored, arguments.out / f"{name}.tflite")
    return 0


def _check(model: Path, representative: Path | None) -> tuple[str, ...]:
    """The labels of what is to be sent: checked by the contract, but a float model's only by its pictures."""
    from emotion_camera.model.contract import check, read_labels

    if representative is None:
        return check(model).labels
    if not model.is_file():
        raise UserError(f"{model}: no such file; give a float model: .tflite, .onnx, or a SavedModel in a .zip")
    _check_pictures(representative)
    return read_labels(model.with_suffix(".txt"))


def _check_pictures(path: Path) -> None:
    import numpy as np

    try:
        pictures = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise UserError(
            f"{path}: is not an array as numpy.save writes it; save float pixels [n, size, size, 1]"
        ) from None
    if path.suffix != ".npy" or pictures.ndim != 4 or pictures.dtype.kind != "f" or not pictures.size:
        raise UserError(
            f"{path}: must be a .npy of float pixels [n, size, size, 1], not {pictures.dtype} {pictures.shape}"
        )
    low, high = float(pictures.min()), float(pictures.max())
    if (low, high) != (0, 1):
        raise UserError(
            f"{path}: has pixels from {low:.3g} to {high:.3g}; they must go from 0 (black) to 1 (white), for the camera's to fit"
        )
