"""`edge-impulse`: faces and models to Edge Impulse Studio and back, and a runner by its Linux protocol."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import NamedTuple

EXAMPLES = """
examples:
  export EI_API_KEY=ei_...                                        your project's key (Studio: Dashboard, Keys)
  emotion-camera edge-impulse upload faces                       collected faces, or a folder for each label
  emotion-camera edge-impulse import project-openmv.zip          a model from Studio, for main.py
  emotion-camera edge-impulse deploy --model mine.tflite         a model of yours, through Studio, for OpenMV
  emotion-camera edge-impulse runner                             emotion.eim, for Edge Impulse's Linux clients

docs/edge-impulse.md shows each way, and how to try all of it with no account.
"""


class Action(NamedTuple):
    """One action: `module` has `add_arguments(parser)` and `run(arguments) -> int`, and is imported only when used."""

    module: str
    help: str


ACTIONS = {
    "upload": Action("upload", "send labelled faces to a project, each once"),
    "export": Action("export", "write the same faces as a folder that Edge Impulse's own uploader takes"),
    "profile": Action("profile", "have Studio estimate a model's memory and time on its boards"),
    "deploy": Action("deploy", "send a model through Studio, and get it back for OpenMV"),
    "import": Action("import_model", "take a model from Studio's OpenMV download, for main.py"),
    "runner": Action("runner", "write a model as an .eim, which Edge Impulse's Linux clients run"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions and their arguments; only the one that is used is imported."""
    parser.description = "Faces and models to Edge Impulse Studio and back."
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, action in ACTIONS.items():
        chosen = actions.add_parser(name, help=action.help, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name in sys.argv:
            importlib.import_module(f"emotion_camera.commands.edge_impulse.{action.module}").add_arguments(chosen)


def run(arguments: argparse.Namespace) -> int:
    """Does one action; UserError with a sentence for what can't be done."""
    module = importlib.import_module(f"emotion_camera.commands.edge_impulse.{ACTIONS[arguments.action].module}")
    return int(module.run(arguments))
