"""Which runs a sweep has: those of a file in JSON, or one network with several seeds."""

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError

from emotion_training.fit.recipes import RECIPES, Settings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
NO_FOLDER = re.compile(r"(?i)con|prn|aux|nul|com\d|lpt\d")  # on Windows these name devices
AT_LEAST_ONE = ("epochs", "batch")
LARGEST = 2**32 - 1  # of a seed, for NumPy


@dataclass(frozen=True)
class Run:
    """One training: its name, which is its folder's too, and how to train."""

    name: str
    settings: Settings


def read(path: Path) -> list[Run]:
    """The runs of a file such as `{"runs": {"emotion-1": {"network": "emotion", "seed": 1}}}`.

    A run takes the fields of `Settings`; epochs that it does not name are its recipe's. Raises UserError where the file
    can't be read, a field or network is unknown, a value out of range, or a name twice or no name for a folder.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=lambda pairs: _object(path, pairs))
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror}); give a sweep's file, or --seeds") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: is not JSON ({error}); see the README's example of a sweep") from error
    if not isinstance(content, dict) or set(content) != {"runs"} or not isinstance(content["runs"], dict):
        raise UserError(f'{path}: must be one object, {{"runs": {{NAME: {{"network": ..., "seed": ...}}, ...}}}}')
    if not content["runs"]:
        raise UserError(f"{path}: names no run; give at least one")
    _check_names(path, list(content["runs"]))
    return [_run(path, name, given) for name, given in content["runs"].items()]


def of_seeds(network: str, seeds: list[int], epochs: int | None) -> list[Run]:
    """A run for each seed of one network, named `NETWORK-SEED`; UserError for a seed that is given twice or too large."""
    runs = []
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise UserError(f"--seeds: {seed} is given twice; give each seed once")
        given = {"network": network, "seed": seed} | ({"epochs": epochs} if epochs else {})
        runs.append(_run(Path("--seeds"), f"{network}-{seed}", given))
    return runs


def _object(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{path}: names {name!r} twice; give each name once")
    return dict(pairs)


def _check_names(path: Path, names: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if not NAME.fullmatch(name) or NO_FOLDER.fullmatch(name):
            raise UserError(
                f"{path}: {name!r} can't be a run's name, for it names a folder; give up to 64 letters, digits, "
                "- and _, with a letter or digit first"
            )
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(f"{path}: {other!r} and {name!r} would share a folder on some disks; rename one")


def _run(path: Path, name: str, given: Any) -> Run:
    if not isinstance(given, dict):
        raise UserError(f'{path}: the run {name!r} must be an object, such as {{"network": "emotion", "seed": 1}}')
    known = [field.name for field in fields(Settings)]
    for field, value in given.items():
        if field not in known:
            raise UserError(f"{path}: the run {name!r} has the unknown field {field!r}; known are {', '.join(known)}")
        _check_value(path, name, field, value)
    network = given.get("network", Settings.network)
    return Run(name, Settings(**{"epochs": RECIPES[network].epochs, **given}))


def _check_value(path: Path, name: str, field: str, value: Any) -> None:
    if field == "network":
        if not isinstance(value, str) or value not in RECIPES:
            raise UserError(
                f"{path}: the run {name!r} has the unknown network {value!r}; known are {', '.join(sorted(RECIPES))}"
            )
        return
    least = 1 if field in AT_LEAST_ONE else 0
    if type(value) is not int or not least <= value <= LARGEST:
        raise UserError(
            f"{path}: the run {name!r} has the {field} {value!r}; it must be a whole number of at least {least}"
            + (f" and at most {LARGEST}" if type(value) is int and value > LARGEST else "")
        )
