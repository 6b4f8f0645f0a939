"""`edge-impulse import`: a model from Studio's OpenMV download, for main.py."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from emotion_camera.boards import SMALL_HEAP
from emotion_camera.commands.edge_impulse.archive import open_export, read_file
from emotion_camera.commands.edge_impulse.compatibility import boards
from emotion_camera.commands.edge_impulse.install import check_name, install, name_for
from emotion_camera.model.contract import Model, fits
from emotion_camera.terminal import print_notes

EPILOG = """
In Studio: Deployment, OpenMV library, Quantized (int8), Build. The impulse: Image data 48 x 48, 64 x 64 or 96 x 96, Image
block with Color depth Grayscale, Classification or Transfer Learning (Images). The labels can be any.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's arguments and help."""
    parser.description = "Take a model from Studio's OpenMV download: checked, and written with its labels and a card."
    parser.epilog = EPILOG
    parser.add_argument("file", type=Path, metavar="FILE.zip", help="as Studio's Deployment page downloads it")
    add_place(parser, "from the download's")


def add_place(parser: argparse.ArgumentParser, usual: str) -> None:
    """Adds where a model is to be written; `usual`: where its name comes from if none is given."""
    parser.add_argument("--name", help=f"what to call the model (default: {usual})")
    parser.add_argument("--out", type=Path, default=Path("models"), metavar="DIR", help="where to (default: models)")
    parser.add_argument("--force", action="store_true", help="replace a model of that name which came from Studio")


def run(arguments: argparse.Namespace) -> int:
    """Imports one download; UserError with a sentence for what can't be."""
    path: Path = arguments.file
    data = read_file(path)
    export = open_export(data, path.name)
    name = check_name(arguments.name or name_for(path.name))
    sha256 = hashlib.sha256(data).hexdigest()
    model = install(export, name, arguments.out, source=path.name, source_sha256=sha256, force=arguments.force)
    tell(model, arguments.out / f"{name}.tflite")
    return 0


def tell(model: Model, path: Path) -> None:
    """What was written, and how to try it."""
    place = _short(path)
    size, file = model.input_size, model.file_bytes / 1000
    print(f"{place}: {len(model.labels)} labels ({', '.join(model.labels)}), {size} x {size} pixels, {file:.0f} KB")
    print(f"beside it {path.stem}.txt, its labels, and {path.stem}.md, its card; it fits {boards(model)}")
    print_notes(path.name, model.notes)
    board = "" if fits(model, SMALL_HEAP) else " --board h7plus"
    print("see it on the simulator, then put it on yours:")
    print(f"  emotion-camera demo --model {place}{board}")
    print(f"  emotion-camera deploy --model {place}")


def _short(path: Path) -> Path:
    """The path as one would type it here."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path
