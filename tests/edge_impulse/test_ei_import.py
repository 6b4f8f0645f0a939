"""A model from Studio's download: what fits is written whole with labels and card; what does not is named in Studio's words."""

import argparse
import hashlib
import json
import stat
import sys
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.__main__ import main
from emotion_camera.boards import find_board
from emotion_camera.commands.edge_impulse import archive, import_model, install
from emotion_camera.errors import ModelError, UserError
from emotion_camera.model.contract import check
from emotion_camera.simulator import Line, run
from emotion_camera.simulator.host import networks
from emotion_camera.simulator.host.sources import Source
from emotion_camera.simulator.program import program_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from small_models import model, pointing_nowhere, put
from studio_models import LABELS, download, zipped

ROOT = Path(__file__).parents[2]
DEFAULT_MODEL = ROOT / "models" / "emotion.tflite"


def take(path: Path, *words: str) -> int:
    """`edge-impulse import` of a file, into the folder `models` beside it."""
    parser = argparse.ArgumentParser()
    import_model.add_arguments(parser)
    return import_model.run(parser.parse_args([str(path), "--out", str(path.parent / "models"), *words]))


def written(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "models").glob("*")) if (folder / "models").exists() else []


# What fits


@pytest.mark.parametrize("size", [48, 64, 96])
@pytest.mark.parametrize("labels", [LABELS, ("wütend", "not sure", "7")])
def test_a_model_that_fits_is_written_with_labels_and_card(tmp_path, capsys, size, labels):
    data = download(model(size), "".join(f"{it}\n" for it in labels))
    assert take(put(tmp_path / "ei-faces-openmv-v3.zip", data)) == 0
    assert written(tmp_path) == ["faces_v3.md", "faces_v3.tflite", "faces_v3.txt"]
    path = tmp_path / "models" / "faces_v3.tflite"
    found = check(path)
    assert (found.labels, found.input_size) == (labels, size)
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    for fact in (hashlib.sha256(path.read_bytes()).hexdigest(), hashlib.sha256(data).hexdigest(), f"{size} x {size}"):
        assert fact in card
    assert "not measured" in card
    said = capsys.readouterr().out
    assert f"emotion-camera demo --model {path}" in said
    assert f"emotion-camera deploy --model {path}" in said


@pytest.mark.parametrize("text", ["\ufeffsmile \r\nfrown\r\n other\r\n\r\n  \n", "smile\nfrown\nother"])
def test_labels_are_made_plain(tmp_path, text):
    take(put(tmp_path / "one.zip", download(model(), text, folder="ei-one/")))
    assert (tmp_path / "models" / "one.txt").read_bytes() == b"smile\nfrown\nother\n"


@pytest.mark.parametrize("size", [64, 96])
@pytest.mark.parametrize("firmware", ["v4.5.5", "v4.7", "v4.8", "v5.0"])
def test_the_camera_program_runs_it(tmp_path, size, firmware):
    """device/main.py, unmodified, on the simulator, as it runs the project's own model."""
    take(put(tmp_path / "mine.zip", download(model(size))))
    picture = Image.new("L", (320, 240), 128)
    with Image.open(ROOT / "tools" / "emotion_camera" / "simulator" / "assets" / "average_faces" / "happy.png") as face:
        picture.paste(face.resize((120, 120)), (100, 50))
    source = Source("a face", 10, lambda: iter([np.asarray(picture)] * 3))
    events = run(**program_for("h7", tmp_path / "models" / "mine.tflite"), firmware=firmware, board="h7", source=source)
    reports = [json.loads(it.text) for it in events if isinstance(it, Line) and it.text.startswith("{")]
    assert reports[0]["event"] == "ready"
    assert tuple(reports[0]["labels"]) == LABELS
    faces = [report["faces"][0] for report in reports if "faces" in report]
    assert len(faces) == 3
    assert sum(faces[0]["scores"]) == pytest.approx(1, abs=0.02)
    assert not [report for report in reports if report.get("event") == "error"]


def test_the_simulator_has_the_memory_for_a_small_file_that_works_in_much(tmp_path):
    """TFLM's own default, ten times the file, is too little for it."""
    path = put(tmp_path / "mine.tflite", model(96, filters=32))
    network = networks.load(path, find_board("h7"))
    assert network.arena > 10 * path.stat().st_size
    assert network.run(np.zeros((1, 96, 96, 1), np.int8))[0].shape == (1, 3)


# What does not


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"kind": "float32"}, r"float32.* Quantized \(int8\)"),
        ({"channels": 3}, "Color depth to Grayscale"),
        ({"size": 96, "height": 64}, "sees 96 x 64 pixels.* 48 x 48, 64 x 64 or 96 x 96"),
        ({"finds_objects": True}, "finds objects.* Classification or Transfer Learning"),
        ({"classes": 1}, "one number"),
        ({"classes": 4}, "4 outputs, but its labels.txt names 3"),
        ({"scale": 0.5}, r"pixels from 0 to 128, which is no range.* Image block as it is"),
        ({"scale": 0.9 / 255}, "pixels from 0 to 0.9, which is no range.* black and white"),
        ({"dense_scales": True}, "disable_per_channel_quantization = True"),
        ({"last": "HASHTABLE_LOOKUP"}, "uses HASHTABLE_LOOKUP, which the camera's firmware lacks"),
        ({"size": 320, "filters": 250}, "arena 1,7.*H7 Plus.* MobileNetV1 0.1"),
    ],
)
def test_what_does_not_fit_is_told_in_studios_words(tmp_path, made, said):
    if "filters" in made:
        pytest.importorskip("tflite_micro", reason="the arena is not known on this machine")
    with pytest.raises(ModelError, match=said) as error:
        take(put(tmp_path / "ei-x.zip", download(model(**made))))
    assert str(error.value).startswith("ei-x.zip: ")
    assert str(tmp_path) not in str(error.value)
    assert written(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smile\n\nother\n", "line 2 is blank; rename the labels in Studio"),
        ("smile\nsmile\nother\n", "twice"),
        ("a\x07\nb\nc\n", "nobody sees .*; rename the labels in Studio"),
    ],
)
def test_labels_that_the_camera_can_not_use(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        take(put(tmp_path / "x.zip", download(model(), text)))
    assert written(tmp_path) == []


def test_a_model_that_ends_whoever_reads_it_does_not_end_import(tmp_path):
    pytest.importorskip("tflite_micro", reason="models are not read by TFLM on this machine")
    with pytest.raises(ModelError, match="damaged"):
        take(put(tmp_path / "x.zip", download(pointing_nowhere())))
    assert written(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("per_tensor", [True, False])
def test_a_keras_network_as_studio_converts_it(tmp_path, per_tensor):
    """A network like those of its Classification block, by TensorFlow's converter; dense scales are what the sentence is about."""
    tf = pytest.importorskip("tensorflow", reason="needs the extra training")
    from keras import Sequential, layers

    network = Sequential([layers.Input((96, 96, 1), batch_size=1)])
    for filters in (8, 16):
        network.add(layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu"))
        network.add(layers.MaxPooling2D())
    for layer in (layers.Flatten(), layers.Dropout(0.25), layers.Dense(3, activation="softmax")):
        network.add(layer)
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    pictures = np.random.default_rng(1).random((4, 1, 96, 96, 1), np.float32)
    pictures[0].flat[:2] = 0, 1
    converter.representative_dataset = lambda: ([picture] for picture in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel = per_tensor
    path = put(tmp_path / "x.zip", download(converter.convert()))
    if not per_tensor:
        with pytest.raises(ModelError, match="disable_per_channel_quantization"):
            take(path)
        return
    take(path)
    assert check(tmp_path / "models" / "x.tflite").labels == LABELS


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["edge-impulse-sdk/porting/a.cpp", "model-parameters/m.h", "tflite-model/t.cpp"], r"a C\+\+ library"),
        (["faces_inferencing/library.properties", "faces_inferencing/src/edge-impulse-sdk/a.h"], "an Arduino library"),
        (["info.labels", "training/happy.1.png"], "a data export"),
        (["edge_impulse_firmware_openmv_cam_h7.bin", "ei_image_classification.py"], "an OpenMV firmware"),
        (["firmware.hex", "flash_linux.sh"], "a firmware for a board"),
        (["model.eim"], "an .eim"),
        (["edge-impulse-standalone.wasm"], "a WebAssembly"),
        (["saved_model/saved_model.pb"], "a TensorFlow SavedModel"),
        (["a/b/trained.tflite", "notes.txt"], "holds no trained.tflite, but a/b/trained.tflite"),
        (["trained.tflite", "else/labels.txt"], "no labels.txt beside trained.tflite"),
        (["trained.tflite", "a/trained.tflite", "labels.txt"], "2 files trained.tflite"),
        (["trained.tflite", "labels.txt", "ei_object_detection.py"], "One label per data item"),
        ([], "is empty|not a zip"),
    ],
)  # fmt: skip
def test_another_download_is_named(names, said):
    with pytest.raises(UserError, match=said) as error:
        archive.open_export(zipped(dict.fromkeys(names, b"x")), "x.zip")
    assert "OpenMV library" in str(error.value) or "Create impulse" in str(error.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x7fELF" + bytes(99), "looks like an .eim"),
        (model(), "a model without its labels"),
        (b'{"success":false}', "JSON"),
        (b"", "not a zip"),
        (download(model())[:-9], "cut short"),
        (download(model())[:500], "cut short"),
    ],
)
def test_what_is_no_whole_zip_is_named(data, said):
    with pytest.raises(UserError, match=said):
        archive.open_export(data, "x.zip")


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "C:/outside", "a\\..\\..\\outside"])
def test_paths_that_lead_out_are_refused(name):
    files = {"trained.tflite": model(), "labels.txt": "a\nb\nc\n", name: "x"}
    with pytest.raises(UserError, match="leads out of it"):
        archive.open_export(zipped(files), "x.zip")


def test_links_bombs_and_encryption_are_refused(tmp_path):
    link = zipfile.ZipInfo("trained.tflite")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(UserError, match="a link"):
        archive.open_export(zipped({link: "/etc/passwd", "labels.txt": "a"}), "x.zip")
    with pytest.raises(UserError, match="60 MB, more than any camera takes"):
        archive.open_export(zipped({"trained.tflite": bytes(60_000_000), "labels.txt": "a"}), "x.zip")
    locked = bytearray(download(model()))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + flags] |= 1
    with pytest.raises(UserError, match="is encrypted"):
        archive.open_export(bytes(locked), "x.zip")
    with pytest.raises(UserError, match="is a folder"):
        archive.read_file(tmp_path)
    with pytest.raises(UserError, match="can't be read"):
        archive.read_file(tmp_path / "gone.zip")


def test_a_file_that_unpacks_to_more_than_it_says_does_not_fill_the_memory():
    data = bytearray(zipped({"trained.tflite": bytes(200_000_000), "labels.txt": "a\n"}))
    for mark, size in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(mark) + size
        data[at : at + 4] = (1000).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(UserError, match="cut short or damaged"):
        archive.open_export(bytes(data), "x.zip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_table_of_contents_without_end_is_not_read():
    data = bytearray(download(model()))
    at = data.rindex(b"PK\x05\x06") + 12
    data[at : at + 4] = (50_000_000).to_bytes(4, "little")
    with pytest.raises(UserError, match="more files than any model"):
        archive.open_export(bytes(data), "x.zip")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_the_bytes_only_sentences_come_and_nothing_lies_about(data):
    """Any bytes, a download with bytes changed, and a whole one with a damaged model: two errors alone, all files or none."""
    whole, inner = download(model()), bytearray(model())
    kind = data.draw(st.sampled_from(["any", "zip", "model", "cut"]))
    changed = bytearray(inner if kind == "model" else whole)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    given = {
        "any": data.draw(st.binary(max_size=300)),
        "zip": bytes(changed),
        "model": download(bytes(changed)),
        "cut": whole[: data.draw(st.integers(0, len(whole)))],
    }[kind]
    with tempfile.TemporaryDirectory() as name:
        folder, refused = Path(name), ""
        try:
            take(put(folder / "x.zip", given))
        except UserError as error:
            refused = str(error)
        assert written(folder) == ([] if refused else ["x.md", "x.tflite", "x.txt"])
        assert "\n" not in refused
        assert {path.name for path in folder.iterdir()} <= {"x.zip", "models"}


# Names and places


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("ei-faces-openmv-v3.zip", "faces_v3"),
        ("ei-my.Faces-openmv-v12 (1).zip", "my_faces_v12_1"),
        ("ei-été-openmv-v1.zip", "ete_v1"),
        ("ei-openmv.zip", "model"),
        ("ei-" + "long" * 30 + ".zip", ("long" * 30)[:40]),
    ],
)
def test_a_name_is_made_of_the_downloads(file, name):
    assert install.name_for(file) == name
    assert install.check_name(name) == name


@pytest.mark.parametrize("name", ["a.b", "a/b", "", "..", "é", "x" * 41, "emotion", "Emotion_Plus"])
def test_a_name_that_can_not_be_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"plain letters|comes with this project"):
        take(put(tmp_path / "x.zip", download(model())), "--name", name or " ")
    assert written(tmp_path) == []


def test_nothing_is_overwritten_unless_asked_and_then_only_what_came_from_studio(tmp_path):
    first, second = put(tmp_path / "x.zip", download(model(48))), put(tmp_path / "y.zip", download(model(64)))
    take(first)
    with pytest.raises(UserError, match="--force"):
        take(second, "--name", "x")
    assert check(tmp_path / "models" / "x.tflite").input_size == 48
    take(second, "--name", "x", "--force")
    assert check(tmp_path / "models" / "x.tflite").input_size == 64
    own = put(tmp_path / "models" / "own.tflite", DEFAULT_MODEL.read_bytes())
    with pytest.raises(UserError, match="did not come from Studio"):
        take(second, "--name", "own", "--force")
    assert own.read_bytes() == DEFAULT_MODEL.read_bytes()


@pytest.mark.parametrize("failing", ["x.md", "x.txt", "x.tflite"])
def test_all_three_files_or_those_from_before(tmp_path, monkeypatch, failing):
    take(put(tmp_path / "x.zip", download(model(48))))
    before = {path.name: path.read_bytes() for path in (tmp_path / "models").iterdir()}
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target == tmp_path / "models" / failing and self.parent.name != "before":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    put(tmp_path / "x.zip", download(model(64)))
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UserError, match="No space left"):
        take(tmp_path / "x.zip", "--force")
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in (tmp_path / "models").iterdir()} == before


def test_the_command_line_says_it_in_one_line(tmp_path, monkeypatch, capsys):
    path = put(tmp_path / "ei-x.zip", zipped({"info.labels": "{}"}))
    words = ["edge-impulse", "import", str(path)]
    monkeypatch.setattr(sys, "argv", ["tools", *words])
    assert main(words) == 1
    assert capsys.readouterr().err == (
        "edge-impulse: ei-x.zip: looks like a data export, pictures and not a model; "
        "choose in Studio: Deployment, OpenMV library, Quantized (int8), Build\n"
    )
