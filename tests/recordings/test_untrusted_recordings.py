"""Recordings that somebody else has sent are not trusted: each gives a page or a sentence, never a traceback, and touches
no other file."""

import io
import json
import os
import tempfile
import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.__main__ import main
from emotion_camera.camera.recorded import RecordedStream
from emotion_camera.commands.report.page import render
from emotion_camera.commands.report.timeline import read_timeline
from emotion_camera.errors import UserError
from emotion_camera.recordings import Recorder, read_recording, reader
from emotion_camera.recordings.table import CsvFormat, write_table
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from recorded import READY, START, by_hand, faces

HAPPY = faces((1, "happy", 0.9))
WELL, DAMAGED = "see ", "is damaged, no line of it can be read"


def line(at: object, fields: dict = HAPPY) -> bytes:
    at = (START + timedelta(milliseconds=at)).isoformat() if isinstance(at, int) else at
    return json.dumps({"v": 1, **fields, "at": at}).encode() + b"\n"


def about(**fields: object) -> bytes:
    known = {"format": "emotion camera recording", "v": 1, "source": "a camera", "started": START.isoformat()}
    return json.dumps(known | fields).encode()


GOOD = line(0, READY) + b"".join(line(100 * number) for number in range(20))

# Kind, the file that is another one, what is in it, and what is said.
CASES = [
    ("nothing", "notes.txt", b"mine", WELL),
    ("number", "recording.json", about(duration_ms=10**400), WELL),
    ("number", "recording.json", about(duration_ms=-1), WELL),
    ("number", "recording.json", about(duration_ms=True), WELL),
    ("number", "recording.json", about(duration_ms=1e300), WELL),
    ("number", "recording.json", about()[:-1] + b', "duration_ms": NaN}', WELL),
    ("number", "recording.json", about(v=10**400), "is of version"),
    ("number", "frames.csv", b"time_ms,offset,size\n" + b"9" * 4000 + b",0,10\n", WELL),
    ("number", "frames.csv", b"time_ms,offset,size\n-5,0,10\n0,-1,10\n0,0,-1\n0,0,99999999999999\n", WELL),
    ("number", "frames.csv", b"time_ms,offset,size\n0,0\n0,0,10,1\nx,y,z\n\n\xff,0,1\n", WELL),
    ("number", "reports.jsonl", GOOD + line(300, HAPPY | {"fps": 5e-324}), WELL),
    ("number", "reports.jsonl", GOOD + line(300, HAPPY | {"t": 10**300}), WELL),
    ("number", "reports.jsonl", GOOD + line(9, {"event": "status", "settings": {"report_ms": 1e308}}), WELL),
    ("number", "reports.jsonl", GOOD + line(9, {"event": "reply", "message": "report_ms is " + "9" * 1900}), WELL),
    ("time", "recording.json", about(started="9999-12-31T23:59:59.999+00:00"), WELL),
    ("time", "recording.json", about(started="0001-01-01T00:00:00+23:59"), WELL),
    ("time", "recording.json", about(started="2026-03-01T12:00:00"), WELL),
    ("time", "recording.json", about(started=["2026"]), WELL),
    ("time", "reports.jsonl", line("9999-12-31T23:59:59-23:59"), DAMAGED),
    ("time", "reports.jsonl", line("0001-01-01T00:00:00+23:59"), DAMAGED),
    ("time", "reports.jsonl", GOOD + line("2926-03-01T12:00:09+01:00") + line(2100), WELL),
    ("time", "reports.jsonl", line(17), WELL),
    ("text", "recording.json", about(source="\x1b]0;title\x07\u202e" + "x" * 10_000), WELL),
    ("text", "recording.json", about(source={"a": 1}), WELL),
    ("text", "recording.json", about(v="\x1b[2J"), r"is of version \x1b[2J"),
    ("text", "recording.json", about(format="another"), WELL),
    ("text", "recording.json", b"\xff\xfe{", WELL),
    ("text", "recording.json", b"[" * 100_000, WELL),
    ("text", "recording.json", b" " * (2 << 20) + about(), WELL),
    ("text", "reports.jsonl", GOOD + b"\xff\xfe\n\0\n" + b"[" * 100_000 + b"\n{}\n3\n" + line(2100), WELL),
    ("text", "reports.jsonl", GOOD + line(5, READY | {"board": {"a": [1]}, "model": "m" * 9999, "sha256": 5}), WELL),
    ("text", "reports.jsonl", GOOD + line(5, {"event": "error", "message": "\x1b[2J\ud800\u202e"}), WELL),
    ("text", "reports.jsonl", b"", WELL),
    ("text", "reports.jsonl", b"\xff\xff\n", DAMAGED),
    ("no end", "reports.jsonl", GOOD + b"x" * (5 << 20) + b"\n" + line(2100), WELL),
    ("no end", "reports.jsonl", GOOD + b"x" * (5 << 20), WELL),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "content", "said"), CASES)
def test_a_page_or_a_sentence(tmp_path, monkeypatch, capsys, kind, name, content, said):
    monkeypatch.chdir(tmp_path)
    folder = by_hand(tmp_path / "a", [], 60_000)
    (folder / "reports.jsonl").write_bytes(GOOD)
    (folder / "frames.mjpeg").write_bytes(b"\xff\xd8 no JPEG" * 9)
    (folder / name).write_bytes(content)
    assert main(["report", "a", "--no-browser"]) == (0 if said == WELL else 1)
    shown = "".join(capsys.readouterr())
    assert said in shown
    assert "\x1b" not in shown
    if said == WELL:
        assert not {*"\x1b\u202e\0"} & {*(folder / "report.html").read_text(encoding="utf-8")}
        write_table(read_recording(folder), tmp_path / "a.csv", CsvFormat())
        assert not {*"\x1b\u202e\0"} & {*(tmp_path / "a.csv").read_text(encoding="utf-8")}


def test_a_time_that_was_damaged_moves_no_other(tmp_path):
    folder = by_hand(tmp_path / "a", [], 60_000)
    (folder / "reports.jsonl").write_bytes(line(0, READY) + line("2926-03-01T12:00:09+01:00") + line(2100))
    assert [entry.time_ms for entry in read_recording(folder).entries()] == [0, 2100]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes, and links need a right")
@pytest.mark.parametrize("name", ["recording.json", "reports.jsonl", "frames.csv", "frames.mjpeg"])
@pytest.mark.parametrize("kind", ["pipe", "endless", "folder"])
def test_what_is_no_file_is_not_waited_for(tmp_path, monkeypatch, capsys, patience, name, kind):
    monkeypatch.chdir(tmp_path)
    folder = by_hand(tmp_path / "a", [(0, READY), (100, HAPPY)], 60_000)
    (folder / "frames.csv").write_bytes(b"time_ms,offset,size\n0,0,9\n")
    (folder / "frames.mjpeg").write_bytes(b"no picture")
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    elif kind == "endless":
        (folder / name).symlink_to("/dev/zero")
    else:
        (folder / name).mkdir()
    assert main(["report", "a", "--no-browser"]) == 0
    assert "see " in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
@pytest.mark.parametrize("name", ["report.html", ".part.report.html"])
def test_a_link_in_its_folder_leads_to_no_other_file(tmp_path, monkeypatch, name):
    """An archive can hold links: what is written to the folder must not be written where they lead."""
    monkeypatch.chdir(tmp_path)
    folder = by_hand(tmp_path / "a", [(0, READY), (100, HAPPY)], 60_000)
    (tmp_path / "victim").write_text("mine")
    (folder / name).symlink_to(tmp_path / "victim")
    assert main(["report", "a", "--no-browser"]) == 0
    assert (tmp_path / "victim").read_text() == "mine"
    assert "Emotion report" in (folder / "report.html").read_text(encoding="utf-8")


def frame_file(picture: Image.Image, **how: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, **how)
    return data.getvalue()


FACE = Image.new("L", (64, 48), 90)
PICTURES = {
    "in colours of print": frame_file(FACE.convert("CMYK"), format="JPEG"),
    "of another kind": frame_file(FACE, format="PNG"),
    "a film": frame_file(FACE, format="GIF"),
    "cut": frame_file(FACE, format="JPEG")[:-200],
    "no picture": b"nothing",
    "a JPEG that says to be huge": frame_file(FACE, format="JPEG").replace(b"\x00\x30\x00\x40", b"\xff\xf0\xff\xf0", 1),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_as_a_camera_stores_them_or_left_out(tmp_path, name):
    picture = PICTURES[name]
    folder = by_hand(tmp_path / "a", [(0, READY), (100, HAPPY)], 1000)
    (folder / "frames.mjpeg").write_bytes(picture)
    (folder / "frames.csv").write_text(f"time_ms,offset,size\n150,0,{len(picture)}\n")
    recording = read_recording(folder)
    try:
        pixels = recording.picture(recording.frames[0])
    except UserError as error:
        assert "the frame at 150 ms can't be read" in str(error)  # noqa: PT017
    else:
        assert pixels.shape in ((48, 64), (48, 64, 3))
        assert name == "in colours of print"
    assert "Emotion report" in render(recording, read_timeline(recording))


# Any bytes --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole") / "a"
    recorder = Recorder(folder, "a camera", frames=True)
    from emotion_camera.events import Disconnected, Frame, Line

    for number, fields in enumerate([READY, HAPPY, HAPPY, {"event": "error", "message": "dark"}, HAPPY]):
        recorder.add(Line(100 * number, json.dumps({"v": 1, **fields})))
        recorder.add(Frame(100 * number + 5, np.full((48, 64), 40 * number, np.uint8)))
    recorder.add(Disconnected(700, "pulled"))
    recorder.close()
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "reports.csv"}


words = st.sampled_from(
    [
        b"NaN",
        b"1e999",
        b"-1",
        b"0",
        b"true",
        b"null",
        b'"\\u001b[2J"',
        b"{}",
        b"[]",
        b"9" * 25,
        b"\n",
        b",",
        b'"',
        b"\xff",
    ]
)


@st.composite
def damage(draw, files: dict[str, bytes]) -> dict[str, bytes]:
    """Some bytes of the files changed, taken out, or replaced by a word."""
    damaged = dict(files)
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(sorted(damaged)))
        content = damaged[name]
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 12)))
        damaged[name] = content[:start] + draw(st.one_of(words, st.binary(max_size=4))) + content[end:]
    return damaged


@given(st.data())
def test_a_damaged_recording_is_shown_as_far_as_it_goes(whole, data):
    files = data.draw(damage(whole))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        try:
            recording = read_recording(folder)
        except UserError:
            return
        timeline = read_timeline(recording)
        page = render(recording, timeline)
        assert not {*"\x1b\u202e\0"} & {*page}
        write_table(recording, folder / "a.csv", CsvFormat())
        stream = RecordedStream(folder)
        assert 0 <= stream.length_ms <= reader.LONGEST_MS


def test_a_gap_of_a_hundred_days_is_waited_for_on_windows_too(tmp_path, monkeypatch):
    """No thread waits longer than 49 days there."""
    (tmp_path / "recording.json").write_bytes(about())
    (tmp_path / "reports.jsonl").write_bytes(line(0, READY) + line(0) + line(100 * 24 * 3600 * 1000))
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        stream.close()

    monkeypatch.setattr(threading, "TIMEOUT_MAX", 4_294_967.0)
    stream = RecordedStream(tmp_path)
    monkeypatch.setattr(stream._changed, "wait", wait)
    assert len(list(stream.events())) == 2
    assert waited == [4_294_967.0]
