"""Measure what the camera command `calibrate` gains for people whose neutral face is not classified as neutral.

FER2013 has no identities, so a person is simulated: one bias vector, drawn per person, is added to the log scores of many faces,
as a person's features would bias them. The camera program's own code calibrates on neutral faces (most FER+ votes) and is
evaluated on the others. These faces vary much more than those of one person, so the trial is harder than reality.
"""

from dataclasses import astuple, dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from emotion_camera.model.interpreter import scores
from emotion_camera.model.main_module import load_program
from emotion_camera.model.metadata import log_scores, read
from numpy.typing import NDArray

from emotion_training.data.fer2013 import WHOLE, Faces
from emotion_training.data.protocols import eval_set
from emotion_training.evaluate.evaluate import PARTS, check_measurable, markdown_table

PEOPLE = 200
NEUTRAL = EMOTIONS.index("neutral")
BIASES = (0.0, 0.5, 1.0, 1.5)  # standard deviations of a person's bias, in nats
SHOTS = (1, 5)  # numbers of neutral images to calibrate with


@dataclass(frozen=True)
class Recall:
    """Recall of neutral, and the mean recall of the six expressions."""

    neutral: float
    expressions: float


def trial(faces: Faces, model: Path, part: str = "PublicTest") -> str:
    """The results in Markdown, by FER+ 7 on a test part. Raises UserError if the data has no votes or no such rows."""
    check_measurable(model)
    if faces.votes is None:
        raise UserError("the data has no FER+ votes, which tell neutral faces; give fer2013new.csv with --votes")
    tested = faces.part(PARTS[part])
    if not len(tested):
        raise UserError(f"the data has no rows of {part}; {WHOLE}")
    subset = eval_set("FER+ 7", tested)
    metadata = read(model.read_bytes(), len(EMOTIONS))
    logs = np.array([log_scores(row, metadata) for row in scores(model, tested.images[subset.index])])
    resting = list(metadata.resting) if metadata and metadata.resting else None
    rows = []
    for bias in BIASES:
        recalls = simulate_people(logs, subset.targets, resting, bias, load_program())
        rows.append([f"{bias}", *(f"{100 * value:.1f} %" for each in recalls for value in astuple(each))])
    states = ["before", *(f"after {shots}" for shots in SHOTS)]
    head = ["bias (nats)", *(f"{measure}: {state}" for state in states for measure in ("neutral", "expressions"))]
    return (
        f"{model.name}, {part}, FER+ 7, {PEOPLE} simulated people per row: recall of neutral, and mean recall of the six expressions,\n"
        f"before `calibrate` and after it with {' or '.join(map(str, SHOTS))} neutral images.\n\n{markdown_table(head, rows)}"
    )


def simulate_people(
    logs: NDArray, targets: NDArray, resting: list[float] | None, bias: float, program: ModuleType
) -> list[Recall]:
    """The mean recall over PEOPLE without calibration, and calibrated with each of SHOTS, from log scores [n, 7]."""
    rng = np.random.default_rng(11)
    neutral = np.flatnonzero(targets == NEUTRAL)
    recalls = []
    for _ in range(PEOPLE):
        biased = logs + rng.normal(0, bias, len(EMOTIONS))
        shown = rng.choice(neutral, max(SHOTS), replace=False)
        others = np.setdiff1d(np.arange(len(targets)), shown)
        corrections = [
            np.zeros(len(EMOTIONS)),
            *(_correction(biased[shown[:shots]], resting, program) for shots in SHOTS),
        ]
        recalls.append([astuple(_recall(biased[others] + each, targets[others])) for each in corrections])
    return [Recall(*means) for means in np.mean(recalls, axis=0).tolist()]


def _correction(shown: NDArray, resting: list[float] | None, program: ModuleType) -> NDArray:
    """What the camera adds to the log scores of a face after calibration with these log scores [shots, 7]."""
    calibration = program.Calibration(0)
    for now, row in enumerate(shown):
        calibration.add(list(row), now)
    weights = calibration.result(list(EMOTIONS), resting)
    return np.log([weights[label] for label in EMOTIONS])


def _recall(logs: NDArray, targets: NDArray) -> Recall:
    predicted = logs.argmax(axis=1)
    recall = [
        float((predicted[targets == each] == each).mean()) for each in range(len(EMOTIONS)) if (targets == each).any()
    ]
    return Recall(recall[-1], float(np.mean(recall[:-1])))  # neutral is the last class
