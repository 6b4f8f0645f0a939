"""The one check of model files: it takes what runs on the camera and names what keeps another file from it."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.boards import LARGE_HEAP, SMALL_HEAP
from emotion_camera.errors import ModelError
from emotion_camera.model.contract import EMOTIONS, check
from emotion_camera.model.metadata import tail
from emotion_camera.model.tflite import pack, schema, unpack
from emotion_camera.model.tflm import arena_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

MODELS = Path(__file__).parents[2] / "models"
DEFAULT_MODEL = MODELS / "emotion.tflite"

TYPES = schema().TensorType

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


def test_good_model(tmp_path, convert):
    model = check(put(tmp_path, convert()))
    assert model.input_size == 48
    assert model.macs == 12 * 12 * 4 * 9 + 4 * 7
    assert model.arena_bytes is None or 0 < model.arena_bytes < 20_000


def test_another_square_size_is_fine(tmp_path, convert):
    assert check(put(tmp_path, convert(shape=(64, 64, 1)))).input_size == 64


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "float"}, "input is float32; the camera needs int8"),
        ({"shape": (48, 48, 3)}, r"\[1, 48, 48, 3\]"),
        ({"shape": (48, 40, 1)}, r"\[1, 48, 40, 1\]"),
        ({"scaled": False}, "must be 1/255 and -128"),
        ({"softmax": False}, "must end in SOFTMAX"),
        ({"per_channel_dense": True}, "FULLY_CONNECTED"),
        ({"activation": "elu"}, "not known to run on the camera"),
    ],
)
def test_wrong_model_is_named(tmp_path, convert, wrong, said):
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
    with pytest.raises(ModelError, match="float activations"):
        check(put(tmp_path, converter.convert()))


def end_of(model, side: str):
    """The tensor that is the input or the output of a model."""
    graph = model.subgraphs[0]
    return graph.tensors[getattr(graph, f"{side}s")[0]]


@pytest.mark.parametrize(
    ("side", "change", "said"),
    [
        ("input", {"zeroPoint": [0]}, "input scale is 0.00392157 and zero point 0; they must be 1/255 and -128"),
        ("input", {"zeroPoint": [-127]}, "zero point -127; they must be"),
        ("input", {"scale": [1 / 128]}, "input scale is 0.0078125 and zero point -128; they must be"),
        ("input", {"type": TYPES.UINT8}, "input is uint8; the camera needs int8"),
        ("output", {"type": TYPES.UINT8}, r"output is uint8 \[1, 7\]; it must be int8 \[1, classes\]"),
        ("output", {"type": TYPES.INT16}, "output is int16"),
        ("output", {"type": TYPES.FLOAT32}, "output is float32"),
        ("output", {"shape": [1, 1, 1, 7]}, r"output is int8 \[1, 1, 1, 7\]"),
        ("output", {"shape": [7, 1]}, r"output is int8 \[7, 1\]"),
        ("output", {"shape": [1, 1]}, r"output is int8 \[1, 1\]"),
    ],
)
def test_a_wrong_input_or_output_is_named(tmp_path, side, change, said):
    model = unpack(DEFAULT_MODEL.read_bytes())
    model.description = None  # no metadata follows
    tensor = end_of(model, side)
    for name, value in change.items():
        setattr(tensor if name in ("type", "shape") else tensor.quantization, name, value)
    with pytest.raises(ModelError, match=said) as error:
        check(put(tmp_path, pack(model)))
    assert "net.tflite" in str(error.value)


@pytest.mark.parametrize("side", ["input", "output"])
def test_one_input_and_one_output(tmp_path, side):
    model = unpack(DEFAULT_MODEL.read_bytes())
    model.description = None
    graph = model.subgraphs[0]
    setattr(graph, f"{side}s", [*getattr(graph, f"{side}s")] * 2)
    with pytest.raises(ModelError, match=f"has 2 {side}s"):
        check(put(tmp_path, pack(model)))


def test_too_large(tmp_path, convert):
    with pytest.raises(ModelError, match=r"arena takes|instructions"):
        check(put(tmp_path, convert(shape=(512, 512, 1))))


def test_a_second_dot_would_lose_the_labels(tmp_path):
    with pytest.raises(ModelError, match="dot"):
        check(put(tmp_path, DEFAULT_MODEL.read_bytes(), "net.v2.tflite"))


def test_a_larger_model_is_for_the_roomier_boards_alone(tmp_path):
    path = put(tmp_path, grown(SMALL_HEAP.file + 1))
    assert check(path).file_bytes == 91_137
    with pytest.raises(ModelError, match=r"91,137 bytes; the most for an OpenMV Cam H7 or a Nicla Vision is 91,136"):
        check(path, limits=SMALL_HEAP)


def test_a_model_may_be_too_large_for_every_board(tmp_path):
    check(put(tmp_path, grown(LARGE_HEAP.file)))
    with pytest.raises(ModelError, match=r"net\.tflite: its file takes 300,001 bytes; the most for an H7 Plus, .*AE3"):
        check(put(tmp_path, grown(LARGE_HEAP.file + 1)))


def test_each_limit_counts():
    model = check(DEFAULT_MODEL)
    costs = {"file": model.file_bytes, "instructions": model.instructions}
    if model.arena_bytes is not None:
        costs["arena"] = model.arena_bytes
    just = replace(SMALL_HEAP, **costs)
    check(DEFAULT_MODEL, limits=just)
    for name, said in {"file": "file takes", "instructions": "Cortex-M7 instructions", "arena": "arena takes"}.items():
        if name in costs:
            with pytest.raises(ModelError, match=said):
                check(DEFAULT_MODEL, limits=replace(just, **{name: costs[name] - 1}))


@pytest.mark.parametrize(
    "content", [b"", b"TFL3", b"\x89PNG\r\n\x1a\n", b"\x1c\0\0\0TFL3", b"\x1c\0\0\0TFL3" + b"\xff" * 99]
)
def test_not_a_model(tmp_path, content):
    with pytest.raises(ModelError, match=r"net\.tflite"):
        check(put(tmp_path, content))


def test_missing(tmp_path):
    with pytest.raises(ModelError, match="can't be read"):
        check(tmp_path / "net.tflite")


@settings(max_examples=30)
@given(st.data())
def test_truncated_anywhere(tmp_path_factory, data):
    whole = DEFAULT_MODEL.read_bytes()
    length = data.draw(st.integers(0, len(whole) - 1))
    path = put(tmp_path_factory.mktemp("cut"), whole[:length])
    with pytest.raises(ModelError, match=r"cut short|not a TensorFlow Lite"):
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


def test_arena_is_enough_and_not_much_too_large():
    arena = arena_bytes(DEFAULT_MODEL.read_bytes())
    if arena is None:
        pytest.skip("tflite-micro has no wheel for this machine")
    from tflite_micro.python.tflite_micro import runtime

    runtime.Interpreter.from_file(str(DEFAULT_MODEL), arena_size=arena)
    with pytest.raises(RuntimeError):
        runtime.Interpreter.from_file(str(DEFAULT_MODEL), arena_size=arena - 1000)
