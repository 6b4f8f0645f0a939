"""Measure models: each one's card, and what is made of all cards together, the README's table and the list of ablations."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import MODELS, read_json, whole_file
from emotion_camera.model.cost import milliseconds
from emotion_camera.model.interpreter import camera_scores
from numpy.typing import NDArray

from emotion_training.data.fer2013 import Faces
from emotion_training.data.near_duplicates import PEERS_NEAR, repeated
from emotion_training.evaluate import card, peers
from emotion_training.evaluate.confidence import coverage, ece, reliability
from emotion_training.evaluate.corruptions import robustness
from emotion_training.evaluate.evaluate import PARTS, by_protocol, check_measurable
from emotion_training.evaluate.protocols import eval_set
from emotion_training.evaluate.readme_table import has_place, short_table, write_table

Json = dict[str, Any]


def measured(path: Path, faces: Faces) -> Json:
    """All figures of the int8 file `path` on both test parts.

    "figures" and "leak_free" by part and protocol, "confidence" and "robustness" by part, and the file's sizes and costs.
    Raises UserError where FER2013 can't measure the model or there are no test rows.
    """
    model = check_measurable(path)
    parts = {name: faces.part(usage) for name, usage in PARTS.items() if (faces.usage == usage).any()}
    if not parts:
        raise UserError(
            f"the data has no rows of {' or '.join(PARTS)} to measure on; give data with the official parts"
        )
    twins = repeated(faces)
    answers = {name: camera_scores(path, part.images) for name, part in parts.items()}
    clean = {name: np.flatnonzero(~twins[faces.usage == PARTS[name]]) for name in parts}
    return {
        "model": path.name,
        "sha256": sha256(path.read_bytes()).hexdigest(),
        "labels": list(model.labels),
        "input": [model.input_size, model.input_size, 1],
        "file_bytes": model.file_bytes,
        "arena_bytes": model.arena_bytes,
        "macs": model.macs,
        "instructions": model.instructions,
        "ms": round(milliseconds(model.instructions), 1),
        "figures": {name: _figures(answers[name], part) for name, part in parts.items()},
        "leak_free": {name: _figures(answers[name][rest], parts[name].rows(rest)) for name, rest in clean.items()},
        "beside_peers": _beside_peers(answers["PrivateTest"], parts["PrivateTest"], faces)
        if "PrivateTest" in parts
        else {},
        "confidence": {name: _confidence(answers[name], part) for name, part in parts.items()},
        "robustness": {name: robustness(path, part, name) for name, part in parts.items()},
    }


def _figures(answers: NDArray, part: Faces) -> Json:
    return {name: asdict(it) for name, it in by_protocol(answers, part).items()}


def _beside_peers(answers: NDArray, part: Faces, faces: Faces) -> dict[str, float]:
    """The figures of `compare.PEERS_ROWS` on PrivateTest: on all rows, and on those that the peers' leak-free figures are of."""
    told: dict[str, float] = {}
    clean = np.flatnonzero(~repeated(faces, PEERS_NEAR)[faces.usage == PARTS["PrivateTest"]])
    for suffix, which in (("", np.arange(len(part))), (" leak-free", clean)):
        for name, it in by_protocol(answers[which], part.rows(which)).items():
            told |= {f"{name}{suffix}": round(it.accuracy, 4), f"{name}{suffix} balanced": round(it.balanced, 4)}
    return {name: told[name] for name in peers.PEERS_ROWS if name in told}


def _confidence(answers: NDArray, part: Faces) -> Json:
    """By each protocol: the expected calibration error, the bins that it comes from, and how many answers are how sure and right."""
    told: Json = {}
    for name in ("FER+ 7", "FER2013") if part.votes is not None else ("FER2013",):
        wanted = eval_set(name, part)
        given = answers[wanted.index], wanted.targets
        bins = [asdict(it) for it in reliability(*given)]
        told[name] = {"ece": round(ece(*given), 4), "bins": bins, "coverage": coverage(*given)}
    return told


def write_card(path: Path, faces: Faces, made: Json, curve: Path, folder: Path = MODELS) -> Path:
    """Measure the int8 file `path` and write its card beside it; returns the .md file.

    `made` says how the model was made (see `quantize` in `emotion_training.steps`) and goes into the card as it is; so does the
    picture `curve` of how it learnt. `folder` holds what it is compared with (see `emotion_training.evaluate.peers`). Raises UserError,
    with nothing written, where there are no test rows or no curve.
    """
    if not curve.is_file():
        raise UserError(f"{curve}: no such file; run emotion-camera train train again with that --run")
    beside = peers.read_beside(folder)
    return card.write(path, {**measured(path, faces), "made": made}, curve, beside)


def report(paths: Sequence[Path], faces: Faces, folder: Path = MODELS) -> list[Path]:
    """Measure these models again and write their cards, the table in the README beside `folder`, and `ablations.md` in it.

    How a model was made and how it learnt is taken from the card that it has. `folder` holds the shipped models. Returns
    the cards. Raises UserError, before anything is measured, where a model has no card of its own.
    """
    for path in paths:
        check_measurable(path)
    made = [_made(path) for path in paths]
    readme = folder.parent / "README.md"
    wanted = has_place(readme)
    told = folder / peers.ABLATIONS
    ablations = peers.ablations(told) if told.is_file() else None
    cards = [
        write_card(path, faces, how, path.with_name(f"{path.stem}_curve.png"), folder)
        for path, how in zip(paths, made, strict=True)
    ]
    if ablations is not None:
        with whole_file(told.with_suffix(".md")) as beside:
            beside.write_text(ablations, encoding="utf-8")
    if wanted:
        write_table(readme, _table(folder))
        print(f"{readme}: its table of figures is written anew", file=sys.stderr)
    return cards


def _made(path: Path) -> Json:
    """How a model was made, by its card; UserError where the card is of another file."""
    advice = f"run emotion-camera train card --model {path} first, with the --run that it was made in"
    told = read_json(path.with_suffix(".json"), advice)
    if told.get("sha256") != sha256(path.read_bytes()).hexdigest():
        raise UserError(f"{path.with_suffix('.json')}: is the card of another file than {path.name}; {advice}")
    if not path.with_name(f"{path.stem}_curve.png").is_file():
        raise UserError(f"{path.with_name(f'{path.stem}_curve.png')}: no such file; {advice}")
    return told["made"]


def _table(folder: Path) -> str:
    """The README's table, from the cards of all models of the folder that have one."""
    files = [path.with_suffix(".json") for path in sorted(folder.glob("*.tflite"))]
    cards = [read_json(path, "run emotion-camera train report again") for path in files if path.is_file()]
    told = peers.read_beside(folder).get(peers.PEERS, {})
    return short_table(cards, told.get("measured", []))


def measure_alone(path: Path, faces: Faces, out: Path) -> Json:
    """Write all figures of a model that has no card to the JSON file `out`; returns them."""
    if not out.absolute().parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent}; choose another --out")
    figures = measured(path, faces)
    with whole_file(out) as beside:
        beside.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return figures
