"""The command line: `emotion-camera VERB ...`."""

from __future__ import annotations

import argparse
import difflib
import importlib
import io
import os
import re
import signal
import sys
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from emotion_camera import __version__
from emotion_camera.errors import UserError, missing_package
from emotion_camera.terminal import print_line


class Verb(NamedTuple):
    """One command: `module` has `add_arguments(parser)` and `run(arguments) -> int`, and is imported only when used."""

    module: str
    help: str


COMMANDS = "emotion_camera.commands."
TRAIN = "emotion_training.__main__"  # has main(words) -> int
GROUPS = {
    "Start": {
        "demo": Verb(COMMANDS + "demo", "run the camera program on a simulated camera, no hardware needed"),
        "deploy": Verb(COMMANDS + "deploy", "put the camera program and a model on a camera"),
        "doctor": Verb(COMMANDS + "doctor", "check this computer, the camera and its files, and say what to do"),
        "verify": Verb(COMMANDS + "verify", "prove on your own board that it gives the right answers, and how fast"),
    },
    "See and record": {
        "watch": Verb(COMMANDS + "watch", "a live page of what the camera sees and reports"),
        "record": Verb(COMMANDS + "record", "record what a camera reports, and its frames if asked for"),
        "report": Verb(COMMANDS + "report", "turn a recording into a page of charts"),
    },
    "Your own faces and models": {
        "collect": Verb(COMMANDS + "collect", "collect labelled faces from the camera, to train with"),
        "train": Verb(TRAIN, "train a model, or adapt it to collected faces: emotion-camera train finetune"),
        "vela": Verb(COMMANDS + "vela", "compile a model for the AE3's neural processor"),
        "edge-impulse": Verb(COMMANDS + "edge_impulse", "faces and models to Edge Impulse Studio and back"),
    },
}
VERBS = {name: verb for group in GROUPS.values() for name, verb in group.items()}
OTHERS = {
    "help": "the help of a verb: emotion-camera help demo",
    "completion": "what completes these words in bash, zsh or fish",
}

COMPLETION = """
bash: emotion-camera completion bash > ~/.local/share/bash-completion/completions/emotion-camera
zsh:  emotion-camera completion zsh > ~/.emotion-camera.zsh, and in ~/.zshrc: source ~/.emotion-camera.zsh
fish: emotion-camera completion fish > ~/.config/fish/completions/emotion-camera.fish
"""


UNKNOWN = "unrecognized arguments: "  # argparse's words
API_KEY = re.compile(r"\bei_\w+")  # as Edge Impulse gives them


class Parser(argparse.ArgumentParser):
    """Takes options by their whole names, and suggests the option or choice that was meant, where one is close to what was typed.

    By an abbreviation argparse would take a key of which nothing else here knows that it is one. What was typed beside an
    unknown option is not shown: it may be a key.
    """

    def __init__(self, *words: Any, **how: Any) -> None:
        super().__init__(*words, **how | {"allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Exit with 2 and the message."""
        if message.startswith(UNKNOWN):
            unknown = message.removeprefix(UNKNOWN).split(" ")
            options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
            message = UNKNOWN + " ".join(options or unknown)
        message = API_KEY.sub("ei_...", message)
        wrong = re.search(rf"(?:invalid choice: |{UNKNOWN})['\"]?([^'\" =]+)", message)
        near = difflib.get_close_matches(wrong[1], words_of(self), 1) if wrong else []
        super().error(message + (f"; did you mean {near[0]}?" if near else ""))


def main(argv: list[str] | None = None) -> int:
    """Run one verb; its exit status: 0 done, 1 the person's mistake (a sentence on stderr), 2 wrong usage, 130 stopped."""
    _print_anything()
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    if not words or words[0] in ("-h", "--help"):
        print(page())
    elif words[0] in ("-V", "--version"):
        print(f"emotion-camera {__version__}")
    elif words[0] == "completion":
        return _complete(words[1:])
    elif words[0] not in VERBS:
        return _unknown(words[0])
    else:
        _unwind_on_signals()
        return _guarded(words[0], words[1:])
    return 0


def page() -> str:
    """What somebody new needs: what it is, the first three commands, and all verbs."""
    lines = [
        "Facial emotion recognition on an OpenMV Cam, or on a simulated one.",
        "",
        "First steps:",
        "  emotion-camera demo      see it work; no camera needed",
        "  emotion-camera deploy    put it on the camera that is plugged in",
        "  emotion-camera watch     see in the browser what the camera sees",
    ]
    for title, verbs in {**GROUPS, "Help": {name: Verb("", text) for name, text in OTHERS.items()}}.items():
        lines += ["", f"{title}:", *(f"  {name:<13} {verb.help}" for name, verb in verbs.items())]
    return "\n".join(
        [*lines, "", "emotion-camera VERB --help tells more about a verb; --version which release this is."]
    )


def words_of(parser: argparse.ArgumentParser) -> list[str]:
    """All options and choices that a parser takes, those of its actions too."""
    found: list[str] = []
    for action in parser._actions:
        found += action.option_strings
        if isinstance(action.choices, dict):
            found += [*action.choices, *(word for inner in action.choices.values() for word in words_of(inner))]
        elif action.choices is not None:
            found += map(str, action.choices)
    return found


def _guarded(name: str, words: list[str]) -> int:
    """Run a verb; what a person can mend is a sentence."""
    try:
        return _run(name, words)
    except UserError as error:
        text = str(error)
    except ModuleNotFoundError as error:
        missing = missing_package(error.name or "")
        if missing is None:
            raise
        text = str(missing)
    except BrokenPipeError:  # the reader of our output, `head` perhaps, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        text = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except KeyboardInterrupt as stop:  # with what the person should know then, if anything
        if str(stop):
            print_line(f"{name}: {stop}", sys.stderr)
        return 130
    print_line(f"{name}: {text}", sys.stderr)  # a camera's words may be in it
    return 1


def _run(name: str, words: list[str]) -> int:
    module = importlib.import_module(VERBS[name].module)
    if VERBS[name].module == TRAIN:
        return int(module.main(words))
    parser = _parser(name)
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(words)))


def _parser(name: str) -> Parser:
    return Parser(f"emotion-camera {name}", formatter_class=argparse.RawDescriptionHelpFormatter)


def _unknown(word: str) -> int:
    near = difflib.get_close_matches(word, [*VERBS, *OTHERS], 1)
    advice = f"did you mean {near[0]}?" if near else "emotion-camera --help lists them all"
    print(f"emotion-camera: there is no verb {word!r}; {advice}", file=sys.stderr)
    return 2


def _complete(words: list[str]) -> int:
    """Print the script for a shell."""
    from emotion_camera.completion import SHELLS, script

    parser = _parser("completion")
    parser.description = "Print the script that completes verbs and options; keep it where the shell finds it."
    parser.epilog = COMPLETION
    parser.add_argument("shell", choices=SHELLS)
    shell = parser.parse_args(words).shell
    options: dict[str, list[str]] = {}
    for name, verb in VERBS.items():
        options[name] = []
        if verb.module != TRAIN:
            of_verb = _parser(name)
            importlib.import_module(verb.module).add_arguments(of_verb)
            options[name] = words_of(of_verb)
    print(script(shell, options | {"help": list(VERBS), "completion": list(SHELLS)}))
    return 0


def _print_anything() -> None:
    """What the console can't encode is printed as an escape, such as \\xdf: a folder's name must not end a recording."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # tests have others
            stream.reconfigure(errors="backslashreplace")


def _unwind_on_signals() -> None:
    """A `kill` or a closed terminal ends the verb as an error does: processes are stopped and temporary folders removed."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup keeps SIGHUP ignored
            signal.signal(number, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
