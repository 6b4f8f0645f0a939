"""Read the class names from Studio's `train_input.json`; the arrays do not hold them."""

import json
from pathlib import Path

from emotion_camera.errors import UserError


def class_names(path: Path | None) -> tuple[str, ...] | None:
    """The class names in the order of the label columns; None, after a message, if the file is missing or unusable.

    The names are optional, and the file does not exist when a block runs outside Studio, so a bad file is no error.
    Raises UserError if the project is not for classification.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path else {}
        found, mode = content.get("classes"), content.get("mode", "classification")
    except (OSError, ValueError, AttributeError):
        found, mode = None, "classification"
    if mode != "classification":
        raise UserError(
            f"{path}: the project is for {mode}, and this block trains a classifier; give each picture one label in Studio"
        )
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        print("class names unknown (no usable --info-file): all are trained as new classes", flush=True)
        return None
    return tuple(found)
