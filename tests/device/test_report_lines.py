"""A report that is longer than what a serial port holds comes in several lines, which the readers put together."""

import json
from functools import partial
from types import SimpleNamespace

import pytest
from camera_runs import SCHEMA
from emotion_camera.reports.lines import ReportJoiner
from emotion_camera.reports.parse import FacesReport, parse
from hypothesis import given
from hypothesis import strategies as st

LONG = ["очень сердитый и расстроенный", "mildly surprised, or about to be", "\N{GRINNING FACE} happy"]


def told(program, say) -> list[str]:
    """The lines that a camera sends, by what `say` tells its Reports."""
    reports, lines = program.Reports(), []
    reports.send = lines.append
    say(reports)
    return lines


def ten_faces(labels: list[str]) -> list[dict]:
    share = 1 / len(labels)
    return [
        {
            "id": 1000 + number,
            "box": (100 + number, 60, 80, 80),
            "emotion": labels[number % len(labels)],
            "score": share,
            "scores": [share] * len(labels),
        }
        for number in range(10)
    ]


def whole(lines: list[str]) -> str:
    """The report of these lines; only the last makes it whole."""
    joiner = ReportJoiner()
    *halves, report = [joiner.add(line) for line in lines]
    assert halves == [None] * len(halves)
    assert report is not None
    return report


@pytest.mark.parametrize("ascii", [True, False], ids=["escaped", "as UTF-8"])  # as CPython's json, as the camera's
@pytest.mark.parametrize("count", [3, 7, 26])
def test_ten_faces_with_long_labels_come_in_lines_of_500_bytes(program, count, ascii, monkeypatch):
    monkeypatch.setattr(program, "json", SimpleNamespace(dumps=partial(json.dumps, ensure_ascii=ascii)))
    labels = [f"{LONG[number % 3]} {number}" for number in range(count)]
    faces = ten_faces(labels)
    lines = told(program, lambda reports: reports.faces(0, 2300, 9.5, faces))
    assert len(lines) > 2
    for line in lines:
        assert len(line.encode()) <= 500
        SCHEMA.validate(json.loads(line))
    report = parse(whole(lines))
    assert isinstance(report, FacesReport)
    assert (report.t, report.fps) == (2300, 9.5)
    assert [(face.id, face.box, face.emotion) for face in report.faces] == [
        (face["id"], face["box"], face["emotion"]) for face in faces
    ]
    assert all(len(face.scores) == count for face in report.faces)


names = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=12)


@given(
    st.dictionaries(names, st.text(max_size=40) | st.integers() | st.lists(st.integers(0, 9), max_size=40), max_size=12)
)
def test_an_event_of_many_fields_comes_in_lines_of_500_bytes(program, fields):
    fields.pop("more", None)
    lines = told(program, lambda reports: reports.event("told", **{"of_" + name: fields[name] for name in fields}))
    assert all(len(line.encode()) <= 500 for line in lines)
    expected = {"v": 1, "event": "told"} | {"of_" + name: fields[name] for name in fields}
    assert json.loads(whole(lines)) == expected


def test_a_report_that_fits_comes_in_one_line(program):
    [line] = told(program, lambda reports: reports.faces(0, 2300, 9.5, ten_faces(["happy", "sad"])[:3]))
    assert "more" not in line


def test_the_channel_of_v5_gets_the_report_whole(program):
    reports = program.Reports()
    reports.channel = program.Channel()
    lines = []
    reports.send = lines.append
    reports.faces(0, 2300, 9.5, ten_faces(LONG))
    assert len(lines) > 1
    size = reports.channel.size()
    assert json.loads(reports.channel.read(0, size)) == json.loads(whole(lines))
