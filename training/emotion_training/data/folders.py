"""Folders of labelled faces as a data set: train/happy/..., test/happy/... and perhaps validation/happy/..."""

from collections import Counter
from pathlib import Path

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.faces.reader import TESTING, TRAINING, VALIDATION, FaceFile, Say, find_faces, read_square, say_some
from emotion_camera.model.contract import EMOTIONS
from emotion_camera.progress import bar
from numpy.typing import NDArray

Part = tuple[NDArray[np.uint8], NDArray[np.uint8], list[FaceFile]]


def read_folders(path: Path, say: Say) -> Part:
    """The pictures uint8 [n, 48, 48] of the seven emotions, the index of each one's emotion in `EMOTIONS`, and their files.

    Folders may have any of the names by which parts and emotions go. `say` is given a sentence about all that is left out.
    UserError where nothing can be trained on.
    """
    files = find_faces(path, say, EMOTIONS)
    if files and files[0].category is None:
        raise UserError(f"{path}: has no folders train and test; put the folders of emotions below these two")
    others = Counter(file.name.rpartition("/")[0] for file in files if file.label not in EMOTIONS)
    if others:
        listed = ", ".join(f"{name} ({count:,})" for name, count in others.items())
        say(f"{path}: left out, for they are none of {', '.join(EMOTIONS)}: {listed}")
    files = [file for file in files if file.label in EMOTIONS]
    _check_parts(path, files, lambda _: None)
    images, read, wrong = [], [], []
    with bar(len(files), f"reading {path.name}", " pictures") as progress:
        for file in files:
            try:
                images.append(read_square(file.path))
                read.append(file)
            except UserError as error:
                wrong.append(f"{error}; left out")
            progress.update()
    say_some(wrong, say)
    _check_parts(path, read, say)
    return np.stack(images), np.array([EMOTIONS.index(file.label) for file in read], np.uint8), read


def _check_parts(path: Path, files: list[FaceFile], say: Say) -> None:
    """UserError where an emotion has no pictures to train on; a word where one has none to test on."""
    for category in (TRAINING, VALIDATION, TESTING):
        there = {file.label for file in files if file.category == category}
        missing = ", ".join(emotion for emotion in EMOTIONS if emotion not in there)
        if missing and category == TRAINING:
            raise UserError(
                f"{path}: has no pictures of {missing} for training; put some into train/{missing.split(', ')[0]} and so on"
            )
        if missing and there:
            say(f"{path}: has no pictures of {missing} for {category}")
