"""A sweep's file, its table, and one sweep on Ray Tune."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import made_targets
import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_training.data.protocols import PROTOCOLS
from emotion_training.fit.recipes import RECIPES, TrainConfig
from emotion_training.sweep import runs
from emotion_training.sweep.sweep import Result, write_table
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{3,20}", fullmatch=True)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "network": st.sampled_from(sorted(RECIPES)),
        "epochs": st.integers(1, 500),
        "warmup_epochs": st.integers(0, 9),
        "batch_size": st.integers(1, 999),
        "seed": st.integers(0, 2**31),
    },
)


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


# The file


@given(st.dictionaries(NAMES, FIELDS, min_size=1, max_size=5))
def test_a_sweep_file_gives_its_runs(tmp_path_factory, given):
    path = tmp_path_factory.getbasetemp() / "sweep.json"
    read = runs.read(written(path, json.dumps({"runs": given})))
    assert read == {name: TrainConfig(**settings) for name, settings in given.items()}
    assert list(read) == list(given)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["runs", "a", "A", "network", "seed"]), inner, max_size=3)
        ),
        max_leaves=8,
    ).map(json.dumps)
    | st.text()
)
def test_anything_else_gets_a_sentence(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "anything.json"
    with contextlib.suppress(UserError):
        assert all(isinstance(config, TrainConfig) for config in runs.read(written(path, content)).values())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "must be one object"),
        ('{"runs": {}, "more": 1}', "must be one object"),
        ('{"runs": {}}', "names at least one run"),
        ('{"runs": {"a": {}, "a": {}}}', "names 'a' twice"),
        ('{"runs": {"a": {"seed": 1, "seed": 2}}}', "names 'seed' twice"),
        ('{"runs": {"a": {}, "A": {}}}', "'a' and 'A' would share a folder"),
        ('{"runs": {"../a": {}}}', "can't be a run's name"),
        ('{"runs": {"": {}}}', "can't be a run's name"),
        ('{"runs": {"nul": {}}}', "can't be a run's name"),
        ('{"runs": {"sweep.json": {}}}', "can't be a run's name"),
        ('{"runs": {"ray_tune": {}}}', "can't be a run's name"),
        ('{"runs": {"a": 1}}', "must be an object"),
        ('{"runs": {"a": {"rate": 1}}}', "unknown field 'rate'; known are network, epochs"),
        ('{"runs": {"a": {"network": "big"}}}', "unknown network 'big'; known are emotion"),
        ('{"runs": {"a": {"network": []}}}', "unknown network"),
        ('{"runs": {"a": {"epochs": 0}}}', "epochs 0; it must be a whole number from 1 to"),
        ('{"runs": {"a": {"seed": true}}}', "seed True; it must be a whole number"),
        ('{"runs": {"a": {"seed": 4294967296}}}', "to 2147483648"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, content, said):
    path = written(tmp_path / "sweep.json", content)
    with pytest.raises(UserError, match=re.escape(said)):
        runs.read(path)


def test_seeds_name_their_runs():
    found = runs.of_seeds("emotion_plus", [3, 1], None)
    assert {name: config.seed for name, config in found.items()} == {"emotion_plus-3": 3, "emotion_plus-1": 1}
    assert {config.recipe().epochs for config in found.values()} == {RECIPES["emotion_plus"].epochs}
    with pytest.raises(UserError, match="3 is given twice"):
        runs.of_seeds("emotion", [3, 1, 3], None)


# The table


def result(name: str, accuracy: float | None, **settings: int) -> Result:
    if accuracy is None:
        return Result(name, TrainConfig(**settings), failed="the data is too small")
    return Result(name, TrainConfig(**settings), {"FER+ 7": accuracy, "FER+ 7 balanced": accuracy / 2})


def test_the_table_has_every_run_and_the_mean_over_seeds(tmp_path):
    results = [
        result("a", 0.8, seed=1),
        result("b", 0.9, seed=2),
        result("c", 0.5, epochs=4),
        result("d", None),
    ]
    text = write_table(results, tmp_path)
    assert "| a | emotion | 1 | 260 | 80.0% | 40.0% |" in text
    assert "| c | emotion | 1 | 4 | 50.0% | 25.0% |" in text
    assert "| d | emotion | 1 | 260 | failed | failed |" in text
    assert "| mean ± spread of 2 | emotion | 1, 2 | 260 | 85.0% ± 7.1 | 42.5% ± 3.5 |" in text
    assert "d failed: the data is too small" in text
    assert (tmp_path / "sweep.md").read_text(encoding="utf-8") == text
    kept = json.loads((tmp_path / "sweep.json").read_text())
    assert kept["runs"]["c"]["metrics"]["FER+ 7"] == 0.5
    assert kept["runs"]["d"]["failed"] == "the data is too small"
    assert [(it["runs"], it["mean"]["FER+ 7"]) for it in kept["seeds"]] == [(["a", "b"], 0.85)]


# The command


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A tiny FER2013 with votes: noise, with a bright top for happy and a bright bottom for all others."""
    rng = np.random.default_rng(4)
    label = rng.integers(0, 7, 300).astype(np.uint8)
    images = rng.integers(0, 120, (300, 48, 48), np.uint8)
    for image, emotion in zip(images, label, strict=True):
        image[slice(0, 24) if emotion == 3 else slice(24, 48)] += 130
    votes = np.zeros((300, 10), np.uint8)
    votes[np.arange(300), np.array([4, 5, 6, 1, 3, 2, 0])[label]] = 10
    path = tmp_path_factory.mktemp("data") / "fer2013.npz"
    usage = np.repeat(np.array([0, 1], np.uint8), [200, 100])
    np.savez(path, images=images, label=label, usage=usage, votes=votes)
    made_targets.write(path.parent / "teachers", path, np.eye(7)[label])
    return path


def swept(data: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    given = ["sweep", "--data", data, "--runs", folder, "--teachers", data.parent / "teachers", *arguments]
    command = [sys.executable, "-m", "emotion_training", *map(str, given)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_run_that_fails_is_named_and_the_others_go_on(data, tmp_path):
    """One run trains, one finds weights that it can't use, one can't be started."""
    pytest.importorskip("keras", reason="a sweep needs TensorFlow (the extra sweep)")
    pytest.importorskip("ray", reason="a sweep needs Ray (the extra sweep)")
    folder, some = tmp_path / "runs", {"epochs": 2, "warmup_epochs": 1, "batch_size": 100}
    given = {"one": some, "two": {"seed": 2, **some}, "greedy": {"batch_size": 999}}
    (folder / "two" / "stage1").mkdir(parents=True)
    (folder / "two" / "stage1" / "network.weights.h5").write_bytes(b"of another network")
    (folder / "plan.json").write_text(json.dumps({"runs": given}))
    done = swept(data, folder, folder / "plan.json", "--restarts", 0)
    assert done.returncode == 1
    assert "2 of 3 runs failed: two, greedy" in done.stderr, done.stderr
    kept = json.loads((folder / "sweep.json").read_text())["runs"]
    assert "200 usable training rows; at least 999" in kept["greedy"]["failed"]
    assert "network.weights.h5" in kept["two"]["failed"]
    assert set(kept["one"]["metrics"]) == {*PROTOCOLS, *(f"{name} balanced" for name in PROTOCOLS)}
    assert (folder / "one" / "network.keras").is_file()
    assert "| one | emotion | 1 | 2 |" in done.stdout


def test_without_ray_a_sentence_says_what_to_install(data):
    pytest.importorskip("keras", reason="a sweep needs TensorFlow (the extra sweep)")
    hidden = "import sys; sys.modules['ray'] = None; from emotion_training.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            hidden,
            "sweep",
            "--seeds",
            "1",
            "--data",
            str(data),
            "--teachers",
            data.parent / "teachers",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, 'pip install "emotion-camera[sweep]"' in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nowhere.json",), 1, "nowhere.json: can't be read"),
        (("nowhere.json", "--network", "emotion"), 1, "leave --network and --epochs out"),
        (("--seeds", "1", "--address", "there"), 1, "'there' is not HOST:PORT"),
        (("--seeds", "1", "--address", "127.0.0.1:1"), 1, "127.0.0.1:1: no Ray cluster answers"),
        (("--seeds", "1", "--cpus-per-run", "0"), 2, "at least 1"),
        ((), 2, "required"),
        (("some.json", "--seeds", "1"), 2, "not allowed with"),
    ],
)
def test_mistakes_get_a_sentence(data, tmp_path, capsys, arguments, code, said):
    pytest.importorskip("keras", reason="a sweep needs TensorFlow (the extra sweep)")
    pytest.importorskip("ray", reason="a sweep needs Ray (the extra sweep)")
    from emotion_training.__main__ import main

    given = ("sweep", "--data", data, "--runs", tmp_path / "runs", "--teachers", data.parent / "teachers", *arguments)
    try:
        done = main([str(it) for it in given])
    except SystemExit as stopped:
        done = stopped.code
    assert (done, said in capsys.readouterr().err) == (code, True)
    assert not (tmp_path / "runs").exists()
