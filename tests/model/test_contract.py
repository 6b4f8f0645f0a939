"""The one check of model files: it takes what runs on the camera and names what keeps another file from it."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.boards import LARGE_HEAP, SMALL_HEAP
from emotion_camera.errors import ModelError
from emotion_camera.model.contract import EMOTIONS, LARGE_MODEL, check, fits, over
from emotion_camera.model.interpreter import LiteRT, input_tensor, scores
from emotion_camera.model.metadata import tail
from emotion_camera.model.tflite import read_description
from emotion_camera.model.tflm import Tflm, arena_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import free_batch, model

MODELS = Path(__file__).parents[2] / "models"
DEFAULT_MODEL = MODELS / "emotion.tflite"

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(scope="session")
def convert() -> Callable[..., bytes]:
    """Convert a small network in any of the ways in which people get it wrong."""
    tf = pytest.importorskip("tensorflow", reason="making wrong models needs TensorFlow (the extra training)")
    from keras import Input, Model, layers

    def make(
        shape=(48, 48, 1), scaled=True, softmax=True, kind="int8", per_channel_dense=False, activation="relu"
    ) -> bytes:
        x = given = Input(shape)
        x = layers.Conv2D(4, 3, strides=4, activation=activation)(x)
        x = layers.Dense(7)(layers.GlobalAveragePooling2D()(x))
        network = Model(given, layers.Softmax()(x) if softmax else x)
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        if kind != "float":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "int8":
            faces = np.random.default_rng(3).random((10, *shape), np.float32) * (1 if scaled else 255)
            faces[0].flat[:2] = 0, 1 if scaled else 255
            converter.representative_dataset = lambda: ([face[np.newaxis]] for face in faces)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
            converter._experimental_disable_per_channel_quantization_for_dense_layers = not per_channel_dense
        return converter.convert()

    return make


def put(folder: Path, data: bytes, name: str = "net.tflite") -> Path:
    path = folder / name
    path.write_bytes(data)
    path.with_suffix(".txt").write_text("\n".join(EMOTIONS) + "\n")
    return path


def grown(size: int) -> bytes:
    """The shipped model in a file of so many bytes: readers pass over what stands between it and its metadata."""
    data, end = DEFAULT_MODEL.read_bytes(), len(tail(DEFAULT_MODEL.read_bytes()))
    return data[:-end] + bytes(size - len(data)) + data[-end:]


def test_shipped_model_obeys_the_contract():
    model = check(DEFAULT_MODEL, limits=SMALL_HEAP)
    assert model.labels == EMOTIONS
    assert model.input_size == 48
    assert over(model, SMALL_HEAP) is None
    assert model.notes == ()


def test_good_model(tmp_path, convert):
    model = check(put(tmp_path, convert()))
    assert model.input_size == 48
    assert model.macs == 12 * 12 * 4 * 9 + 4 * 7
    assert model.arena_bytes is None or 0 < model.arena_bytes < 20_000
    assert model.notes == ()


def test_logits_are_taken_and_give_the_scores_of_a_softmax(tmp_path, convert):
    raw = check(put(tmp_path, convert(softmax=False)))
    assert len(raw.notes) == 1
    assert re.match(r"it gives numbers from .* to .*: taken for logits", raw.notes[0])
    face = np.random.default_rng(3).integers(0, 256, (1, 48, 48), np.uint8)
    found = scores(raw.path, face)
    assert found.sum() == pytest.approx(1)
    logits = LiteRT(raw.path.read_bytes()).run(input_tensor(face[0]))[0]
    assert found.argmax() == logits.argmax()


@pytest.mark.parametrize("how", [{"shape": (64, 64, 1)}, {"scaled": False}, {"activation": "elu"}])
def test_other_sizes_ranges_and_activations_are_fine(tmp_path, convert, how):
    path = put(tmp_path, convert(**how))
    assert check(path, firmware=(4, 5, 6)).input_size == how.get("shape", [48])[0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "float"}, "input is float32; the camera needs int8"),
        ({"shape": (48, 48, 3)}, r"\[1, 48, 48, 3\]"),
        ({"shape": (48, 40, 1)}, r"\[1, 48, 40, 1\]"),
        ({"per_channel_dense": True}, "FULLY_CONNECTED"),
    ],
)
def test_what_the_converter_makes_of_a_wrong_setting_is_named(tmp_path, convert, wrong, said):
    with pytest.raises(ModelError, match=said) as error:
        check(put(tmp_path, convert(**wrong)))
    assert "net.tflite" in str(error.value)


def test_hybrid_model_is_named(tmp_path):
    """Dynamic-range quantisation leaves small weights float, so this one needs a layer of over 1,024 of them."""
    tf = pytest.importorskip("tensorflow", reason="making wrong models needs TensorFlow (the extra training)")
    from keras import Input, Model, layers

    given = Input((48, 48, 1))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(16, 3)(layers.Conv2D(16, 3, strides=4)(given)))
    converter = tf.lite.TFLiteConverter.from_keras_model(Model(given, layers.Dense(7, activation="softmax")(x)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    with pytest.raises(ModelError, match="dynamic range quantization"):
        check(put(tmp_path, converter.convert()))


def test_a_model_that_is_too_large_or_slow_for_a_board(tmp_path):
    """Memory is refused; what needs a card or time is told, and no model of our own may."""
    pytest.importorskip("tflite_micro", reason="the arena is not known on this machine")
    model = check(put(tmp_path, grown(100_000)), limits=SMALL_HEAP)
    assert model.notes == (
        "its file has no room on the flash of an OpenMV Cam H7 or a Nicla Vision beside the program: it needs an SD card",
    )
    assert not fits(model, SMALL_HEAP)
    assert over(model, SMALL_HEAP).startswith(
        "its file takes 100,000 bytes; the most for an OpenMV Cam H7 or a Nicla Vision is 91,136"
    )
    with pytest.raises(
        ModelError, match=r"its file takes 130,000 bytes and its arena [\d,]+; the most for .* is 163,872 together"
    ):
        check(put(tmp_path, grown(130_000)), limits=SMALL_HEAP)
    assert check(put(tmp_path, grown(130_000)), limits=LARGE_HEAP).notes == ()
    (slow,) = check(LARGE_MODEL, limits=replace(SMALL_HEAP, memory=400_000, file=400_000)).notes
    assert re.fullmatch(r"an answer takes about \d+ ms at an OpenMV Cam H7's speed: the frame rate will be low", slow)


def test_each_limit_counts():
    model = check(DEFAULT_MODEL)
    just = replace(SMALL_HEAP, memory=model.memory, file=model.file_bytes, instructions=model.instructions)
    assert over(model, just) is None
    assert check(DEFAULT_MODEL, limits=just).notes == ()
    for name, said in {"file": "file takes", "instructions": "Cortex-M7 instructions", "memory": "together"}.items():
        assert said in over(model, replace(just, **{name: getattr(just, name) - 1}))
    with pytest.raises(ModelError, match="together"):
        check(DEFAULT_MODEL, limits=replace(just, memory=just.memory - 1))


@settings(max_examples=30)
@given(st.data())
def test_truncated_anywhere(tmp_path_factory, data):
    whole = DEFAULT_MODEL.read_bytes()
    length = data.draw(st.integers(0, len(whole) - 1))
    path = put(tmp_path_factory.mktemp("cut"), whole[:length])
    with pytest.raises(ModelError, match=r"cut short|not a TensorFlow Lite|is empty"):
        check(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("angry\nhappy\n", "has 2 labels, but the model has 7"),
        ("\n".join([*EMOTIONS, "bored"]), "has 8 labels"),
        ("angry\n\nfear\nhappy\nsad\nsurprise\nneutral\n", "line 2 is blank"),
        ("", "has 0 labels"),
    ],
)
def test_wrong_labels(tmp_path, text, said):
    path = put(tmp_path, DEFAULT_MODEL.read_bytes())
    path.with_suffix(".txt").write_text(text)
    with pytest.raises(ModelError, match=said):
        check(path)


@pytest.mark.parametrize("data", [DEFAULT_MODEL.read_bytes(), free_batch(), model(size=96, filters=19, stride=1)])
def test_in_its_arena_a_model_runs_and_in_one_that_is_smaller_not(data):
    arena = arena_bytes(data)
    if arena is None:
        pytest.skip("tflite-micro has no wheel for this machine")
    size = read_description(data).inputs[0].shape
    tensor = np.zeros(size, np.int8)
    assert Tflm(data, arena).run(tensor)[0].size > 2
    with pytest.raises(ModelError):
        Tflm(data, arena - 16).run(tensor)
