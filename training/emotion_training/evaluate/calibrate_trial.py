"""What the command `calibrate` gives people whose faces at rest do not look neutral to a model, measured on FER2013's faces.

FER2013 does not say who is who. So a person is made of many faces: to the logs of all their scores the same vector is added, drawn
for that person, which is how a resting look shows in them. The person is calibrated, by the camera program's own code, from
resting faces of the kind that most voters called neutral, and asked about others. The faces differ among each other far more
than one person's do, so this is harder than the real thing.
"""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from emotion_camera.model.interpreter import scores
from emotion_camera.model.main_module import load_program
from emotion_camera.model.metadata import log_scores, read
from numpy.typing import NDArray

from emotion_training.data.fer2013 import Faces
from emotion_training.evaluate.evaluate import PARTS, check_measurable, markdown_table
from emotion_training.evaluate.protocols import eval_set

PEOPLE = 200
NEUTRAL = EMOTIONS.index("neutral")
BIASES = (0.0, 0.5, 1.0, 1.5)  # standard deviations of a person's bias, in nats
LOOKS = (1, 5)  # resting pictures that a person is calibrated from


@dataclass(frozen=True)
class Told:
    """Shares of right answers: at rest (called neutral), and of the six expressions (mean recall)."""

    rest: float
    expressions: float


def trial(faces: Faces, model: Path, part: str = "PublicTest") -> str:
    """The tables in Markdown, for the rows of FER+ 7 of a test part; UserError where the data has no votes or no such rows."""
    check_measurable(model)
    if faces.votes is None:
        raise UserError("the data has no FER+ votes to say which faces are at rest; give fer2013new.csv with --votes")
    tested = faces.part(PARTS[part])
    if not len(tested):
        raise UserError(f"the data has no rows of {part}; give data with the official parts")
    wanted = eval_set("FER+ 7", tested)
    data = model.read_bytes()
    metadata = read(data, len(EMOTIONS))
    logs = np.array([log_scores(it, metadata) for it in scores(model, tested.images[wanted.index])])
    resting = list(metadata.resting) if metadata and metadata.resting else None
    lines = []
    for bias in BIASES:
        before, *after = _people(logs, wanted.targets, resting, bias, load_program())
        cells = [f"{100 * value:.1f} %" for told in (before, *after) for value in (told.rest, told.expressions)]
        lines.append([f"{bias}", *cells])
    head = ["bias (nats)", "rest: before", "expressions: before"]
    for looks in LOOKS:
        head += [f"rest: after {looks}", f"expressions: after {looks}"]
    return (
        f"{model.name}, {part}, FER+ 7, {PEOPLE} people a line: faces at rest that are called neutral, and recall of the six\n"
        f"expressions (mean), before `calibrate` and after it saw {' or '.join(map(str, LOOKS))} resting pictures.\n\n{markdown_table(head, lines)}"
    )


def _people(logs: NDArray, truth: NDArray, resting: list[float] | None, bias: float, program: ModuleType) -> list[Told]:
    """Before a calibration, and after one by each of LOOKS; the mean over the people."""
    chance = np.random.default_rng(11)
    at_rest = np.flatnonzero(truth == NEUTRAL)
    found = []
    for _ in range(PEOPLE):
        own = logs + chance.normal(0, bias, len(EMOTIONS))
        seen = chance.choice(at_rest, max(LOOKS), replace=False)
        others = np.setdiff1d(np.arange(len(truth)), seen)
        corrections = [np.zeros(len(EMOTIONS))] + [_learnt(own[seen[:looks]], resting, program) for looks in LOOKS]
        found.append([_right(own[others] + it, truth[others]) for it in corrections])
    return [
        Told(*(float(np.mean([getattr(person[i], name) for person in found])) for name in ("rest", "expressions")))
        for i in range(1 + len(LOOKS))
    ]


def _learnt(looks: NDArray, resting: list[float] | None, program: ModuleType) -> NDArray:
    """What the camera adds to the logs of a face that it has learnt from these looks."""
    calibration = program.Calibration(0)
    for now, look in enumerate(looks):
        calibration.add(list(look), now)
    learnt = calibration.result(list(EMOTIONS), resting)
    return np.log([learnt[label] for label in EMOTIONS])


def _right(logs: NDArray, truth: NDArray) -> Told:
    answers = logs.argmax(axis=1)
    recall = [float((answers[truth == it] == it).mean()) for it in range(len(EMOTIONS)) if (truth == it).any()]
    return Told(recall[NEUTRAL], float(np.mean(recall[:NEUTRAL])))
