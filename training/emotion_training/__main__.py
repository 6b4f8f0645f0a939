"""`emotion-camera train`: from FER2013 to an int8 model for the camera."""

import argparse
import sys
from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.model.contract import DEFAULT_MODEL, ModelError
from emotion_camera.simulator.host.sources import CLIP

from emotion_training import steps
from emotion_training.fit.distillation import FOLDER
from emotion_training.fit.pytorch.recipes import STUDENTS, TEACHERS
from emotion_training.fit.recipes import RECIPES

ASSETS = CLIP.parent
ABOUT = """\
Make the camera's model from FER2013, step by step or all at once.

  emotion-camera train all --data fer2013.csv --votes fer2013new.csv

trains the network (train), makes it int8 (quantize) and measures it (card). students trains it in PyTorch in place of
train. What teaches it beside the data, training/emotion_training/fit/soft_targets, is made by teachers. An interrupted training goes on where
it stopped when the same command is given again. The data is not ours to give: fer2013.csv is on Kaggle, fer2013new.csv
in FER+'s repository."""


def main() -> int:
    """Run a step; 0 when it went well, 1 with a sentence on standard error when it did not, 2 for wrong usage."""
    arguments = _parser().parse_args()
    try:
        arguments.step(arguments)
    except (UserError, ModelError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"training: {what}; choose another folder or make room", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training: stopped; a training goes on from its last checkpoint by the same command", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "emotion-camera train", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    step = parser.add_subparsers(title="steps", metavar="STEP", required=True)
    data, trained, taught, model = _data(), _trained(), _taught(), _model()
    for name, function, parents in (
        ("all", steps.everything, [data, trained, taught, model]),
        ("train", steps.train, [data, trained, taught]),
        ("teachers", steps.teachers, [data, _teachers(), _steps()]),
        ("students", steps.students, [data, _student(), taught, _steps()]),
        ("sweep", steps.sweep, [data, _sweep(), taught]),
        ("quantize", steps.quantize, [data, trained, model]),
        ("evaluate", steps.evaluate, [data, model, _part()]),
        ("card", steps.card, [data, trained, model]),
        ("report", steps.report, [data, _models()]),
        ("robustness", steps.robustness, [data, model, _out("where the figures go, as JSON", Path("robustness.json"))]),
        ("finetune", steps.finetune, [_collected(), _portraits()]),
        ("calibrate-trial", steps.calibrate_trial, [data, model, _part()]),
        ("finetune-trial", steps.finetune_trial, [data, _start(), _portraits()]),
        ("learning-block", steps.learning_block, [_folder()]),
        ("composites", steps.composites, [data, _out("where the portraits go", ASSETS / "average_faces")]),
        ("clip", steps.clip, [_portraits(), _out("the clip, an animated WebP", ASSETS / "clip.webp")]),
    ):
        about = (function.__doc__ or "").strip()
        step.add_parser(name, help=about, description=about, parents=parents).set_defaults(step=function)
    return parser


def _taught() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--teachers", type=Path, default=FOLDER, help="folder of the teachers' answers (default %(default)s)"
    )
    return parser


def _teachers() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--only", nargs="+", choices=list(TEACHERS), metavar="NAME", help=f"of {', '.join(TEACHERS)}")
    parser.add_argument(
        "--run",
        type=Path,
        default=Path("runs/teachers"),
        help="folder for checkpoints and answers (default %(default)s)",
    )
    return parser


def _student() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--run",
        type=Path,
        default=Path("runs/emotion"),
        help="folder for the checkpoint and the trained network (default %(default)s)",
    )
    parser.add_argument(
        "--network", choices=sorted(STUDENTS), default="emotion", help="which network to train (default %(default)s)"
    )
    return parser


def _steps() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--steps", type=_positive, help="try it: so many steps of each network, to see that it runs; nothing is kept"
    )
    return parser


def _sweep() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("file", type=Path, nargs="?", help="the runs in JSON (see the README)")
    which.add_argument("--seeds", type=_whole, nargs="+", metavar="SEED", help="or a run of one network for each seed")
    parser.add_argument("--network", choices=sorted(RECIPES), help="with --seeds: which network (default emotion)")
    parser.add_argument("--epochs", type=_positive, help="with --seeds: times through the data (default: the recipe's)")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), help="folder for the runs and the table (default %(default)s)"
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="a Ray cluster that this machine is a part of (default: this machine alone)",
    )
    parser.add_argument(
        "--cpus-per-run", type=_positive, help="cores for each run (default: all filled, two if there are)"
    )
    parser.add_argument(
        "--restarts", type=_whole, default=3, help="how often a run that died starts again (default %(default)s)"
    )
    return parser


def _part() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parts = ("PublicTest", "PrivateTest")
    parser.add_argument(
        "--part", choices=parts, default=parts[0], help="choose by PublicTest (the default), report PrivateTest"
    )
    return parser


def _portraits() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--composites", type=Path, default=ASSETS / "average_faces", help="the portraits (default %(default)s)"
    )
    return parser


def _out(what: str, default: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--out", type=Path, default=default, help=f"{what} (default %(default)s)")
    return parser


def _folder() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("folder", type=Path, help="a new or empty folder for it")
    return parser


def _data() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="fer2013.csv, icml_face_data.csv, fer2013.npz, or the folder with train/ and test/",
    )
    parser.add_argument("--votes", type=Path, help="FER+'s fer2013new.csv (found by itself beside the data)")
    return parser


def _trained() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--run",
        type=Path,
        default=Path("runs/emotion"),
        help="folder for checkpoints and the trained network (default %(default)s)",
    )
    parser.add_argument(
        "--network", choices=sorted(RECIPES), default="emotion", help="which network to train (default %(default)s)"
    )
    parser.add_argument(
        "--epochs",
        type=_positive,
        help="times through the data (default: the recipe's; for emotion 244 of about 20 s each on two cores)",
    )
    parser.add_argument(
        "--seed", type=_whole, default=1, help="of shuffling, augmentation and first weights (default %(default)s)"
    )
    return parser


def _model() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--model", type=Path, default=Path("models/emotion.tflite"), help="the int8 file (default %(default)s)"
    )
    return parser


def _start() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--model",
        type=Path,
        default=DEFAULT_MODEL,
        help="the model to start from (default %(default)s)",
    )
    return parser


def _collected() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, parents=[_start()])
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder of cut faces: one folder in it for each label"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/mine/emotion.tflite"),
        help="the adapted model, an int8 file (default %(default)s)",
    )
    parser.add_argument("--anyway", action="store_true", help="write it even if it is not better")
    parser.add_argument(
        "--seed", type=_whole, default=1, help="of what is held back and of learning (default %(default)s)"
    )
    return parser


def _models() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--models", type=Path, nargs="+", help="int8 files that have a card (default: models/*.tflite)")
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
