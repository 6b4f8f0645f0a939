"""The verb's command line."""

from __future__ import annotations

import argparse
from contextlib import closing, suppress
from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.files import write_json
from emotion_camera.progress import say

EXAMPLES = """
examples:
  emotion-camera verify                     the camera on USB
  emotion-camera verify --port simulator:h7 a simulated camera: how it looks when all is well
  emotion-camera verify --json mine.json    the numbers too, to send to the project

It takes two minutes. The camera's files are not touched: all that is sent stays in its memory. When it is through, or you
press Ctrl-C, the camera starts its program again. The exit status is 1 when something differs.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    parser.description = (
        "Prove it on your own board: does its firmware find the same boxes, give the network the same pixels and compute the "
        "same scores as the one that the program was made for, and how fast is it?"
    )
    parser.epilog = EXAMPLES
    parser.add_argument("--port", help="the camera's port, or simulator[:BOARD] (default: the one on USB)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers into this file")


def run(arguments: argparse.Namespace) -> int:
    """Prints the table; 1 where something differs, else 0."""
    from emotion_camera.camera.repl import open_repl
    from emotion_camera.commands.verify.examine import examine
    from emotion_camera.commands.verify.page import as_json, page

    if arguments.json and not arguments.json.absolute().parent.is_dir():
        raise UserError(f"{arguments.json}: there is no such folder; give a file in one that is there")
    _fill_simulated(arguments.port)
    with closing(open_repl(arguments.port)) as camera:
        try:
            result = examine(camera, lambda what: say(f"checking {what} ..."))
        except KeyboardInterrupt:
            say("stopped: the camera starts its program again")
            raise
    print(page(result))
    if arguments.json:
        write_json(arguments.json, as_json(result))
    return int(result.differs)


def _fill_simulated(port: str | None) -> None:
    """A simulated camera with nothing on its disk gets the shipped program; one without room for it is examined all the same."""
    from emotion_camera.camera.ports import simulated_board
    from emotion_camera.camera.simulated import fill_if_empty

    board = simulated_board(port)
    if board is not None:
        with suppress(UserError):
            fill_if_empty(board)
