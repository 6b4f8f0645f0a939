"""The command line: `emotion-camera VERB ...`."""

import argparse
import importlib
import os
import signal
import sys
from types import FrameType
from typing import NamedTuple

from emotion_camera.errors import UserError


class Verb(NamedTuple):
    """One command: `module` has `add_arguments(parser)` and `run(arguments) -> int`, and is imported only when used."""

    module: str
    help: str


VERBS = {
    "demo": Verb("emotion_camera.commands.demo", "run the camera program on a simulated camera, no hardware needed"),
    "doctor": Verb(
        "emotion_camera.commands.doctor", "check this computer, the camera and its files, and say what to do"
    ),
    "deploy": Verb("emotion_camera.commands.deploy", "put the camera program and a model on a camera"),
    "verify": Verb(
        "emotion_camera.commands.verify", "prove on your own board that it gives the right answers, and how fast"
    ),
    "watch": Verb("emotion_camera.commands.watch", "a live page of what the camera sees and reports"),
    "record": Verb("emotion_camera.commands.record", "record what a camera reports, and its frames if asked for"),
    "report": Verb("emotion_camera.commands.report", "turn a recording into a page of charts"),
    "collect": Verb("emotion_camera.commands.collect", "collect labelled faces from the camera, to train with"),
    "vela": Verb("emotion_camera.commands.vela", "compile a model for the AE3's neural processor"),
    "edge-impulse": Verb("emotion_camera.commands.edge_impulse", "faces and models to Edge Impulse Studio and back"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; its exit status: 0 done, 1 the person's mistake (a sentence on stderr), 2 wrong usage, 130 stopped."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = _parser(argv).parse_args(argv)
    _unwind_on_signals()
    try:
        return importlib.import_module(VERBS[arguments.verb].module).run(arguments)
    except (UserError, _contract_error()) as error:
        print(f"{arguments.verb}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output, `head` perhaps, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _unwind_on_signals() -> None:
    """A `kill` or a closed terminal ends the verb as an error does: processes are stopped and temporary folders removed."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup keeps SIGHUP ignored
            signal.signal(number, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _contract_error() -> type[Exception]:
    from emotion_camera.model.contract import ContractError

    return ContractError


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion-camera",
        description="Facial emotion recognition on OpenMV cameras: tools for the computer.",
        epilog="emotion-camera VERB --help says more about a verb. Start with: emotion-camera demo",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        chosen = verbs.add_parser(name, help=verb.help, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name in argv:  # only what is used is imported
            importlib.import_module(verb.module).add_arguments(chosen)
    return parser


if __name__ == "__main__":
    sys.exit(main())
