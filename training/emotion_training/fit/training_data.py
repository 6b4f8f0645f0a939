"""What every training has, in Keras or PyTorch: the rows to train on, those to validate on, and a stage's targets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.progress import say
from numpy.typing import NDArray

from emotion_training.data.class_prior import class_prior
from emotion_training.data.fer2013 import TRAINING, WHOLE, Faces
from emotion_training.data.protocols import EvalSet, eval_set, main_protocol
from emotion_training.data.targets import targets, training_rows, validation_rows
from emotion_training.fit.recipes import Stage

if TYPE_CHECKING:
    from emotion_training.fit.distillation import SoftTargets


@dataclass(frozen=True)
class TrainingData:
    """Faces, the rows of them to train on (int64 [n]), and those to validate on (int64 [m])."""

    faces: Faces
    train_rows: NDArray[np.int64]
    val_rows: NDArray[np.int64]

    @property
    def images(self) -> NDArray[np.uint8]:
        """The training pictures, uint8 [n, 48, 48]."""
        return self.faces.images[self.train_rows]

    @property
    def val_images(self) -> NDArray[np.uint8]:
        """The validation pictures, uint8 [m, 48, 48]."""
        return self.faces.images[self.val_rows]

    @property
    def val_set(self) -> EvalSet:
        """Which validation pictures count by the main protocol, and their targets."""
        return eval_set(main_protocol(self.faces), self.faces.rows(self.val_rows))

    def targets(self, stage: Stage, soft_targets: "SoftTargets | None" = None) -> NDArray[np.float32]:
        """What a stage trains on, float32 [n, 7]: votes and labels, and the stage's share of the teachers' soft targets."""
        own = targets(self.faces, stage.hard_label_weight, stage.min_votes)[self.train_rows]
        if soft_targets is None:
            return own
        weight = np.float32(stage.distillation_weight)
        return (1 - weight) * own + weight * soft_targets.scores

    def subset(self, count: int) -> "TrainingData":
        """The first `count` training rows and 256 validation rows, for a trial run."""
        count, val = min(count, len(self.train_rows)), self.val_rows[:256]
        faces = self.faces.rows(np.concatenate([self.train_rows[:count], val]))
        return TrainingData(faces, np.arange(count), np.arange(count, len(faces)))


def training_data(faces: Faces) -> TrainingData:
    """The training and validation rows of FER2013 (seconds, for finding near-duplicates).

    Raises UserError where an emotion has no training picture, or PublicTest no rows.
    """
    rows, count = training_rows(faces), int((faces.usage == TRAINING).sum())
    why = "they show nearly the same as a test picture" + (", or no emotion by FER+" if faces.votes is not None else "")
    if not len(rows):
        raise UserError(f"of the {count:,} training pictures none is left to train on: {why}; give others")
    if len(rows) < count:
        say(f"{count - len(rows):,} of {count:,} training pictures are left out: {why}")
    class_prior(faces, rows)
    val_rows = validation_rows(faces)
    if not len(val_rows):
        raise UserError(f"the data has no rows of PublicTest to validate on; {WHOLE}")
    return TrainingData(faces, rows, val_rows)
