"""`python -m tools VERB ...`: the demo on the virtual camera, and what puts the project on a real one."""

import argparse
import importlib
import os
import signal
import sys
from types import FrameType
from typing import NamedTuple

from tools.errors import UserError


class Verb(NamedTuple):
    """One command: `module` has `add_arguments(parser)` and `run(arguments) -> int`, and is imported only when used."""

    module: str
    help: str


VERBS = {
    "demo": Verb("tools.demo", "run the camera program on the virtual camera: see faces named, no camera needed"),
    "doctor": Verb("tools.doctor", "look at this computer, the camera and its files, and say what to do"),
    "verify": Verb("tools.verify", "prove on your own board that it answers as it should, and how fast it is"),
    "deploy": Verb("tools.deploy", "put the camera program and a model on a camera, whole or not at all"),
    "watch": Verb("tools.watch", "see on a page what the camera sees and reports, live"),
    "record": Verb("tools.record", "record what a camera reports, and its frames if asked for"),
    "collect": Verb("tools.collect", "gather labelled faces from the camera, to train with"),
    "report": Verb("tools.report_page", "turn a recording into a page of pictures"),
    "edge-impulse": Verb("tools.edge_impulse", "faces and models to Edge Impulse Studio and back, and a runner for it"),
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
    from models.contract import ContractError

    return ContractError


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools",
        description="Facial emotion recognition on OpenMV cameras: tools for the computer.",
        epilog="python -m tools VERB --help says more about a verb. Start with: python -m tools demo",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in VERBS.items():
        chosen = verbs.add_parser(name, help=verb.help, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name in argv:  # only what is used is imported
            importlib.import_module(verb.module).add_arguments(chosen)
    return parser


if __name__ == "__main__":
    sys.exit(main())
