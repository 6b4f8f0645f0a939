"""Recipes: stages that fit together, and what a stage trains on."""

from dataclasses import replace

import numpy as np
import pytest
from emotion_camera.model.contract import EMOTIONS
from emotion_training.data.fer2013 import PUBLIC_TEST, TRAINING, Faces
from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.recipes import LIMITS, RECIPES, TEACHERS, Stage, TrainConfig
from emotion_training.fit.training_data import TrainingData


@pytest.mark.parametrize("name", RECIPES)
def test_the_stages_share_the_epochs(name):
    recipe = RECIPES[name]
    assert TrainConfig(name).recipe().epochs == recipe.epochs
    halved = TrainConfig(name, epochs=recipe.epochs // 2).recipe()
    assert [stage.epochs for stage in halved.stages] == [stage.epochs // 2 for stage in recipe.stages]
    assert [stage.epochs for stage in TrainConfig(name, epochs=1).recipe().stages] == [1] * len(recipe.stages)


def test_stages_differ_in_their_seed_and_so_do_seeds():
    first, other = (TrainConfig(seed=seed).recipe().stages for seed in (1, 5))
    assert len({stage.seed for stage in (*first, *other)}) == len(first) + len(other)


def test_every_network_is_held_to_limits():
    assert set(LIMITS) == set(RECIPES)
    assert LIMITS["emotion"] != LIMITS["emotion_plus"]


@pytest.mark.parametrize(
    "stage", [TEACHERS["vgg_votes"].stage, RECIPES["emotion"].stages[1], Stage(1, 0.1, warmup_epochs=0)]
)
def test_a_stage_falls_from_its_peak_lr_to_0_and_to_its_last_augmentation(stage):
    rates = [stage.lr_at(epoch) for epoch in range(stage.warmup_epochs, stage.epochs + 1)]
    assert rates == sorted(rates, reverse=True)
    assert 0.9 * stage.peak_lr < max(rates) <= stage.peak_lr
    assert rates[-1] == pytest.approx(0)
    assert stage.augment_at(0) == stage.augment
    assert stage.augment_at(stage.epochs) == pytest.approx(stage.augment_end)
    larger = stage.on_gpu()
    assert larger.peak_lr / stage.peak_lr == larger.batch_size / stage.batch_size > 1


def test_a_stage_mixes_votes_labels_and_soft_targets():
    """Two faces labelled angry and disgust, for which all annotators saw the next emotion."""
    votes = np.zeros((3, 10), np.uint8)
    votes[np.arange(3), [5, 6, 1]] = 10
    usage = np.array([TRAINING, TRAINING, PUBLIC_TEST], np.uint8)
    faces = Faces(np.zeros((3, 48, 48), np.uint8), np.arange(3, dtype=np.uint8), usage, votes)
    data, one_hot = TrainingData(faces, np.array([0, 1]), np.array([2])), np.eye(len(EMOTIONS), dtype=np.float32)
    stage = Stage(1, 0.1, hard_label_weight=0.2, distillation_weight=0.75)
    own = 0.8 * one_hot[[1, 2]] + 0.2 * one_hot[[0, 1]]
    np.testing.assert_allclose(data.targets(stage), own)
    sure = one_hot[[6, 6]]
    mixed = data.targets(stage, SoftTargets(("one",), sure))
    np.testing.assert_allclose(mixed, 0.25 * own + 0.75 * sure)
    assert mixed.dtype == np.float32
    np.testing.assert_allclose(data.targets(replace(stage, min_votes=11, hard_label_weight=0)), one_hot[[0, 1]])
