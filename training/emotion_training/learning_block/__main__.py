"""`python -m emotion_training.learning_block`: what Studio starts in the block's container."""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from emotion_camera.model.contract import ContractError

from emotion_training.data.fer2013 import DataError
from emotion_training.learning_block import arrays, info


def main(given: Sequence[str] | None = None) -> int:
    """Train and write the files; 0 when it went well, 1 with a sentence when it did not, 2 for wrong usage."""
    arguments, unknown = _parser().parse_known_args(given)
    if unknown:
        print(f"passed over what this block does not know: {' '.join(unknown)}", flush=True)
    try:
        _run(arguments)
    except (DataError, ContractError) as error:
        print(f"learning block: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"learning block: {what}; check that folder and the room on its disk", file=sys.stderr)
        return 1
    return 0


def _run(arguments: argparse.Namespace) -> None:
    names = info.names(arguments.info_file)
    pictures = arrays.read(arguments.data_directory, names)
    if names and len(names) != pictures.count:
        print(f"there are {pictures.count} classes but {len(names)} names, so all are learnt as new ones", flush=True)
        names = None
    print(
        f"{len(pictures.train.classes)} pictures of {pictures.size} x {pictures.size} to learn from, "
        f"{len(pictures.test.classes)} to test on, {pictures.count} classes",
        flush=True,
    )
    arguments.out_directory.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from emotion_training.learning_block import files, train  # TensorFlow takes seconds; mistakes are told before

    settings = train.Settings(
        arguments.epochs, arguments.learning_rate, arguments.augmentation, arguments.start == "model"
    )
    files.write(train.train(pictures, names, settings), pictures, arguments.out_directory)


def _parser() -> argparse.ArgumentParser:
    # No abbreviations: what Studio may pass one day must not be taken for one of these.
    parser = argparse.ArgumentParser("learning block", description=__doc__, allow_abbrev=False)
    parser.add_argument("--data-directory", type=Path, required=True, help="the folder with the four arrays")
    parser.add_argument("--out-directory", type=Path, required=True, help="where the three files go")
    parser.add_argument(
        "--info-file", "--input-file", type=Path, help="Studio's train_input.json, for the classes' names"
    )
    parser.add_argument("--epochs", type=_epochs, default=30, help="training cycles (default %(default)s)")
    parser.add_argument("--learning-rate", type=_rate, default=0.001, help="the highest one (default %(default)s)")
    parser.add_argument("--augmentation", type=_share, default=0.6, help="its strength, 0 to 1 (default %(default)s)")
    parser.add_argument(
        "--start", choices=("model", "nothing"), default="model", help="what to train (default %(default)s)"
    )
    return parser


def _epochs(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _rate(text: str) -> float:
    return _number(text, 1, "more than 0 and at most 1", least=math.ulp(0))


def _share(text: str) -> float:
    return _number(text, 1, "from 0 to 1")


def _number(text: str, most: float, said: str, least: float = 0) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number {said}")
    return number


if __name__ == "__main__":
    sys.exit(main())
