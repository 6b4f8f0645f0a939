"""`python -m emotion_training.learning_block`: the entry point of the block's container."""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from emotion_camera.errors import UserError

from emotion_training.learning_block import arrays, info


def main(given: Sequence[str] | None = None) -> int:
    """Train and write the files; returns 0 on success, 1 after an error message. Wrong usage exits with 2."""
    arguments, unknown = _parser().parse_known_args(given)
    if unknown:
        print(f"ignored unknown arguments: {' '.join(unknown)}", flush=True)
    try:
        _run(arguments)
    except UserError as error:
        print(f"learning block: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"learning block: {what}; check that folder and the free space on its disk", file=sys.stderr)
        return 1
    return 0


def _run(arguments: argparse.Namespace) -> None:
    names = info.class_names(arguments.info_file)
    dataset = arrays.read(arguments.data_directory, names)
    if names and len(names) != dataset.classes:
        print(f"{dataset.classes} classes but {len(names)} class names: all are trained as new classes", flush=True)
        names = None
    print(
        f"{len(dataset.train.labels)} training images of {dataset.size} x {dataset.size}, "
        f"{len(dataset.test.labels)} validation images, {dataset.classes} classes",
        flush=True,
    )
    arguments.out_directory.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from emotion_training.learning_block import (  # late: TensorFlow takes seconds to import, and mistakes are reported before
        files,
        train,
    )

    settings = train.Settings(
        arguments.epochs, arguments.learning_rate, arguments.augmentation, arguments.start == "model"
    )
    files.write(train.train(dataset, names, settings), dataset, arguments.out_directory)


def _parser() -> argparse.ArgumentParser:
    # No abbreviations: an argument that Studio adds one day must not be taken for one of these.
    parser = argparse.ArgumentParser("learning block", description=__doc__, allow_abbrev=False)
    parser.add_argument("--data-directory", type=Path, required=True, help="the folder with the four arrays")
    parser.add_argument("--out-directory", type=Path, required=True, help="folder for the three model files")
    parser.add_argument("--info-file", "--input-file", type=Path, help="Studio's train_input.json, for the class names")
    parser.add_argument("--epochs", type=_epochs, default=30, help="training cycles (default %(default)s)")
    parser.add_argument(
        "--learning-rate", type=_rate, default=0.001, help="the peak learning rate (default %(default)s)"
    )
    parser.add_argument(
        "--augmentation", type=_share, default=0.6, help="augmentation strength, 0 to 1 (default %(default)s)"
    )
    parser.add_argument(
        "--start", choices=("model", "nothing"), default="model", help="initial weights (default %(default)s)"
    )
    return parser


def _epochs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _rate(text: str) -> float:
    return _number(text, "more than 0 and at most 1", low=math.ulp(0))


def _share(text: str) -> float:
    return _number(text, "from 0 to 1")


def _number(text: str, expected: str, low: float = 0, high: float = 1) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number {expected}")
    return number


if __name__ == "__main__":
    sys.exit(main())
