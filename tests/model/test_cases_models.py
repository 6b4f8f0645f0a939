"""What people bring, and what they are told: one table of kinds, cases and answers.

First what the file is at all, then types, shapes, quantization, operators and memory: the first thing wrong is named, with
the converter's setting that changes it.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema
from emotion_camera.boards import SMALL_HEAP, find_board
from emotion_camera.errors import ModelError
from emotion_camera.model.contract import DEFAULT_MODEL, check
from emotion_camera.model.tflm import is_available
from small_models import changed, free_batch, model, pointing_nowhere

NEWEST, OLDEST = (5, 0, 0), (4, 5, 5)
TYPES = schema.TensorType
GOOD = model()
needs_tflm = pytest.mark.skipif(not is_available(), reason="tflite-micro has no wheel for this machine")


def put(folder: Path, data: bytes, name: str = "net.tflite", labels: str = "smile\nfrown\nother\n") -> Path:
    path = folder / name
    path.write_bytes(data)
    path.with_suffix(".txt").write_text(labels)
    return path


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return made.getvalue()


def tensor_of(graph, side: str):
    return graph.tensors[getattr(graph, f"{side}s")[0]]


def typed(side: str, kind: int) -> bytes:
    return changed(GOOD, lambda _, graph: setattr(tensor_of(graph, side), "type", kind))


def shaped(side: str, *shape: int) -> bytes:
    return changed(GOOD, lambda _, graph: setattr(tensor_of(graph, side), "shape", list(shape)))


def scaled_output(*scale: float) -> bytes:
    return changed(GOOD, lambda _, graph: setattr(tensor_of(graph, "output").quantization, "scale", list(scale)))


def with_operator(number: int, custom: str | None = None) -> bytes:
    def change(found, _graph) -> None:
        code = found.operatorCodes[0]
        code.builtinCode, code.deprecatedBuiltinCode, code.customCode = number, min(number, 127), custom

    return changed(GOOD, change)


def custom(name: str) -> bytes:
    return with_operator(schema.BuiltinOperator.CUSTOM, name)


def second_graph(found, _graph) -> None:
    second = schema.SubGraphT()
    second.tensors, second.operators, second.inputs, second.outputs, second.name = [], [], [], [], b"train\x1b[2J"
    found.subgraphs[0].name = b"serving"
    found.subgraphs.append(second)


def float16(_found, graph) -> None:
    graph.tensors[1].type = TYPES.FLOAT16


def dynamic_range(_found, graph) -> None:
    for tensor in (tensor_of(graph, "input"), tensor_of(graph, "output")):
        tensor.type = TYPES.FLOAT32


INT8 = r"set converter\.inference_input_type = converter\.inference_output_type = tf\.int8"
REFUSED: list[tuple[str, str, bytes, str]] = [
    # What it is at all
    ("file", "empty", b"", r"is empty; copy it again"),
    ("file", "Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n", r"Git LFS pointer.*git lfs pull"),
    ("file", "web page", b"<!DOCTYPE html>\n<html lang=en><title>models</title>", r"is a web page"),
    ("file", "Keras, .h5", b"\x89HDF\r\n\x1a\n" + bytes(90), r"is a Keras model \(HDF5\).*from_keras_model"),
    ("file", "Keras, .keras", zipped("config.json", "model.weights.h5"), r"is a Keras model \(\.keras\).*from_keras_model"),
    ("file", "PyTorch", zipped("net/data.pkl", "net/data/0"), r"is a PyTorch file.*litert-torch"),
    ("file", "PyTorch, before 1.6", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", r"is a PyTorch file"),
    ("file", "ONNX", b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\xd3\x01", r"is an ONNX model.*onnx2tf"),
    ("file", "SavedModel, .pb", b"\x08\x01\x12\xfa\x01\x0a\x1a\x12\x05serve\x12\x09NoOp", r"is a TensorFlow graph.*from_saved_model"),
    ("file", "SavedModel, as Keras 3 writes it", b"\x08\x01\x12\xc3\xde\x02\n\xb5\x14\x12\x85\x14\n^\n\x10AssignVariableOp", r"is a TensorFlow graph"),
    ("file", "SavedModel, zipped", zipped("saved_model/saved_model.pb"), r"SavedModel.*from_saved_model"),
    ("file", "Studio's download", zipped("trained.tflite", "labels.txt"), r"emotion-camera edge-impulse import"),
    ("file", "Teachable Machine's download", zipped("model.tflite", "labels.txt"), r"zip with a \.tflite in it; unpack it"),
    ("file", "another zip", zipped("a.txt"), r"is a zip; unpack it"),
    ("file", "half a zip", zipped("model.tflite")[:50], r"zip that is cut short"),
    ("file", "C array", b"const unsigned char model[] = {\n  0x1c, 0x00,", r"is a C array.*give the \.tflite"),
    ("file", "TensorFlow.js", json.dumps({"modelTopology": {}}).encode(), r"TensorFlow\.js model"),
    ("file", ".eim", b"\x7fELF" + bytes(99), r"is a program, such as an \.eim"),
    ("file", "picture", b"\x89PNG\r\n\x1a\n" + bytes(99), r"is a picture"),
    ("file", "text", b"hello\n" * 9, r"is not a TensorFlow Lite model"),
    ("file", "sent as text", GOOD[:4].replace(b"\x00", b"") + GOOD[4:], r"was changed on its way here"),
    ("file", "cut short", GOOD[:900], r"is cut short or damaged; copy it again"),
    ("file", "its beginning alone", GOOD[:8], r"is cut short or damaged"),
    ("file", "shipped, without its end", DEFAULT_MODEL.read_bytes()[:-9], r"is cut short or damaged"),
    ("file", "an old schema", changed(GOOD, lambda found, _: setattr(found, "version", 1)), r"version 1 of TensorFlow Lite's schema"),
    ("file", "two graphs", changed(GOOD, second_graph), r"holds 2 graphs \(serving, train.*\).*convert with one signature"),
    ("file", "a loop", with_operator(schema.BuiltinOperator.WHILE), r"uses WHILE, which needs a second graph"),
    ("file", "no operators", changed(GOOD, lambda _, graph: setattr(graph, "operators", [])), r"holds no network"),
    ("file", "compiled for an AE3", custom("ethos-u"), r"compiled by Vela for an AE3's neural processor"),
    # Types
    ("types", "float32", model(kind="float32"), rf"input is float32; the camera needs int8: .*{INT8[4:]}.*representative_dataset"),
    ("types", "float16 weights", changed(model(kind="float32"), float16), r"input is float32.*leave .*tf\.float16\] out"),
    ("types", "dynamic range", changed(GOOD, dynamic_range), r"dynamic range quantization.*representative_dataset"),
    ("types", "uint8", typed("input", TYPES.UINT8), rf"input is uint8; the camera needs int8: {INT8}"),
    ("types", "int16 activations", typed("input", TYPES.INT16), r"input is int16.*OpsSet\.TFLITE_BUILTINS_INT8"),
    ("types", "float32 scores", typed("output", TYPES.FLOAT32), rf"output is float32; the camera needs int8: {INT8}"),
    ("types", "uint8 scores", typed("output", TYPES.UINT8), rf"output is uint8; .*{INT8}"),
    ("types", "a type of tomorrow", typed("input", 77), r"input is type 77; the camera needs int8"),
    ("types", "two inputs", changed(GOOD, lambda _, graph: setattr(graph, "inputs", [0, 0])), r"has 2 inputs"),
    ("types", "two outputs", changed(GOOD, lambda _, graph: setattr(graph, "outputs", [*graph.outputs] * 2)), r"has 2 outputs"),
    # Shapes
    ("shapes", "colour", model(channels=3), r"has 3 channels; train on grey pictures, Input\(shape=\(48, 48, 1\)\)"),
    ("shapes", "not square", model(height=40), r"\[1, 40, 48, 1\]; it must be \[1, size, size, 1\]"),
    ("shapes", "channels first", shaped("input", 1, 1, 48, 48), r"channels first.*onnx2tf"),
    ("shapes", "eight pictures", shaped("input", 8, 48, 48, 1), r"takes 8 pictures at once; give Input batch_size=1"),
    ("shapes", "a flat picture", shaped("input", 1, 2304), r"\[1, 2304\]; it must be \[1, size, size, 1\]"),
    ("shapes", "no size", shaped("input"), r"has the shape \[\]"),
    ("shapes", "objects, as of FOMO", shaped("output", 1, 6, 6, 3), r"output has the shape \[1, 6, 6, 3\].* finds objects"),
    ("shapes", "one number", model(classes=1), r"output has the shape \[1, 1\].* two classes or more"),
    ("shapes", "scores of several", shaped("output", 3, 1), r"output has the shape \[3, 1\]"),
    # Quantization
    ("range", "no scale", model(scale=0), r"int8 without a scale.*representative_dataset"),
    ("range", "no white", model(scale=0.6 / 255), r"black for 0 and white for 0\.6.*pictures with black and white"),
    ("range", "neither black nor white", model(scale=0.5 / 255, zero_point=-100), r"is no range that networks are trained on"),
    ("range", "0 to 2", model(scale=2 / 255), r"black for 0 and white for 2"),
    ("range", "-1 to 1, on dim pictures", model(scale=1.4 / 255, zero_point=54), r"black for -0\.999 and white for 0\.401"),
    ("range", "not a number", model(scale=float("nan")), r"int8 without a scale"),
    ("range", "scores without a scale", scaled_output(), r"output is int8 without a scale.*representative_dataset"),
    ("range", "scores of no number", scaled_output(float("nan")), r"output is int8 without a scale"),
    ("range", "scores upside down", scaled_output(-0.1), r"output is int8 without a scale"),
    # Operators
    ("operators", "newer than this program", with_operator(300), r"uses operator 300, newer than this program"),
    ("operators", "one that no firmware has", with_operator(schema.BuiltinOperator.HASHTABLE_LOOKUP), r"uses HASHTABLE_LOOKUP, which the camera's firmware lacks"),
    ("operators", "Select TF", custom("FlexErf"), r"uses FlexErf.*leave tf\.lite\.OpsSet\.SELECT_TF_OPS out"),
    ("operators", "Coral", custom("edgetpu-custom-op"), r"compiled for a Coral Edge TPU"),
    ("operators", "detection", custom("TFLite_Detection_PostProcess"), r"finds objects"),
    ("operators", "somebody's own", custom("MyOp"), r"uses the custom operator MyOp"),
    ("operators", "dense scales", model(dense_scales=True), r"_experimental_disable_per_channel_quantization_for_dense_layers = True"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "case", "data", "said"), REFUSED, ids=[f"{it[0]}: {it[1]}" for it in REFUSED])
def test_what_does_not_run_is_named_with_what_to_do(tmp_path, kind, case, data, said):
    with pytest.raises(ModelError, match=said) as error:
        check(put(tmp_path, data))
    told = str(error.value)
    assert told.startswith(f"{tmp_path / 'net.tflite'}: ")
    assert "\n" not in told
    assert "train quantize" not in told, "it was not made here"


TOLD_FIRST = [
    (model(kind="float32", channels=3, last="HASHTABLE_LOOKUP"), "input is float32"),
    (model(channels=3, scale=0.1, last="HASHTABLE_LOOKUP"), "3 channels"),
    (model(scale=0.1, last="HASHTABLE_LOOKUP"), "black for 0 and white for"),
]


@pytest.mark.parametrize(("data", "said"), TOLD_FIRST, ids=["types", "shapes", "quantization"])
def test_of_several_faults_the_first_that_a_person_can_mend_is_told(tmp_path, data, said):
    with pytest.raises(ModelError, match=said):
        check(put(tmp_path, data, labels="wrong\n"))


PLACES: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing", lambda path: None, r"can't be read \(No such file or directory\)"),
    ("a folder", lambda path: path.mkdir(), r"is a folder; give the \.tflite file"),
    ("a SavedModel", lambda path: (path.mkdir(), (path / "saved_model.pb").write_bytes(b"x")), r"is a TensorFlow SavedModel"),
    ("a link to itself", lambda path: path.symlink_to(path), r"can't be read"),
    ("a link to nothing", lambda path: path.symlink_to("gone"), r"can't be read \(No such file"),
    ("a device", lambda path: path.symlink_to("/dev/null"), r"is no file"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "make", "said"), PLACES, ids=[it[0] for it in PLACES])
def test_what_is_no_file_is_named(tmp_path, case, make, said):
    path = tmp_path / "net.tflite"
    try:
        make(path)
    except (OSError, NotImplementedError):
        pytest.skip("this system has no links")
    with pytest.raises(ModelError, match=said) as error:
        check(path)
    assert str(error.value).startswith(f"{path}: ")


def appended(data: bytes) -> bytes:
    """With TensorFlow Lite's own metadata, which packs its files as a zip behind the model."""
    return data + zipped("labels.txt")


TAKEN: list[tuple[str, bytes, str]] = [
    # kind, file, a note or nothing
    ("trained on 0 to 1", GOOD, ""),
    ("trained on -1 to 1", model(scale=2 / 255, zero_point=-1), ""),
    ("trained on 0 to 255", model(scale=1.0), ""),
    ("trained on -0.5 to 0.5", model(zero_point=0), ""),
    ("calibrated without pure white", model(scale=0.992 / 255), r"calibrated for 0 to 0\.992 instead of 0 to 1.*0\.8%"),
    ("calibrated 4 % too wide", model(scale=1.04 / 255), r"up to 4\.0% off"),
    ("trained on standardized pixels", model(scale=4.7 / 255, zero_point=-14), r"black for -2\.1 and white for 2\.6: right if"),
    ("logits", model(last=None), r"gives numbers from -6\.4 to 6\.35: taken for logits"),
    ("LOGISTIC at its end", model(last="LOGISTIC"), ""),
    ("Flatten of a free batch", free_batch(), r"uses PACK, which firmware has from v4\.5\.6 on"),
    ("96 x 96 pixels", model(size=96), ""),
    ("scores in four dimensions", changed(GOOD, lambda _, graph: setattr(graph.tensors[graph.outputs[0]], "shape", [1, 1, 1, 3])), ""),
    ("TFLite metadata appended", appended(GOOD), ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "note"), TAKEN, ids=[it[0] for it in TAKEN])
def test_what_runs_is_taken(tmp_path, kind, data, note):
    notes = " ".join(check(put(tmp_path, data), limits=SMALL_HEAP).notes)
    assert re.search(note, notes) if note else notes == ""


@pytest.mark.parametrize("name", ["my.v2.tflite", "with blanks.tflite", "größer.tflite", "NET.TFLITE", "net"])
def test_any_name_is_taken_for_deploy_gives_its_own(tmp_path, name):
    path = put(tmp_path, GOOD, name)
    assert check(path).labels == ("smile", "frown", "other")


def test_labels_may_be_called_labels_txt_and_lie_where_a_link_leads(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "trained.tflite").write_bytes(GOOD)
    (tmp_path / "export" / "labels.txt").write_text("a\nb\nc\n")
    assert check(tmp_path / "export" / "trained.tflite").labels == ("a", "b", "c")
    (tmp_path / "link.tflite").symlink_to(tmp_path / "export" / "trained.tflite")
    assert check(tmp_path / "link.tflite").labels == ("a", "b", "c")
    (tmp_path / "link.txt").write_text("d\ne\nf\n")
    assert check(tmp_path / "link.tflite").labels == ("d", "e", "f")


def test_an_old_firmware_lacks_operators_and_is_told_what_to_set(tmp_path):
    path = put(tmp_path, free_batch())
    assert check(path, firmware=NEWEST).notes == ()
    with pytest.raises(
        ModelError, match=r"uses PACK, SHAPE, .*before v4\.5\.6 .*give Input batch_size=1 and convert again"
    ):
        check(path, firmware=OLDEST)
    path = put(tmp_path, with_operator(schema.BuiltinOperator.ELU))
    with pytest.raises(
        ModelError, match=r"uses ELU, which firmware before v4\.5\.6 lacks: update the firmware in OpenMV IDE"
    ):
        check(path, firmware=OLDEST)


@needs_tflm
def test_file_and_arena_are_weighed_together(tmp_path):
    """An H7 has room for an arena of 150 KB where the file is small."""
    wide = check(put(tmp_path, model(filters=64, stride=1)), limits=SMALL_HEAP)
    assert wide.file_bytes < 9_000
    assert wide.arena_bytes > 150_000
    larger = put(tmp_path, model(filters=64, stride=1) + bytes(20_000))
    with pytest.raises(
        ModelError,
        match=r"its file takes 23,9\d\d bytes and its arena 151,856; the most for an OpenMV Cam H7 .* 163,872",
    ):
        check(larger, limits=SMALL_HEAP)
    for board in ("nicla", "h7plus", "rt1062"):
        check(larger, limits=find_board(board).limits)


@needs_tflm
@pytest.mark.parametrize(("size", "filters", "file"), [(96, 17, 300_000), (96, 19, 600_000)])
def test_what_studio_makes_for_an_h7_plus_runs_there(tmp_path, size, filters, file):
    """Its MobileNets: arenas of 162 to 187 KB, files of 300 to 600 KB."""
    data = model(size=size, filters=filters, stride=1)
    found = check(put(tmp_path, data + bytes(file - len(data))), limits=find_board("h7plus").limits)
    assert 160_000 < found.arena_bytes < 190_000


@needs_tflm
@pytest.mark.parametrize(
    "data",
    [
        pointing_nowhere(),
        changed(GOOD, lambda _, graph: setattr(graph.operators[-1], "inputs", [])),
    ],
    ids=["a buffer that is not there", "an operator without input"],
)
def test_a_model_that_ends_tflm_or_is_refused_by_it_is_a_sentence(tmp_path, data):
    with pytest.raises(ModelError, match=r"net\.tflite: .*(is damaged|refuses it)"):
        check(put(tmp_path, data))
