"""report.schema.json says what the camera program prints: it takes every report of the program, and no damaged one."""

import copy
import json
import shutil
import sys
from pathlib import Path

import pytest
from emotion_camera.reports.parse import EventReport, FacesReport, parse
from emotion_camera.simulator import Faults, Line, run
from emotion_camera.simulator.program import program_for
from jsonschema import Draft202012Validator
from report_samples import ERROR, READY, face_fields, frame

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tools" / "emotion_camera" / "reports" / "schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
MODEL = ROOT / "models" / "emotion.tflite"
FRAME = frame((3, "happy"), (4, None))


@pytest.fixture(scope="module")
def camera_lines() -> list[str]:
    """What the camera program prints on the simulator: on the bundled clip, one capture failing."""
    if not shutil.which("micropython", path=str(Path(sys.executable).parent)):
        pytest.skip("no micropython for this machine")
    events = run(**program_for("h7plus", MODEL), board="h7plus", faults=Faults(timeouts=[60]))
    return [event.text for event in events if isinstance(event, Line)]


def test_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


def test_takes_all_that_the_camera_reports(camera_lines):
    lines = [line for line in camera_lines if line.startswith("{")]
    reports = [json.loads(line) for line in lines]
    assert [error.message for report in reports for error in VALIDATOR.iter_errors(report)] == []
    assert len([report for report in reports if "faces" in report]) > 100
    assert {"ready", "error", "recovered"} <= {report.get("event") for report in reports}


def test_all_that_the_camera_reports_is_parsed_whole(camera_lines):
    for line in camera_lines:
        report = parse(line)
        if not line.startswith("{"):
            assert report is None, line
            continue
        fields = json.loads(line)
        if isinstance(report, EventReport):
            assert (report.event, report.message) == (fields["event"], fields.get("message"))
        else:
            assert isinstance(report, FacesReport)
            assert (report.t, report.fps) == (fields["t"], fields["fps"])
            assert [face_fields(face) for face in report.faces] == fields["faces"]


GOOD = {
    "frame": FRAME,
    "first frame": FRAME | {"fps": 0},
    "ready": READY,
    "ready after a self-test": READY | {"selftest": "ok"},
    "error": ERROR,
    "recovered": {"v": 1, "event": "recovered"},
    "calibrated": {"v": 1, "event": "calibrated", "rest": {"sad": 0.2, "neutral": 2.5}},
    "status": {"v": 1, "event": "status", "free": 120000, "settings": {"sure": 0.3}, "rest": {}},
    "reply": {"v": 1, "event": "reply", "message": "sure is 0.3."},
    "an event of one's own": {"v": 1, "event": "pressed", "pin": "P9"},
}


@pytest.mark.parametrize("name", GOOD)
def test_takes_each_kind(name):
    VALIDATOR.validate(GOOD[name])
    assert parse(json.dumps(GOOD[name])) is not None


# A path into the report, and what is put there; `...` takes it out.
WRONG_FRAMES = {
    "no version": (["v"], ...),
    "version 0": (["v"], 0),
    "version true": (["v"], True),
    "version as text": (["v"], "1"),
    "no time": (["t"], ...),
    "time below 0": (["t"], -1),
    "time with a fraction": (["t"], 2.5),
    "no rate": (["fps"], ...),
    "rate below 0": (["fps"], -0.1),
    "rate as text": (["fps"], "10"),
    "no faces": (["faces"], ...),
    "empty faces": (["faces"], []),
    "faces as an object": (["faces"], {}),
    "a face that is a number": (["faces", 0], 7),
    "no id": (["faces", 0, "id"], ...),
    "id 0": (["faces", 0, "id"], 0),
    "id true": (["faces", 0, "id"], True),
    "no box": (["faces", 0, "box"], ...),
    "box of three": (["faces", 0, "box"], [1, 2, 3]),
    "box of five": (["faces", 0, "box"], [1, 2, 3, 4, 5]),
    "box with a fraction": (["faces", 0, "box", 2], 10.5),
    "box outside the frame": (["faces", 0, "box", 0], -1),
    "no emotion": (["faces", 1, "emotion"], ...),
    "emotion as a number": (["faces", 1, "emotion"], 3),
    "no score": (["faces", 1, "score"], ...),
    "score over 1": (["faces", 1, "score"], 1.01),
    "no scores": (["faces", 1, "scores"], ...),
    "a score below 0": (["faces", 1, "scores", 6], -0.01),
    "a score that is null": (["faces", 1, "scores", 0], None),
}
WRONG_EVENTS = {
    "no version": (["v"], ...),
    "event null": (["event"], None),
    "event empty": (["event"], ""),
    "message as a number": (["message"], 5),
}
WRONG_READY = {
    "no board": (["board"], ...),
    "no firmware": (["firmware"], ...),
    "firmware as a number": (["firmware"], 5.0),
    "firmware with a v": (["firmware"], "v5.0.0"),
    "no model": (["model"], ...),
    "no hash": (["sha256"], ...),
    "hash too short": (["sha256"], "ab" * 31),
    "hash in capitals": (["sha256"], "AB" * 32),
    "no labels": (["labels"], ...),
    "labels empty": (["labels"], []),
    "blank label": (["labels", 2], ""),
    "self-test true": (["selftest"], True),
}


def changed(report: dict, path: list, value: object) -> dict:
    whole = copy.deepcopy(report)
    part = whole
    for step in path[:-1]:
        part = part[step]
    if value is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return whole


@pytest.mark.parametrize("name", WRONG_FRAMES)
def test_refuses_a_wrong_frame_and_so_does_parse(name):
    wrong = changed(FRAME, *WRONG_FRAMES[name])
    assert not VALIDATOR.is_valid(wrong)
    assert parse(json.dumps(wrong)) is None


@pytest.mark.parametrize("name", WRONG_EVENTS)
def test_refuses_a_wrong_event_and_so_does_parse(name):
    wrong = changed(ERROR, *WRONG_EVENTS[name])
    assert not VALIDATOR.is_valid(wrong)
    assert parse(json.dumps(wrong)) is None


@pytest.mark.parametrize("event", ["error", "reply"])
def test_refuses_an_event_without_its_message_and_so_does_parse(event):
    assert not VALIDATOR.is_valid({"v": 1, "event": event})
    assert parse(json.dumps({"v": 1, "event": event})) is None


@pytest.mark.parametrize("name", WRONG_READY)
def test_refuses_a_wrong_ready(name):
    assert not VALIDATOR.is_valid(changed(READY, *WRONG_READY[name]))


def test_refuses_unknown_fields_in_a_frame():
    assert not VALIDATOR.is_valid(FRAME | {"mood": "good"})
    assert not VALIDATOR.is_valid(changed(FRAME, ["faces", 0, "age"], 40))


@pytest.mark.parametrize("other", [[], [FRAME], "ready", 1, None, {}, {"v": 1}])
def test_refuses_what_is_no_report(other):
    assert not VALIDATOR.is_valid(other)
    assert parse(json.dumps(other)) is None
