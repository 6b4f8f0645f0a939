"""The verb's command line."""

from __future__ import annotations

import argparse
from contextlib import closing

from emotion_camera.commands.doctor.findings import NOTE, WRONG, Finding, exit_code, page
from emotion_camera.errors import UserError

EXAMPLES = """
examples:
  emotion-camera doctor                    this computer, and the camera on USB if there is one
  emotion-camera doctor --port /dev/ttyACM0
  emotion-camera doctor --port simulator   a simulated camera and its disk

Looking at the camera stops its program for a moment and starts it again. The exit status is 1 when a line says WRONG.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    parser.description = (
        "Look at this computer, the camera and the files on it, and say what to do about what is wrong."
    )
    parser.epilog = EXAMPLES
    parser.add_argument("--port", help="the camera's port, or simulator[:BOARD] (default: the one on USB)")
    parser.add_argument(
        "--wait", type=float, default=20, metavar="S", help="for the program to get ready (default: 20 s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints the page; 1 where anything is WRONG, else 0."""
    from emotion_camera.commands.doctor import computer

    findings = list(computer.look())
    print(page(findings), flush=True)
    seen = _camera(arguments)
    print(page(seen), flush=True)
    return exit_code(findings + seen)


def _camera(arguments: argparse.Namespace) -> list[Finding]:
    """The findings of the camera, up to where it was lost."""
    from emotion_camera.camera.repl import open_repl
    from emotion_camera.commands.doctor import camera

    found: list[Finding] = []
    try:
        with closing(open_repl(arguments.port)) as opened:
            for finding in camera.look(opened, arguments.wait):
                found.append(finding)
    except UserError as error:
        nothing = arguments.port is None and str(error).startswith("no OpenMV camera")
        level = NOTE if nothing else WRONG
        found.append(Finding(level, "camera", str(error)))
    return found
