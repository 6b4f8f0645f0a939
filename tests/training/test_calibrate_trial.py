"""The trial of `calibrate` on synthetic scores: a bias that is drawn for each person is corrected by the camera's own code."""

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.model.contract import DEFAULT_MODEL
from emotion_camera.model.main_module import load_program
from emotion_training.data.fer2013 import Faces
from emotion_training.evaluate import calibrate_trial
from emotion_training.evaluate.calibrate_trial import NEUTRAL, simulate_people, trial

RNG = np.random.default_rng(21)


def test_a_strong_bias_is_corrected(monkeypatch):
    monkeypatch.setattr(calibrate_trial, "PEOPLE", 20)
    targets = RNG.integers(0, 7, 400)
    logs = 4 * np.eye(7)[targets] + RNG.normal(0, 0.3, (400, 7))
    resting = list(logs[targets == NEUTRAL].mean(axis=0))
    before, one, several = simulate_people(logs, targets, resting, 3.0, load_program())
    assert before.neutral < 0.8
    assert one.neutral > before.neutral + 0.1
    assert several.neutral > 0.99
    assert several.expressions > 0.99 > before.expressions


def test_people_without_a_bias_lose_next_to_nothing(monkeypatch):
    monkeypatch.setattr(calibrate_trial, "PEOPLE", 5)
    targets = RNG.integers(0, 7, 400)
    logs = 4 * np.eye(7)[targets] + RNG.normal(0, 0.3, (400, 7))
    before, *after = simulate_people(logs, targets, list(logs[targets == NEUTRAL].mean(axis=0)), 0.0, load_program())
    for each in after:
        assert each.neutral > before.neutral - 0.01
        assert each.expressions > before.expressions - 0.01


def test_missing_votes_and_parts_are_reported():
    images, usage = RNG.integers(0, 256, (14, 48, 48), np.uint8), np.zeros(14, np.uint8)
    faces = Faces(images, np.arange(14, dtype=np.uint8) % 7, usage)
    with pytest.raises(UserError, match="no FER\\+ votes"):
        trial(faces, DEFAULT_MODEL)
    votes = np.zeros((14, 10), np.uint8)
    votes[:, 0] = 10
    with pytest.raises(UserError, match="no rows of PublicTest"):
        trial(Faces(images, faces.labels, usage, votes), DEFAULT_MODEL)
