"""What training does about class imbalance: of the targets 33 % are neutral and 1.6 % disgust.

- Nothing while a camera's network trains: pictures are neither resampled nor weighted.
- After it, logit adjustment: tau times the log of the class prior is taken from the logits, tau chosen on PublicTest and at most
  0.5 (`emotion_training.export.calibrate`). What is left of the prior is noted in the model's file, and the camera's setting
  `lean` takes it away, too, where a person asks for that.
- Every measurement tells the balanced accuracy (mean recall) beside the accuracy.
- Adapting to collected faces (`emotion_training.finetune`) weights its classes alike, by `balanced_weights`.
"""

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray

from emotion_training.data.fer2013 import Faces
from emotion_training.data.targets import targets

# Above this, balanced accuracy on PublicTest rises by a few of its 24 disgust faces only, and no gain was seen on faces from
# elsewhere. The camera's setting `lean` removes the rest of the prior.
MAX_TAU = 0.5
TIE = 0.002  # of accuracy plus balanced accuracy: one face of disgust, of which there are 24, is 0.006


def class_prior(faces: Faces, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The class prior [7] of the training rows `rows`: the mean of their targets, adding up to 1; UserError where a class has none."""
    prior = targets(faces)[rows].mean(axis=0, dtype=np.float64)
    for emotion, share in zip(EMOTIONS, prior, strict=True):
        if not share > 0:
            raise UserError(f"no usable training picture shows {emotion}; give data with all of {', '.join(EMOTIONS)}")
    return prior


def balanced_weights(classes: NDArray[np.int64], count: int) -> NDArray[np.float32]:
    """A sample weight for each of `classes` [n], 0 to `count` - 1, by which every class counts alike; their mean is 1."""
    samples = np.bincount(classes, minlength=count)
    return (len(classes) / (samples > 0).sum() / samples[classes]).astype(np.float32)
