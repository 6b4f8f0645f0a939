"""Recipes: legs that fit together, teachers that can be trained, and what a leg is taught."""

from dataclasses import replace

import numpy as np
import pytest

from models.contract import EMOTIONS
from training.data import PUBLIC_TEST, TRAINING, Faces
from training.protocols import main_protocol
from training.recipes import FINE, LIMITS, RECIPES


@pytest.fixture
def faces() -> Faces:
    """Three faces labelled angry, disgust and fear, for which all annotators saw the next emotion."""
    votes = np.zeros((3, 10), np.uint8)
    votes[np.arange(3), [5, 6, 1]] = 10
    usage = np.array([TRAINING, TRAINING, PUBLIC_TEST], np.uint8)
    return Faces(np.zeros((3, 48, 48), np.uint8), np.arange(3, dtype=np.uint8), usage, votes)


@pytest.mark.parametrize("name", RECIPES)
def test_the_legs_share_all_epochs_and_the_teachers_can_be_trained_first(name):
    recipe = RECIPES[name]
    assert sum(round(recipe.epochs * leg.epochs) for leg in recipe.legs) == recipe.epochs
    assert len({leg.name for leg in recipe.legs}) == len(recipe.legs), "two legs would share a folder"
    before, waiting = set(), list(recipe.teachers)
    while waiting:
        before.add(waiting[-1])
        waiting += RECIPES[waiting.pop()].teachers
    assert name not in before, "would wait for itself"


def test_every_network_is_held_to_limits():
    assert set(LIMITS) == set(RECIPES)
    assert LIMITS["emotion"] == LIMITS["emotion_fer2013"] != LIMITS["emotion_plus"]


def test_a_leg_is_taught_the_mean_of_its_own_teachers_answers(faces):
    pytest.importorskip("keras", reason="training needs TensorFlow (training/requirements.txt)")
    from training.fit import _wanted

    sure = np.eye(len(EMOTIONS), dtype=np.float32)[[6, 6]]
    answers = {"one": sure, "two": np.roll(sure, 1, axis=1), "of another leg": np.full_like(sure, np.nan)}
    leg = replace(FINE, taught=0.5, teachers=("one", "two"))
    wanted = np.zeros((2, len(EMOTIONS)), np.float32)
    wanted[0, [0, 1, 6]] = 0.25, 0.5, 0.25
    wanted[1, [0, 2, 6]] = 0.25, 0.5, 0.25
    np.testing.assert_allclose(_wanted(faces, np.array([0, 1]), leg, answers), wanted)
    with pytest.raises(ValueError, match="'fine' is taught by three; give the answers"):
        _wanted(faces, np.array([0, 1]), replace(leg, teachers=("one", "three")), answers)


def test_a_network_for_the_labels_is_watched_and_chosen_by_them(faces):
    pytest.importorskip("keras", reason="training needs TensorFlow (training/requirements.txt)")
    from training.fit import watched
    from training.protocols import rows

    assert watched(faces, "emotion").votes is faces.votes
    labelled = watched(faces, "emotion_fer2013")
    assert main_protocol(labelled) == "FER2013"
    assert rows(main_protocol(labelled), labelled).truth.tolist() == [0, 1, 2]
