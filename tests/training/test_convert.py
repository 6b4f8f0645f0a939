"""What conversion promises: the slimmed file answers as the whole one, and calibration keeps to training pictures."""

from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import ModelError, UserError
from emotion_camera.model.contract import check
from emotion_camera.model.interpreter import scores
from emotion_camera.model.metadata import Metadata, read, self_test_picture, tail
from emotion_training.data.fer2013 import Faces
from emotion_training.data.protocols import EvalSet
from emotion_training.data.targets import training_rows
from emotion_training.export.calibrate import select_tau, sweep_tau
from emotion_training.export.convert import (
    CALIBRATION_FACES,
    check_place,
    choose_calibration,
    slim,
    with_metadata,
    write_model,
)

DEFAULT_MODEL = Path(__file__).parents[2] / "models" / "emotion.tflite"
RNG = np.random.default_rng(7)


def test_slim_changes_no_answer(tmp_path):
    keras = pytest.importorskip("keras", reason="converting needs TensorFlow (the extra training)")
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


def test_the_shipped_model_carries_its_self_test():
    metadata = read(DEFAULT_MODEL.read_bytes(), 7)
    assert metadata is not None
    assert metadata.selftest is not None
    given = scores(DEFAULT_MODEL, np.array([self_test_picture()], np.uint8))[0]
    np.testing.assert_allclose(given, np.array(metadata.selftest) / 256, atol=0.01)


def test_metadata_change_no_answer():
    faces, data = RNG.integers(0, 256, (20, 48, 48), np.uint8), DEFAULT_MODEL.read_bytes()
    assert np.array_equal(scores(with_metadata(data, Metadata(temperature=3)), faces), scores(DEFAULT_MODEL, faces))


def test_calibration_is_repeatable_and_holds_the_extremes():
    images = RNG.integers(50, 200, (900, 48, 48), np.uint8)
    images[700, 0, 0], images[800, 0, 0] = 0, 255
    faces = Faces(images, np.zeros(900, np.uint8), np.repeat(np.array([0, 2], np.uint8), [850, 50]))
    which = training_rows(faces)
    chosen = choose_calibration(faces, which)
    assert chosen == choose_calibration(faces, which)
    assert CALIBRATION_FACES <= len(chosen) <= CALIBRATION_FACES + 2
    assert max(chosen) < 850
    assert images[chosen].min() == 0
    assert images[chosen].max() == 255


def test_calibration_needs_training_rows():
    faces = Faces(RNG.integers(0, 256, (5, 48, 48), np.uint8), np.zeros(5, np.uint8), np.ones(5, np.uint8))
    with pytest.raises(UserError, match="no usable training rows"):
        choose_calibration(faces, training_rows(faces))


def test_a_model_is_written_whole(tmp_path):
    path = tmp_path / "new" / "net.tflite"
    write_model(DEFAULT_MODEL.read_bytes(), path, [3, 5])
    assert sorted(it.name for it in path.parent.iterdir()) == ["net.calibration.json", "net.tflite", "net.txt"]
    assert path.read_bytes() == DEFAULT_MODEL.read_bytes()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("net.bin", "must end in .tflite"),
        ("net.h5", "must end in .tflite"),
        ("file/net.tflite", "not a folder that can be written to"),
        ("file/sub/net.tflite", "not a folder that can be written to"),
        ("taken.tflite", "taken.txt: is a folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_with_nothing_made(tmp_path, name, said):
    (tmp_path / "file").touch()
    (tmp_path / "taken.txt").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError, match=said):
        check_place(tmp_path / name)
    with pytest.raises(UserError, match=said):
        write_model(DEFAULT_MODEL.read_bytes(), tmp_path / name, [3])
    assert sorted(tmp_path.iterdir()) == before


def test_a_refused_model_leaves_nothing_and_is_called_by_its_own_name(tmp_path):
    with pytest.raises(ModelError, match=r"net\.tflite: is not a TensorFlow Lite model") as raised:
        write_model(b"rubbish", tmp_path / "net.tflite", [3])
    assert "writing_" not in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_tflite_micro_answers_as_litert():
    """The camera's interpreter and the one that measured the card agree on the best of the scores, to a rounding step."""
    pytest.importorskip("tflite_micro", reason="tflite-micro has no wheel for this machine")
    from tflite_micro.python.tflite_micro import runtime

    faces = RNG.integers(0, 256, (30, 48, 48), np.uint8)
    expected = scores(DEFAULT_MODEL, faces)
    interpreter = runtime.Interpreter.from_file(str(DEFAULT_MODEL))
    for face, wanted in zip(faces, expected, strict=True):
        interpreter.set_input((face.astype(np.int16) - 128).astype(np.int8)[np.newaxis, ..., np.newaxis], 0)
        interpreter.invoke()
        given = (interpreter.get_output(0)[0].astype(np.float32) + 128) / 256
        np.testing.assert_allclose(given, wanted, atol=2.1 / 256)


def test_tau_is_selected_by_the_sum_of_accuracy_and_balanced_accuracy():
    """Of the points up to MAX_TAU the one with the largest sum, and of sums that are much the same the largest tau."""
    points = [
        {"tau": tau, "accuracy": accuracy, "balanced": balanced}
        for tau, accuracy, balanced in (
            (0.0, 0.84, 0.70),
            (0.3, 0.83, 0.74),
            (0.4, 0.82, 0.749),
            (0.5, 0.81, 0.75),
            (0.8, 0.80, 0.80),
        )
    ]
    assert select_tau(points) == 0.4


def test_tau_trades_accuracy_for_balanced_accuracy():
    truth = RNG.choice(7, 2000, p=[0.05, 0.05, 0.05, 0.3, 0.1, 0.1, 0.35])
    prior = np.bincount(truth, minlength=7) / len(truth)
    logits = np.eye(7)[truth] * 2 + RNG.normal(0, 1, (2000, 7)) + np.log(prior)
    at = {point["tau"]: point for point in sweep_tau(logits, EvalSet(np.arange(2000), truth), prior)}
    assert at[1]["balanced"] > at[0]["balanced"]
    assert at[1]["accuracy"] < at[0]["accuracy"]


def test_a_file_that_lost_its_metadata_is_damaged(tmp_path):
    path = tmp_path / "net.tflite"
    path.with_suffix(".txt").write_bytes(DEFAULT_MODEL.with_suffix(".txt").read_bytes())
    for lost in (1, 7, 20, len(tail(DEFAULT_MODEL.read_bytes()))):
        path.write_bytes(DEFAULT_MODEL.read_bytes()[:-lost])
        with pytest.raises(ModelError, match="is cut short or damaged"):
            check(path)
