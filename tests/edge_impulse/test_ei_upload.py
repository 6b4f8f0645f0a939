"""`edge-impulse upload`: each face is in the project once, whatever goes wrong on the way, and the key is nowhere."""

import email.utils
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import requests
from ei_faces import picture
from emotion_camera.commands.edge_impulse.credentials import INGESTION, STUDIO, address
from emotion_camera.commands.edge_impulse.ingestion import LONGEST_S, TRIES, ServiceRetry
from emotion_camera.commands.edge_impulse.upload_log import LOG, Uploaded, parse
from emotion_camera.errors import UserError
from fake_studio.faults import Fault
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse

ROOT = Path(__file__).parents[2]


@pytest.fixture
def waits(monkeypatch):
    """How long was waited between tries; nothing really waits."""
    waited: list[float] = []
    monkeypatch.setattr("emotion_camera.commands.edge_impulse.ingestion.sleep", waited.append)
    return waited


def labels(studio) -> Counter:
    return Counter(sample.label for sample in studio.project.samples)


def stored_twice(studio) -> list[str]:
    counts = Counter(sample.sha256 for sample in studio.project.samples)
    return [sha256 for sha256, count in counts.items() if count > 1]


# What arrives


def test_faces_arrive_with_what_the_manifest_says_but_no_name(studio, make_faces, edge_impulse, capsys):
    line = {
        "file": "happy/0001.png",
        "label": "happy",
        "person": "Anna Bauer",
        "consent": "2026-01-01",
        "box": [1, 2, 3, 4],
    }
    folder = make_faces({"happy": 2, "sad": 1}, [line | {"session": "2026-01-02", "camera": "H7", "emotion": "sad"}])
    assert edge_impulse("upload", folder) == 0
    assert labels(studio) == {"happy": 2, "sad": 1}
    assert {sample.data for sample in studio.project.samples} == {picture(number) for number in range(3)}
    told, *rest = sorted((sample.metadata for sample in studio.project.samples), key=len, reverse=True)
    assert len(told.pop("person")) == 8
    assert told == {"session": "2026-01-02", "camera": "H7", "camera_read": "sad"}
    assert rest == [{}, {}]
    said = capsys.readouterr().out
    assert f"3 pictures leave this computer for {studio.ingestion}" in said
    assert "3 of 3 pictures sent" in said


def test_metadata_can_be_left_out(studio, make_faces, edge_impulse):
    folder = make_faces({"happy": 1}, [{"file": "happy/0001.png", "person": "p7"}])
    assert edge_impulse("upload", folder, "--no-metadata") == 0
    assert studio.project.samples[0].metadata == {}


@pytest.mark.parametrize("names", [("training", "testing"), ("train", "test")])
def test_a_split_in_folders_is_kept(studio, make_faces, edge_impulse, names):
    folder = make_faces({f"{names[0]}/happy": 3, f"{names[1]}/happy": 2})
    assert edge_impulse("upload", folder) == 0
    assert Counter(sample.category for sample in studio.project.samples) == {"training": 3, "testing": 2}


def test_the_category_can_be_given(studio, make_faces, edge_impulse):
    assert edge_impulse("upload", make_faces({"happy": 9}), "--category", "testing") == 0
    assert {sample.category for sample in studio.project.samples} == {"testing"}


@pytest.mark.parametrize("label", ["glücklich", "幸せ", "not sure", "100%", "a+b;c=d"])
def test_a_label_arrives_letter_by_letter(studio, make_faces, edge_impulse, label):
    assert edge_impulse("upload", make_faces({label: 1})) == 0
    assert labels(studio) == {label: 1}


def test_letters_and_accents_that_a_disk_takes_apart_are_one_label(studio, make_faces, edge_impulse):
    edge_impulse("upload", make_faces({unicodedata.normalize("NFD", "glücklich"): 1}))
    assert labels(studio) == {"glücklich": 1}


def test_two_folders_names_do_not_meet_in_the_project(studio, make_faces, edge_impulse):
    edge_impulse("upload", make_faces({"training/happy": 3, "testing/happy": 3, "testing/sad": 1}))
    names = [sample.name for sample in studio.project.samples]
    assert len(set(names)) == 7
    assert all(
        name.startswith(f"{sample.label}.000") for name, sample in zip(names, studio.project.samples, strict=True)
    )


def test_many_go_in_few_requests(studio, make_faces, edge_impulse):
    assert edge_impulse("upload", make_faces({"happy": 230, "sad": 1})) == 0
    assert studio.project.requests == 4


# What is no face


def test_a_file_that_is_no_picture_is_named_and_the_rest_go_on(studio, make_faces, edge_impulse, capsys):
    folder = make_faces({"happy": 3})
    (folder / "happy" / "notes.png").write_text("no picture")
    (folder / "happy" / "cut.png").write_bytes(picture(99)[:-30])
    (folder / "happy" / "photo.jpg").write_bytes(picture(98, "JPEG"))
    (folder / "happy" / ".hidden.png").write_text("no picture")
    (folder / "loose.png").write_bytes(picture(97))
    assert edge_impulse("upload", folder) == 0
    assert labels(studio) == {"happy": 4}
    said = capsys.readouterr().err
    assert [name in said for name in ("notes.png", "cut.png", "loose.png", "hidden", "photo")] == [True] * 3 + [
        False
    ] * 2


def test_an_empty_set_is_refused(studio, tmp_path, edge_impulse, capsys):
    assert edge_impulse("upload", tmp_path) == 1
    assert edge_impulse("upload", tmp_path / "none") == 1
    assert studio.project.requests == 0
    said = capsys.readouterr().err
    assert "has no folders in it" in said
    assert "none: can't be read" in said


def test_the_same_picture_goes_once_and_not_under_two_labels(studio, make_faces, edge_impulse, capsys):
    folder = make_faces({"happy": 1, "sad": 1})
    (folder / "happy" / "again.png").write_bytes(picture(0))
    assert edge_impulse("upload", folder) == 0
    assert labels(studio) == {"happy": 1, "sad": 1}
    assert "again.png is passed over" in capsys.readouterr().err
    for name, number in (("0001.png", 7), ("again.png", 8), ("other.png", 8)):
        (folder / ("sad" if name == "other.png" else "happy") / name).write_bytes(picture(number))
    assert edge_impulse("upload", folder) == 0
    assert labels(studio) == {"happy": 2, "sad": 1}
    said = capsys.readouterr().err
    assert (
        f"{folder / 'happy' / 'again.png'} and {folder / 'sad' / 'other.png'} are the same picture as happy and sad"
        in said
    )


def test_a_label_beside_training_is_not_guessed_at(studio, make_faces, edge_impulse, capsys):
    assert edge_impulse("upload", make_faces({"training/happy": 1, "sad": 1})) == 1
    assert "sad stands beside" in capsys.readouterr().err


# Going on


def test_what_was_acknowledged_is_not_sent_again(studio, make_faces, edge_impulse, capsys):
    folder = make_faces({"happy": 3})
    edge_impulse("upload", folder)
    assert edge_impulse("upload", folder) == 0
    assert studio.project.requests == 1
    assert "nothing to send" in capsys.readouterr().out
    (folder / "happy" / "new.png").write_bytes(picture(50))
    edge_impulse("upload", folder)
    assert set(studio.project.transmissions.values()) == {1}
    assert labels(studio) == {"happy": 4}


def test_a_lost_log_costs_a_transmission_and_stores_nothing_twice(studio, make_faces, edge_impulse, capsys):
    folder = make_faces({"happy": 3})
    edge_impulse("upload", folder)
    (folder / LOG).unlink()
    assert edge_impulse("upload", folder) == 0
    assert "3 were there already" in capsys.readouterr().out
    assert stored_twice(studio) == []
    edge_impulse("upload", folder)
    assert studio.project.requests == 2


def test_a_log_cut_in_its_last_line_goes_on(studio, make_faces, edge_impulse):
    folder = make_faces({"happy": 3})
    edge_impulse("upload", folder)
    text = (folder / LOG).read_bytes()
    (folder / LOG).write_bytes(text[:-40])
    assert edge_impulse("upload", folder) == 0
    assert sorted(studio.project.transmissions.values()) == [1, 1, 2]
    edge_impulse("upload", folder)
    assert studio.project.requests == 2


def test_a_log_that_can_t_be_used_is_told_before_anything_is_sent(studio, make_faces, edge_impulse, capsys):
    folder = make_faces({"happy": 1})
    (folder / LOG).mkdir()
    assert edge_impulse("upload", folder) == 1
    assert f"{LOG}: can't be read" in capsys.readouterr().err
    assert studio.project.requests == 0


def test_another_project_gets_them_all(studio, make_faces, edge_impulse):
    folder = make_faces({"happy": 3})
    first = studio.project.samples.copy()
    edge_impulse("upload", folder)
    (folder / LOG).write_text((folder / LOG).read_text().replace("127.0.0.1:", "another.host:"))
    studio.project.samples = first
    assert edge_impulse("upload", folder) == 0
    assert labels(studio) == {"happy": 3}


def test_a_label_changed_after_the_upload_is_told(studio, make_faces, edge_impulse, capsys):
    folder = make_faces({"happy": 2})
    edge_impulse("upload", folder)
    (folder / "happy").rename(folder / "sad")
    assert edge_impulse("upload", folder) == 0
    assert capsys.readouterr().err.count("was sent as happy, which the project keeps") == 2
    assert labels(studio) == {"happy": 2}


def test_a_dry_run_sends_nothing_and_needs_no_key(studio, make_faces, edge_impulse, monkeypatch, capsys):
    folder = make_faces({"happy": 3, "sad": 2})
    edge_impulse("upload", folder)
    (folder / "sad" / "new.png").write_bytes(picture(50))
    monkeypatch.delenv("EI_API_KEY")
    capsys.readouterr()
    assert edge_impulse("upload", folder, "--dry-run") == 0
    said = capsys.readouterr().out
    assert studio.project.requests == 2
    assert "1 sad (split)" in said
    assert f"to {studio.ingestion}: 1 picture; sent before: 5" in said


# What goes wrong on the way


@pytest.mark.parametrize(
    "fault", [Fault(cut_before=True), Fault(cut_after=True), Fault(status=503), Fault(status=500), Fault(status=429)]
)
def test_a_moment_of_trouble_costs_time_and_nothing_else(studio, make_faces, edge_impulse, waits, fault, capsys):
    studio.faults.add(fault, times=3)
    assert edge_impulse("upload", make_faces({"happy": 4, "sad": 3})) == 0
    assert labels(studio) == {"happy": 4, "sad": 3}
    assert stored_twice(studio) == []
    assert len(waits) == 3
    assert all(0.5 * 2**place <= wait <= 1.5 * 2**place for place, wait in enumerate(waits))
    assert capsys.readouterr().err.count("trying again in") == 3


def test_the_service_says_how_long_to_wait(studio, make_faces, edge_impulse, waits):
    in_a_minute = email.utils.format_datetime(datetime.now(timezone.utc) + timedelta(seconds=60), usegmt=True)
    studio.faults.add(Fault(status=429, headers={"Retry-After": "17"}))
    studio.faults.add(Fault(status=503, headers={"Retry-After": in_a_minute}))
    assert edge_impulse("upload", make_faces({"happy": 1})) == 0
    assert waits[0] == 17
    assert 50 < waits[1] <= 60


@pytest.mark.parametrize(("after", "tries"), [("1", TRIES), (str(LONGEST_S + 1)[:3], 1)])
def test_a_quota_that_does_not_end_is_told(studio, make_faces, edge_impulse, waits, capsys, after, tries):
    studio.faults.add(Fault(status=429, headers={"Retry-After": after}), times=TRIES + 1)
    assert edge_impulse("upload", make_faces({"happy": 1})) == 1
    assert studio.project.requests == tries
    assert "limits in Studio" in capsys.readouterr().err


def test_a_service_that_is_not_there_is_told(studio, make_faces, edge_impulse, waits, monkeypatch, capsys):
    monkeypatch.setenv("EI_INGESTION_ENDPOINT", "http://127.0.0.1:9")
    assert edge_impulse("upload", make_faces({"happy": 1})) == 1
    assert len(waits) == TRIES - 1
    assert "look at the network (0 of 1 picture sent; the same command goes on)" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["ei_wrong", ""])
def test_a_wrong_or_missing_key_is_told_at_once(studio, make_faces, edge_impulse, monkeypatch, capsys, waits, key):
    monkeypatch.setenv("EI_API_KEY", key)
    assert edge_impulse("upload", make_faces({"happy": 1})) == 1
    said = capsys.readouterr().err
    assert "Dashboard, Keys" in said
    assert "ei_wrong" not in said
    assert waits == []


@pytest.mark.parametrize("status", [400, 413, 302, 200])
def test_a_refusal_is_told_in_the_service_s_words_without_the_key(studio, make_faces, edge_impulse, capsys, status):
    away = {"Location": f"{studio.ingestion}/api/training/files"}  # followed, this would carry the key there
    studio.faults.add(Fault(status=status, text=f"we do not\nlike {studio.key}", headers=away))
    assert edge_impulse("upload", make_faces({"happy": 1})) == 1
    said = capsys.readouterr().err
    assert "we do not like ..." in said
    assert studio.key not in said
    assert studio.project.requests == 1


def test_a_single_picture_that_is_refused_is_named_and_tried_again_next_time(studio, make_faces, edge_impulse, capsys):
    folder = make_faces({"happy": 3})
    name = f"happy.0002.{hashlib.sha256(picture(1)).hexdigest()[:8]}.png"
    studio.faults.refused[name] = "too small"
    assert edge_impulse("upload", folder) == 1
    said = capsys.readouterr()
    assert f"{folder / 'happy' / '0002.png'} is refused: too small" in said.err
    assert "2 of 3 pictures sent, 1 not taken" in said.out
    studio.faults.refused.clear()
    assert edge_impulse("upload", folder) == 0
    assert labels(studio) == {"happy": 3}
    assert set(studio.project.transmissions.values()) == {1}


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc")
def test_a_stopped_upload_goes_on_and_shows_the_key_nowhere(studio, make_faces):
    folder = make_faces({"happy": 101, "sad": 5})
    studio.faults.add(Fault())
    studio.faults.add(Fault(slow_s=30))
    environment = {name: value for name, value in os.environ.items() if name != "EI_API_KEY"}
    command = [sys.executable, "-m", "emotion_camera", "edge-impulse", "upload", str(folder), "--api-key", studio.key]
    stopped = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while studio.project.requests < 2:
        assert stopped.poll() is None
        time.sleep(0.01)
    assert studio.key.encode() not in Path(f"/proc/{stopped.pid}/cmdline").read_bytes()
    stopped.send_signal(signal.SIGINT)
    out, err = stopped.communicate()
    assert stopped.returncode == 130
    assert "stopped: 100 of 106 pictures sent; the same command goes on" in err
    again = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True)
    assert again.returncode == 0
    assert "6 of 6 pictures sent" in again.stdout
    assert labels(studio) == {"happy": 101, "sad": 5}
    assert stored_twice(studio) == []
    assert studio.key not in out + err + again.stdout + again.stderr + (folder / LOG).read_text()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://ingestion.edgeimpulse.com",
        "http://127.0.0.1:80@example.com",
        "http://localhost.example.com:80",
        "ftp://127.0.0.1:80",
        "ingestion.edgeimpulse.com",
        "",
    ],
)
@pytest.mark.parametrize("service", [INGESTION, STUDIO])
def test_the_key_goes_to_https_or_this_computer_only(monkeypatch, service, elsewhere):
    monkeypatch.setenv(service[0], elsewhere)
    with pytest.raises(UserError, match=f"{service[0]}: .* is not https"):
        address(service)
    for allowed in ("https://example.com/v1", "http://127.0.0.1:8000", "http://localhost:8000/v1", "http://[::1]:8000"):
        monkeypatch.setenv(service[0], allowed + "/")
        assert address(service) == allowed


def test_nothing_is_sent_to_an_address_without_https(studio, make_faces, edge_impulse, monkeypatch, capsys):
    monkeypatch.setenv("EI_INGESTION_ENDPOINT", studio.ingestion.replace("127.0.0.1", "127.0.0.2"))
    assert edge_impulse("upload", make_faces({"happy": 1})) == 1
    assert "is not https" in capsys.readouterr().err


# What is parsed


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_a_line_that_is_none_of_the_log_is_passed_over(text):
    assert parse(text) is None


@given(st.builds(Uploaded, *[st.text()] * 4, st.none() | st.integers()), st.data())
def test_a_line_of_the_log_is_read_back_or_passed_over_when_cut(known, data):
    text = json.dumps(known._asdict())
    assert parse(text) == known
    assert parse(text[: data.draw(st.integers(0, len(text) - 1))]) is None


def asked_to_wait(value: str | None) -> float | None:
    return ServiceRetry().get_retry_after(HTTPResponse(headers={} if value is None else {"Retry-After": value}))


@given(st.text() | st.dates().map(str) | st.integers().map(str) | st.none())
def test_any_retry_after_is_a_time_or_none(text):
    assert (asked_to_wait(text) or 0) >= 0


@given(st.integers(0, int(LONGEST_S) + 1))
def test_a_retry_after_is_seconds_or_a_date(seconds):
    date = email.utils.format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)
    assert asked_to_wait(str(seconds)) == seconds
    assert (asked_to_wait(date) or 0) == pytest.approx(seconds, abs=2)


# The fake Studio


def test_the_fake_studio_holds_to_the_documented_limits(studio):
    url, key = f"{studio.ingestion}/api/training/files", {"x-api-key": studio.key}
    files = [("data", (f"happy.{number}.png", b"0")) for number in range(1001)]
    assert requests.post(url, headers=key, files=files).status_code == 400
    assert requests.post(url, headers=key, files=[("other", ("happy.1.png", b"0"))]).status_code == 400
    assert requests.post(url, files=files[:1]).status_code == 401
    assert studio.project.samples == []
    assert requests.post(url, headers=key, files=files[:1] * 2).json()["files"][1]["success"]  # twice, if one may
    assert labels(studio) == {"happy": 2}
