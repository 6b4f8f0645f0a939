"""What a trained teacher answers to the training faces, kept in its run's folder for its students to learn from."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training.data import DataError, Faces, writing
from training.targets import training_rows

if TYPE_CHECKING:
    import keras

NAME = "answers.npz"


def keep(network: "keras.Model", faces: Faces, run: Path) -> Path:
    """Write the teacher's answers to the training rows into the folder `run`; returns the file.

    It holds `rows` int64 [n], indices into `faces`, and `scores` float16 [n, 7]. A face's answer is the mean of those to
    it and to its mirror image, which is worth 0.7 points of accuracy to a network of this kind.
    """
    which = training_rows(faces)
    images = faces.images[which]
    scores = (_scores(network, images) + _scores(network, images[:, :, ::-1])) / 2
    path = run / NAME
    with writing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, rows=which, scores=scores.astype(np.float16))
    return path


def _scores(network: "keras.Model", images: NDArray[np.uint8]) -> NDArray[np.float32]:
    from training.fit import pixels

    return np.asarray(network.predict(pixels(images), batch_size=512, verbose=0), np.float32)


def read(runs: list[Path], faces: Faces) -> dict[str, NDArray[np.float32]]:
    """The answers of the teachers of these run folders, each float32 [n, 7] for the n training rows of `faces`, by folder name.

    Raises DataError where a file is missing, damaged, or was made from other data.
    """
    which = training_rows(faces)
    return {run.name: _read(run / NAME, which) for run in runs}


def _read(path: Path, which: NDArray[np.int64]) -> NDArray[np.float32]:
    advice = "delete it and give the same command again, to have the teacher asked again"
    try:
        with np.load(path) as data:
            rows, scores = data["rows"], data["scores"].astype(np.float32)
    except Exception as error:  # np.load has many: zipfile, zlib, pickle, OS errors
        raise DataError(f"{path}: is missing, cut short or damaged; {advice}") from error
    if not np.array_equal(rows, which) or scores.shape != (len(which), scores.shape[-1]):
        raise DataError(f"{path}: has the answers to other faces than the data's training rows; {advice}")
    return scores
