"""`edge-impulse`: faces and models to and from Edge Impulse Studio, and a runner for its Linux clients."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import NamedTuple

from emotion_camera.commands.edge_impulse.credentials import hide_key

EXAMPLES = """
examples:
  export EI_API_KEY=ei_...                                        your project's key (Studio: Dashboard, Keys)
  emotion-camera edge-impulse upload faces                       upload collected faces, or a folder for each label
  emotion-camera edge-impulse import project-openmv.zip          install a model from Studio
  emotion-camera edge-impulse deploy --model mine.tflite         have Studio build the OpenMV library of your model
  emotion-camera edge-impulse runner                             write emotion.eim for Edge Impulse's Linux clients

docs/edge-impulse.md has a tutorial, also without an account.
"""


class Action(NamedTuple):
    """One action: `module` has `add_arguments(parser)` and `run(arguments) -> int`."""

    module: str
    help: str


ACTIONS = {
    "upload": Action("upload", "upload labelled faces to a project, each once"),
    "export": Action("export", "write labelled faces as a folder for Edge Impulse's own uploader"),
    "profile": Action("profile", "get Studio's estimate of a model's memory and latency"),
    "deploy": Action("deploy", "have Studio build the OpenMV library of your model"),
    "import": Action("import_model", "install a model from Studio's OpenMV download"),
    "runner": Action("runner", "write a model as an .eim for Edge Impulse's Linux clients"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions, with their arguments."""
    if sys.argv[1:2] == ["edge-impulse"]:  # not a program of somebody's that calls this one
        hide_key()
    parser.description = "Exchange faces and models with Edge Impulse Studio."
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, action in ACTIONS.items():
        chosen = actions.add_parser(name, help=action.help, formatter_class=argparse.RawDescriptionHelpFormatter)
        importlib.import_module(f"emotion_camera.commands.edge_impulse.{action.module}").add_arguments(chosen)


def run(arguments: argparse.Namespace) -> int:
    """Run one action; UserError with a sentence for what can't be done."""
    module = importlib.import_module(f"emotion_camera.commands.edge_impulse.{ACTIONS[arguments.action].module}")
    return int(module.run(arguments))
