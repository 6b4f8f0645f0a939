"""Which runs a sweep has: those of a file in JSON, or one network with several seeds."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError

from emotion_training.fit.recipes import RECIPES, TrainConfig

# A folder's name: Windows has devices of the names left out, and Tune the folder ray_tune.
NAME = re.compile(r"(?!(?i:con|prn|aux|nul|com\d|lpt\d|ray_tune)$)[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
LARGEST = 2**31  # of a number: NumPy takes seeds up to 2**32
EXAMPLE = '{"runs": {"emotion-1": {"network": "emotion", "seed": 1}}}'

Runs = dict[str, TrainConfig]  # by name, which is that of the run's folder, too


def read(path: Path) -> Runs:
    """The runs of a file such as EXAMPLE; a run takes the fields of `TrainConfig`.

    Raises UserError where the file can't be read, a field or network is unknown, a value out of range, or a name twice or
    none for a folder.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_object)
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror}); give a sweep's file, or --seeds") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is not JSON ({error}); it must be like {EXAMPLE}") from error
    runs = content.get("runs") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(runs, dict) or not runs:
        raise UserError(f"{path}: must be one object that names at least one run, like {EXAMPLE}")
    by_folder: dict[str, str] = {}
    for name in runs:
        if not NAME.fullmatch(name):
            raise UserError(
                f"{path}: {name!r} can't be a run's name, for it names a folder; give up to 64 letters, digits, - and _, "
                "with a letter or digit first"
            )
        if by_folder.setdefault(name.casefold(), name) != name:
            raise UserError(f"{path}: {by_folder[name.casefold()]!r} and {name!r} would share a folder; rename one")
    return {name: _config(f"{path}: the run {name!r}", given) for name, given in runs.items()}


def of_seeds(network: str, seeds: list[int], epochs: int | None) -> Runs:
    """A run for each seed of one network, named `NETWORK-SEED`; UserError for a seed that is given twice or too large."""
    twice = [seed for seed in seeds if seeds.count(seed) > 1]
    if twice:
        raise UserError(f"--seeds: {twice[0]} is given twice; give each seed once")
    given = {"network": network} | ({"epochs": epochs} if epochs else {})
    return {f"{network}-{seed}": _config("--seeds", {**given, "seed": seed}) for seed in seeds}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"names {twice[0]!r} twice; give each name once")
    return dict(pairs)


def _config(where: str, given: Any) -> TrainConfig:
    if not isinstance(given, dict):
        raise UserError(f'{where} must be an object, such as {{"network": "emotion", "seed": 1}}')
    known = [field.name for field in fields(TrainConfig)]
    for field, value in given.items():
        if field not in known:
            raise UserError(f"{where} has the unknown field {field!r}; known are {', '.join(known)}")
        if field == "network":
            if not isinstance(value, str) or value not in RECIPES:
                raise UserError(f"{where} has the unknown network {value!r}; known are {', '.join(sorted(RECIPES))}")
            continue
        smallest = 1 if field in ("epochs", "batch_size") else 0
        if type(value) is not int or not smallest <= value <= LARGEST:
            raise UserError(
                f"{where} has the {field} {value!r}; it must be a whole number from {smallest} to {LARGEST}"
            )
    return TrainConfig(**given)
