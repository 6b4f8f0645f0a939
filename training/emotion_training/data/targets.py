"""The training targets, a probability for each of the seven emotions, and which rows are for training and validation."""

import numpy as np
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray

from emotion_training.data.fer2013 import PUBLIC_TEST, SEVEN, TRAINING, Faces
from emotion_training.data.near_duplicates import duplicates_in_public, duplicates_in_training

# At least this many of FER+'s ten annotators must have named one of the seven: fewer means that most saw contempt,
# no face, or could not tell.
MIN_EMOTION_VOTES = 5


def targets(faces: Faces, hard_label_weight: float = 0, min_votes: int = 1) -> NDArray[np.float32]:
    """Target probabilities [n, 7]: FER+'s vote distribution over the seven, mixed with `hard_label_weight` (0 to 1) of FER2013's
    one-hot label.

    Votes of an emotion that fewer than `min_votes` annotators saw are dropped. Without votes, FER2013's label alone.
    Rows without a vote for one of the seven get the label.
    """
    label = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels]
    if faces.votes is None:
        return label
    counts = faces.votes[:, SEVEN].astype(np.float32)
    counts[counts < min_votes] = 0
    total = counts.sum(axis=1, keepdims=True)
    votes = np.where(total > 0, counts / np.maximum(total, 1), label)
    return ((1 - hard_label_weight) * votes + hard_label_weight * label).astype(np.float32)


def training_rows(faces: Faces) -> NDArray[np.int64]:
    """The rows to train on: the Training part less near-duplicates of test rows and those that FER+'s annotators found no emotion in."""
    keep = (faces.usage == TRAINING) & ~duplicates_in_training(faces)
    if faces.votes is not None:
        keep &= faces.votes[:, SEVEN].sum(axis=1) >= MIN_EMOTION_VOTES
    return np.flatnonzero(keep)


def validation_rows(faces: Faces) -> NDArray[np.int64]:
    """The rows to make choices by: PublicTest, less near-duplicates of PrivateTest, which only reports."""
    return np.flatnonzero((faces.usage == PUBLIC_TEST) & ~duplicates_in_public(faces))


def validation_faces(faces: Faces) -> Faces:
    """The faces of `validation_rows`."""
    return faces.rows(validation_rows(faces))
