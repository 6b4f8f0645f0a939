"""`edge-impulse runner`: a model as an .eim, one executable file that Edge Impulse's Linux clients start and ask."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
import zipapp
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.model.contract import DEFAULT_MODEL, Model, check
from emotion_camera.model.interpreter import scores
from emotion_camera.terminal import print_notes

PROGRAM = Path(__file__).with_name("eim")

EPILOG = """
Then, in Python (pip install edge_impulse_linux six opencv-python-headless):

  import sys, types
  sys.modules["pyaudio"] = types.ModuleType("pyaudio")   # the client imports it at once, and pictures need none of it
  import cv2
  from edge_impulse_linux.image import ImageImpulseRunner

  runner = ImageImpulseRunner("./emotion.eim")
  runner.init()
  face = cv2.cvtColor(cv2.imread("face.png"), cv2.COLOR_BGR2RGB)   # cut about as the camera's box cuts it
  features, seen = runner.get_features_from_image_auto_studio_settings(face)
  print(runner.classify(features)["result"]["classification"])
  runner.stop()

The file runs with the Python that wrote it, which has what it needs: on another computer, write it there anew. By itself
it is used as ./emotion.eim SOCKET, or ./emotion.eim --print-info. It needs Unix sockets: Linux or macOS.
"""

# A line that starts with #! and names Python itself must be short and without blanks; this takes any path. Shells read a
# script as they go, so none sees the archive after exec. -B: nothing is written where the libraries are.
HEAD = """#!/bin/sh
[ -x {python} ] || {{ printf '%s\\n' {refusal} >&2; exit 1; }}
exec {python} -B "$0" "$@"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The action's arguments and help."""
    parser.description = "Write a model as an .eim, which Edge Impulse's Linux clients run as they do one from Studio."
    parser.epilog = EPILOG
    add = parser.add_argument
    add(
        "--model",
        type=Path,
        default=DEFAULT_MODEL,
        help="a .tflite with its labels beside it (default: models/emotion.tflite)",
    )
    add("--out", type=Path, default=Path("emotion.eim"), metavar="FILE", help="what to write (default: emotion.eim)")


def run(arguments: argparse.Namespace) -> int:
    """Writes the file; 0. UserError with a sentence where it can't."""
    if os.name == "nt":
        raise UserError("an .eim speaks over Unix sockets, which Windows' Python lacks: do it on Linux, macOS or WSL")
    model = check(arguments.model)
    print_notes(model.path.name, model.notes)
    # So that it fails here, not there: LiteRT is what the file will run in.
    scores(model.path, np.zeros((1, model.input_size, model.input_size), np.uint8))
    write_eim(model, arguments.out)
    print(
        f"{arguments.out}: {arguments.out.stat().st_size:,} bytes, {arguments.model.name} for Edge Impulse's Linux clients"
    )
    print(f"it runs with {sys.executable}; emotion-camera edge-impulse runner --help shows a program that asks it")
    return 0


def write_eim(model: Model, out: Path) -> None:
    """Writes a checked model as an executable file, whole or not at all; UserError where that can't be."""
    refusal = f"{out.name}: {sys.executable} can't be run; write the file anew: emotion-camera edge-impulse runner"
    head = HEAD.format(python=shlex.quote(sys.executable), refusal=shlex.quote(refusal))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(out) as beside:
            beside.write_bytes(os.fsencode(head) + _archive(model))
            beside.chmod(0o755)
    except OSError as error:
        raise UserError(f"{out}: can't be written ({error.strerror}); give another file with --out") from None


def _archive(model: Model) -> bytes:
    """A zip that Python runs: the program as the package `eim`, with the model and what is to be said of it."""
    made = BytesIO()
    with TemporaryDirectory() as folder:
        package = Path(folder, "eim")
        package.mkdir()
        for source in PROGRAM.glob("*.py"):
            shutil.copy(source, package)
        shutil.copy(model.path, package / "model.tflite")
        info = {"name": model.path.stem, "labels": model.labels}
        (package / "info.json").write_text(json.dumps(info), encoding="utf-8")
        zipapp.create_archive(folder, made, main="eim.program:main", compressed=True)
    return made.getvalue()
