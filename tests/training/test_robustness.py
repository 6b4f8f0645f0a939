"""Faces are spoilt the same way each time, the more the stronger, and the figures are of the spoilt faces."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from emotion_training.data.fer2013 import Faces
from emotion_training.evaluate.corruptions import STRENGTHS, WAYS, robustness, spoil

ROOT = Path(__file__).parents[2]


def portraits() -> np.ndarray:
    """The bundled portraits of nobody, uint8 [7, 48, 48]."""
    files = sorted((ROOT / "tools" / "emotion_camera" / "simulator" / "assets" / "average_faces").glob("*.png"))
    faces = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files]
    return np.stack([cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA) for face in faces])


@pytest.mark.parametrize("way", WAYS)
def test_the_stronger_the_farther_from_the_original(way):
    faces = portraits()
    far = [np.abs(spoil(faces, way, strength).astype(int) - faces).mean() for strength in STRENGTHS.values()]
    assert 0 < far[0] < far[1] < far[2]


@pytest.mark.parametrize("way", WAYS)
def test_spoilt_faces_are_faces_of_the_same_kind_and_repeatable(way):
    faces = portraits()
    kept = faces.copy()
    once, again = (spoil(faces, way, 1) for _ in range(2))
    assert (once.shape, once.dtype) == (faces.shape, np.uint8)
    assert np.array_equal(once, again)
    assert np.array_equal(faces, kept)


def test_a_cover_hides_what_a_smaller_one_hides():
    faces = portraits()
    mild, strong = (spoil(faces, "partial cover", STRENGTHS[name]) != faces for name in ("mild", "strong"))
    assert (mild & ~strong).mean() < 0.01  # but for pixels that happen to have the cover's grey


def test_figures_are_of_the_faces_as_they_are_and_spoilt(capsys):
    """The shipped model names the portraits; FER2013's label is what counts where there are no votes."""
    faces = np.tile(portraits(), (3, 1, 1))
    labels = np.tile(np.array([0, 1, 2, 3, 6, 4, 5], np.uint8), 3)  # the files stand in the order of the alphabet
    part = Faces(faces, labels, np.full(len(faces), 2, np.uint8))
    path = ROOT / "models" / "emotion.tflite"
    told = robustness(path, part, "PrivateTest")
    assert (told["protocol"], told["rows"]) == ("FER2013", 21)
    assert set(told["spoilt"]) == set(WAYS)
    every = [it["accuracy"] for steps in told["spoilt"].values() for it in steps.values()]
    assert len(every) == 3 * len(WAYS)
    assert told["mean"]["accuracy"] == pytest.approx(np.mean(every), abs=1e-4)
    assert min(every) < told["unspoilt"]["accuracy"]
    assert told == robustness(path, part, "PrivateTest")
    assert "10 of 10 ways" in capsys.readouterr().err
