"""How far a model's answers can be trusted one by one, as the camera program judges it: accuracy against coverage.

The program trusts a name by its probability under the class prior of the training data (`natural`), not by the score that is
shown, in which rare emotions count for more; and no name of a face that is too dark. It classifies a face and its mirror image in turn: here the mean of both.
"""

from pathlib import Path

import numpy as np
from emotion_camera.model import metadata
from emotion_camera.model.interpreter import camera_scores, scores
from numpy.typing import NDArray

from emotion_training.data.fer2013 import Faces
from emotion_training.data.protocols import eval_set, main_protocol
from emotion_training.data.targets import SEVEN
from emotion_training.evaluate.confidence import log_softmax
from emotion_training.fit.reasons import REASONS, SPOILT, Face, spoil, told

NATURAL = 0.67  # as in Pipeline.infer of device/main.py
AFFECT = {
    "valence": np.array([-0.51, -0.60, -0.64, 0.76, -0.63, 0.40, 0]),
    "arousal": np.array([0.59, 0.35, 0.60, 0.48, -0.27, 0.67, 0]),
}  # of angry, disgust, fear, happy, sad, surprise, neutral, as in device/main.py
SURE, DARK = 0.3, 5  # the camera program's
EVERY = 3  # of the spoilt faces one in so many is measured


def natural(model: Path, faces: Face) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The name that a model gives each face uint8 [n, 48, 48], an index, and the trust in it, 0 to 1."""
    data = model.read_bytes()
    both = [
        np.log(np.maximum(scores(data, it), metadata.LEAST)) for it in (faces, np.ascontiguousarray(faces[:, :, ::-1]))
    ]
    found = metadata.read(data, both[0].shape[1])
    logits = (both[0] + both[1]) / 2 * (found.temperature if found else 1)
    prior = np.log(found.prior) if found and found.prior else np.zeros(logits.shape[1])
    names = logits.argmax(axis=1)
    trust = np.exp(log_softmax(logits + NATURAL * prior))[np.arange(len(names)), names]
    seen = faces[:, 4::8, 4::8].reshape(len(faces), -1).astype(float)  # 36 pixels, as in Track.compare_patch
    dark = abs(seen - seen.mean(axis=1, keepdims=True)).mean(axis=1) < DARK
    return names, np.where(dark, 0, trust)


def auroc(trust: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Probability that a right answer is trusted more than a wrong one: 1 is perfect, 0.5 is chance."""
    order = trust.argsort(kind="stable")
    ranks = np.empty(len(trust))
    ranks[order] = np.arange(1, len(trust) + 1)
    rights = int(right.sum())
    return float((ranks[right].sum() - rights * (rights + 1) / 2) / (rights * (len(right) - rights)))


def accuracy_at(coverage: float, trust: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Accuracy of the share `coverage` of the faces that is trusted most, and the least trust among them."""
    kept = (-trust).argsort(kind="stable")[: round(coverage * len(trust))]
    return float(right[kept].mean()), float(trust[kept].min())


def coverage_line(model: Path, part: Faces) -> str:
    """What accuracy and "sure" belong to some coverages of a clean part."""
    subset = eval_set(main_protocol(part), part)
    names, trust = natural(model, part.images[subset.index])
    right = names == subset.targets
    each = [(coverage, *accuracy_at(coverage, trust, right)) for coverage in (0.95, 0.9, 0.8, 0.7)]
    return "; ".join(
        f"{coverage:.0%} of the faces: {found:.1%} right (sure {least:.2f})" for coverage, found, least in each
    )


def affect_line(model: Path, part: Faces) -> str:
    """How valence and arousal by a model's scores correlate (Pearson) with those by FER+'s votes; "" for a part without votes."""
    if part.votes is None:
        return ""
    votes = part.votes[:, SEVEN].astype(float)
    rows = votes.sum(axis=1) > 0
    shares, found = votes[rows] / votes[rows].sum(axis=1, keepdims=True), camera_scores(model, part.images[rows])
    told = (f"{name} {np.corrcoef(shares @ by, found @ by)[0, 1]:.3f}" for name, by in AFFECT.items())
    return f"correlation with FER+'s votes: {', '.join(told)}"


def table(model: Path, weights: NDArray[np.int64], part: Faces) -> list[list[str]]:
    """Rows (pictures, accuracy, AUROC, named at "sure" 0.3, of these right, reasons of the others) of a part, clean and spoilt."""
    subset = eval_set(main_protocol(part), part)
    clean, targets = part.images[subset.index], subset.targets
    rows = [["clean", *_row(model, clean, targets, weights)]]
    some, wanted = clean[::EVERY], targets[::EVERY]
    everything: list[Face] = []
    for reason in REASONS[1:]:
        spoilt = [spoil(some, how, seed=7) for how in SPOILT[reason]]
        everything += spoilt
        rows.append([reason, *_row(model, np.concatenate(spoilt), np.tile(wanted, len(spoilt)), weights)])
    rows.append(["all spoilt", *_row(model, np.concatenate(everything), np.tile(wanted, len(everything)), weights)])
    return rows


def _row(model: Path, faces: Face, targets: NDArray[np.int64], weights: NDArray[np.int64]) -> list[str]:
    names, trust = natural(model, faces)
    right, named = names == targets, trust >= SURE
    reasons = np.bincount(told(weights, faces[~named]), minlength=len(REASONS)) / max(1, (~named).sum())
    shares = ", ".join(f"{name} {share:.0%}" for name, share in zip(REASONS, reasons, strict=True) if share >= 0.01)
    return [
        f"{right.mean():.1%}",
        f"{auroc(trust, right):.3f}",
        f"{named.mean():.1%}",
        f"{right[named].mean():.1%}",
        shares,
    ]
