"""A model for the AE3's neural processor. What Vela makes is not run: nothing but an AE3 can."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from emotion_camera.boards import BOARDS
from emotion_camera.errors import ModelError, UserError
from emotion_camera.model import metadata, vela
from emotion_camera.model.contract import DEFAULT_MODEL, check
from emotion_camera.model.tflite import describe
from emotion_camera.model.tflm import is_available
from small_models import model, put

ROOT = Path(__file__).parents[2]
MODEL = check(DEFAULT_MODEL)
needs_vela = pytest.mark.skipif(vela.version() is None, reason=f"Vela is not installed ({vela.INSTALL})")


def command(*words: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "emotion_camera", "vela", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


def test_without_vela_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(vela, "version", lambda: None)
    with pytest.raises(UserError, match=r"not installed: python -m pip install .emotion-camera\[vela\]"):
        vela.compile_model(MODEL)


def test_a_model_that_breaks_the_contract_is_named(tmp_path):
    (tmp_path / "bad.tflite").write_bytes(b"no model")
    done = command(tmp_path / "bad.tflite", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "bad.tflite: is not a TensorFlow Lite model" in done.stderr
    assert not (tmp_path / "out").exists()


@needs_vela
def test_what_is_compiled_already_is_not_compiled_again_and_runs_nowhere_else(tmp_path):
    assert command("--out", tmp_path / "ae3").returncode == 0
    compiled = tmp_path / "ae3" / "emotion.tflite"
    again = command(compiled, "--out", tmp_path / "again")
    assert (again.returncode, "is compiled already" in again.stderr) == (1, True)
    with pytest.raises(ModelError, match="compiled by Vela for an AE3"):
        check(compiled)
    assert check(compiled, limits=BOARDS["ae3"].limits).compiled


@needs_vela
@pytest.mark.parametrize("core", [vela.HIGH_PERFORMANCE, vela.HIGH_EFFICIENCY], ids=lambda core: core.name)
def test_all_of_the_model_goes_to_the_neural_processor(tmp_path, core):
    compiled = vela.compile_model(MODEL, core)
    (tmp_path / "net.tflite").write_bytes(compiled.data)
    plain, found = describe(MODEL.path), describe(tmp_path / "net.tflite")
    assert found.operators == ("CUSTOM",)
    assert (found.inputs, found.outputs) == (plain.inputs, plain.outputs)
    assert compiled.cycles > MODEL.macs / 256
    assert compiled.ms > 0
    assert compiled.sram > 48 * 48
    assert compiled.flash < len(compiled.data)


@needs_vela
def test_what_vela_says_of_a_model_that_it_can_not_compile_is_told(monkeypatch):
    monkeypatch.setattr(vela, "MEMORY_MODE", "No_Such_Mode")
    with pytest.raises(
        UserError, match=r"emotion\.tflite: Vela can't compile it \(.*No_Such_Mode.*\); build it from plain"
    ):
        vela.compile_model(MODEL)


@needs_vela
@pytest.mark.skipif(
    not is_available(), reason="a model of one's own is checked by tflite-micro, which has no wheel here"
)
def test_what_stays_on_the_processor_is_named_for_it_is_not_in_the_estimate(tmp_path):
    own = put(tmp_path / "own.tflite", model(last="L2_NORMALIZATION"))
    own.with_suffix(".txt").write_text("smile\nfrown\nother\n")
    done = command(own, "--out", tmp_path / "ae3")
    assert done.returncode == 0, done.stderr
    assert re.search(
        r"[\d.]+ ms an inference, without L2_NORMALIZATION, which stays on the AE3's processor$", done.stdout.strip()
    )


def pretended(monkeypatch, compiled: bytes, csv: str) -> None:
    """Vela that makes this of any model."""

    def run(plain: Path, _core: vela.Core) -> str:
        plain.with_name("model_vela.tflite").write_bytes(compiled)
        plain.with_name("model_summary.csv").write_text(csv)
        return ""

    monkeypatch.setattr(vela, "_run", run)
    monkeypatch.setattr(vela, "version", lambda: "9.9")


def test_a_model_of_which_nothing_goes_to_the_neural_processor_is_not_called_compiled(monkeypatch):
    pretended(monkeypatch, MODEL.path.read_bytes(), "cycles_total\n0\n")
    with pytest.raises(
        UserError, match=r"emotion\.tflite: Vela can't compile it \(.*nothing in it .*\); build it from"
    ):
        vela.compile_model(MODEL)


@pytest.mark.parametrize("csv", ["", "cycles_total\n", "cycles_total,inference_time\n5,1\n", "cycles_total\nmany\n"])
def test_another_release_s_estimates_are_a_sentence(monkeypatch, csv):
    monkeypatch.setattr(vela, "read_description", lambda _: SimpleNamespace(compiled=True, operators=("CUSTOM",)))
    pretended(monkeypatch, b"", csv)
    with pytest.raises(UserError, match=r"Vela 9\.9 .*requirements\.txt"):
        vela.compile_model(MODEL)


@needs_vela
def test_the_metadata_for_the_camera_goes_with_the_model():
    told = metadata.read(MODEL.path.read_bytes(), 7)
    assert told is not None
    assert metadata.read(vela.compile_model(MODEL).data, 7) == told


def test_a_compiled_file_tells_what_it_was_made_of(tmp_path):
    """The simulator runs the shipped model in its place, and doctor names it."""
    plain = MODEL.path.read_bytes()
    assert vela.plain_of(vela.with_metadata_of(MODEL, b"compiled")) == plain
    assert vela.plain_of(plain) is None
    own = tmp_path / "net.tflite"
    own.write_bytes(plain[: -len(metadata.tail(plain))])
    compiled = vela.with_metadata_of(replace(MODEL, path=own), b"compiled")
    assert metadata.read(compiled, 7) == metadata.Metadata(), "a model without metadata gets none"
    assert vela.plain_of(compiled) is None, "it is none of the shipped"


@needs_vela
def test_the_camera_s_two_files_are_written_and_the_plain_ones_kept(tmp_path):
    done = command("--out", tmp_path / "ae3")
    assert done.returncode == 0, done.stderr
    assert sorted(it.name for it in (tmp_path / "ae3").iterdir()) == ["emotion.tflite", "emotion.txt"]
    assert (tmp_path / "ae3" / "emotion.txt").read_bytes() == MODEL.path.with_suffix(".txt").read_bytes()
    assert "not a measurement" in done.stdout


@needs_vela
@pytest.mark.parametrize("out", ["models", "README.md/ae3"])
def test_a_folder_that_will_not_do_is_named(out):
    before = MODEL.path.read_bytes()
    done = command("--out", out)
    assert done.returncode == 1
    assert "give another folder with --out" in done.stderr
    assert MODEL.path.read_bytes() == before
