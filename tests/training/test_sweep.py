"""A sweep's file, its shares of the cores, its table and its view."""

import contextlib
import io
import json
import math
import re
from pathlib import Path

import pytest
from emotion_camera.errors import UserError
from emotion_training.fit.recipes import RECIPES
from emotion_training.sweep.sweep import share
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("keras", reason="training needs TensorFlow (training/requirements.txt)")

from emotion_training.fit.train import Settings
from emotion_training.sweep import plan
from emotion_training.sweep.table import Result, as_json, table, write
from emotion_training.sweep.worker import pack, unpack

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{3,20}", fullmatch=True)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "network": st.sampled_from(sorted(RECIPES)),
        "epochs": st.integers(1, 500),
        "warmup": st.integers(0, 9),
        "batch": st.integers(1, 999),
        "seed": st.integers(0, 2**32 - 1),
    },
)


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


# The file


@given(st.dictionaries(NAMES, FIELDS, min_size=1, max_size=5))
def test_a_sweep_file_gives_its_runs_with_the_recipes_epochs_where_it_names_none(tmp_path_factory, runs):
    path = tmp_path_factory.getbasetemp() / "sweep.json"
    read = plan.read(written(path, json.dumps({"runs": runs})))
    assert [run.name for run in read] == list(runs)
    for run in read:
        epochs = RECIPES[run.settings.network].epochs
        assert run.settings == Settings(**{"epochs": epochs, **runs[run.name]})


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
        assert all(isinstance(run, plan.Run) for run in plan.read(written(path, content)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "must be one object"),
        ('{"runs": {}, "more": 1}', "must be one object"),
        ('{"runs": {}}', "names no run"),
        ('{"runs": {"a": {}, "a": {}}}', "names 'a' twice"),
        ('{"runs": {"a": {"seed": 1, "seed": 2}}}', "names 'seed' twice"),
        ('{"runs": {"a": {}, "A": {}}}', "'a' and 'A' would share a folder"),
        ('{"runs": {"../a": {}}}', "can't be a run's name"),
        ('{"runs": {"": {}}}', "can't be a run's name"),
        ('{"runs": {"nul": {}}}', "can't be a run's name"),
        ('{"runs": {"sweep.json": {}}}', "can't be a run's name"),
        ('{"runs": {"a": 1}}', "must be an object"),
        ('{"runs": {"a": {"rate": 1}}}', "unknown field 'rate'; known are network, epochs"),
        ('{"runs": {"a": {"network": "big"}}}', "unknown network 'big'; known are emotion"),
        ('{"runs": {"a": {"network": []}}}', "unknown network"),
        ('{"runs": {"a": {"epochs": 0}}}', "epochs 0; it must be a whole number of at least 1"),
        ('{"runs": {"a": {"seed": true}}}', "seed True; it must be a whole number"),
        ('{"runs": {"a": {"seed": 4294967296}}}', "at most 4294967295"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path, content, said):
    path = written(tmp_path / "sweep.json", content)
    with pytest.raises(UserError, match=re.escape(said)):
        plan.read(path)


def test_seeds_name_their_runs():
    runs = plan.of_seeds("emotion_plus", [3, 1], None)
    assert [(run.name, run.settings.seed) for run in runs] == [("emotion_plus-3", 3), ("emotion_plus-1", 1)]
    assert {run.settings.epochs for run in runs} == {RECIPES["emotion_plus"].epochs}
    with pytest.raises(UserError, match="3 is given twice"):
        plan.of_seeds("emotion", [3, 1, 3], None)


# Cores, files and the table


@given(st.lists(st.integers(0, 64), min_size=1, max_size=6), st.integers(1, 50))
def test_a_runs_cores_are_there_on_every_machine_that_has_any(cores, runs):
    cpus = share(cores, runs)
    smallest = min([count for count in cores if count], default=1)
    assert min(2, smallest) <= cpus <= smallest


def test_machines_are_filled():
    assert [share([2], 3), share([16], 2), share([16], 100), share([8, 8], 2), share([1], 1)] == [
        2,
        8,
        2,
        8,
        1,
    ]


@given(st.dictionaries(NAMES, st.binary(max_size=99), max_size=4))
def test_packed_files_come_out_as_they_went_in(tmp_path_factory, files):
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    for name, content in files.items():
        (here / name).mkdir()
        (here / name / "x").write_bytes(content)
        (here / name / "x.bkp").write_bytes(content)
    unpack(pack(here), there)
    assert {file.parent.name: file.read_bytes() for file in there.rglob("*") if file.is_file()} == files


def result(name: str, accuracy: float | None, **settings: int) -> Result:
    run = plan.Run(name, Settings(**settings))
    if accuracy is None:
        return Result(run, failed="the data is too small")
    return Result(run, figures={"FER+ 7": {"accuracy": accuracy, "balanced": accuracy / 2}})


def test_the_table_has_every_run_and_the_mean_over_seeds(tmp_path):
    results = [
        result("a", 0.8, seed=1),
        result("b", 0.9, seed=2),
        result("c", 0.5, epochs=3),
        result("d", None),
    ]
    text = write(results, tmp_path)
    assert "| a | emotion | 1 | 244 | 80.0% | 40.0% |" in text
    assert "| d | emotion | 1 | 244 | failed | failed |" in text
    assert "| mean ± spread of 2 | emotion | 1, 2 | 244 | 85.0% ± 7.1 | 42.5% ± 3.5 |" in text
    assert "d failed: the data is too small" in text
    assert (tmp_path / "sweep.md").read_text(encoding="utf-8") == text
    kept = json.loads((tmp_path / "sweep.json").read_text())
    assert kept["runs"]["c"]["figures"]["FER+ 7"]["accuracy"] == 0.5
    assert kept["runs"]["d"]["failed"] == "the data is too small"
    assert [(it["runs"], it["mean"]["FER+ 7"]["accuracy"]) for it in kept["seeds"]] == [(["a", "b"], 0.85)]


@given(st.lists(st.floats(0, 1) | st.none(), min_size=1, max_size=6))
def test_the_mean_lies_among_the_runs(accuracies):
    results = [result(f"run-{seed}", accuracy, seed=seed) for seed, accuracy in enumerate(accuracies)]
    text = table(results)
    assert all(f"| run-{seed} |" in text for seed in range(len(accuracies)))
    measured = [accuracy for accuracy in accuracies if accuracy is not None]
    for group in as_json(results)["seeds"]:
        assert len(group["runs"]) == len(measured) > 1
        middle, spread = group["mean"]["FER+ 7"]["accuracy"], group["spread"]["FER+ 7"]["accuracy"]
        assert min(measured) - 1e-4 <= middle <= max(measured) + 1e-4
        assert spread <= (max(measured) - min(measured)) * math.sqrt(0.5) + 1e-4


def test_the_view_is_redrawn_on_a_terminal_and_plain_lines_elsewhere():
    console = pytest.importorskip("rich.console", reason="needs training/requirements-sweep.txt")
    from emotion_training.sweep.view import View

    shown = {}
    for terminal in (True, False):
        file = io.StringIO()
        with View(["a", "b"], console.Console(file=file, force_terminal=terminal, width=80)) as view:
            view.say("a", "epoch 1 of 2")
            view.say("a", "epoch 1 of 2")
            view.say("a", "epoch 2 of 2")
        shown[terminal] = file.getvalue()
    assert shown[False] == "a: epoch 1 of 2\na: epoch 2 of 2\n"
    last = shown[True].rindex("epoch 2 of 2")
    assert "waiting" in shown[True][last:], "the other line is drawn with it"
    assert "\x1b[1A" in shown[True], "the cursor goes up to draw over the lines before"
