"""Corruptions are deterministic and grow with the severity, and the results are of the corrupted faces."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from emotion_training.data.fer2013 import Faces
from emotion_training.evaluate.corruptions import CORRUPTIONS, SEVERITIES, corrupt, robustness

ROOT = Path(__file__).parents[2]


def average_faces() -> np.ndarray:
    """The bundled average faces, uint8 [7, 48, 48]."""
    files = sorted((ROOT / "tools" / "emotion_camera" / "simulator" / "assets" / "average_faces").glob("*.png"))
    faces = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files]
    return np.stack([cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA) for face in faces])


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_higher_severity_is_farther_from_the_original(corruption):
    faces = average_faces()
    far = [np.abs(corrupt(faces, corruption, severity).astype(int) - faces).mean() for severity in SEVERITIES.values()]
    assert 0 < far[0] < far[1] < far[2]


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_corrupted_faces_have_the_same_form_and_are_repeatable(corruption):
    faces = average_faces()
    kept = faces.copy()
    once, again = (corrupt(faces, corruption, 1) for _ in range(2))
    assert (once.shape, once.dtype) == (faces.shape, np.uint8)
    assert np.array_equal(once, again)
    assert np.array_equal(faces, kept)


def test_a_larger_occlusion_contains_a_smaller_one():
    faces = average_faces()
    mild, strong = (corrupt(faces, "occlusion", SEVERITIES[name]) != faces for name in ("mild", "strong"))
    assert (mild & ~strong).mean() < 0.01  # but for pixels that happen to have the cover's grey


def test_results_are_of_clean_and_corrupted_faces(capsys):
    """The shipped model recognizes the average faces; without votes FER2013's label is the target."""
    faces = np.tile(average_faces(), (3, 1, 1))
    labels = np.tile(np.array([0, 1, 2, 3, 6, 4, 5], np.uint8), 3)  # the files stand in the order of the alphabet
    part = Faces(faces, labels, np.full(len(faces), 2, np.uint8))
    path = ROOT / "models" / "emotion.tflite"
    found = robustness(path, part, "PrivateTest")
    assert (found["protocol"], found["rows"]) == ("FER2013", 21)
    assert set(found["corrupted"]) == set(CORRUPTIONS)
    every = [it["accuracy"] for steps in found["corrupted"].values() for it in steps.values()]
    assert len(every) == 3 * len(CORRUPTIONS)
    assert found["mean"]["accuracy"] == pytest.approx(np.mean(every), abs=1e-4)
    assert min(every) < found["clean"]["accuracy"]
    assert found == robustness(path, part, "PrivateTest")
    assert "corruption 10 of 10" in capsys.readouterr().err
