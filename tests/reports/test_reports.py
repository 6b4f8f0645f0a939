"""Parsing: reports are found among whatever else comes, and put together from several lines."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from emotion_camera.reports.lines import LONGEST_LINE, MOST_LINES, LineReader, LineSplitter, ReportJoiner
from emotion_camera.reports.parse import WHY, EventReport, Face, FacesReport, ReportError, parse
from emotion_camera.terminal import one_line
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from report_samples import ERROR, READY, as_dict, as_line, frame

SCHEMA = Path(__file__).parents[2] / "tools" / "emotion_camera" / "reports" / "schema.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))

# Reports of all kinds, as dicts -------------------------------------------------------------------

shares = st.floats(0, 1)
whole = st.integers(1, (1 << 53) - 1)
names = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1)
place = st.tuples(*[st.integers(0, 10_000)] * 2, *[st.integers(1, 10_000)] * 2).map(list)
face = {"id": whole, "box": place, "emotion": names, "score": shares, "scores": st.lists(shares, min_size=1)}
affect = {"valence": st.floats(-1, 1), "arousal": st.floats(-1, 1)}
faces = st.fixed_dictionaries(face, optional=affect) | st.fixed_dictionaries(
    face | {"emotion": st.none()}, optional=affect | {"why": st.sampled_from(WHY)}
)
frames = st.fixed_dictionaries(
    {
        "v": st.just(1),
        "t": st.just(0) | whole,
        "fps": st.integers(0, 1000) | st.floats(0, 1000),
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
    names.map(one_line),
)


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


def test_a_reason_stands_in_place_of_a_name_and_is_one_of_six():
    def why(**fields):
        face = {"id": 3, "box": [1, 2, 30, 40], "emotion": None, "score": 0.3, "scores": [0.3, 0.7]} | fields
        return parse(json.dumps({"v": 1, "t": 123, "fps": 9.5, "faces": [face]})).faces[0].why

    assert why(why="turned") == "turned"
    assert why(why="\u001b[2J") is None
    assert why(why=["turned"]) is None
    assert why(why="turned", emotion="happy") is None


@pytest.mark.parametrize("value", [1.01, -1.01, "0.5", True, [0]])
def test_valence_and_arousal_are_from_minus_1_to_1(value):
    for name in ("valence", "arousal"):
        face = {"id": 3, "box": [1, 2, 30, 40], "emotion": None, "score": 0.3, "scores": [0.3, 0.7], name: value}
        assert parse(json.dumps({"v": 1, "t": 123, "fps": 9.5, "faces": [face]})) is None


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
    if key == "why":  # a reason of a later program is passed over
        return
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
    joiner = ReportJoiner()
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
        assert ReportJoiner().add(line) == line


LINES = in_lines(frame((1, "happy"), (2, "sad"), (3, None)), [1, 2])


@pytest.mark.parametrize("between", ["OSError: 5", "", LINES[0][:40], '{"more": true, cut', json.dumps(ERROR), "[1]"])
@pytest.mark.parametrize("after", [1, 2])
def test_what_comes_between_ends_what_was_begun(between, after):
    """A half could pass for a frame with fewer faces."""
    joiner = ReportJoiner()
    told = [joiner.add(line) for line in [*LINES[:after], between]]
    assert told == [None] * after + [between]
    assert ReportJoiner().add(json.dumps(A)) == joiner.add(json.dumps(A))


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


# From bytes to lines ----------------------------------------------------------------------------------


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))), st.data())
def test_lines_are_the_same_however_the_bytes_come(lines, data):
    """A letter of several bytes may be cut, too."""
    sent = "".join(line + "\r\n" for line in lines).encode()
    splitter, came = LineSplitter(), []
    while sent:
        count = data.draw(st.integers(1, len(sent)))
        came += splitter.feed(sent[:count])
        sent = sent[count:]
    assert came == lines


def test_blank_and_damaged_lines_are_left_out():
    reader = LineReader()
    assert reader.feed(b"one\r\ntw") == ["one"]
    assert reader.unfinished == "tw"
    assert reader.feed(b"o\n\n\xff\xfe\nthree\n") == ["two", "three"]


def test_what_has_no_line_end_takes_no_memory_and_its_end_is_no_line():
    reader = LineReader()
    for _ in range(5):
        assert reader.feed(b"x" * (LONGEST_LINE - 1000)) == []
        assert len(reader.unfinished) <= LONGEST_LINE
    assert reader.feed(as_line(A) + as_line(B)) == [json.dumps(B)]


@pytest.mark.parametrize("between", [b"\r\n", b"s\xe1d\r\n", b"x" * (LONGEST_LINE + 9) + b"\r\n"])
def test_a_line_that_was_lost_ends_what_was_begun(between):
    """Of a report that fills its buffer the firmware sends a line end alone: the faces in it are missing."""
    first, *_, last = (line.encode() + b"\r\n" for line in LINES)
    reader = LineReader()
    assert [json.loads(line) for line in reader.feed(first + between + last)] != [frame((1, "happy"), (3, None))], (
        "a frame with fewer faces"
    )
