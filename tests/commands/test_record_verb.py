"""`emotion-camera record`: what is typed, and what is left when it is stopped in any way."""

import contextlib
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.commands.record import _sees_people
from emotion_camera.errors import UserError
from emotion_camera.events import Frame
from emotion_camera.recordings import Recorder, new_folder, read_recording
from emotion_camera.reports.parse import FacesReport
from recorded import LABELS, READY, by_hand, command, environment, faces, tools

PICTURE = np.full((240, 320), 90, np.uint8)
LONG_S = 120  # far longer than any test: the recording that is played is stopped, it does not end


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Path:
    """A recording to play as a camera: a face twenty times a second."""
    shown = [(50 * i, faces((1, "happy", 0.9), t=50 * i, fps=20)) for i in range(20 * LONG_S)]
    return by_hand(tmp_path_factory.mktemp("played") / "camera", [(0, READY), *shown], LONG_S * 1000)


@pytest.fixture
def start(tmp_path):
    """A function that starts `record` and waits until it has written a number of lines; ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start_it(*words: object, lines: int = 20) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            command("record", "--out", "out", *words),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(program)
        reports = tmp_path / "out" / "reports.jsonl"
        while not reports.exists() or reports.read_bytes().count(b"\n") < lines:
            assert program.poll() is None, program.stderr.read()
            time.sleep(0.05)
        return program

    yield start_it
    for program in started:
        if program.poll() is None:
            program.kill()
        program.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_it_leaves_all_that_came(tmp_path, played, start):
    program = start("--port", played, lines=30)
    program.send_signal(signal.SIGKILL)
    program.wait()
    recording = read_recording(tmp_path / "out")
    entries = list(recording.entries())
    assert len(entries) >= 30
    text = (tmp_path / "out" / "reports.jsonl").read_text()
    assert len(entries) == text.count("\n")
    assert recording.ended_ms is None
    assert (tmp_path / "out" / "reports.csv").read_text().count("\n") >= 30  # the header and 29 faces


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_is_how_one_stops_it(tmp_path, played, start):
    program = start("--port", played)
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=30)
    assert (program.returncode, err) == (0, "")
    assert re.search(r"0:00:\d\d  0 frames, \d+ reports, 1 face$", out, re.MULTILINE)
    assert "see it: emotion-camera report out" in out
    assert read_recording(tmp_path / "out").ended_ms is not None


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit for a process's files")
def test_a_full_disk(tmp_path, played):
    """The system itself refuses to write on, in the middle of a line."""
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    done = tools("record", "--port", played, "--out", "out", cwd=tmp_path, preexec_fn=limit)
    assert done.returncode == 1
    assert re.fullmatch(
        r"record: out: the disk can't be written to \(.+\), so the recording has ended.*\n", done.stderr
    )
    text = (tmp_path / "out" / "reports.jsonl").read_text()
    assert text.endswith("\n")
    assert 5500 < len(text) <= 6000
    assert len(list(read_recording(tmp_path / "out").entries())) == text.count("\n")


def test_it_stops_when_the_time_is_over(tmp_path, played):
    done = tools("record", "--port", played, "--seconds", 1, "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pictures" not in done.stdout
    recording = read_recording(tmp_path / "out")
    assert recording.ended_ms >= 1000
    assert next(recording.entries()).report.fields["labels"] == LABELS


def test_what_is_wrong_is_said_as_it_comes_and_by_status(tmp_path):
    """An error that came before the recording is in the camera's status alone."""
    lines = [
        (0, {"event": "status", "problem": "The lens \x1b[2Jis loose."}),
        (10, {"event": "error", "message": "It is dark."}),
        (20, {"event": "status", "problem": None}),
    ]
    by_hand(tmp_path / "camera", lines, 100)
    done = tools("record", "--port", "camera", "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = [line for line in done.stdout.splitlines() if line.startswith("the camera says")]
    assert said == [r"the camera says: The lens \x1b[2Jis loose.", "the camera says: It is dark."]


def test_damaged_reports_are_counted_and_not_recorded(tmp_path, play):
    damaged = faces((1, "hap`y", 0.9))
    camera = play({"v": 1, **READY}, {"v": 1, **damaged}, {"v": 1, **faces((1, "happy", 0.9))})
    done = tools("record", "--port", camera, "--told", "--seconds", 1, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0
    assert re.search(r"^\d+ damaged reports left out, as the camera can't have sent them", done.stdout, re.MULTILINE)
    reports = [entry.report for entry in read_recording(tmp_path / "out").entries()]
    named = {face.emotion for report in reports if isinstance(report, FacesReport) for face in report.faces}
    assert named == {"happy"}
    assert "hap`y" not in (tmp_path / "out" / "reports.csv").read_text()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_console_that_lacks_letters_does_not_end_the_recording(tmp_path, encoding):
    lines = [
        (0, READY),
        (10, {"event": "error", "message": "zu dunkel: 暗い \U0001f642"}),
        (20, faces((1, "happy", 0.9))),
    ]
    by_hand(tmp_path / "Kamera ü", lines, 100)
    done = subprocess.run(
        command("record", "--port", "Kamera ü", "--out", "日本"),
        cwd=tmp_path,
        env=environment() | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"the camera says: zu dunkel: \u6697\u3044 \U0001f642" in done.stdout
    assert [entry.report for entry in read_recording(tmp_path / "日本").entries()][2].faces[0].emotion == "happy"


def test_frames_and_a_video(tmp_path):
    import cv2

    camera = Recorder(tmp_path / "camera", "a camera", frames=True)
    for i in range(11):
        camera.add(Frame(100 * i, PICTURE))
    camera.close()
    done = tools("record", "--port", "camera", "--video", "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pictures of the people in view are stored in out: tell them" in done.stdout
    assert len(read_recording(tmp_path / "out").frames) == 11
    video = cv2.VideoCapture(str(tmp_path / "out" / "frames.mp4"))
    count, fps = video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)
    good, shown = video.read()
    assert good
    assert abs(float(shown.mean()) - 90) < 6
    assert count / fps == pytest.approx(1.1, abs=0.2)


def test_a_folder_by_date_and_time(tmp_path, played):
    done = tools("record", "--port", played, "--seconds", 0.2, cwd=tmp_path)
    (folder,) = (tmp_path / "recordings").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", folder.name)
    assert f"recordings{os.sep}{folder.name}" in done.stdout


def test_two_that_start_in_the_same_second_have_a_folder_each(tmp_path, monkeypatch):
    """One camera each, from a script: both wrote into one."""
    monkeypatch.chdir(tmp_path)
    found = [new_folder() for _ in range(20)]
    assert len(set(found)) == 20
    assert all(folder.is_dir() for folder in found)
    (tmp_path / "file").touch()
    monkeypatch.setattr("emotion_camera.recordings.files.FOLDER", tmp_path / "file")
    with pytest.raises(UserError, match=r"can't be made .* give another folder with --out"):
        new_folder()


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["--port", "nowhere"], 1, "nowhere"),
        (["--port", "simulator:toaster"], 1, "toaster"),
        (["--port", "PLAYED", "--out", "."], 1, "has something in it already"),
        (["--seconds", "-3"], 2, "give seconds, such as 60"),
        (["--seconds", "nan"], 2, "give seconds, such as 60"),
    ],
)
def test_mistakes(tmp_path, played, words, status, sentence):
    (tmp_path / "mine.txt").touch()
    done = tools("record", *(str(played) if word == "PLAYED" else word for word in words), cwd=tmp_path)
    assert done.returncode == status
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_script_is_reminded_that_people_must_know(tmp_path, play):
    """Of a camera that sees somebody now, that is: a recording, as above, says nothing."""
    camera = play({"v": 1, **faces((1, "happy", 0.9))})
    done = tools("record", "--port", camera, "--seconds", 1, "--out", "out", cwd=tmp_path)
    assert (done.returncode, len(list(read_recording(tmp_path / "out").entries())) > 0) == (0, True)
    reminder = "tell the people in view that a camera reads their emotions; docs/notice.md in the repository has a sign to print"
    assert done.stderr.splitlines() == [reminder]


def test_with_told_a_script_is_quiet(tmp_path, play):
    camera = play({"v": 1, **faces((1, "happy", 0.9))})
    done = tools("record", "--port", camera, "--told", "--seconds", 1, "--out", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("YES", 0), ("n", 1), ("", 1), ("\x04", 1)])
def test_on_a_terminal_it_asks_first(tmp_path, play, answer, status):
    """Whatever is no yes, records nothing; the last answer ends the input."""
    if not hasattr(os, "openpty"):
        pytest.skip("no pseudo-terminals on this system")
    camera = play({"v": 1, **faces((1, "happy", 0.9))})
    ours, theirs = os.openpty()
    words = command("record", "--port", camera, "--seconds", 1, "--out", "out")
    program = subprocess.Popen(words, cwd=tmp_path, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while b"n: no " not in said:
        said += os.read(ours, 4096)
    assert b"Do the people in view know that a camera reads and records their emotions?" in said
    assert list(tmp_path.iterdir()) == []
    os.write(ours, answer.encode() + (b"" if answer == "\x04" else b"\n"))
    with contextlib.suppress(OSError):  # Linux's way to say that the program has closed its end
        while more := os.read(ours, 4096):
            said += more
    os.close(ours)
    assert program.wait() == status
    assert (b"nothing is recorded; tell them first" in said) == (status == 1)
    assert (tmp_path / "out").exists() == (status == 0)


@pytest.mark.parametrize(
    ("port", "source", "asks"),
    [
        (None, None, True),
        ("/dev/ttyACM0", None, True),
        (None, "webcam:1", True),
        ("simulator", "rtsp://10.0.0.1/live", True),
        ("simulator", None, False),
        (None, "clip", False),
        (None, "party.mp4", False),
    ],
)
def test_when_somebody_may_be_in_view(port, source, asks):
    assert _sees_people(port, source) == asks
