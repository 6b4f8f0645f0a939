"""Recordings: what is written, and what is read back however it ended."""

import csv
import errno
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.events import Disconnected, Frame, Line
from emotion_camera.files import GrowingFile
from emotion_camera.recordings import Recorder, RecordingError, read_recording, recorder
from emotion_camera.recordings.recorder import Clock
from emotion_camera.reports.parse import EventReport, FacesReport, ReportError
from hypothesis import given
from hypothesis import strategies as st
from recorded import LABELS, READY, by_hand, faces

PICTURE = np.tile(np.arange(0, 240, 0.75, np.float32).astype(np.uint8), (240, 1))


def text(time_ms: int, **fields: object) -> Line:
    return Line(time_ms, json.dumps({"v": 1, **fields}))


def record(folder: Path, *events: Frame | Line | Disconnected, frames: bool = False) -> Path:
    recorder = Recorder(folder, "a camera", frames=frames)
    for event in events:
        recorder.add(event)
    recorder.close()
    return folder


def test_what_was_reported_comes_back(tmp_path):
    happy = faces((1, "happy", 0.9), t=2300)
    folder = record(tmp_path / "a", text(1000, **READY), text(1200, **happy), Line(1250, "MPY: soft reboot"))
    recording = read_recording(folder)
    ready, report = recording.entries()
    assert isinstance(ready.report, EventReport)
    assert isinstance(report.report, FacesReport)
    assert json.loads(report.text) == {"v": 1, **happy}  # as the camera sent it
    assert report.time_ms - ready.time_ms == 200
    assert recording.source == "a camera"
    assert recording.ended_ms is not None
    assert recording.ended_ms >= report.time_ms
    about = json.loads((folder / "recording.json").read_text())
    assert about["camera"]["labels"] == LABELS
    assert about["camera"]["firmware"] == "5.0.0"


def test_lines_say_when(tmp_path):
    folder = record(tmp_path / "a", text(0, event="recovered"), text(61_500, event="recovered"))
    first, second = (json.loads(line)["at"] for line in (folder / "reports.jsonl").read_text().splitlines())
    before, after = map(recorder.datetime.fromisoformat, (first, second))
    assert (after - before).total_seconds() == 61.5
    assert before.tzinfo


def test_a_row_for_each_face(tmp_path):
    two = faces((1, "happy", 0.9), (2, None, 0.2), t=2300)
    folder = record(tmp_path / "a", text(0, **READY), text(500, **two))
    with open(folder / "reports.csv", newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["face"], first["emotion"], first["score"], first["t"]) == ("1", "happy", "0.9", "2300")
    assert (first["x"], first["y"], first["width"], first["height"]) == ("98", "59", "100", "100")
    assert list(first)[-7:] == [f"score_{label}" for label in LABELS]
    assert first["score_angry"] == "0.9"
    assert second["emotion"] == ""


def test_labels_that_come_late_name_the_rows_before(tmp_path):
    """A camera that was running before says its labels only when it is asked."""
    status = READY | {"event": "status"}
    folder = record(
        tmp_path / "a", text(0, **faces((1, "happy", 0.9))), text(9, **status), text(20, **faces((1, "sad", 0.8)))
    )
    with open(folder / "reports.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["emotion"] for row in rows] == ["happy", "sad"]
    assert [row["score_angry"] for row in rows] == ["0.9", "0.8"]


def test_another_model_adds_its_columns(tmp_path):
    other = READY | {"labels": ["yes", "no"], "sha256": "7b" * 32}
    events = [READY, faces((1, "happy", 0.9)), other, faces((1, "yes", 0.7), count=2), READY, faces((1, "sad", 0.8))]
    folder = record(tmp_path / "a", *(text(10 * i, **fields) for i, fields in enumerate(events)))
    with open(folder / "reports.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["score_angry"], row["score_yes"]) for row in rows] == [("0.9", ""), ("", "0.7"), ("0.8", "")]


def test_no_picture_is_kept_unless_asked_for(tmp_path):
    folder = record(tmp_path / "a", Frame(0, PICTURE), text(10, **faces((1, "happy", 0.9))))
    assert sorted(path.name for path in folder.iterdir()) == ["recording.json", "reports.csv", "reports.jsonl"]
    assert read_recording(folder).frames == ()


def test_frames_come_back_in_order_with_the_lines(tmp_path):
    colours = np.zeros((24, 32, 3), np.uint8)
    colours[..., 0] = 250
    folder = record(
        tmp_path / "a",
        Frame(0, PICTURE),
        text(10, event="recovered"),
        Frame(90, colours),
        Disconnected(95, "pulled"),
        frames=True,
    )
    gray, line, red, gone = read_recording(folder).events()
    assert np.abs(gray.picture.astype(int) - PICTURE).max() < 12
    assert red.picture.shape == (24, 32, 3)
    assert red.picture[12, 16, 0] > 240
    assert red.picture[12, 16, 2] < 10
    assert isinstance(line, Line)
    assert gone == Disconnected(gray.time_ms + 95, "pulled")


def test_a_lost_connection_and_its_return_are_noted(tmp_path):
    folder = record(tmp_path / "a", text(0, **READY), Disconnected(900, "the cable is out"), Frame(4000, PICTURE))
    _, gone, back = read_recording(folder).entries()
    assert (gone.report.event, gone.report.message) == ("gone", "the cable is out")
    assert (back.report.event, back.time_ms - gone.time_ms) == ("back", 3100)


def test_an_empty_room_is_not_silence(tmp_path):
    """Without a face the camera says nothing; that frames came is kept all the same, if the power fails for instance."""
    folder = record(tmp_path / "a", *(Frame(1000 * second, PICTURE) for second in range(25)))
    (folder / "recording.json").unlink()
    entries = list(read_recording(folder).entries())
    assert [entry.report.event for entry in entries] == ["frames", "frames"]
    assert entries[1].time_ms - entries[0].time_ms == 10_000


def test_time_goes_on_when_the_connections_clock_starts_anew(monkeypatch):
    now = 100.0
    monkeypatch.setattr(recorder.time, "monotonic", lambda: now)
    clock = Clock()
    now = 101.0
    assert clock.time(5000) == 1000
    assert clock.time(5500) == 1500
    now = 109.0
    assert clock.time(0) == 9000  # after a reconnection
    assert clock.time(40) == 9040
    assert clock.time(39) == 9040  # never back


@given(st.lists(st.integers(0, 1 << 40)))
def test_time_never_goes_back(times):
    clock = Clock()
    told = [clock.time(time) for time in times]
    assert told == sorted(told)


def test_a_full_disk_ends_with_a_sentence_and_loses_nothing(tmp_path, monkeypatch):
    folder = tmp_path / "a"
    full = Recorder(folder, "a camera")
    full.add(text(0, **READY))
    full.add(text(10, **faces((1, "happy", 0.9))))
    whole = (folder / "reports.jsonl").read_bytes()

    class FullDisk:
        """Takes ten bytes more, as a disk that fills in the middle of a line."""

        def __init__(self, file: object) -> None:
            self._file, self._room = file, 10

        def write(self, data: bytes) -> int:
            if not self._room:
                raise OSError(errno.ENOSPC, "No space left on device")
            written, self._room = self._file.write(bytes(data[: self._room])), 0
            return written

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

    monkeypatch.setattr(full._lines, "_file", FullDisk(full._lines._file))
    for _ in range(2):  # it says so each time
        with pytest.raises(RecordingError, match=r"No space left on device.*is whole.*--out"):
            full.add(text(20, **faces((1, "sad", 0.9))))
    full.close()
    assert (folder / "reports.jsonl").read_bytes() == whole
    assert len(list(read_recording(folder).entries())) == 2


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"has something in it already; give a new folder"):
        Recorder(tmp_path, "a camera")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_camera_newer_than_this_program(tmp_path):
    recorder = Recorder(tmp_path / "a", "a camera")
    with pytest.raises(ReportError, match="update this program"):
        recorder.add(Line(0, '{"v":2,"event":"ready"}'))
    recorder.close()


def test_a_letter_that_changed_in_the_version_ends_nothing(tmp_path):
    """It read: the camera reports in version 3, update this program."""
    folder = by_hand(tmp_path / "a", [(0, READY), (10, faces((1, "happy", 0.9))), (20, faces((1, "sad", 0.9)))])
    lines = (folder / "reports.jsonl").read_text().splitlines()
    (folder / "reports.jsonl").write_text("\n".join([lines[0], lines[1].replace('"v": 1', '"v": 3'), lines[2], ""]))
    assert [entry.time_ms for entry in read_recording(folder).entries()] == [0, 20]


def test_a_recording_of_a_later_program_says_so(tmp_path):
    for count in (1, 5):
        folder = by_hand(tmp_path / str(count), [(10 * number, READY | {"v": 2}) for number in range(count)])
        with pytest.raises(ReportError, match="update this program"):
            list(read_recording(folder).entries())


def test_a_camera_can_not_say_that_it_was_gone(tmp_path):
    """The events "gone", "back" and "frames" are the recorder's own."""
    folder = record(
        tmp_path / "a", text(0, **READY), *(text(10, event=it, message="x") for it in ("gone", "back", "frames"))
    )
    assert [entry.report.event for entry in read_recording(folder).entries()] == ["ready"]


def test_after_close_nothing_is_written(tmp_path):
    recorder = Recorder(tmp_path / "a", "a camera")
    recorder.close()
    recorder.close()
    recorder.add(text(0, event="recovered"))
    assert list(read_recording(tmp_path / "a").entries()) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """A recording with frames, file by file."""
    events = [text(0, **READY)]
    for i in range(1, 6):
        events += [text(100 * i, **faces((1, "happy", 0.9), t=100 * i)), Frame(100 * i + 5, PICTURE[:24, :32])]
    folder = record(tmp_path_factory.mktemp("whole") / "a", *events, Disconnected(700, "it's out, ümlaut"), frames=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def lay_out(folder: str, contents: dict[str, bytes]) -> Path:
    for name, content in contents.items():
        (Path(folder) / name).write_bytes(content)
    return Path(folder)


@given(st.data())
def test_cut_anywhere_all_that_is_whole_is_read(whole, data):
    cut = {name: content[: data.draw(st.integers(0, len(content)), name)] for name, content in whole.items()}
    lines = cut["reports.jsonl"].count(b"\n")
    with tempfile.TemporaryDirectory() as folder:
        if not lines and len(cut["recording.json"]) < len(whole["recording.json"]) - 1:
            return  # nothing is left to know it by
        recording = read_recording(lay_out(folder, cut))
        entries = list(recording.entries())
        assert lines <= len(entries) <= lines + 1  # one more that lacks but its line end
        assert [entry.time_ms for entry in entries] == sorted(entry.time_ms for entry in entries)
        ends = [int(row.split(b",")[1]) + int(row.split(b",")[2]) for row in cut["frames.csv"].split(b"\n")[1:-1]]
        assert len(recording.frames) == sum(end <= len(cut["frames.mjpeg"]) for end in ends)
        assert all(recording.picture(frame).shape == (24, 32) for frame in recording.frames)


def test_half_a_row_is_no_frame(whole, tmp_path):
    """A number that is cut is a number, too: 66 of 667."""
    folder = lay_out(str(tmp_path), whole)
    times = whole["frames.csv"]
    for length in range(len(times) + 1):
        (folder / "frames.csv").write_bytes(times[:length])
        assert len(read_recording(folder).frames) == max(0, times[:length].count(b"\n") - 1)


@given(st.data())
def test_damaged_bytes_never_stop_the_reading(whole, data):
    damaged = {name: bytearray(content) for name, content in whole.items()}
    for _ in range(5):
        content = damaged[data.draw(st.sampled_from(sorted(damaged)))]
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        try:
            recording = read_recording(lay_out(folder, {name: bytes(content) for name, content in damaged.items()}))
            list(recording.entries())
            for frame in recording.frames:
                recording.picture(frame)
        except UserError:
            pass  # a sentence: a version that became another, a picture that can't be read


def test_no_recording(tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        read_recording(tmp_path / "none")
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "recording.json").write_text('{"name": "another program"}')
    (tmp_path / "holiday" / "reports.jsonl").write_text('{"at": "noon"}\n[]\n{"v":1,"event":"ready","at":3}\n')
    with pytest.raises(UserError, match="is no recording; give a folder that emotion-camera record has written"):
        read_recording(tmp_path / "holiday")
    with pytest.raises(UserError, match=r"recording\.json: is a file; give the folder"):
        read_recording(tmp_path / "holiday" / "recording.json")


def test_a_recording_of_garbage_is_not_told_to_be_empty(whole, tmp_path):
    lay_out(tmp_path, {**whole, "reports.jsonl": b"\x07garbage\n" * 40})
    with pytest.raises(UserError, match=r"reports\.jsonl: is damaged, no line of it can be read"):
        read_recording(tmp_path)


def test_a_recording_of_a_later_version(tmp_path):
    folder = by_hand(tmp_path / "a", [])
    about = json.loads((folder / "recording.json").read_text())
    (folder / "recording.json").write_text(json.dumps(about | {"v": 2}))
    with pytest.raises(UserError, match=r"is of version 2.*update this program"):
        read_recording(folder)


def test_a_growing_file_keeps_whole_pieces(tmp_path):
    file = GrowingFile(tmp_path / "a")
    assert [file.append(b"one"), file.append(b"three")] == [0, 3]
    file.sync()
    file.close()
    assert (tmp_path / "a").read_bytes() == b"onethree"
