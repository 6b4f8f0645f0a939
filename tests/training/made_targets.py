"""Soft targets for the tests' tiny data, as if a teacher had answered."""

from pathlib import Path

import numpy as np
from emotion_training.data.fer2013 import load
from emotion_training.fit import distillation


def write(folder: Path, data: Path, scores: np.ndarray | None = None, teacher: str = "vgg_votes") -> Path:
    """A file of one of TEACHERS in `folder` for all rows of `data`: `scores` [n, 7], or none the likeliest; the folder."""
    faces = load(data)
    folder.mkdir(parents=True, exist_ok=True)
    scores = np.full((len(faces), 7), 1 / 7) if scores is None else scores
    distillation.write(folder / f"{teacher}.npz", faces, np.arange(len(faces)), scores)
    return folder
