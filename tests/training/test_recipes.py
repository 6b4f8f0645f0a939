"""Recipes: legs that fit together, and what a leg is taught."""

from dataclasses import replace

import numpy as np
import pytest
from emotion_camera.model.contract import EMOTIONS
from emotion_training.data.fer2013 import PUBLIC_TEST, TRAINING, Faces
from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.recipes import FINE, LIMITS, RECIPES
from emotion_training.fit.run_folder import Trainable


@pytest.fixture
def faces() -> Faces:
    """Three faces labelled angry, disgust and fear, for which all annotators saw the next emotion."""
    votes = np.zeros((3, 10), np.uint8)
    votes[np.arange(3), [5, 6, 1]] = 10
    usage = np.array([TRAINING, TRAINING, PUBLIC_TEST], np.uint8)
    return Faces(np.zeros((3, 48, 48), np.uint8), np.arange(3, dtype=np.uint8), usage, votes)


@pytest.mark.parametrize("name", RECIPES)
def test_the_legs_share_all_epochs(name):
    recipe = RECIPES[name]
    assert sum(round(recipe.epochs * leg.epochs) for leg in recipe.legs) == recipe.epochs
    assert len({leg.name for leg in recipe.legs}) == len(recipe.legs), "two legs would share a folder"


def test_every_network_is_held_to_limits():
    assert set(LIMITS) == set(RECIPES)
    assert LIMITS["emotion"] != LIMITS["emotion_plus"]


def test_a_leg_is_taught_its_share_of_the_teachers_answers(faces):
    pytest.importorskip("keras", reason="training needs TensorFlow (training/requirements.txt)")
    from emotion_training.fit.train import _wanted

    data = Trainable(faces, np.array([0, 1]), np.array([2]))
    alone = np.zeros((2, len(EMOTIONS)), np.float32)
    alone[[0, 1], [1, 2]] = 1
    leg = replace(FINE, taught=0.75)
    np.testing.assert_allclose(_wanted(data, leg, None), alone)
    sure = np.eye(len(EMOTIONS), dtype=np.float32)[[6, 6]]
    wanted = _wanted(data, leg, SoftTargets(("one",), sure))
    np.testing.assert_allclose(wanted, 0.25 * alone + 0.75 * sure)
    assert wanted.dtype == np.float32
