"""The protocols count the rows that their definitions say, and the measures are what they say."""

from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_training.data.class_prior import class_prior
from emotion_training.data.fer2013 import PRIVATE_TEST, Faces, load
from emotion_training.data.near_duplicates import duplicates_in_training
from emotion_training.data.protocols import PROTOCOLS, EvalSet, eval_set, measure
from emotion_training.data.targets import targets, training_rows, validation_faces

FER2013 = Path(__file__).parents[3] / "shared" / "datasets" / "fer2013"


def faces_with(votes: list[list[int]], labels: list[int] | None = None) -> Faces:
    n = len(votes)
    images = np.random.default_rng(2).integers(0, 256, (n, 48, 48), np.uint8)
    return Faces(images, np.array(labels or [0] * n, np.uint8), np.zeros(n, np.uint8), np.array(votes, np.uint8))


# neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, NF
HAPPY = [2, 8, 0, 0, 0, 0, 0, 0, 0, 0]
TIE = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0]
CONTEMPT = [3, 1, 0, 0, 0, 0, 0, 6, 0, 0]
NO_FACE = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
SPREAD = [1, 1, 1, 2, 4, 1, 0, 0, 0, 0]  # anger: 4 of 10, but 4 of 6 once the single votes are dropped


def test_rows_of_each_protocol():
    faces = faces_with([HAPPY, TIE, CONTEMPT, NO_FACE, SPREAD])
    assert eval_set("FER2013", faces).index.tolist() == [0, 1, 2, 3, 4]
    assert (eval_set("FER+ 7", faces).index.tolist(), eval_set("FER+ 7", faces).targets.tolist()) == ([0, 4], [3, 0])
    assert eval_set("FER+ majority", faces).index.tolist() == [0]
    assert (eval_set("FER+ 8", faces).index.tolist(), eval_set("FER+ 8", faces).targets.tolist()) == (
        [0, 2, 4],
        [3, 7, 0],
    )


def test_number_of_rows_in_the_real_data():
    if not FER2013.is_dir():
        pytest.skip(f"FER2013 is not at {FER2013}")
    part = load(FER2013).part(PRIVATE_TEST)
    counts = {name: len(eval_set(name, part).index) for name in PROTOCOLS}
    assert counts == {"FER2013": 3589, "FER+ 7": 3350, "FER+ majority": 2720, "FER+ 8": 3153}


def test_contempt_counts_as_wrong_and_balance_ignores_it():
    scores = np.eye(7)[[3, 3, 0]]
    figures = measure(scores, EvalSet(np.array([0, 1, 2]), np.array([3, 7, 1])))
    assert figures.accuracy == pytest.approx(1 / 3)
    assert figures.balanced == pytest.approx(1 / 2)  # happy 1, disgust 0; the others do not occur
    assert figures.precision[3] == pytest.approx(1 / 2)


def test_targets_mix_votes_and_label():
    given = targets(faces_with([HAPPY, NO_FACE], labels=[4, 5]), hard_label_weight=0.25)
    assert given[0].tolist() == pytest.approx([0, 0, 0, 0.6, 0.25, 0, 0.15])
    assert given[1].argmax() == 5  # nobody saw an emotion: the label stands
    assert given.sum(axis=1).tolist() == pytest.approx([1, 1])


def test_no_row_of_a_test_part_is_trained_on():
    faces = faces_with([HAPPY] * 6)
    images, usage = faces.images.copy(), np.array([0, 0, 0, 0, 1, 2], np.uint8)
    images[4] = images[1]
    images[5] = np.clip(images[2] * 0.8 + 20, 0, 255)  # the same picture, only paler
    faces = Faces(images, faces.labels, usage, faces.votes)
    assert np.flatnonzero(duplicates_in_training(faces)).tolist() == [1, 2]
    assert training_rows(faces).tolist() == [0, 3]


def test_rows_that_are_in_privatetest_too_choose_nothing():
    faces = faces_with([HAPPY] * 6)
    images, usage = faces.images.copy(), np.array([0, 0, 1, 1, 1, 2], np.uint8)
    images[3] = np.clip(images[5] * 0.8 + 20, 0, 255)
    images[4] = images[1]  # a training row's picture, which leaves the training instead
    faces = Faces(images, faces.labels, usage, faces.votes)
    assert np.array_equal(validation_faces(faces).images, images[[2, 4]])
    assert training_rows(faces).tolist() == [0]


def test_rows_without_an_emotion_are_not_trained_on():
    assert training_rows(faces_with([HAPPY, NO_FACE, CONTEMPT])).tolist() == [0]


def test_an_emotion_without_a_picture_is_named():
    with pytest.raises(UserError, match="no usable training picture shows angry"):
        class_prior(faces_with([HAPPY] * 3), np.arange(3))
