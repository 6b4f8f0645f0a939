"""The learning block: bad arrays get an error message, the Docker context is complete, the three files fulfill the contract."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from emotion_camera.boards import LARGE_HEAP, SMALL_HEAP
from emotion_camera.errors import UserError
from emotion_camera.model import metadata
from emotion_camera.model.contract import check
from emotion_camera.model.tflite import describe
from emotion_training.learning_block import arrays, info
from emotion_training.learning_block.__main__ import main
from emotion_training.learning_block.docker_context import write
from made_faces import ROOT, faces

FILES = ["model.tflite", "model_quantized_int8_io.tflite", "saved_model.zip"]
NAMES = ("covered", "happy", "Sad")  # one class that the model does not know, and two that it knows in another order


def studio_arrays(count: int, seed: int, size: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Arrays as Studio writes them: `count` faces of each of NAMES; "covered" is a face with its lower half covered."""
    images = [faces(emotion, count, seed) for emotion in ("surprise", "happy", "sad")]
    images[0][:, 26:] = 60
    array = np.concatenate(images).repeat(size // 48, axis=1).repeat(size // 48, axis=2)
    return array[..., np.newaxis] / np.float32(255), np.eye(3, dtype=np.float32)[np.arange(3).repeat(count)]


def store(folder: Path, size: int = 48, count: int = 16, **other: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part, seed, number in (("train", 3, count), ("test", 4, max(2, count // 4))):
        for name, array in zip(("X", "Y"), studio_arrays(number, seed, size), strict=True):
            np.save(folder / f"{name}_split_{part}.npy", other.get(f"{name}_{part}", array))
    return folder


def refused(folder: Path, capsys: pytest.CaptureFixture, *more: str) -> str:
    """The block's error message for the arrays in `folder`; it exits with 1 and writes nothing."""
    out = folder.parent / "out"
    assert main(["--data-directory", str(folder), "--out-directory", str(out), *more]) == 1
    assert not out.exists()
    message = capsys.readouterr().err
    assert message.startswith("learning block: ")
    assert message.count("\n") == 1
    return message


X, Y = studio_arrays(4, 3)
NAN = X.copy()
NAN[3, 5, 5] = np.nan


@pytest.mark.parametrize(
    ("which", "array", "message"),
    [
        (
            "X_train",
            X.repeat(3, axis=3),
            "three color channels; set the image block's colour depth to Grayscale in Studio",
        ),
        (
            "X_train",
            X.repeat(3, axis=3).reshape(12, -1),
            "three color channels; set the image block's colour depth to Grayscale in Studio",
        ),
        ("X_train", X[:, :40], "not that of square grayscale pictures; set the image size to 48 x 48"),
        ("X_train", X.reshape(12, -1)[:, :2000], "not that of square grayscale pictures"),
        ("X_train", X[:, :16, :16], "the pictures are 16 x 16; from 24 to 320 are supported"),
        ("X_train", X * 255, "not within 0 to 1; set the block's image scaling to pixels ranging 0..1"),
        ("X_test", X * 2 - 1, "X_split_test.npy: has pixels from -1 to"),
        ("X_train", (X * 255).astype(np.uint8), "pixels are of the type uint8, not float"),
        ("X_train", NAN, "a pixel that is not a number"),
        ("X_train", X[:0], "X_split_train.npy: is empty; add pictures"),
        ("X_test", X[:0], "X_split_test.npy: is empty; set a larger validation set"),
        ("X_test", X[:, ::2, ::2], "the test arrays have another shape"),
        ("X_train", X[:7], "has 7 pictures, but Y_split_train.npy has 12 labels"),
        ("Y_train", Y[:, [0, 1, 1]] * [1, 1, 0], "is not one-hot"),
        ("Y_train", Y * [1, 1, 0] + Y[:, [2, 0, 1]] * [1, 0, 0], "column 3 of 3 has no training picture"),
        ("Y_train", Y * 0.31, "holds regression targets, not classes"),
        ("Y_train", np.linspace(0, 9, 12, dtype=np.float32), "holds regression targets, not classes"),
        ("Y_test", np.eye(2)[np.zeros(12, int)], "the test arrays have another shape"),
    ],
)
def test_arrays_that_cannot_be_trained_on_get_an_error_message(tmp_path, capsys, which, array, message):
    stored = {"X_train": X, "X_test": X, "Y_train": Y, "Y_test": Y} | {which: array}
    assert message in refused(store(tmp_path / "data", **stored), capsys)


def test_one_class_is_not_enough(tmp_path, capsys):
    one = np.ones((12, 1), np.float32)
    assert "has 1 classes; from 2 to 100 are supported" in refused(
        store(tmp_path / "data", X_train=X, X_test=X, Y_train=one, Y_test=one), capsys
    )


def test_files_that_are_missing_cut_or_of_boxes_are_refused(tmp_path, capsys):
    data = store(tmp_path / "data", count=4)
    path = data / "X_split_test.npy"
    whole = path.read_bytes()
    for left in (b"", whole[:60], whole[:-5]):
        path.write_bytes(left)
        assert "X_split_test.npy: is cut short or not a NumPy array" in refused(data, capsys)
    path.unlink()
    assert "X_split_test.npy: no such file; give the folder that edge-impulse-blocks" in refused(data, capsys)
    path.write_bytes(whole)
    (data / "Y_split_train.npy").write_text('[{"sampleId": 1, "boundingBoxes": [{"label": 1, "x": 2}]}]')
    assert "holds bounding boxes for object detection; set the project's labeling method" in refused(data, capsys)


def test_a_class_without_pictures_is_named(tmp_path, capsys):
    info_file = tmp_path / "train_input.json"
    info_file.write_text(json.dumps({"classes": NAMES, "mode": "classification"}))
    data = store(tmp_path / "data", count=4, Y_train=np.eye(3)[[0] * 6 + [2] * 6])
    assert "column 2 of 3 (happy) has no training picture" in refused(data, capsys, "--info-file", str(info_file))


def test_both_forms_of_image_and_label_arrays_are_read(tmp_path):
    plain = arrays.read(store(tmp_path / "plain", count=4))
    rows = np.stack([Y.argmax(axis=1) + 1, np.arange(12) + 9_000, np.zeros(12), np.zeros(12)], axis=1).astype(np.int32)
    flat = arrays.read(
        store(tmp_path / "flat", count=4, X_train=X.reshape(12, -1), Y_train=rows, Y_test=rows[[0, 1, 4, 5, 8, 9]])
    )
    assert plain.classes == flat.classes == 3
    assert np.array_equal(plain.train.images, flat.train.images)
    assert np.array_equal(plain.train.images[..., np.newaxis], np.rint(X * 255))
    assert plain.train.labels.tolist() == flat.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_class_names_are_optional(tmp_path, capsys):
    path = tmp_path / "train_input.json"
    assert info.class_names(path) is None
    for content in ("{", "[]", '{"classes": 3}', '{"classes": null, "mode": "classification"}'):
        path.write_text(content)
        assert info.class_names(path) is None
        assert "all are trained as new classes" in capsys.readouterr().out
    path.write_text('{"classes": ["a", "b"]}')
    assert info.class_names(path) == ("a", "b")
    path.write_text('{"classes": ["a", "b"], "mode": "regression"}')
    with pytest.raises(UserError, match="is for regression, and this block trains a classifier"):
        info.class_names(path)


@pytest.mark.parametrize("wrong", [["--epochs", "0"], ["--learning-rate", "nan"], ["--augmentation", "1.5"]])
def test_an_invalid_setting_is_wrong_usage(tmp_path, wrong):
    with pytest.raises(SystemExit, match="2"):
        main(["--data-directory", str(tmp_path), "--out-directory", str(tmp_path / "out"), *wrong])


def test_an_output_folder_that_cannot_be_written_is_reported_before_training(tmp_path, capsys):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        data = store(tmp_path / "data", count=4)
        assert main(["--data-directory", str(data), "--out-directory", str(out)]) == 1
        assert f"learning block: {out}: " in capsys.readouterr().err


def test_divergence_and_a_large_quantization_loss_are_reported(monkeypatch, capsys):
    pytest.importorskip("keras", reason="the block needs TensorFlow (requirements.txt)")
    from emotion_training.learning_block import files, train

    settings = train.Settings(epochs=3, learning_rate=0.5, augmentation=0, from_model=False)
    with pytest.raises(UserError, match=r"the loss diverged; lower the learning rate \(0.5\)"):
        train.EpochLog(settings).on_epoch_end(0, {"loss": float("nan")})
    test = arrays.Split(np.zeros((100, 48, 48), np.uint8), np.zeros(100, np.int64))
    answers = np.eye(2)[np.zeros(100, int)]
    network = SimpleNamespace(predict=lambda *_, **__: answers)
    for lost, warned in ((2, False), (3, True)):
        monkeypatch.setattr(files, "scores", lambda *_, lost=lost: np.eye(2)[[1] * lost + [0] * (100 - lost)])
        files._print_accuracy(network, Path("net.tflite"), test)
        assert (f"quantization loses {lost}.0 percentage points of accuracy" in capsys.readouterr().out) == warned


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("block") / "emotion"
    write(folder)
    return folder


def run(block: Path, *arguments: str | Path) -> subprocess.CompletedProcess:
    """Run the block as its container does, in its own folder."""
    command = [sys.executable, "-u", "-m", "emotion_training.learning_block", *map(str, arguments)]
    return subprocess.run(command, cwd=block, capture_output=True, text=True)


def test_the_context_has_what_the_dockerfile_copies_and_starts(block):
    lines = (block / "Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]]
    assert copied == ["requirements.txt", "emotion_camera", "emotion_training"]
    assert all((block / name).exists() for name in copied)
    entry = json.loads(lines[-1].removeprefix("ENTRYPOINT "))
    assert entry[:3] == ["python", "-u", "-m"]
    assert (block / entry[3].replace(".", "/") / "__main__.py").is_file()
    assert {file.suffix for file in block.rglob("emotion_*/**/*") if file.is_file()} == {".py", ".tflite", ".txt"}


def test_the_parameters_are_those_of_the_program(block):
    description = json.loads((block / "parameters.json").read_text())
    assert (description["version"], description["type"]) == (1, "machine-learning")
    assert (description["info"]["operatesOn"], description["info"]["imageInputScaling"]) == ("image", "0..1")
    usage = run(block, "--help").stdout
    for parameter in description["parameters"]:
        assert parameter["type"] in ("int", "float", "select")
        assert f"--{parameter['param']} " in usage
        assert f"(default {parameter['value']})" in " ".join(usage.split())
        for choice in parameter.get("valid", ()):
            assert choice["value"] in usage


def test_the_pins_are_those_of_the_repository(block):
    pinned = {line.split("  #")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()}
    own = [line for line in (block / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(own) > 4
    assert set(own) <= pinned


def test_mistakes_are_reported_before_tensorflow_is_loaded(block, tmp_path):
    program = (
        "import sys; from emotion_training.learning_block.__main__ import main;"
        f"print(main(['--data-directory', {str(tmp_path)!r}, '--out-directory', 'out', '--new-of-studio', '7']));"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=block, capture_output=True, text=True)
    assert done.stdout.splitlines()[-2:] == ["1", "set()"]
    assert "ignored unknown arguments: --new-of-studio 7" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_empty_is_refused_and_an_empty_one_taken(tmp_path):
    command = [sys.executable, "-m", "emotion_training", "learning-block", str(tmp_path / "block")]
    (tmp_path / "block").mkdir()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "edge-impulse-blocks push" in done.stdout
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 1
    assert "exists and is not an empty folder" in again.stderr
    assert [it.name for it in tmp_path.iterdir()] == ["block"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "start", "epochs", "min_accuracy", "message"),
    [
        (48, "model", 2, 0.8, "fine-tuning emotion.tflite: it knows 2 of 3 classes"),
        (48, "nothing", 8, 0.8, "epoch 8 of 8: loss"),
        (96, "model", 2, 0, "the emotion model takes 48 x 48 pixels, the images have 96: training from scratch"),
    ],
)
def test_the_block_alone_writes_three_files_that_fulfill_the_contract(
    block, tmp_path, size, start, epochs, min_accuracy, message
):
    pytest.importorskip("keras", reason="the block needs TensorFlow (requirements.txt)")
    data, out, info_file = store(tmp_path / "data", size), tmp_path / "deep" / "out", tmp_path / "train_input.json"
    info_file.write_text(json.dumps({"classes": NAMES, "mode": "classification", "yType": "npy"}))
    done = run(
        block, "--data-directory", data, "--out-directory", out, "--info-file", info_file, "--epochs", epochs, "--learning-rate",
        0.001, "--augmentation", 0.5, "--start", start, "--new-of-studio", 7,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert message in done.stdout
    assert not set("\r\b") & set(done.stdout)
    assert "accuracy on 12 validation images: float32" in done.stdout
    assert sorted(it.name for it in out.iterdir()) == FILES
    names = tmp_path / "names.txt"
    names.write_text("\n".join(NAMES) + "\n")
    model = check(out / FILES[1], names, SMALL_HEAP if size == 48 else LARGE_HEAP)
    assert model.input_size == size
    noted = metadata.read((out / FILES[1]).read_bytes(), 3)
    assert noted is not None
    assert (noted.selftest is not None) == (size == 48)
    accuracy = check_agreement(out, data)
    assert accuracy >= min_accuracy


def check_agreement(out: Path, data: Path) -> float:
    """The accuracy of the float file on the validation images, after checks that SavedModel and int8 file agree with it."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter
    from emotion_camera.model.interpreter import scores

    pictures, wanted = np.load(data / "X_split_test.npy"), np.load(data / "Y_split_test.npy")
    found = describe(out / FILES[0])
    assert (found.inputs[0].dtype, found.outputs[0].dtype) == ("float32", "float32")
    interpreter = Interpreter(str(out / FILES[0]))
    given, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.resize_tensor_input(given, pictures.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given, pictures)
    interpreter.invoke()
    answers = interpreter.get_tensor(result)
    with zipfile.ZipFile(out / FILES[2]) as packed:
        packed.extractall(out / "unpacked")
    served = tf.saved_model.load(str(out / "unpacked" / "saved_model")).signatures["serving_default"]
    np.testing.assert_allclose(next(iter(served(tf.constant(pictures)).values())), answers, atol=1e-4)
    small = scores(out / FILES[1], np.rint(pictures[..., 0] * 255).astype(np.uint8))
    np.testing.assert_allclose(small, answers, atol=0.1)
    return float((answers.argmax(axis=1) == wanted.argmax(axis=1)).mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "classes", "limits"),
    [
        (48, 100, SMALL_HEAP),
        (48, 12, SMALL_HEAP),
        (72, 100, LARGE_HEAP),
        (97, 2, LARGE_HEAP),
        (320, 2, LARGE_HEAP),
    ],
)
def test_any_size_and_number_of_classes_keeps_the_limits(tmp_path, size, classes, limits):
    pytest.importorskip("keras", reason="the block needs TensorFlow (requirements.txt)")
    from emotion_training.export.convert import convert
    from emotion_training.learning_block import train

    path = tmp_path / "net.tflite"
    pictures = np.random.default_rng(1).integers(0, 256, (3, size, size), np.uint8)
    path.write_bytes(convert(train.build(size, classes), pictures))
    path.with_suffix(".txt").write_text("".join(f"{it}\n" for it in range(classes)))
    assert check(path, limits=limits).input_size == size
