"""The trainings in PyTorch: their augmentation, resume to the same weights, soft targets, and networks that Keras reads."""

import json
import os
import re
import signal
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import made_targets
import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.model.contract import DEFAULT_MODEL
from emotion_camera.model.interpreter import camera_scores
from emotion_training import steps
from emotion_training.data.fer2013 import Faces, load
from emotion_training.export.tflite_to_keras import read_start
from emotion_training.fit import distillation
from emotion_training.fit.network import SHAPES, Shape
from emotion_training.fit.recipes import RECIPES, TEACHERS, Recipe, Stage, Teacher, TrainConfig
from emotion_training.fit.run_folder import read_history
from emotion_training.fit.training_data import TrainingData, training_data

pytest.importorskip("torch", reason="needs PyTorch (the extra pytorch)")

import torch
from emotion_training.fit.pytorch import fit, networks, teachers
from emotion_training.fit.pytorch.augment import augment
from emotion_training.fit.pytorch.start import start_from

torch.set_num_threads(1)  # two that wait for each other on a busy machine are slower than one
ROOT = Path(__file__).parents[2]
SMALL = Shape(8, (12, 16), 1, 0, dropout=0.3, kernel=4, stride=2)
STAGE = Stage(3, 0.05, batch_size=32, warmup_epochs=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A tiny FER2013 with votes, in which each emotion is a bright bar at a height of its own."""
    rng = np.random.default_rng(4)
    label = np.arange(240).astype(np.uint8) % 7
    images = rng.integers(0, 120, (240, 48, 48), np.uint8)
    for image, emotion in zip(images, label, strict=True):
        image[6 * emotion + 2 : 6 * emotion + 8] += 130
    votes = np.zeros((240, 10), np.uint8)
    votes[np.arange(240), np.array([4, 5, 6, 1, 3, 2, 0])[label]] = 10
    path = tmp_path_factory.mktemp("data") / "fer2013.npz"
    usage = np.repeat(np.array([0, 1], np.uint8), [160, 80])
    np.savez(path, images=images, label=label, usage=usage, votes=votes)
    return path


@pytest.fixture(scope="module")
def given(data) -> TrainingData:
    return training_data(load(data))


@pytest.fixture
def tiny(monkeypatch) -> dict[str, Teacher]:
    """Two teachers, "one" and "two", in the place of the real ones."""
    made = {
        "one": Teacher("vgg", (8, 8, 8, 8), replace(STAGE, hard_label_weight=0.1, seed=1)),
        "two": Teacher("resnet", (8, 16), replace(STAGE, hard_label_weight=0.8, seed=2)),
    }
    for name in list(TEACHERS):
        monkeypatch.delitem(TEACHERS, name)
    for name, teacher in made.items():
        monkeypatch.setitem(TEACHERS, name, teacher)
    return made


def trained(data: TrainingData, run: Path, stage: Stage = STAGE, targets: np.ndarray | None = None) -> torch.nn.Module:
    run.mkdir(exist_ok=True)
    torch.manual_seed(stage.seed)
    targets = data.targets(stage) if targets is None else targets
    return fit.fit(networks.camera(SMALL), data, targets, stage, run)


def losses(run: Path) -> list[float]:
    return [epoch["loss"] for epoch in read_history(run)]


# Augmentation


def picture() -> torch.Tensor:
    """100 faces uint8 [100, 1, 48, 48] that get brighter to the right and the bottom."""
    ramp = np.add.outer(np.arange(48), 3 * np.arange(48)).astype(np.uint8)
    return torch.from_numpy(ramp).expand(100, 1, 48, 48)


def draw(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_same_draw_gives_the_same_faces_and_another_one_others():
    once, again, other = (augment(picture(), draw(seed)) for seed in (1, 1, 2))
    assert once.shape == (100, 1, 48, 48)
    assert once.dtype == torch.float32
    assert 0 <= float(once.min()) <= float(once.max()) <= 1
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_strength_0_mirrors_half_of_the_faces_and_changes_nothing_else():
    faces = picture()
    seen = augment(faces, draw(), strength=0) * 255
    plain = (seen - faces).abs().amax((1, 2, 3)) < 0.01
    mirrored = (seen - faces.flip(3)).abs().amax((1, 2, 3)) < 0.01
    assert bool((plain ^ mirrored).all())
    assert 30 < int(mirrored.sum()) < 70


def test_grey_stays_grey_but_for_light_noise_and_a_box():
    """A picture without features shows that what is moved in from outside is the edge, not black."""
    from emotion_training.fit.pytorch.augment import _move

    grey = torch.full((100, 1, 48, 48), 128, dtype=torch.uint8)
    assert float((_move(grey.float(), draw(), 1) - 128).abs().max()) < 0.01
    middle = (augment(grey, draw()) * 255).mean((1, 2, 3))
    assert 50 < float(middle.min()) < float(middle.max()) < 205


def test_a_face_is_moved_by_no_more_than_the_ranges():
    """A dot in the middle goes as far as the shift, one at the side as far as shift, scale, shear and roll together."""
    from emotion_training.data.augment import ASPECT, ROLL, SCALE, SHEAR, SHIFT
    from emotion_training.fit.pytorch.augment import _move

    def places(x: int, y: int) -> np.ndarray:
        """Where the dot is seen, from the middle, in pixels [n, 2]; what left the picture is passed over."""
        dot = torch.zeros(400, 1, 48, 48)
        dot[:, :, y - 1 : y + 2, x - 1 : x + 2] = 255
        seen = _move(dot, draw(), 1)[:, 0]
        weight = seen.sum((1, 2))
        across, down = (torch.arange(48.0) - 23.5).expand(48, 48), (torch.arange(48.0) - 23.5).expand(48, 48).T
        found = torch.stack([(seen * it).sum((1, 2)) for it in (across, down)], 1) / weight[:, None]
        return found[weight > 500].numpy()

    zoom = (1 + ASPECT) / (1 - SCALE)
    shift = np.hypot(SHIFT, SHIFT) * 48 * zoom * (1 + SHEAR)
    moved = np.hypot(*places(24, 24).T)
    assert 0.4 * shift < moved.max() < shift + 1.5
    still = (1 + SCALE) * (1 + ASPECT)
    moved = np.hypot(*places(34, 24).T)
    assert 10.5 / still - shift - 1 < moved.min()
    assert moved.max() < 10.5 * zoom * (1 + SHEAR) + shift + 1.5
    tilted = _move(picture().float()[:, :, :1].expand(100, 1, 48, 48).contiguous(), draw(), 1)[:, 0, 12:36, 12:36]
    rise, run = tilted.diff(dim=1).mean((1, 2)), tilted.diff(dim=2).mean((1, 2)).abs()
    slope = np.degrees(np.arctan2(rise.abs().numpy(), run.numpy()))
    most = ROLL + np.degrees(np.arctan(2 * SHEAR * (1 + ASPECT) / (1 - ASPECT)))
    assert ROLL / 3 < slope.max() < most


# Training


def test_the_loss_goes_down_and_the_network_learns(given, tmp_path):
    network = trained(given, tmp_path / "run", replace(STAGE, epochs=20, augment=0.2, augment_end=0.2))
    told = losses(tmp_path / "run")
    assert told[-1] < 0.6 * told[0]
    assert (tmp_path / "run" / "curve.png").is_file()
    assert (fit.logits(network, given.val_images).argmax(1) == given.val_set.targets).mean() > 0.5


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
import test_pytorch as it
from emotion_training.fit.pytorch import fit
save = fit.TrainState.save
def saved(state, path, epoch):
    save(state, path, epoch)
    if epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
fit.TrainState.save = saved
it.trained(it.training_data(it.load(Path({data!r}))), Path({run!r}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_run_ends_in_the_very_weights_of_one_that_was_not(given, data, tmp_path):
    whole = trained(given, tmp_path / "whole")
    code = KILLED.format(tests=str(Path(__file__).parent), data=str(data), run=str(tmp_path / "killed"))
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=path, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(losses(tmp_path / "killed")) == 2
    again = trained(given, tmp_path / "killed")
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    for one, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_loss_that_is_no_number_is_told_before_the_checkpoint(given, tmp_path):
    targets = given.targets(STAGE)
    targets[7] = np.nan
    with pytest.raises(UserError, match=r"no longer a number in epoch 1; lower peak_lr \(0\.05\)"):
        trained(given, tmp_path / "run", targets=targets)
    assert not (tmp_path / "run" / "stage1.pt").exists()


def test_a_checkpoint_of_another_recipe_network_or_cut_short_is_refused(given, tmp_path):
    run, one = tmp_path / "run", replace(STAGE, epochs=1)
    trained(given, run, one)
    before = (run / "stage1.pt").read_bytes()
    with pytest.raises(UserError, match="started with another recipe"):
        trained(given, run)
    with pytest.raises(UserError, match=r"stage1\.pt: is damaged, or of another network; delete it"):
        fit.fit(networks.camera(SHAPES["emotion"]), given, given.targets(one), one, run)
    assert (run / "stage1.pt").read_bytes() == before
    (run / "stage1.pt").write_bytes(before[:1000])
    with pytest.raises(UserError, match=r"stage1\.pt: is damaged"):
        trained(given, run, one)


# Soft targets


def scores(faces: Faces, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(7), len(faces))


def test_the_mean_of_two_teachers_is_read_without_pytorch(data, tmp_path):
    faces = load(data)
    one, two = scores(faces, 1), scores(faces, 2)
    made_targets.write(tmp_path, data, one, "vgg_votes")
    made_targets.write(tmp_path, data, two, "resnet_both")
    which = np.array([5, 3])
    found = distillation.read(distillation.files(tmp_path), faces, which)
    assert found is not None
    assert found.teachers == ("resnet_both", "vgg_votes")
    assert found.scores.dtype == np.float32
    np.testing.assert_allclose(found.scores.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found.scores, (one + two)[which] / 2, atol=0.03)
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['keras'] = None; import emotion_training.fit.distillation"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_there_are_no_soft_targets_for_other_pictures_or_unknown_rows(data, tmp_path):
    faces = load(data)
    made_targets.write(tmp_path, data)
    paths, which = distillation.files(tmp_path), np.arange(10)
    assert distillation.read(paths, faces, which) is not None
    changed = faces.images.copy()
    changed[200, 3, 3] ^= 1
    assert distillation.read(paths, replace(faces, images=changed), which) is None
    assert distillation.read(paths, faces.rows(np.arange(100)), which) is None
    distillation.write(paths[0], faces, np.arange(9), np.full((9, 7), 1 / 7))
    assert distillation.read(paths, faces, which) is None
    made_targets.write(tmp_path, data, teacher="resnet_both")
    with pytest.raises(UserError, match=r"vgg_votes\.npz: is of other pictures than resnet_both\.npz beside it"):
        distillation.read(distillation.files(tmp_path), faces, which)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"recipe": "{}"},
            "was made by another recipe than training/emotion_training/fit/recipes.py has for vgg_votes; delete it",
        ),
        ({"pictures": None}, "is missing, cut short or no file of soft targets; delete it"),
        ({"coded": np.zeros((240, 6), np.uint8)}, "its arrays are not those of soft targets"),
        ({"rows": np.arange(-1, 239, dtype=np.int32)}, "its arrays are not those of soft targets"),
    ],
)
def test_a_file_of_another_recipe_or_damaged_is_refused(data, tmp_path, change, said):
    made_targets.write(tmp_path, data)
    (path,) = distillation.files(tmp_path)
    with np.load(path) as file:
        whole = {**file, **change}
    np.savez(path, **{name: it for name, it in whole.items() if it is not None})
    with pytest.raises(UserError, match=re.escape(f"vgg_votes.npz: {said}")):
        distillation.read([path], load(data), np.arange(10))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match="cut short"):
        distillation.read([path], load(data), np.arange(10))


def test_a_file_of_nobody_is_refused_and_an_empty_folder_too(data, tmp_path):
    with pytest.raises(UserError, match=r"holds no soft targets \(NAME\.npz\); have them made by emotion-camera train"):
        distillation.files(tmp_path)
    (made_targets.write(tmp_path, data) / "vgg_votes.npz").rename(tmp_path / "nobody.npz")
    with pytest.raises(UserError, match=r"nobody\.npz: was made by another recipe"):
        distillation.read(distillation.files(tmp_path), load(data), np.arange(10))


# Teachers


def told(step: object, capsys: pytest.CaptureFixture, **arguments: object) -> str:
    """What a step prints."""
    given = {
        "votes": None,
        "only": None,
        "steps": None,
        "teachers": None,
        "network": "emotion",
        "epochs": None,
        "seed": 1,
        "start": None,
        "dlib": None,
    }
    step(Namespace(**{**given, **arguments}))
    return capsys.readouterr().out


def test_teachers_are_trained_once_and_measured_and_give_soft_targets(data, given, tiny, tmp_path, capsys):
    said = told(steps.teachers, capsys, data=data, run=tmp_path)
    assert said.count(" loss ") == 6, "a line an epoch"
    assert all(f"| {name} | 0." in said for name in ("one", "two", "mean of all"))
    found = distillation.read(distillation.files(tmp_path), given.faces, given.train_rows)
    assert found is not None
    assert found.teachers == ("one", "two")
    assert found.scores.shape == (160, 7)
    with np.load(tmp_path / "one.npz") as file:
        assert sorted(file["rows"]) == list(range(240)), "training rows and PublicTest"
    before = {path: path.read_bytes() for path in distillation.files(tmp_path)}
    again = told(steps.teachers, capsys, data=data, run=tmp_path)
    assert " loss " not in again
    assert said.splitlines()[-5:] == again.splitlines()[-5:]
    assert before == {path: path.read_bytes() for path in distillation.files(tmp_path)}


def test_a_soft_target_is_the_mean_over_a_face_and_its_mirror_image(given, tiny, tmp_path):
    torch.manual_seed(1)
    network = networks.teacher(tiny["one"])
    teachers.write_soft_targets(network, given, tmp_path / "one.npz")
    found = distillation.read([tmp_path / "one.npz"], given.faces, given.train_rows)
    with torch.inference_mode():
        faces = torch.from_numpy(given.images).unsqueeze(1).float() / 255
        both = (network(faces).softmax(1) + network(faces.flip(3)).softmax(1)) / 2
    assert found is not None
    np.testing.assert_allclose(found.scores, both, atol=0.02)


def test_another_recipe_or_other_pictures_stop_a_teacher(given, tiny, tmp_path, monkeypatch):
    teachers.train("one", given, tmp_path)
    changed = given.faces.images.copy()
    changed[0, 0, 0] ^= 1
    with pytest.raises(UserError, match=r"one\.npz: was made from other pictures than the data's; delete it"):
        teachers.train("one", replace(given, faces=replace(given.faces, images=changed)), tmp_path)
    monkeypatch.setitem(TEACHERS, "one", replace(tiny["one"], stage=replace(STAGE, hard_label_weight=0.2)))
    with pytest.raises(UserError, match=r"one\.npz: was made by another recipe"):
        teachers.train("one", given, tmp_path)
    (tmp_path / "one.npz").unlink()
    with pytest.raises(UserError, match=r"settings\.json: this run was started with another recipe"):
        teachers.train("one", given, tmp_path)


def test_a_teacher_learns_from_the_mean_of_others_as_its_recipe_says(given, tiny, tmp_path, monkeypatch):
    taught = replace(tiny["two"], stage=replace(STAGE, distillation_weight=0.25), taught_by=("one", "two"))
    monkeypatch.setitem(TEACHERS, "taught", taught)
    monkeypatch.setattr(distillation, "FOLDER", tmp_path / "package")
    (tmp_path / "package").mkdir()
    paths = [teachers.train("one", given, tmp_path / "package"), teachers.train("two", given, tmp_path)]
    seen = []

    def fit_once(network, _data, targets, *_rest):
        seen.append(targets)
        return network

    monkeypatch.setattr(teachers, "fit", fit_once)
    teachers.train("taught", given, tmp_path)
    others = distillation.read(paths, given.faces, given.train_rows)
    assert others is not None
    np.testing.assert_allclose(seen[0], 0.75 * given.targets(STAGE) + 0.25 * others.scores, atol=1e-6)
    (tmp_path / "taught.npz").unlink()
    other = replace(given, faces=replace(given.faces, images=255 - given.faces.images))
    with pytest.raises(UserError, match="learns from others; train these first, for your pictures: --only one two"):
        teachers.train("taught", other, tmp_path)


def test_a_teacher_with_dlibs_weights_is_left_out_or_refused_without_them(
    data, given, tiny, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(TEACHERS, "dlib", replace(tiny["one"], network="dlib", widths=()))
    said = told(steps.teachers, capsys, data=data, run=tmp_path / "run", steps=1)
    assert "without dlib, which starts with weights that --dlib would name" in said
    assert "tried 1 steps of one, two;" in said
    with pytest.raises(UserError, match="starts with dlib's weights, which --dlib has to name"):
        teachers.train("dlib", given, tmp_path)
    assert not (tmp_path / "dlib").exists()


def test_steps_try_everything_and_keep_nothing(data, tiny, tmp_path, capsys):
    said = told(steps.teachers, capsys, data=data, run=tmp_path / "teachers", steps=2, only=["two"])
    assert (said.count(" loss "), "tried 2 steps of two; nothing is kept" in said) == (1, True)
    said = told(steps.students, capsys, data=data, run=tmp_path / "run", steps=1)
    assert "tried 1 steps of emotion; nothing is kept" in said
    assert not list(tmp_path.iterdir())


# Students


@pytest.fixture
def student(monkeypatch) -> Recipe:
    """The recipe of "emotion", with stages of two epochs and one."""
    stages = replace(RECIPES["emotion"].stages[0], epochs=2), replace(RECIPES["emotion"].stages[1], epochs=1)
    monkeypatch.setitem(RECIPES, "emotion", replace(RECIPES["emotion"], stages=stages))
    return RECIPES["emotion"]


def test_a_student_becomes_a_run_that_keras_loads(data, given, student, tmp_path, capsys):
    pytest.importorskip("tensorflow", reason="needs TensorFlow (the extra training)")
    from emotion_training.fit.train import load_network

    run, where = tmp_path / "run", made_targets.write(tmp_path / "teachers", data)
    said = told(steps.students, capsys, data=data, run=run, teachers=where)
    assert f"trained: {run / 'weights.npz'}" in said
    settings = json.loads((run / "settings.json").read_text())
    assert (settings["soft_targets"], settings["epochs"]) == (["vgg_votes"], 3)
    assert (run / "curve.png").is_file()
    network = networks.camera(SHAPES["emotion"])
    last = TrainConfig().recipe().stages[1]
    state = fit.TrainState.of(network, last, torch.device("cpu"))
    assert state.restore(run / "stage2.pt") == 1
    assert [(it["stage"], it["epoch"]) for it in read_history(run)] == [(1, 1), (1, 2), (2, 1)]
    faces = given.images[..., np.newaxis] / np.float32(255)
    with torch.inference_mode():
        wanted = state.ema(torch.from_numpy(faces).permute(0, 3, 1, 2)).softmax(1).numpy()
    np.testing.assert_allclose(load_network(run).predict(faces, verbose=0), wanted, atol=1e-4)
    assert not told(steps.students, capsys, data=data, run=run, teachers=where).count(" loss ")
    made_targets.write(where, data, teacher="resnet_both")
    with pytest.raises(
        UserError, match=r"started with soft_targets \['vgg_votes'\], not \['resnet_both', 'vgg_votes'\]"
    ):
        told(steps.students, capsys, data=data, run=run, teachers=where)
    settings["recipe"]["shape"]["stages"] = [8, 8]
    (run / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(UserError, match=r"weights\.npz: is cut short, damaged or not of the shape"):
        load_network(run)


def test_a_student_goes_on_from_the_weights_of_an_int8_file(data, given, student, tmp_path, capsys):
    start = read_start(DEFAULT_MODEL)
    network, faces = networks.camera(SHAPES["emotion"]), torch.from_numpy(given.images).unsqueeze(1).float() / 255
    start_from(network, start, faces)
    wanted = camera_scores(DEFAULT_MODEL, given.images)
    with torch.inference_mode():
        ready, training = network(faces).softmax(1).numpy(), network.train()(faces).softmax(1).numpy()
    assert np.abs(ready - wanted).mean() < 0.02, "but for what int8 rounds"
    np.testing.assert_allclose(training, ready, atol=1e-3)
    run, where = tmp_path / "run", made_targets.write(tmp_path / "teachers", data)
    refused = r"emotion\.tflite: is not of the network to be trained; give another --network"
    with pytest.raises(UserError, match=refused):
        told(steps.students, capsys, data=data, run=run, teachers=where, start=DEFAULT_MODEL, network="emotion_plus")
    assert not run.exists()
    told(steps.students, capsys, data=data, run=run, teachers=where, start=DEFAULT_MODEL)
    assert [it["stage"] for it in read_history(run)] == [2], "the last stage alone"
    with pytest.raises(UserError, match=r"README\.md"):
        told(steps.students, capsys, data=data, run=tmp_path / "other", teachers=where, start=ROOT / "README.md")
    with pytest.raises(UserError, match="started with start "):
        told(steps.students, capsys, data=data, run=run, teachers=where)


def test_other_pictures_are_learnt_from_their_votes_alone_and_a_line_says_so(data, student, tmp_path, capsys):
    where = made_targets.write(tmp_path / "teachers", data)
    with np.load(data) as file:
        own = {**file, "images": 255 - file["images"]}
    del own["votes"]
    np.savez(tmp_path / "own.npz", **own)
    run = tmp_path / "run"
    said = told(steps.students, capsys, data=tmp_path / "own.npz", run=run, teachers=where)
    assert (
        f"{where}: not made for the pictures of {tmp_path / 'own.npz'}; the network learns from its labels alone"
        in said
    )
    assert json.loads((run / "settings.json").read_text())["soft_targets"] == []


@pytest.mark.parametrize("shape", [SHAPES["emotion"], SHAPES["emotion_plus"], SMALL, Shape(8, (8, 8, 8), 2, 16)])
def test_a_cameras_network_is_the_same_in_keras(shape):
    pytest.importorskip("tensorflow", reason="needs TensorFlow (the extra training)")
    import keras
    from emotion_training.fit.network import build

    draws = torch.Generator().manual_seed(3)
    network = networks.camera(shape).eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for array in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                array.data = torch.rand(array.shape, generator=draws) + 0.5
    same = build(7, shape=shape)
    same.set_weights([it.numpy() for it in networks.keras_weights(network)])
    logits = keras.Model(same.input, same.get_layer("emotion").output)
    faces = np.random.default_rng(5).random((4, 48, 48, 1), np.float32)
    with torch.inference_mode():
        found = network(torch.from_numpy(faces).permute(0, 3, 1, 2)).numpy()
    wanted = np.asarray(logits(faces))
    assert np.ptp(wanted) > 0.01
    np.testing.assert_allclose(found, wanted, atol=1e-3)


# The command line


def test_without_pytorch_a_sentence_says_what_to_install(data):
    hidden = "import sys; sys.modules['torch'] = None; from emotion_training.__main__ import main; sys.exit(main())"
    for step in ("teachers", "students"):
        words = [sys.executable, "-c", hidden, step, "--data", str(data)]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 1
        assert 'torch is not installed: python -m pip install "emotion-camera[pytorch]"' in done.stderr


def test_an_unknown_teacher_is_refused(capsys):
    from emotion_training.__main__ import _parser

    with pytest.raises(SystemExit):
        _parser().parse_args(["teachers", "--data", "x", "--only", "nobody"])
    assert "invalid choice: 'nobody'" in capsys.readouterr().err
