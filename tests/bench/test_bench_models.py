"""The benchmark of the models: its reference network, its arithmetic, and that it says whose figures it shows."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bench import reference
from bench.models import _accuracy, in_turns, litert, ratio_and_spread, report, tflm
from bench.runner import Options
from emotion_camera.model import vela
from emotion_camera.model.contract import DEFAULT_MODEL, check
from emotion_camera.model.cost import predict_instructions
from emotion_camera.model.tflite import describe

ROOT = Path(__file__).parents[2]
CARD = json.loads(DEFAULT_MODEL.with_suffix(".json").read_text())


def test_the_reference_is_ten_convolutions_that_both_interpreters_take(tmp_path):
    data = reference.network()
    assert data == reference.network()
    (tmp_path / "net.tflite").write_bytes(data)
    found = describe(tmp_path / "net.tflite")
    assert found.operators == ("CONV_2D",) * 10
    assert found.macs == reference.MACS == 10_160_640
    for run in (litert(data), tflm(data)):
        if run is not None:  # tflite-micro may have no wheel
            run()


def test_networks_are_measured_in_turns_after_one_round_to_warm_up():
    asked = []
    took = in_turns([lambda: asked.append("a"), lambda: asked.append("b")], 3)
    assert "".join(asked) == "ab" * 4
    assert took.shape == (3, 2)
    assert (took >= 0).all()


def test_a_slow_round_falls_out_of_the_ratio():
    usual = np.array([1.0, 1.0, 8.0, 1.0, 1.0])  # something else ran in the third round
    assert ratio_and_spread(2 * usual, usual) == ["2.00 x", "2.00 - 2.00"]
    assert ratio_and_spread(np.array([1.0, 2.0, 3.0, 4.0, 90.0]), np.ones(5)) == ["3.00 x", "2.00 - 4.00"]


def test_the_accuracy_is_that_of_the_card_of_this_very_file(tmp_path):
    metrics = CARD["metrics"]["PrivateTest"]["FER+ 7"]
    assert _accuracy(check(DEFAULT_MODEL)) == [f"{metrics['accuracy']:.1%}", f"{metrics['balanced']:.1%}"]
    for suffix in (".tflite", ".txt"):
        (tmp_path / f"net{suffix}").write_bytes(DEFAULT_MODEL.with_suffix(suffix).read_bytes())
    net = check(tmp_path / "net.tflite")
    assert _accuracy(net) == ["-", "-"]
    (tmp_path / "net.json").write_text(json.dumps(CARD | {"sha256": "of another file"}))
    assert _accuracy(net) == ["-", "-"]


def test_models_are_told():
    told = report(Options())
    for path in DEFAULT_MODEL.parent.glob("*.tflite"):
        assert path.name in told
        assert f"{predict_instructions(describe(path).layers) / 1e6:.1f} M" in told
    assert f"{CARD['file_bytes']:,}" in told
    assert "was not measured here" in told
    assert "Nothing was measured." in told if vela.version() else vela.INSTALL in told


def test_models_are_a_part_of_the_benchmark():
    command = [sys.executable, "-m", "bench", "--help"]
    assert "models" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("make", [litert, tflm])
def test_a_network_is_asked_again_and_again(make):
    run = make(DEFAULT_MODEL.read_bytes())
    if run is None:
        pytest.skip("tflite-micro has no wheel for this machine")
    assert in_turns([run], 3).shape == (3, 1)
