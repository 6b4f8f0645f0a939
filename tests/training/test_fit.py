"""Training makes a network, goes on after an interruption as if there had been none, and its result converts."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import made_targets
import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_training.data.augment import augment
from emotion_training.data.fer2013 import load
from emotion_training.data.protocols import PROTOCOLS
from emotion_training.fit import distillation
from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.recipes import RECIPES, TrainConfig
from emotion_training.fit.training_data import training_data

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


@pytest.fixture(scope="module")
def teachers(data, tmp_path_factory) -> Path:
    """A folder with the soft targets of a teacher who knows the tiny data's labels."""
    known = 0.9 * np.eye(7)[load(data).labels] + 0.1 / 7
    return made_targets.write(tmp_path_factory.mktemp("teachers"), data, known)


def training(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emotion_training", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


def test_augmented_faces_are_faces_of_the_same_kind_and_repeatable():
    images = np.random.default_rng(5).integers(0, 256, (20, 48, 48), np.uint8)
    once, again = (augment(images, np.random.default_rng(6)) for _ in range(2))
    assert once.shape == images.shape
    assert once.dtype == np.uint8
    assert np.array_equal(once, again)
    assert not np.array_equal(once, images)


def undecided() -> SoftTargets:
    """The soft targets of a teacher who can't tell any of the tiny data's faces."""
    return SoftTargets(("nobody",), np.full((300, 7), 1 / 7, np.float32))


@pytest.fixture(scope="module")
def made(data, teachers, tmp_path_factory) -> Path:
    """What one command makes of the data: `net.*` and the folder `run`."""
    pytest.importorskip("keras", reason="training needs TensorFlow (the extra training)")
    folder = tmp_path_factory.mktemp("made")
    where = ("--run", folder / "run", "--teachers", teachers, "--model", folder / "net.tflite")
    done = training("all", "--data", data, "--epochs", 4, *where)
    assert done.returncode == 0, done.stderr
    (folder / "train.log").write_text(done.stdout, encoding="utf-8")
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
    assert set(card["metrics"]["PrivateTest"]) == set(PROTOCOLS)
    rows = json.loads((made / "net.calibration.json").read_text())
    assert max(rows) < 300, "calibration used rows that are not of the Training part"


@pytest.mark.slow
def test_a_log_gets_a_line_an_epoch(made):
    log = (made / "train.log").read_text(encoding="utf-8")
    assert not {"\b", "\r", "\x1b"} & set(log)
    assert log.count(" - val_accuracy: ") == 4


@pytest.mark.slow
@pytest.mark.parametrize("stopped_at", [2, 4])
def test_an_interrupted_run_ends_as_one_that_was_not(made, data, teachers, tmp_path, stopped_at):
    """Stopped in the second epoch of each of the two stages, and started again."""
    keras = pytest.importorskip("keras", reason="training needs TensorFlow (the extra training)")
    from emotion_training.fit.train import fit

    begun = []

    def count(epoch: int, logs: dict | None) -> None:
        begun.append(epoch)
        if len(begun) == stopped_at:
            raise InterruptedError

    stopper, given = keras.callbacks.LambdaCallback(on_epoch_begin=count), training_data(load(data))
    soft_targets = distillation.read(distillation.files(teachers), given.faces, given.train_rows)
    with pytest.raises(InterruptedError):
        fit(given, tmp_path, TrainConfig(epochs=4), soft_targets, callbacks=[stopper])
    resumed = fit(given, tmp_path, TrainConfig(epochs=4), soft_targets)
    whole = keras.models.load_model(made / "run" / "network.keras")
    for a, b in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3)


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_a_finished_run_is_not_trained_again(made, data, teachers):
    before = files(made)
    again = ("train", "--data", data, "--run", made / "run", "--teachers", teachers)
    done = training(*again, "--epochs", 4)
    assert done.returncode == 0, done.stderr
    assert "already trained" in done.stdout
    done = training(*again, "--epochs", 5)
    assert (done.returncode, "started with epochs 4, not 5" in done.stderr) == (1, True), done.stderr
    assert files(made) == before


@pytest.mark.slow
def test_quantize_needs_the_settings_and_the_whole_network(made, data, tmp_path):
    run, model = tmp_path / "run", tmp_path / "net.tflite"
    run.mkdir()
    (run / "network.keras").write_bytes((made / "run" / "network.keras").read_bytes()[:5000])
    arguments = ("quantize", "--data", data, "--run", run, "--model", model)
    done = training(*arguments)
    assert (done.returncode, "settings.json: no such file; run emotion-camera train train" in done.stderr) == (1, True)
    (run / "settings.json").write_text("{}")
    done = training(*arguments)
    assert (done.returncode, "network.keras: is cut short or damaged; delete it" in done.stderr) == (1, True)
    assert sorted(files(tmp_path)) == ["run/network.keras", "run/settings.json"]


@pytest.mark.parametrize(
    ("begun", "said"),
    [
        ('{"epochs": 9, "batch_size": 128, "seed": 1}', "started with epochs 9, not 4; choose another --run"),
        ('{"epochs": 4, "batch_size": 128, "seed": 2}', "started with seed 2, not 1"),
        ('{"epochs": 4, "batch_size": 128, "seed": 1, "rows": 7}', "started with training rows: 7, not 300"),
        ('{"epochs":', "is cut short or damaged"),
    ],
)
def test_a_run_started_with_something_else_is_refused(data, tmp_path, begun, said):
    pytest.importorskip("keras", reason="training needs TensorFlow (the extra training)")
    from emotion_training.fit.train import fit

    (tmp_path / "settings.json").write_text(begun)
    with pytest.raises(UserError, match=said):
        fit(training_data(load(data)), tmp_path, TrainConfig(epochs=4))
    assert files(tmp_path) == {"settings.json": begun.encode()}


def test_settings_are_noted_at_the_start_and_old_notes_without_rows_accepted(data, tmp_path):
    keras = pytest.importorskip("keras", reason="training needs TensorFlow (the extra training)")
    from emotion_training.fit.train import fit

    def stop(epoch: int, logs: dict | None) -> None:
        raise InterruptedError

    stopper = keras.callbacks.LambdaCallback(on_epoch_begin=stop)
    noted = {
        "network": "emotion",
        "epochs": 4,
        "batch_size": 128,
        "seed": 1,
        "start": None,
        "soft_targets": ["nobody"],
        "rows": 300,
    }
    given = training_data(load(data))
    with pytest.raises(InterruptedError):
        fit(given, tmp_path, TrainConfig(epochs=4), undecided(), callbacks=[stopper])
    found = json.loads((tmp_path / "settings.json").read_text())
    recipe = found.pop("recipe")
    assert recipe["shape"]["stages"] == [40, 56]
    assert [stage["epochs"] for stage in recipe["stages"]] == [2, 2]
    assert found == noted
    del noted["rows"], noted["soft_targets"]
    (tmp_path / "settings.json").write_text(json.dumps(noted))
    with pytest.raises(InterruptedError):
        fit(given, tmp_path, TrainConfig(epochs=4), undecided(), callbacks=[stopper])


def test_data_without_public_test_is_refused(data):
    faces = load(data)
    with pytest.raises(UserError, match="no rows of PublicTest"):
        training_data(faces.rows(faces.usage != 1))


def test_less_than_one_batch_of_training_rows_is_refused(data, tmp_path):
    pytest.importorskip("keras", reason="training needs TensorFlow (the extra training)")
    from emotion_training.fit.train import fit

    given = training_data(load(data))
    with pytest.raises(UserError, match="has 127 usable training rows; at least 128"):
        fit(given.subset(127), tmp_path / "run", TrainConfig())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("train", "--data", "nowhere.csv"), 1, "nowhere.csv: no such file"),
        (("evaluate", "--data", "{data}", "--model", "nowhere.tflite"), 1, "nowhere.tflite: can't be read"),
        (("quantize", "--data", "{data}", "--run", "nowhere"), 1, "run emotion-camera train train"),
        (
            ("train", "--data", "{data}", "--teachers", "{broken}"),
            1,
            "broken: holds no soft targets (NAME.npz); have them",
        ),
        (("quantize", "--data", "nowhere.csv", "--model", "net.bin"), 1, "must end in .tflite"),
        (("all", "--data", "nowhere.csv", "--model", "net.h5"), 1, "must end in .tflite"),
        (("card", "--data", "{data}", "--run", "nowhere"), 1, "run emotion-camera train quantize"),
        (("card", "--data", "{data}", "--run", "{broken}"), 1, "provenance.json: is cut short or damaged"),
        (("train", "--data", "{data}", "--teachers", "{teachers}", "--run", "{file}/run"), 1, "choose another folder"),
        (("train",), 2, "--data"),
        (("train", "--data", "x", "--epochs", "0"), 2, "at least 1"),
        (("bake",), 2, "invalid choice"),
    ],
)
def test_mistakes_get_a_sentence(data, teachers, tmp_path, arguments, code, said):
    (tmp_path / "file").touch()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "provenance.json").write_text('{"epochs":')
    places = {"data": data, "file": tmp_path / "file", "broken": tmp_path / "broken", "teachers": teachers}
    done = training(*(text.format(**places) for text in arguments))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_checkpoint_of_another_network_is_refused(data, tmp_path):
    pytest.importorskip("keras", reason="training needs TensorFlow (the extra training)")
    from emotion_training.fit.network import SHAPES, build
    from emotion_training.fit.train import fit

    (tmp_path / "stage1").mkdir()
    build(7, shape=SHAPES["emotion_plus"]).save_weights(tmp_path / "stage1" / "network.weights.h5")
    with pytest.raises(UserError, match="is damaged, or of another network; choose another --run"):
        fit(training_data(load(data)), tmp_path, TrainConfig(epochs=4), undecided())


def test_a_changed_recipe_is_refused(data, tmp_path):
    pytest.importorskip("keras", reason="training needs TensorFlow (the extra training)")
    from emotion_training.fit.train import fit

    stages = [{**asdict(stage), "peak_lr": 1} for stage in RECIPES["emotion"].stages]
    (tmp_path / "settings.json").write_text(json.dumps({"recipe": {"stages": stages}}))
    with pytest.raises(UserError, match="started with another recipe or network shape"):
        fit(training_data(load(data)), tmp_path, TrainConfig(epochs=4))


def test_a_loss_that_is_no_number_stops_with_advice_and_keeps_the_checkpoint(data, tmp_path):
    pytest.importorskip("keras", reason="training needs TensorFlow (the extra training)")
    from emotion_training.fit.train import fit

    soft_targets = undecided()
    soft_targets.scores[5] = np.nan
    with pytest.raises(UserError, match=r"no longer a number in stage 1; lower its peak_lr \(0\.12\)"):
        fit(training_data(load(data)), tmp_path, TrainConfig(epochs=4), soft_targets)
    assert not (tmp_path / "stage1" / "checkpoint" / "latest.weights.h5").exists()
    assert not (tmp_path / "network.keras").exists()


# Backends


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_training_runs_on_any_of_keras_backends(data, teachers, tmp_path, backend):
    pytest.importorskip("keras", reason="training needs Keras (the extra training)")
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; requirements.txt names no release of it")
    pytest.importorskip("tensorflow", reason="reading the network again needs TensorFlow (the extra training)")
    from emotion_training.fit.train import load_network

    given = ("train", "--data", data, "--teachers", teachers, "--run", tmp_path / "run", "--epochs", 2)
    done = training(*given, KERAS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    assert "trained: " in done.stdout
    network = load_network(tmp_path / "run")  # by TensorFlow, as quantize does
    scores = network.predict(np.zeros((1, 48, 48, 1), np.float32), verbose=0)
    np.testing.assert_allclose(scores.sum(), 1, rtol=1e-3)


@pytest.mark.parametrize(
    ("step", "backend", "said"),
    [
        ("train", "another", "KERAS_BACKEND: Keras has no backend 'another'; choose tensorflow, torch or jax"),
        ("sweep", "another", "KERAS_BACKEND: Keras has no backend"),
        ("all", "torch", "KERAS_BACKEND: torch can train, but TensorFlow alone makes an int8 file"),
    ],
)
def test_a_backend_that_will_not_do_is_told(data, step, backend, said):
    pytest.importorskip("keras", reason="training needs Keras (the extra training)")
    if backend == "torch":
        pytest.importorskip("torch", reason="needs PyTorch (the extra pytorch)")
    seeds = ("--seeds", 1) if step == "sweep" else ()
    done = training(step, "--data", data, *seeds, KERAS_BACKEND=backend)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_a_backend_that_is_not_installed_is_told(data):
    pytest.importorskip("keras", reason="training needs Keras (the extra training)")
    hidden = "import sys; sys.modules['jax'] = None; from emotion_training.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "train", "--data", str(data)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "Keras's backend 'jax' is not installed: python -m pip install" in done.stderr) == (
        1,
        True,
    )
    assert "Traceback" not in done.stderr
