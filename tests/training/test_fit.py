"""Training makes a network, goes on after an interruption as if there had been none, and its result converts."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training.augment import augment

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A tiny FER2013 with votes: noise, with a bright top for happy and a bright bottom for all others."""
    rng = np.random.default_rng(4)
    n = 400
    label = rng.integers(0, 7, n).astype(np.uint8)
    images = rng.integers(0, 120, (n, 48, 48), np.uint8)
    for image, emotion in zip(images, label, strict=True):
        image[slice(0, 24) if emotion == 3 else slice(24, 48)] += 130
    images[0, 0, :2] = 0, 255
    votes = np.zeros((n, 10), np.uint8)
    votes[np.arange(n), np.array([4, 5, 6, 1, 3, 2, 0])[label]] = 10
    usage = np.repeat(np.array([0, 1, 2], np.uint8), [300, 50, 50])
    path = tmp_path_factory.mktemp("data") / "fer2013.npz"
    np.savez(path, images=images, label=label, usage=usage, votes=votes)
    return path


def training(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )


def test_augmented_faces_are_faces_of_the_same_kind_and_repeatable():
    images = np.random.default_rng(5).integers(0, 256, (20, 48, 48), np.uint8)
    once, again = (augment(images, np.random.default_rng(6)) for _ in range(2))
    assert once.shape == images.shape
    assert once.dtype == np.uint8
    assert np.array_equal(once, again)
    assert not np.array_equal(once, images)


@pytest.fixture(scope="module")
def made(data, tmp_path_factory) -> Path:
    """What one command makes of the data: `net.*` and the folder `run`."""
    pytest.importorskip("keras", reason="training needs TensorFlow (training/requirements.txt)")
    folder = tmp_path_factory.mktemp("made")
    done = training("all", "--data", data, "--run", folder / "run", "--epochs", 4, "--model", folder / "net.tflite")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_one_command_goes_from_data_to_card(made):
    for name in (
        "net.tflite",
        "net.txt",
        "net.calibration.json",
        "net.json",
        "net.md",
        "net_confusion.png",
        "net_curve.png",
        "run/curve.png",
    ):
        assert (made / name).is_file(), name
    card = json.loads((made / "net.json").read_text())
    assert set(card["figures"]["PrivateTest"]) == {"FER2013", "FER+ 7", "FER+ 8"}
    rows = json.loads((made / "net.calibration.json").read_text())
    assert max(rows) < 300, "calibration used rows that are not of the Training part"


@pytest.mark.slow
@pytest.mark.parametrize("stopped_at", [2, 4])
def test_an_interrupted_run_ends_as_one_that_was_not(made, data, tmp_path, stopped_at):
    """Stopped in the second epoch of each of the two legs, and started again."""
    keras = pytest.importorskip("keras", reason="training needs TensorFlow (training/requirements.txt)")
    from training.data import load
    from training.fit import Settings, fit

    begun = []

    def count(epoch: int, logs: dict | None) -> None:
        begun.append(epoch)
        if len(begun) == stopped_at:
            raise InterruptedError

    stopper = keras.callbacks.LambdaCallback(on_epoch_begin=count)
    with pytest.raises(InterruptedError):
        fit(load(data), tmp_path, Settings(epochs=4), extra=[stopper])
    resumed = fit(load(data), tmp_path, Settings(epochs=4))
    whole = keras.models.load_model(made / "run" / "network.keras")
    for a, b in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("train", "--data", "nowhere.csv"), 1, "nowhere.csv: no such file"),
        (("evaluate", "--data", "{data}", "--model", "nowhere.tflite"), 1, "nowhere.tflite: can't be read"),
        (("quantize", "--data", "{data}", "--run", "nowhere"), 1, "run python -m training train"),
        (("card", "--data", "{data}", "--run", "nowhere"), 1, "run python -m training quantize"),
        (("train", "--data", "{data}", "--run", "{file}/run"), 1, "choose another folder"),
        (("train",), 2, "--data"),
        (("train", "--data", "x", "--epochs", "0"), 2, "at least 1"),
        (("bake",), 2, "invalid choice"),
    ],
)
def test_mistakes_get_a_sentence(data, tmp_path, arguments, code, said):
    (tmp_path / "file").touch()
    done = training(*(text.format(data=data, file=tmp_path / "file") for text in arguments))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
