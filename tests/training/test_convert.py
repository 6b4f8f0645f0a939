"""What conversion promises: the slimmed file answers as the whole one, and calibration keeps to training pictures."""

from pathlib import Path

import numpy as np
import pytest

from training.convert import choose_calibration, slim
from training.data import Faces
from training.interpret import scores
from training.operating_point import choose, curve
from training.protocols import Rows

SHIPPED = Path(__file__).parents[2] / "models" / "emotion.tflite"
RNG = np.random.default_rng(7)


def test_slim_changes_no_answer(tmp_path):
    keras = pytest.importorskip("keras", reason="converting needs TensorFlow (training/requirements.txt)")
    import tensorflow as tf

    given = keras.Input((48, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, strides=2, activation="relu")(given))
    network = keras.Model(given, keras.layers.Dense(7, activation="softmax")(x))
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    faces = RNG.integers(0, 256, (20, 48, 48), np.uint8)
    converter.representative_dataset = lambda: ([face[np.newaxis, ..., np.newaxis] / np.float32(255)] for face in faces)
    converter.inference_input_type = converter.inference_output_type = tf.int8
    whole, slimmed = tmp_path / "whole.tflite", tmp_path / "slim.tflite"
    whole.write_bytes(converter.convert())
    slimmed.write_bytes(slim(whole.read_bytes()))
    assert slimmed.stat().st_size < whole.stat().st_size
    assert np.array_equal(scores(slimmed, faces), scores(whole, faces))


def test_calibration_is_repeatable_and_holds_the_extremes():
    images = RNG.integers(50, 200, (900, 48, 48), np.uint8)
    images[700, 0, 0], images[800, 0, 0] = 0, 255
    faces = Faces(images, np.zeros(900, np.uint8), np.repeat(np.array([0, 2], np.uint8), [850, 50]))
    chosen = choose_calibration(faces)
    assert chosen == choose_calibration(faces)
    assert 500 <= len(chosen) <= 502
    assert max(chosen) < 850
    assert images[chosen].min() == 0
    assert images[chosen].max() == 255


def test_tflite_micro_answers_as_litert():
    """The camera's interpreter and the one that measured the card agree on the best of the scores, to a rounding step."""
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this machine")
    from tflite_micro.python.tflite_micro import runtime

    faces = RNG.integers(0, 256, (30, 48, 48), np.uint8)
    expected = scores(SHIPPED, faces)
    interpreter = runtime.Interpreter.from_file(str(SHIPPED))
    for face, wanted in zip(faces, expected, strict=True):
        interpreter.set_input((face.astype(np.int16) - 128).astype(np.int8)[np.newaxis, ..., np.newaxis], 0)
        interpreter.invoke()
        given = (interpreter.get_output(0)[0].astype(np.float32) + 128) / 256
        np.testing.assert_allclose(given, wanted, atol=2.1 / 256)


def test_operating_point_gives_at_most_half_a_point_of_accuracy():
    truth = RNG.choice(7, 2000, p=[0.05, 0.05, 0.05, 0.3, 0.1, 0.1, 0.35])
    prior = np.bincount(truth, minlength=7) / len(truth)
    logits = np.eye(7)[truth] * 2 + RNG.normal(0, 1, (2000, 7)) + np.log(prior)
    points = curve(logits, Rows(np.arange(2000), truth), prior)
    tau = choose(points)
    at = {point["tau"]: point for point in points}
    assert at[tau]["accuracy"] >= max(point["accuracy"] for point in points) - 0.005
    assert at[tau]["balanced"] >= at[0]["balanced"]
