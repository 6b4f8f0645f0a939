"""What Studio tells in `train_input.json`: the classes' names, which the arrays don't have."""

import json
from pathlib import Path

from emotion_training.data.fer2013 import DataError


def names(path: Path | None) -> tuple[str, ...] | None:
    """The classes' names in the order of the labels' columns; None, with a line that says so, where there is no such file.

    The names only help, and the file is not there when a block is run outside Studio, so a strange one stops nothing.
    Raises DataError where Studio trains something else than classes.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path else {}
        found, mode = content.get("classes"), content.get("mode", "classification")
    except (OSError, ValueError, AttributeError):
        found, mode = None, "classification"
    if mode != "classification":
        raise DataError(
            f"{path}: the project is for {mode}, and this block learns classes; give each picture one label in Studio"
        )
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        print(
            "the classes' names are not known (no --info-file that tells them): all are learnt as new ones", flush=True
        )
        return None
    return tuple(found)
