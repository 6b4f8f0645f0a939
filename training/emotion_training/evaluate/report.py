"""Evaluate models and write their cards, the README's table and the list of ablations."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import MODELS, read_json, whole_file, write_json
from emotion_camera.model.cost import milliseconds
from emotion_camera.model.interpreter import camera_scores
from numpy.typing import NDArray

from emotion_training.data.fer2013 import WHOLE, Faces
from emotion_training.data.near_duplicates import PEERS_NEAR, duplicates_in_test
from emotion_training.data.protocols import eval_set
from emotion_training.evaluate import card, peers
from emotion_training.evaluate.confidence import coverage, ece_from_bins, reliability
from emotion_training.evaluate.corruptions import robustness
from emotion_training.evaluate.evaluate import PARTS, by_protocol, check_measurable
from emotion_training.evaluate.readme_table import has_place, results_table, write_table

Json = dict[str, Any]


def evaluate_model(path: Path, faces: Faces) -> Json:
    """All results of the int8 file `path` on both test parts.

    "metrics" and "deduplicated" by part and protocol, "calibration" and "robustness" by part, and the model's size and costs.
    Raises UserError if FER2013 cannot measure the model or there are no test rows.
    """
    model = check_measurable(path)
    parts = {name: faces.part(usage) for name, usage in PARTS.items() if (faces.usage == usage).any()}
    if not parts:
        raise UserError(f"the data has no rows of {' or '.join(PARTS)}; {WHOLE}")
    scores = {name: camera_scores(path, part.images) for name, part in parts.items()}
    duplicate = duplicates_in_test(faces)
    unique = {name: np.flatnonzero(~duplicate[faces.usage == PARTS[name]]) for name in parts}
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
        "metrics": {name: _metrics(scores[name], part) for name, part in parts.items()},
        "deduplicated": {name: _metrics(scores[name][rows], parts[name].rows(rows)) for name, rows in unique.items()},
        "peer_comparison": _peer_comparison(scores["PrivateTest"], faces) if "PrivateTest" in parts else {},
        "calibration": {name: _calibration(scores[name], part) for name, part in parts.items()},
        "robustness": {name: robustness(path, part, name) for name, part in parts.items()},
    }


def _metrics(scores: NDArray, part: Faces) -> Json:
    return {name: asdict(metrics) for name, metrics in by_protocol(scores, part).items()}


def _peer_comparison(scores: NDArray, faces: Faces) -> dict[str, float]:
    """The results of `peers.COMPARED` on PrivateTest: on all rows, and on those that the peers' deduplicated results are of."""
    part = faces.part(PARTS["PrivateTest"])
    unique = np.flatnonzero(~duplicates_in_test(faces, PEERS_NEAR)[faces.usage == PARTS["PrivateTest"]])
    results: dict[str, float] = {}
    for suffix, rows in (("", np.arange(len(part))), (" deduplicated", unique)):
        for name, metrics in by_protocol(scores[rows], part.rows(rows)).items():
            results[f"{name}{suffix}"] = round(metrics.accuracy, 4)
            results[f"{name}{suffix} balanced"] = round(metrics.balanced, 4)
    return {name: results[name] for name in peers.COMPARED if name in results}


def _calibration(scores: NDArray, part: Faces) -> Json:
    """By protocol: expected calibration error, the bins of the reliability diagram, and coverage by threshold."""
    results: Json = {}
    for name in ("FER+ 7", "FER2013") if part.votes is not None else ("FER2013",):
        subset = eval_set(name, part)
        given = scores[subset.index], subset.targets
        bins = reliability(*given)
        results[name] = {
            "ece": round(ece_from_bins(bins), 4),
            "bins": [asdict(each) for each in bins],
            "coverage": coverage(*given),
        }
    return results


def write_card(path: Path, faces: Faces, provenance: Json, curve: Path, folder: Path = MODELS) -> Path:
    """Evaluate the int8 file `path` and write its card beside it; returns the .md file.

    provenance: how the model was made (see `quantize` in `emotion_training.steps`); curve: the picture of its learning curve;
    folder: where the models that it is compared with are (see `emotion_training.evaluate.peers`). Raises UserError, with
    nothing written, if there are no test rows or no curve.
    """
    if not curve.is_file():
        raise UserError(f"{curve}: no such file; run emotion-camera train train again with that --run")
    references = peers.read_references(folder)
    return card.write(path, {**evaluate_model(path, faces), "provenance": provenance}, curve, references)


def report(paths: Sequence[Path], faces: Faces, folder: Path = MODELS) -> list[Path]:
    """Evaluate these models again and write their cards, the table in the README beside `folder`, and `ablations.md` in it.

    Provenance and learning curve are those of the existing card. `folder` holds the shipped models. Returns the cards. Raises
    UserError, before anything is measured, if a model has no card of its own.
    """
    for path in paths:
        check_measurable(path)
    provenances = [_provenance(path) for path in paths]
    readme, file = folder.parent / "README.md", folder / peers.ABLATIONS
    in_readme = has_place(readme)
    ablations = peers.ablations(file) if file.is_file() else None
    cards = [
        write_card(path, faces, provenance, _curve(path), folder)
        for path, provenance in zip(paths, provenances, strict=True)
    ]
    if ablations is not None:
        with whole_file(file.with_suffix(".md")) as beside:
            beside.write_text(ablations, encoding="utf-8")
    if in_readme:
        write_table(readme, _results(folder))
        print(f"{readme}: updated the table of results", file=sys.stderr)
    return cards


def _curve(path: Path) -> Path:
    return path.with_name(f"{path.stem}_curve.png")


def _provenance(path: Path) -> Json:
    """The provenance in a model's card. Raises UserError if the card is of another file."""
    advice = f"run emotion-camera train card --model {path} first, with the --run that it was made in"
    found = read_json(path.with_suffix(".json"), advice)
    if found.get("sha256") != sha256(path.read_bytes()).hexdigest():
        raise UserError(f"{path.with_suffix('.json')}: is the card of another file than {path.name}; {advice}")
    if not _curve(path).is_file():
        raise UserError(f"{_curve(path)}: no such file; {advice}")
    return found["provenance"]


def _results(folder: Path) -> str:
    """The README's table, from the cards of all models of the folder that have one."""
    files = [path.with_suffix(".json") for path in sorted(folder.glob("*.tflite"))]
    cards = [read_json(path, "run emotion-camera train report again") for path in files if path.is_file()]
    known = peers.read_references(folder).get(peers.PEERS, {})
    return results_table(cards, known.get("measured", []))


def measure_alone(path: Path, faces: Faces, out: Path) -> Json:
    """Write all results of a model that has no card to the JSON file `out`; returns them."""
    if not out.absolute().parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent}; choose another --out")
    results = evaluate_model(path, faces)
    write_json(out, results)
    return results
