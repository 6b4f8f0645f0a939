"""`emotion-camera train`: from FER2013 to an int8 model for the camera."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError, missing_package
from emotion_camera.files import ASSETS, IN_WHEEL
from emotion_camera.model.contract import DEFAULT_MODEL
from emotion_camera.progress import say

from emotion_training import steps
from emotion_training.fit.distillation import FOLDER
from emotion_training.fit.recipes import RECIPES, TEACHERS

ABOUT = """\
Make the camera's model from FER2013, step by step or all at once.

  emotion-camera train all --data fer2013.csv --votes fer2013new.csv

trains the network (train), makes it int8 (quantize) and measures it (card). students trains it in PyTorch in place of
train. The soft targets that it learns from beside the data are made by teachers, and come with the package. An
interrupted training goes on where it stopped when the same command is given again. The data is not ours to give:
fer2013.csv is on Kaggle, fer2013new.csv in FER+'s repository."""


def main(argv: list[str] | None = None) -> int:
    """Run a step; 0 when it went well, 1 with a sentence on standard error when it did not, 2 for wrong usage."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.step(arguments)
    except UserError as error:
        return _failed(error)
    except ModuleNotFoundError as error:
        missing = missing_package(error.name or "")
        if missing is None:
            raise
        return _failed(missing)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else error
        return _failed(f"{what}; choose another folder or make room")
    except KeyboardInterrupt:
        _failed("stopped; a training goes on from its last checkpoint by the same command")
        return 130
    return 0


def _failed(sentence: object) -> int:
    say(f"train: {sentence}")  # the name of a file may be in it
    return 1


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


Option = tuple[str, dict[str, Any]]


def _option(name: str, about: str, **how: Any) -> Option:
    if how.get("default") is not None:
        about += " (default %(default)s)"
    return name, {"help": about, **how}


def _folder(name: str, about: str, default: str) -> Option:
    return _option(name, about, type=Path, default=Path(default))


DATA = [
    _option(
        "--data",
        "fer2013.csv, icml_face_data.csv, fer2013.npz, or the folder with train/ and test/",
        type=Path,
        required=True,
    ),
    _option("--votes", "FER+'s fer2013new.csv (found by itself beside the data)", type=Path),
]
TRAINING = [
    _folder("--run", "folder for checkpoints and the trained network", "runs/emotion"),
    _option("--network", "which network to train", choices=sorted(RECIPES), default="emotion"),
    _option("--epochs", "of all stages together (default: the recipe's, 260 for emotion)", type=_positive),
    _option("--seed", "of shuffling, augmentation and first weights", type=_whole, default=1),
]
SOFT_TARGETS = [_option("--teachers", "folder of the teachers' soft targets", type=Path, default=FOLDER)]
START_WEIGHTS = [
    _option("--start", "an int8 file of this network: go on from its weights, with the recipe's last stage", type=Path)
]
STEPS = [
    _option("--steps", "try it: so many steps of each stage, to see that it runs; nothing is kept", type=_positive)
]
TEACHER = [
    _option("--only", f"of {', '.join(TEACHERS)}", nargs="+", choices=list(TEACHERS), metavar="NAME"),
    _folder("--run", "folder for checkpoints and soft targets", "runs/teachers"),
    _option("--dlib", "folder of dlib's weights, for dlib_taught", type=Path),
]
SWEEP = [
    _option("file", "the runs in JSON (see docs/train.md)", type=Path, nargs="?"),
    _option("--seeds", "or a run of one network for each seed", type=_whole, nargs="+", metavar="SEED"),
    _option("--network", "with --seeds: which network (default emotion)", choices=sorted(RECIPES)),
    _option("--epochs", "with --seeds: of all stages together (default: the recipe's)", type=_positive),
    _folder("--runs", "folder for the runs and the table; with --address one that all machines share", "runs"),
    _option("--address", "a Ray cluster that this machine is a part of (default: this machine)", metavar="HOST:PORT"),
    _option("--cpus-per-run", "cores for each run (default: all are used, two a run if there are)", type=_positive),
    _option("--restarts", "how often a run that died starts again", type=_whole, default=3),
]
MODEL = [_folder("--model", "the int8 file", "models/emotion.tflite")]
START = [_option("--model", "the model to start from", type=Path, default=DEFAULT_MODEL)]
PART = [
    _option(
        "--part",
        "choose by PublicTest, report PrivateTest",
        choices=("PublicTest", "PrivateTest"),
        default="PublicTest",
    )
]
OUT = Path() if IN_WHEEL else ASSETS  # nothing is written among installed files
AVERAGE_FACES = [_option("--composites", "folder of the average faces", type=Path, default=ASSETS / "average_faces")]
CHARACTERS = [_option("--characters", "folder of the characters' faces", type=Path, default=ASSETS / "characters")]
COLLECTED = [
    _option("--data", "the folder of cropped faces: one folder in it for each label", type=Path, required=True),
    _folder("--out", "the adapted model, an int8 file", "runs/mine/emotion.tflite"),
    _option("--anyway", "write it even if it is not better", action="store_true"),
    _option("--seed", "of the validation split and of the training", type=_whole, default=1),
]


def _out(about: str, default: Path) -> list[Option]:
    return [_option("--out", about, type=Path, default=default)]


COMMANDS: list[tuple[str, Callable[[argparse.Namespace], None], list[Option]]] = [
    ("all", steps.everything, DATA + TRAINING + SOFT_TARGETS + MODEL),
    ("train", steps.train, DATA + TRAINING + SOFT_TARGETS),
    ("students", steps.students, DATA + TRAINING + SOFT_TARGETS + START_WEIGHTS + STEPS),
    ("teachers", steps.teachers, DATA + TEACHER + STEPS),
    ("sweep", steps.sweep, DATA + SWEEP + SOFT_TARGETS),
    ("quantize", steps.quantize, DATA + TRAINING + MODEL),
    ("evaluate", steps.evaluate, DATA + MODEL + PART),
    ("card", steps.card, DATA + TRAINING + MODEL),
    ("report", steps.report, [*DATA, _option("--models", "int8 files that have a card", type=Path, nargs="+")]),
    ("robustness", steps.robustness, DATA + MODEL + _out("where the metrics go, as JSON", Path("robustness.json"))),
    ("reasons", steps.reasons, DATA + MODEL),
    ("finetune", steps.finetune, COLLECTED + START + AVERAGE_FACES),
    ("calibrate-trial", steps.calibrate_trial, DATA + MODEL + PART),
    ("finetune-trial", steps.finetune_trial, DATA + START + AVERAGE_FACES),
    ("learning-block", steps.learning_block, [_option("folder", "a new or empty folder for it", type=Path)]),
    ("composites", steps.composites, DATA + _out("where the average faces go", OUT / "average_faces")),
    ("characters", steps.characters, DATA + _out("where the characters' faces go", OUT / "characters")),
    ("clip", steps.clip, CHARACTERS + _out("the clip, an animated WebP", OUT / "clip.webp")),
]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "emotion-camera train",
        description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="steps", metavar="STEP", required=True)
    for name, function, options in COMMANDS:
        about = (function.__doc__ or "").strip()
        command = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
        command.set_defaults(step=function)
        either = command.add_mutually_exclusive_group(required=True) if name == "sweep" else None
        for option, how in options:
            group = either if either and option in ("file", "--seeds") else command
            group.add_argument(option, **how)
    return parser


if __name__ == "__main__":
    sys.exit(main())
