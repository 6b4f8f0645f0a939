"""The client of the camera's reports: it finds them among whatever comes over a cable, and outlives a pulled one."""

import json
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from emotion_camera.errors import UserError
from emotion_camera.reports import parse as parsing
from emotion_camera.reports.parse import MOST_LINES, EventReport, Face, FacesReport, Joiner, ReportError, parse, read
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from report_samples import ERROR, READY, as_line, frame
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

SCHEMA = Path(__file__).parents[2] / "tools" / "emotion_camera" / "reports" / "schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))

# Reports of all kinds, as dicts -------------------------------------------------------------------

shares = st.floats(0, 1)
faces = st.fixed_dictionaries(
    {
        "id": st.integers(1),
        "box": st.lists(st.integers(0), min_size=4, max_size=4),
        "emotion": st.none() | st.text(),
        "score": shares,
        "scores": st.lists(shares),
    }
)
frames = st.fixed_dictionaries(
    {
        "v": st.just(1),
        "t": st.integers(0),
        "fps": st.integers(0, 1000) | st.floats(0, allow_infinity=False),
        "faces": st.lists(faces, min_size=1, max_size=3),
    }
)
json_values = st.recursive(
    # A whole number written 1.0 is one to the schema but not to parse; the camera never writes it.
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda n: n % 1)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
events = st.builds(
    lambda more, event, message: more | {"v": 1, "event": event, "message": message},
    st.dictionaries(st.text(), json_values, max_size=3),
    st.sampled_from(["error", "recovered", "reply", "new"]),
    st.text(),
)


def as_dict(report: FacesReport | EventReport) -> dict:
    """The fields of the line that a report came from."""
    if isinstance(report, EventReport):
        message = {} if report.message is None else {"message": report.message}
        return report.fields | message | {"v": 1, "event": report.event}
    found = [vars(face) | {"box": list(face.box), "scores": list(face.scores)} for face in report.faces]
    return {"v": 1, "t": report.t, "fps": report.fps, "faces": found}


@settings(deadline=None)
@given(frames | events)
def test_a_report_is_parsed_whole(fields):
    VALIDATOR.validate(fields)
    report = parse(json.dumps(fields))
    assert report is not None
    assert as_dict(report) == fields


def test_the_fields_of_a_frame():
    face = {"id": 3, "box": [1, 2, 30, 40], "emotion": None, "score": 0.3, "scores": [0.3, 0.7]}
    line = json.dumps({"v": 1, "t": 123, "fps": 9.5, "faces": [face]})
    assert parse(line) == FacesReport(123, 9.5, (Face(3, (1, 2, 30, 40), None, 0.3, (0.3, 0.7)),))


def test_the_fields_of_an_event():
    report = parse(json.dumps(READY))
    assert isinstance(report, EventReport)
    assert (report.event, report.message) == ("ready", None)
    assert report.fields["labels"][3] == "happy"
    assert "v" not in report.fields
    assert parse(json.dumps(ERROR)) == EventReport("error", ERROR["message"], {})


@settings(deadline=None)
@given(
    st.text()
    | json_values.map(json.dumps)
    | st.dictionaries(st.sampled_from(["v", "event", "faces", "t"]), json_values).map(json.dumps)
)
def test_any_text_is_taken(text):
    try:
        parse(text)
    except ReportError as error:
        assert "update this program" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"v":1,"event":' * 9999, "9" * 5000, '{"v":1,"t":1e999,"fps":1,"faces":[1]}', "\0"]
)
def test_monstrous_text_is_no_report(text):
    assert parse(text) is None


@settings(deadline=None)
@given(frames, st.data())
def test_half_a_line_is_no_report(fields, data):
    line = json.dumps(fields)
    cut = data.draw(st.integers(1, len(line) - 1))
    assert parse(line[:cut]) is None
    assert parse(line[cut:]) is None


@settings(deadline=None)
@given(frames, st.data(), json_values)
def test_a_damaged_frame_is_parsed_only_where_the_schema_takes_it(fields, data, value):
    part: dict | list = fields
    while True:
        key = data.draw(st.sampled_from(list(part) if isinstance(part, dict) else range(len(part))))
        if not isinstance(part[key], dict | list) or not part[key] or data.draw(st.booleans()):
            break
        part = part[key]
    part[key] = value
    try:
        taken = parse(json.dumps(fields)) is not None
    except ReportError:
        taken = False
    assert taken == VALIDATOR.is_valid(fields)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
@pytest.mark.parametrize("field", ['"t": 2300', '"fps": 10.0', '"score": 0.8'])
def test_endless_numbers_are_no_report(field, number):
    line = json.dumps(frame((1, "happy")))
    assert parse(line) is not None
    assert field in line
    assert parse(line.replace(field, field.split()[0] + number)) is None


def test_fields_to_come_are_passed_over():
    assert parse(json.dumps(frame((1, "happy")) | {"light": 12})) == parse(json.dumps(frame((1, "happy"))))


def test_a_later_version_is_told():
    with pytest.raises(ReportError, match="the camera reports in version 2, this program reads 1: update this program"):
        parse(json.dumps(frame((1, "happy")) | {"v": 2}))
    assert parse('{"v": 230, "unit": "volt"}') is None, "another program's output"


A, B, C = frame((1, "happy")), frame((1, None), (2, "sad"), t=2400), frame((2, "sad"), t=2500)

# Told in several lines --------------------------------------------------------------------------------


def joined(lines: list[str]) -> list[dict]:
    """The reports that a joiner makes of these lines, in which there is nothing but reports."""
    joiner = Joiner()
    return [json.loads(whole) for line in lines if (whole := joiner.add(line)) is not None]


def in_lines(fields: dict, cuts: list[int]) -> list[str]:
    """A report of faces or an event in several lines, as the camera tells it: its faces, or its fields, cut there."""
    if "faces" in fields:
        parts = [{"faces": [face]} for face in fields["faces"]]
        head = {name: value for name, value in fields.items() if name != "faces"}
    else:
        parts = [{name: value} for name, value in fields.items() if name not in ("v", "event")]
        head = {"v": 1, "event": fields["event"]}
    edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(parts)}), len(parts)]
    lines = []
    for start, end in pairwise(edges):
        line = dict(head)
        for part in parts[start:end]:
            line |= {"faces": line["faces"] + part["faces"]} if "faces" in line else part
        lines.append(json.dumps(line | ({"more": True} if end < len(parts) else {})))
    return lines


many = frames.flatmap(
    lambda fields: st.lists(faces, min_size=1, max_size=10).map(lambda found: fields | {"faces": found})
)
# "t" and "more" are the camera's own.
tellable = events.map(lambda fields: {name: fields[name] for name in fields if name not in ("t", "more", "faces")})


@given(st.lists(st.tuples(many | tellable, st.lists(st.integers(1, 9), max_size=9)), max_size=4))
def test_reports_are_put_together_however_they_were_split(told):
    """Faces keep their order, and a report that is whole comes at once."""
    lines = [line for fields, cuts in told for line in in_lines(fields, cuts)]
    assert joined(lines) == [fields for fields, _ in told]


def test_a_line_that_is_whole_is_left_as_it_is():
    for line in (json.dumps(READY), '{"v":1,  "t":1}', "no report", '{"more": true, cut', '"more"', "[]"):
        assert Joiner().add(line) == line


LINES = in_lines(frame((1, "happy"), (2, "sad"), (3, None)), [1, 2])


@pytest.mark.parametrize("between", ["OSError: 5", "", LINES[0][:40], '{"more": true, cut', json.dumps(ERROR), "[1]"])
@pytest.mark.parametrize("after", [1, 2])
def test_what_comes_between_ends_what_was_begun(between, after):
    """A half could pass for a frame with fewer faces."""
    joiner = Joiner()
    told = [joiner.add(line) for line in [*LINES[:after], between]]
    assert told == [None] * after + [between]
    assert Joiner().add(json.dumps(A)) == joiner.add(json.dumps(A))


def test_another_frame_ends_what_was_begun():
    next_frame = in_lines(frame((1, "happy"), (4, "sad"), t=2400), [1])
    assert joined([*LINES[:2], *next_frame]) == [frame((1, "happy"), (4, "sad"), t=2400)]
    assert joined([*LINES[:2], json.dumps(C)]) == [C]


@pytest.mark.parametrize(("count", "whole"), [(MOST_LINES, True), (MOST_LINES + 1, False)])
def test_what_never_ends_is_dropped(count, whole):
    fields = frame(*((number, "happy") for number in range(1, count + 1)))
    told = joined(in_lines(fields, list(range(1, count))))
    assert (told == [fields]) == whole
    assert fields not in told or whole


# Over a cable ---------------------------------------------------------------------------------------

HELLO = {"v": 1, "event": "status", "hello": True}


def hear(cable, heard_reports, script: bytes, count: int) -> list[dict]:
    """The first `count` reports of `script`, which is sent once the client is seen to listen: opening a port throws
    away what came before."""
    listens = threading.Event()

    def talk() -> None:
        while not listens.wait(0.01):
            cable.send(as_line(HELLO))
        cable.send(script)

    thread = threading.Thread(target=talk)
    thread.start()
    heard: list[dict] = []
    try:
        while len(heard) < count:
            report = as_dict(next(heard_reports))
            if report == HELLO:
                listens.set()
            else:
                heard.append(report)
    finally:
        listens.set()
        thread.join()
    return heard


def test_reports_are_found_among_anything_else(plug_in):
    cable = plug_in()
    script = [
        as_line(READY)[40:],
        b"Traceback (most recent call last):\r\n",
        as_line(A),
        b"\xff\xfe\0\x80\n\n\n",
        as_line(B).replace(b"sad", b"s\xe1d"),
        as_line(B)[:50] + b"\r\n",
        as_line(B).replace(b"\r", b""),
        b"x" * 70000 + b"\n",
        b"{}\r\n12\r\n",
        as_line(ERROR),
    ]
    assert hear(cable, read(str(cable.path)), b"".join(script), 3) == [A, B, ERROR]


def test_a_line_in_pieces_is_one_report(plug_in):
    cable = plug_in()
    line = as_line(B)
    stream = read(str(cable.path))
    assert hear(cable, stream, as_line(A) + line[:30], 1) == [A]
    cable.send(line[30:31])
    cable.send(line[31:])
    assert as_dict(next(stream)) == B


def test_a_pulled_cable_is_waited_for(plug_in, caplog):
    cable = plug_in()
    stream = read(str(cable.path))
    assert hear(cable, stream, as_line(A) + as_line(B)[:60], 1) == [A]
    cable.pull()
    cable.plug()
    assert hear(cable, stream, as_line(B), 1) == [B]
    assert f"{cable.path}: the connection is lost" in caplog.text


def test_the_halves_of_a_line_on_both_sides_of_a_cut_are_no_report(plug_in):
    cable = plug_in()
    stream = read(str(cable.path))
    assert hear(cable, stream, as_line(A) + as_line(B)[:60], 1) == [A]
    cable.pull()
    cable.plug()
    heard = threading.Event()

    def talk() -> None:
        while not heard.wait(0.01):
            if cable.is_open():  # what is sent before would fill the cable, and be cut anywhere
                cable.send(as_line(B)[60:] + as_line(C))

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        assert as_dict(next(stream)) == C
    finally:
        heard.set()
        thread.join()


def test_a_camera_may_come_back_on_another_port(plug_in, monkeypatch):
    cables = [plug_in("ttyACM0")]
    monkeypatch.setattr(list_ports, "comports", lambda: [usb(cable.path) for cable in cables if cable.ends])
    stream = read()
    assert hear(cables[0], stream, as_line(A), 1) == [A]
    cables[0].pull()
    cables.append(plug_in("ttyACM1"))
    assert hear(cables[1], stream, as_line(B), 1) == [B]


def usb(path) -> ListPortInfo:
    port = ListPortInfo(str(path))
    port.vid, port.pid = 0x37C5, 0x1204
    return port


def test_it_waits_longer_and_longer_and_tells_why_once(plug_in, monkeypatch, caplog):
    cable = plug_in()
    stream = read(str(cable.path))
    assert hear(cable, stream, as_line(A), 1) == [A]
    cable.pull()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 6:
            cable.plug()

    monkeypatch.setattr(parsing.time, "sleep", sleep)
    assert hear(cable, stream, as_line(B), 1) == [B]
    assert waits == [0.5, 1, 2, 4, 5, 5]
    assert caplog.text.count("there is no such port") == 1


def test_it_ends_with_the_connection_when_told_so(plug_in):
    cable = plug_in()
    stream = read(str(cable.path), reconnect=False)
    assert hear(cable, stream, as_line(A), 1) == [A]
    cable.send(as_line(B)[:60])
    cable.pull()
    assert list(stream) == []


def test_a_port_that_is_not_there_is_told_at_once(tmp_path):
    with pytest.raises(UserError, match="there is no such port"):
        next(read(str(tmp_path / "ttyACM0")))


def test_a_later_version_ends_the_reading(plug_in):
    cable = plug_in()
    with pytest.raises(ReportError, match="version 7"):
        hear(cable, read(str(cable.path)), as_line(A | {"v": 7}), 1)


def test_the_port_is_free_afterwards(plug_in):
    cable = plug_in()
    stream = read(str(cable.path))
    assert hear(cable, stream, as_line(A), 1) == [A]
    stream.close()
    assert hear(cable, read(str(cable.path)), as_line(B), 1) == [B]


@pytest.mark.parametrize("scheme", ["socket", "spy"])
def test_ports_may_be_urls(scheme, play, plug_in, tmp_path):
    if scheme == "socket":
        stream = read(play(A))
        assert [as_dict(next(stream)) for _ in range(3)] == [A, A, A]
        stream.close()
    else:
        cable = plug_in()
        stream = read(f"spy://{cable.path}?file={tmp_path / 'spied'}")
        assert hear(cable, stream, as_line(A), 1) == [A]
        assert "faces" in (tmp_path / "spied").read_text()
