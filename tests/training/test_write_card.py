"""The card and the table show what was measured; what cannot be measured is refused before anything is written."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from emotion_training.data.fer2013 import Faces
from emotion_training.evaluate import card
from emotion_training.evaluate.evaluate import by_protocol, check_measurable, metrics_table, per_class_report
from emotion_training.evaluate.report import write_card

DEFAULT_MODEL = Path(__file__).parents[2] / "models" / "emotion.tflite"
RNG = np.random.default_rng(3)


def faces(usage: int, votes: list[int] | None = None) -> Faces:
    n = 10
    images = RNG.integers(0, 256, (n, 48, 48), np.uint8)
    given = None if votes is None else np.tile(np.array(votes, np.uint8), (n, 1))
    return Faces(images, np.arange(n, dtype=np.uint8) % 7, np.full(n, usage, np.uint8), given)


def model(folder: Path, labels: tuple[str, ...] = EMOTIONS) -> Path:
    shutil.copyfile(DEFAULT_MODEL, folder / "net.tflite")
    (folder / "net.txt").write_text("".join(label + "\n" for label in labels))
    return folder / "net.tflite"


def test_a_model_with_the_emotions_can_be_measured(tmp_path):
    assert check_measurable(model(tmp_path)).labels == EMOTIONS


@pytest.mark.parametrize("labels", [EMOTIONS[::-1], ("angry", "disgust", "fear", "happy", "sad", "surprise", "calm")])
def test_a_model_with_other_labels_is_refused(tmp_path, labels):
    path = model(tmp_path, labels)
    (tmp_path / "curve.png").touch()
    with pytest.raises(UserError, match="its labels are"):
        check_measurable(path)
    with pytest.raises(UserError, match="its labels are"):
        write_card(path, faces(2), {}, tmp_path / "curve.png")
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("classes", [5, 9])
def test_a_model_with_another_number_of_classes_is_refused(tmp_path, classes):
    """Made of the shipped one by giving its last layer and softmax another width in the file's shapes."""
    path = model(tmp_path, tuple("abcdefghi"[:classes]))
    path.write_bytes(with_classes(path.read_bytes(), classes))
    with pytest.raises(UserError, match="its labels are"):
        check_measurable(path)


def with_classes(data: bytes, classes: int) -> bytes:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    it = schema.ModelT.InitFromPackedBuf(data)
    it.description = None  # it carries no self-test
    graph = it.subgraphs[0]
    dense = graph.operators[-2]
    _, weights, bias = (graph.tensors[index] for index in dense.inputs)
    for tensor in (weights, bias):
        old = np.asarray(it.buffers[tensor.buffer].data, np.uint8).reshape(7, -1)
        tensor.shape = np.array([classes, *tensor.shape[1:]], np.int32)
        it.buffers[tensor.buffer].data = np.resize(old, (classes, old.shape[1])).ravel()
    for operator in graph.operators[-2:]:
        graph.tensors[operator.outputs[0]].shape = np.array([1, classes], np.int32)
    builder = flatbuffers.Builder(len(data))
    builder.Finish(it.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_card_without_test_rows_or_curve_is_refused_with_nothing_written(tmp_path):
    path, curve = model(tmp_path), tmp_path / "curve.png"
    with pytest.raises(UserError, match=r"curve\.png: no such file"):
        write_card(path, faces(2), {}, curve)
    curve.touch()
    with pytest.raises(UserError, match="no rows of PublicTest or PrivateTest"):
        write_card(path, faces(0), {}, curve)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["curve.png", "net.tflite", "net.txt"]


def test_a_protocol_without_rows_is_left_out_of_the_table():
    nobody_saw_a_face = faces(1, votes=[0] * 9 + [10])
    metrics = by_protocol(np.eye(7)[nobody_saw_a_face.labels], nobody_saw_a_face)
    assert list(metrics) == ["FER2013"]
    assert "FER+" not in metrics_table(metrics) + per_class_report(metrics)


@pytest.mark.parametrize(
    ("provenance", "said", "unsaid"),
    [
        (
            {"soft_targets": ["dlib_taught"], "start": "5e39"},
            ["dlib's network for", "3 million", "(SHA-256 `5e39`)"],
            [],
        ),
        (
            {"soft_targets": ["vgg_votes"], "start": None},
            ["Knowledge distillation"],
            ["dlib", "The last stage started"],
        ),
        ({}, [], ["Knowledge distillation", "dlib", "The last stage started"]),
    ],
)
def test_a_card_tells_what_its_model_learnt_from(provenance, said, unsaid):
    shipped = json.loads(DEFAULT_MODEL.with_suffix(".json").read_text(encoding="utf-8"))
    text = card.render({**shipped, "provenance": {"tau": 0, "temperature": 1, **provenance}}, {})
    assert all(it in text for it in said)
    assert not any(it in text for it in unsaid)
