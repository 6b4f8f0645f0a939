"""What adapting promises: the network starts as the file answers, and a model is written if it is better, whole, by the contract."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="adapting needs TensorFlow (the extra training)")

from emotion_camera.errors import UserError
from emotion_camera.model import metadata
from emotion_camera.model.contract import EMOTIONS, check
from emotion_camera.model.interpreter import scores
from emotion_camera.model.metadata import self_test_picture
from emotion_training.data.fer2013 import load
from emotion_training.export.tflite_to_keras import tflite_to_keras
from emotion_training.finetune import adapt, finetune
from emotion_training.finetune.collected import read
from emotion_training.finetune.paired_test import Comparison, mcnemar
from emotion_training.finetune.split import split
from emotion_training.fit.train import pixels
from made_faces import AVERAGE_FACES, DEFAULT_MODEL, ROOT, faces, write
from small_models import changed, model

FER = ROOT.parent / "shared" / "datasets" / "fer2013" / "fer2013.npz"
TIE = 0.02  # scores come in steps of 1/256; nearer than five of them, int8's rounding decides


def agreement(images: np.ndarray) -> tuple[float, float]:
    """The share of faces to which the rebuilt network gives the file's answer: of all, and where the file's is no near tie."""
    file = scores(DEFAULT_MODEL, images)
    network = tflite_to_keras(DEFAULT_MODEL).predict(pixels(images), batch_size=256, verbose=0)
    same = file.argmax(axis=1) == network.argmax(axis=1)
    best = np.sort(file, axis=1)
    return float(same.mean()), float(same[best[:, -1] - best[:, -2] > TIE].mean())


def test_the_rebuilt_network_answers_as_the_file_on_made_up_faces():
    images = np.concatenate([faces(emotion, 60, seed) for seed, emotion in enumerate(EMOTIONS)])
    every, clear = agreement(images)
    assert every >= 0.97
    assert clear >= 0.99


@pytest.mark.parametrize(
    "data",
    [
        model(),
        model(scale=2 / 255, zero_point=-1),
        model(scale=1.0),
        changed(model(), lambda _, graph: setattr(graph.operators[2], "inputs", [*graph.operators[2].inputs[:2], -1])),
    ],
    ids=["0 to 1", "-1 to 1", "0 to 255", "without a bias"],
)
def test_the_rebuilt_network_takes_pixels_as_the_file_was_trained_on(tmp_path, data):
    """From -1 to 1, say: the same pixels give the same scores."""
    path = tmp_path / "net.tflite"
    path.write_bytes(data)
    images = np.random.default_rng(2).integers(0, 256, (20, 48, 48), np.uint8)
    rebuilt = tflite_to_keras(path).predict(pixels(images), verbose=0)
    np.testing.assert_allclose(rebuilt, scores(path, images), atol=0.05)


@pytest.mark.slow
def test_the_rebuilt_network_answers_as_the_file_on_real_faces():
    if not FER.is_file():
        pytest.skip("needs FER2013 beside the repository (../shared/datasets/fer2013)")
    every, clear = agreement(load(FER).part(1).images)
    assert every >= 0.98  # the float network that this file was made from agrees on 0.984 of them
    assert clear >= 0.99


def test_a_network_of_other_operators_is_refused_in_a_sentence(tmp_path):
    import keras
    from emotion_training.export.convert import convert

    given = keras.Input((48, 48, 1))
    x = keras.layers.MaxPooling2D(4)(keras.layers.Conv2D(4, 3)(given))
    answer = keras.layers.Dense(7, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    path = tmp_path / "other.tflite"
    path.write_bytes(convert(keras.Model(given, answer), faces("happy", 20, strength=1)))
    with pytest.raises(UserError, match=r"other\.tflite: uses MAX_POOL_2D, so it cannot be fine-tuned"):
        tflite_to_keras(path)


def test_an_expanded_head_scores_as_before_what_it_knew():
    network = tflite_to_keras(DEFAULT_MODEL)
    old = np.concatenate([faces("happy", 20), faces("sad", 20)])
    new = faces("surprise", 20)[:, ::-1]
    classes = np.repeat([3, 4, 7], 20)
    wide = adapt.expand_head(network, adapt.collected_samples(np.concatenate([old, new]), classes, 8))
    before, after = (it.predict(pixels(old), verbose=0) for it in (network, wide))
    assert after.shape == (40, 8)
    np.testing.assert_allclose(after[:, :7] / after[:, :7].sum(axis=1, keepdims=True), before, atol=1e-4)
    assert (wide.predict(pixels(new), verbose=0).argmax(axis=1) == 7).mean() > 0.5


def test_every_class_counts_alike_however_many_faces_it_has():
    weights = adapt.collected_samples(faces("happy", 40), np.repeat([3, 4], [30, 10]), 7).weights
    assert weights[:30].sum() == pytest.approx(weights[30:].sum())
    assert weights.mean() == pytest.approx(1)


@pytest.mark.parametrize(("gained", "lost", "p"), [(0, 0, 1), (5, 5, 1), (10, 0, 2 / 1024), (1, 3, 10 / 16)])
def test_the_exact_paired_test(gained, lost, p):
    assert mcnemar(gained, lost) == mcnemar(lost, gained) == pytest.approx(p)


def compared(before: str, after: str, targets: str, known: int = 2) -> Comparison:
    return Comparison(
        ("a", "b", "c"), known, *(np.array(["abc".index(it) for it in given]) for given in (targets, before, after))
    )


def test_better_is_right_more_often():
    assert compared("ab", "aa", "aa").worse() is None
    assert "names 1 of 2 validation faces right, and 1 before" in str(compared("ab", "ba", "aa").worse())
    assert compared("aa", "ab", "aa").worse() is not None


def test_a_new_class_does_not_buy_the_loss_of_the_old_ones():
    targets = "a" * 10 + "c" * 20
    assert "10 validation faces are named wrong now" in str(compared("a" * 30, "c" * 30, targets).worse())
    assert compared("a" * 30, targets, targets).worse() is None


def test_the_sentence_says_whether_it_may_be_chance():
    assert "may be chance" in compared("ab", "aa", "aa").sentence()
    assert "more than chance" in compared("b" * 10, "a" * 10, "a" * 10).sentence()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces of two known classes, and of a new one: the lower half of a face covered."""
    folder = tmp_path_factory.mktemp("collected") / "faces"
    write(folder / "happy", faces("happy", 30))
    write(folder / "neutral", faces("neutral", 30))
    covered = faces("surprise", 30)
    covered[:, 26:] = 60 + (np.arange(30) * 3)[:, np.newaxis, np.newaxis].astype(np.uint8)
    write(folder / "covered", covered)
    return folder


@pytest.fixture(scope="module")
def adapted(folder: Path) -> Path:
    """The model adapted to those faces, in few epochs."""
    out = folder.parent / "out" / "emotion.tflite"
    patch = pytest.MonkeyPatch()
    patch.setattr(adapt, "EPOCHS", 5)
    patch.setattr(adapt, "PEAK_LR", 5e-4)
    finetune.finetune(folder, DEFAULT_MODEL, out, AVERAGE_FACES)
    patch.undo()
    return out


def test_the_adapted_model_is_whole_and_keeps_the_contract(adapted):
    names = [f"emotion.{suffix}" for suffix in ("calibration.json", "json", "md", "tflite", "txt")]
    assert sorted(it.name for it in adapted.parent.iterdir()) == names
    model = check(adapted)
    assert model.labels == (*EMOTIONS, "covered")
    told = metadata.read(adapted.read_bytes(), 8)
    assert told is not None
    given = scores(adapted, np.array([self_test_picture()], np.uint8))[0]
    np.testing.assert_allclose(given, np.array(told.selftest) / 256, atol=0.01)


def test_the_adapted_model_knows_the_new_class_on_the_validation_faces(adapted, folder):
    found = read(folder, EMOTIONS)
    val = split(found, finetune.FinetuneConfig().seed).val
    right = scores(adapted, found.images[val]).argmax(axis=1) == found.classes[val]
    assert right.mean() > 0.7
    assert right[found.classes[val] == 7].mean() > 0.7


def test_the_card_tells_what_was_measured_and_what_was_not(adapted):
    card = json.loads(adapted.with_suffix(".json").read_text())
    assert card["not measured"] == ["angry", "disgust", "fear", "sad", "surprise"]
    assert card["faces"]["training"].keys() == {"happy", "neutral", "covered"}
    assert sum(sum(part.values()) for part in card["faces"].values()) == 90
    assert card["validation"]["accuracy after"] > card["validation"]["accuracy before"]
    text = adapted.with_suffix(".md").read_text(encoding="utf-8")
    for part in ("| covered |", "McNemar", "was not measured", "agreed to it", "perhaps of the same people"):
        assert part in text


@pytest.fixture
def unchanged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of two known classes, whose learning brings the very same model."""
    monkeypatch.setattr(finetune, "_train", lambda *_: DEFAULT_MODEL.read_bytes())
    write(tmp_path / "faces" / "happy", faces("happy", 12))
    write(tmp_path / "faces" / "sad", faces("sad", 12))
    return tmp_path


def test_a_known_class_by_another_name_is_told(unchanged, capsys):
    (unchanged / "faces" / "happy").rename(unchanged / "faces" / "smiling")
    with pytest.raises(UserError, match="not written"):
        finetune.finetune(unchanged / "faces", DEFAULT_MODEL, unchanged / "out" / "emotion.tflite", AVERAGE_FACES)
    told = capsys.readouterr().out
    assert "smiling is a new class, and the model says happy of" in told
    assert "name the folder happy" in told


def test_a_model_that_is_not_better_is_not_written(unchanged):
    out = unchanged / "out" / "emotion.tflite"
    with pytest.raises(UserError, match="not written, for the adapted model is not better"):
        finetune.finetune(unchanged / "faces", DEFAULT_MODEL, out, AVERAGE_FACES)
    assert not out.parent.exists()


def test_with_anyway_it_is_written_and_the_card_says_so(unchanged):
    out = unchanged / "out" / "emotion.tflite"
    card = finetune.finetune(
        unchanged / "faces", DEFAULT_MODEL, out, AVERAGE_FACES, finetune.FinetuneConfig(anyway=True)
    )
    assert check(out).labels == EMOTIONS
    assert "although it is not better" in card.read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_leaves_nothing(unchanged):
    (unchanged / "emotion.md").mkdir()
    with pytest.raises(UserError, match=r"emotion\.md: is a folder"):
        finetune.finetune(
            unchanged / "faces",
            DEFAULT_MODEL,
            unchanged / "emotion.tflite",
            AVERAGE_FACES,
            finetune.FinetuneConfig(anyway=True),
        )
    assert sorted(it.name for it in unchanged.iterdir()) == ["emotion.md", "faces"]


def test_the_model_to_start_from_is_not_overwritten(unchanged):
    before = DEFAULT_MODEL.read_bytes()
    with pytest.raises(UserError, match="is the model to start from; choose another --out"):
        finetune.finetune(unchanged / "faces", DEFAULT_MODEL, DEFAULT_MODEL, AVERAGE_FACES)
    assert DEFAULT_MODEL.read_bytes() == before


def test_the_command_refuses_in_a_sentence(tmp_path):
    write(tmp_path / "faces" / "happy", faces("happy", 12))
    command = [
        sys.executable,
        "-m",
        "emotion_training",
        "finetune",
        "--data",
        tmp_path / "faces",
        "--out",
        tmp_path / "my.tflite",
    ]
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "has faces of happy alone" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("my*"))


@pytest.mark.slow
def test_the_command_as_it_is_used(folder, tmp_path):
    command = [sys.executable, "-m", "emotion_training", "finetune", "--data", folder, "--out", tmp_path / "my.tflite"]
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Epoch 30/30" in done.stdout
    assert not {"\b", "\x1b"} & set(done.stdout)
    assert "| covered |" in done.stdout
    assert check(tmp_path / "my.tflite").labels == (*EMOTIONS, "covered")
