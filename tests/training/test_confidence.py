"""Temperature scaling calibrates the scores and changes no top class."""

import math

import numpy as np
import pytest
from emotion_training.data.fer2013 import Faces
from emotion_training.evaluate.confidence import coverage, ece, fit_temperature, reliability
from emotion_training.evaluate.plots import draw_reliability

RNG = np.random.default_rng(11)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def calibrated(n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits [n, 7], and targets drawn with exactly the probabilities of their softmax."""
    logits = RNG.normal(0, 2, (n, 7))
    targets = (softmax(logits).cumsum(axis=1) > RNG.random((n, 1))).argmax(axis=1)
    return logits, targets


@pytest.mark.parametrize("factor", [3.0, 1.0, 0.4])
def test_the_fitted_temperature_undoes_over_and_underconfidence(factor):
    logits, targets = calibrated()
    found = fit_temperature(factor * logits, targets)
    assert found == pytest.approx(factor, rel=0.05)
    cooled = factor * logits / found
    assert np.array_equal(cooled.argmax(axis=1), logits.argmax(axis=1))
    assert ece(softmax(cooled), targets) < 0.02
    if factor != 1:
        assert ece(softmax(cooled), targets) < ece(softmax(factor * logits), targets) / 3


def test_no_rows_leave_the_scores_alone():
    assert fit_temperature(np.zeros((0, 7)), np.zeros(0, int)) == 1


def test_answers_that_are_all_right_keep_the_temperature_finite():
    targets = np.arange(70) % 7
    assert math.isfinite(fit_temperature(np.eye(7)[targets] * 5, targets))


def test_calibration_error_by_hand():
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    targets = np.array([0, 1, 1, 1])  # half right at 0.9, all right at 0.6
    assert ece(scores, targets, bins=10) == pytest.approx((2 * 0.4 + 2 * 0.4) / 4)
    counts = {round(it.low, 1): it.count for it in reliability(scores, targets, bins=10) if it.count}
    assert counts == {0.8: 2, 0.5: 2}  # a score on an edge belongs to the bin below it


def test_coverage_by_hand():
    scores = np.array([[0.95, 0.05], [0.55, 0.45], [0.2, 0.8], [0.35, 0.65]])
    found = {it["threshold"]: (it["coverage"], it["accuracy"]) for it in coverage(scores, np.array([0, 1, 0, 1]))}
    assert found[0.3] == (1, 0.5)
    assert found[0.6] == (0.75, pytest.approx(2 / 3, abs=1e-3))
    assert found[0.8] == (0.5, 0.5)
    assert found[0.9] == (0.25, 1)


def test_the_diagram_is_a_picture(tmp_path):
    logits, targets = calibrated(500)
    bins = reliability(softmax(logits), targets)
    draw_reliability({"PublicTest": bins, "PrivateTest": bins}, "net", tmp_path / "net.png")
    assert (tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")


def test_calibrating_puts_the_temperature_into_the_network():
    keras = pytest.importorskip("keras", reason="needs TensorFlow (the extra training)")
    from emotion_training.export.calibrate import calibrate, logits

    given = keras.Input((48, 48, 1))
    last = keras.layers.Dense(7, name="emotion")(keras.layers.Flatten()(given))
    network = keras.Model(given, keras.layers.Softmax()(last))
    usage = np.repeat(np.array([0, 1], np.uint8), 70)
    faces = Faces(RNG.integers(0, 256, (140, 48, 48), np.uint8), np.arange(140, dtype=np.uint8) % 7, usage)
    which = np.flatnonzero(usage == 0)
    before = logits(network, faces.images)

    provenance, notes = calibrate(network, faces.rows(which), which)
    assert (provenance["temperature"], notes.resting) == (1, None)
    np.testing.assert_allclose(logits(network, faces.images), before, atol=1e-4)
    provenance, notes = calibrate(network, faces, which)
    assert provenance["temperature"] != 1
    assert notes.resting is not None
    assert notes.resting[6] == pytest.approx(0, abs=5)
    assert sum(notes.prior) == pytest.approx(1, abs=1e-3)
    shifted = before - provenance["tau"] * np.log(provenance["prior"])
    np.testing.assert_allclose(logits(network, faces.images), shifted / provenance["temperature"], atol=1e-3)
