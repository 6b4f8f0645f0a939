"""What the network is taught: a probability for each of the seven emotions."""

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray

from emotion_training.data.fer2013 import PUBLIC_TEST, TRAINING, Faces
from emotion_training.data.near_duplicates import in_private, leaked

# FER+'s columns in the order of EMOTIONS: anger, disgust, fear, happiness, sadness, surprise, neutral.
SEVEN = [4, 5, 6, 1, 3, 2, 0]

# At least this many of FER+'s ten annotators must have named one of the seven: fewer means that most saw contempt,
# no face, or could not tell.
LEAST_VOTES = 5


def targets(faces: Faces, label_share: float = 0, least_count: int = 1) -> NDArray[np.float32]:
    """Target probabilities [n, 7]: FER+'s vote distribution over the seven, mixed with `label_share` of FER2013's label.

    Votes of an emotion that fewer than `least_count` annotators saw are dropped. Without votes, FER2013's label alone.
    Rows without a vote for one of the seven get the label.
    """
    label = np.eye(len(EMOTIONS), dtype=np.float32)[faces.labels]
    if faces.votes is None:
        return label
    counts = faces.votes[:, SEVEN].astype(np.float32)
    counts[counts < least_count] = 0
    total = counts.sum(axis=1, keepdims=True)
    votes = np.where(total > 0, counts / np.maximum(total, 1), label)
    return ((1 - label_share) * votes + label_share * label).astype(np.float32)


def training_rows(faces: Faces) -> NDArray[np.int64]:
    """The rows to train on: the Training part less the leaked rows and those that FER+'s annotators found no emotion in."""
    keep = (faces.usage == TRAINING) & ~leaked(faces)
    if faces.votes is not None:
        keep &= faces.votes[:, SEVEN].sum(axis=1) >= LEAST_VOTES
    return np.flatnonzero(keep)


def choosing_rows(faces: Faces) -> NDArray[np.int64]:
    """The rows to make choices by: PublicTest, less those that stand in PrivateTest, too, which only reports."""
    return np.flatnonzero((faces.usage == PUBLIC_TEST) & ~in_private(faces))


def choosing(faces: Faces) -> Faces:
    """The faces of `choosing_rows`."""
    return faces.rows(choosing_rows(faces))


def prior(faces: Faces, which: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much of the targets of the training rows `which` each emotion has, [7], adding up to 1; UserError where one has none."""
    shares = targets(faces)[which].mean(axis=0, dtype=np.float64)
    for emotion, share in zip(EMOTIONS, shares, strict=True):
        if not share > 0:
            raise UserError(f"no usable training picture shows {emotion}; give data with all of {', '.join(EMOTIONS)}")
    return shares
