"""The official SDK as client of the fake Studio: estimates, a model through Studio and back, and all that can go wrong."""

import argparse
import json
import socket
import sys
import urllib.request
from pathlib import Path

import pytest
from emotion_camera.commands.edge_impulse import credentials, deploy, profile, studio
from emotion_camera.errors import ModelError, UserError
from emotion_camera.model.contract import check
from fake_studio import studio_api
from fake_studio.faults import Fault
from small_models import model, put
from studio_models import LABELS, zipped

DEFAULT_MODEL = Path(__file__).parents[2] / "models" / "emotion.tflite"


@pytest.fixture(scope="module")
def sdk():
    """Edge Impulse's own package, which takes seconds to load."""
    pytest.importorskip("socketio", reason=f"profile and deploy need {credentials.INSTALL}")
    return studio._load()


@pytest.fixture
def here(sdk, request, monkeypatch, tmp_path):
    """The fake Studio, a small model, and no patience."""
    monkeypatch.setattr(studio, "MOST_RETRIES", 0)
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "mine.tflite", model(96))
    put(tmp_path / "mine.txt", "\n".join(LABELS).encode())
    return request.getfixturevalue("studio")


def act(module, *words: str) -> int:
    """An action of the command line."""
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args(words))


def refusal(module, *words: str) -> str:
    with pytest.raises(UserError) as error:
        act(module, *words)
    assert "\n" not in str(error.value)
    return str(error.value)


MINE = ("--model", "mine.tflite")


def test_profile_tells_memory_and_time(here, capsys):
    assert act(profile, *MINE, "--device", "cortex-m7-216mhz") == 0
    out, err = capsys.readouterr()
    found = check(Path("mine.tflite"))
    rows = {line[:58].strip(): line[58:].split() for line in out.splitlines() if " KB" in line}
    rom, arena = f"{found.file_bytes / 1000:.1f}", f"{(found.arena_bytes or 0) / 1000:.1f}"
    assert rows["cortex-m7-216mhz"] == [arena, "KB", rom, "KB", "0", "ms"]
    assert rows["stand-in's estimate at 80 MHz"] == [arena, "KB", rom, "KB", "1", "ms"]
    assert "in place of one that is there" in out
    assert "uploading model" in err
    assert "profiling model" in err
    assert here.key not in out + err


def test_a_model_goes_through_studio_and_comes_back_for_the_camera(here, capsys):
    assert act(deploy, *MINE, "--out", "models") == 0
    out = capsys.readouterr().out
    path = Path("models/mine_studio.tflite")
    assert path.read_bytes() == Path("mine.tflite").read_bytes()
    assert (check(path).labels, check(path).input_size) == (LABELS, 96)
    assert "returned the model unchanged" in out
    assert f"emotion-camera deploy --model {path}" in out
    assert "--force" in refusal(deploy, *MINE, "--out", "models")
    assert act(deploy, *MINE, "--out", "models", "--force") == 0


def test_the_shipped_model_keeps_its_self_test(here):
    act(deploy, "--model", str(DEFAULT_MODEL), "--out", ".")
    assert Path("emotion_studio.tflite").read_bytes() == DEFAULT_MODEL.read_bytes()


def test_every_answer_is_one_of_the_official_models(here):
    import edgeimpulse_api as api

    act(profile, *MINE, "--device", "cortex-m4f-80mhz")
    act(deploy, *MINE, "--out", "models")
    for path, kind in {
        "projects": api.ListProjectsResponse,
        "1": api.ProjectInfoResponse,
        "1/pretrained-model": api.GetPretrainedModelResponse,
        "1/deployment/targets/data-sources": api.DeploymentTargetsResponse,
        "1/jobs/1/status": api.GetJobResponse,
        "1/jobs/1/stdout": api.LogStdoutResponse,
    }.items():
        asked = urllib.request.Request(f"{here.studio}/api/{path}", headers={"x-api-key": here.key})
        with urllib.request.urlopen(asked) as answer:
            assert kind(**json.load(answer)).success


def test_an_unknown_device_names_the_known(here):
    assert "it knows cortex-m4f-80mhz, cortex-m7-216mhz" in refusal(profile, *MINE, "--device", "toaster")


def test_a_wrong_key_is_told_and_not_shown(here, monkeypatch):
    monkeypatch.setenv("EI_API_KEY", "ei_secret")
    said = refusal(profile, *MINE)
    assert "refuses the API key (401): copy your project's again from Dashboard, Keys" in said
    assert "ei_secret" not in said


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=200, text="Invalid API key"), "refuses the API key"),
        (
            Fault(status=200, text="Project is over its limit"),
            "Studio refuses this and says: Project is over its limit",
        ),
        (Fault(status=403), "refuses the API key (403)"),
        (Fault(status=404, text="No such project"), "refuses this (404) and gives as the reason: No such project"),
        (Fault(status=429), "too many requests of this key (429): wait a minute"),
        (Fault(status=500), "trouble of its own (500): try again in some minutes"),
        (Fault(cut_before=True), "can't be reached"),
    ],
)
def test_refusals_are_told(here, fault, said):
    here.faults.add(fault)
    assert said in refusal(deploy, *MINE, "--out", "models")
    assert not Path("models").exists()


def test_a_busy_studio_is_asked_again(here, monkeypatch, capsys):
    monkeypatch.setattr(studio, "MOST_RETRIES", 3)
    here.faults.add(Fault(status=429, headers={"Retry-After": "0"}), times=2)
    assert act(profile, *MINE) == 0


def test_nobody_there_and_nobody_who_answers(here, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("EI_API_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        assert "can't be reached" in refusal(profile, *MINE)
    monkeypatch.setenv("EI_API_ENDPOINT", here.studio)
    monkeypatch.setattr(studio, "ANSWER_S", 0.2)
    here.faults.add(Fault(slow_s=2))
    assert "can't be reached (Read timed out" in refusal(profile, *MINE)


def test_a_job_that_fails_is_told_with_its_log(here, monkeypatch):
    put(Path("no.tflite"), b"\x1c\0\0\0TFL3" + b"\xff" * 99)
    with pytest.raises(UserError, match=r"job failed, it says: .*cut short or damaged"):
        studio.deploy(Path("no.tflite"), LABELS, here.key, "0..1")

    def broken(model: studio_api.Uploaded) -> bytes:
        raise ValueError("out of memory")

    monkeypatch.setattr(studio_api, "build_openmv", broken)
    assert "job failed, it says: out of memory" in refusal(deploy, *MINE, "--out", "models")


@pytest.mark.parametrize(
    ("built", "said"),
    [
        (
            zipped({"edge-impulse-sdk/a.cpp": "x"}),
            r"Studio's OpenMV library of mine.tflite: looks like a C\+\+ library",
        ),
        (b"", "is not a zip"),
        (zipped({"trained.tflite": model(channels=3), "labels.txt": "a\nb\nc"}), "Color depth to Grayscale"),
    ],
)
def test_what_studio_builds_is_looked_at_as_a_download_is(here, monkeypatch, built, said):
    monkeypatch.setattr(studio_api, "build_openmv", lambda model: built)
    with pytest.raises(UserError, match=said):
        act(deploy, *MINE, "--out", "models")
    assert not list(Path().glob("models/*"))


def test_a_model_that_does_not_fit_is_not_sent(here):
    put(Path("mine.tflite"), model(96, kind="float32"))
    for module in (profile, deploy):
        with pytest.raises(ModelError, match="float32"):
            act(module, *MINE)
    assert here.project.requests == 0


def test_a_model_of_a_range_that_studio_has_no_word_for_is_not_sent(here):
    put(Path("wide.tflite"), model(scale=2 / 255, zero_point=-1))
    Path("wide.txt").write_text("".join(f"{label}\n" for label in LABELS))
    said = refusal(deploy, "--model", "wide.tflite", "--out", "models")
    assert "wide.tflite: takes pixels from -1 to 1, and Studio's SDK knows 0 to 1 and 0 to 255 only" in said
    assert here.project.requests == 0


def test_without_the_sdk_the_way_to_it_is_told(monkeypatch):
    monkeypatch.setenv("EI_API_KEY", "ei_x")
    monkeypatch.setitem(sys.modules, "edgeimpulse", None)
    assert refusal(profile, "--model", str(DEFAULT_MODEL)).endswith('pip install "emotion-camera[edge-impulse]"')
