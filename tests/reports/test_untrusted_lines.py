"""Lines from a camera are not trusted: which are believed, by kind; and what comes of any bytes at all."""

import json
import tracemalloc

import pytest
from emotion_camera.reports.check import ReportCheck, ReportParser
from emotion_camera.reports.lines import LONGEST_LINE, LineReader
from emotion_camera.reports.parse import EventReport, FacesReport, ReportError, parse
from hypothesis import example, given
from hypothesis import strategies as st
from report_samples import READY, as_line, frame

GOOD = json.dumps(frame((3, "happy")), separators=(",", ":"))
SEVEN = "[0.004,0.0,0.02,0.8,0.168,0.008,0.0]"
ESCAPE, TURNED = (
    "\\u001b]0;title\\u0007",
    "\\u202e",
)  # as JSON has them: the terminal's title is changed, the text runs backwards

# Kind, what is changed in a good line, into what, and whether the report is believed.
CHANGES = [
    ("nothing", "", "", True),
    ("name", '"happy"', '"hap`y"', False),
    ("name", '"happy"', '"Happy"', False),
    ("name", '"happy"', '"happy "', False),
    ("name", '"happy"', '""', False),
    ("name", '"happy"', '"sad"', True),
    ("name", '"happy"', "null", True),
    ("name", '"happy"', "3", False),
    ("name", '"happy"', "true", False),
    ("name", '"happy"', '["happy"]', False),
    ("name", '"happy"', f'"happy{ESCAPE}"', False),
    ("name", '"happy"', '"=cmd|calc"', False),
    ("number", '"t":2300', '"t":NaN', False),
    ("number", '"t":2300', '"t":Infinity', False),
    ("number", '"t":2300', '"t":true', False),
    ("number", '"t":2300', '"t":2.5', False),
    ("number", '"t":2300', '"t":1e3', False),
    ("number", '"t":2300', f'"t":{1 << 53}', False),
    ("number", '"t":2300', '"t":' + "9" * 4000, False),
    ("number", '"t":2300', '"t":-1', False),
    ("number", '"fps":10.0', '"fps":-0.1', False),
    ("number", '"fps":10.0', '"fps":-Infinity', False),
    ("number", '"fps":10.0', '"fps":1e308', False),
    ("number", '"fps":10.0', '"fps":1e999', False),
    ("number", '"fps":10.0', '"fps":false', False),
    ("number", '"id":3', '"id":0', False),
    ("number", '"id":3', '"id":-3', False),
    ("number", '"id":3', '"id":"../../victim"', False),
    ("number", '"id":3', '"id":1e1', False),
    ("number", '"fps":10.0,', '"fps":10.0,"light":NaN,', False),
    ("box", "[98,59,100,100]", "[98,59,100]", False),
    ("box", "[98,59,100,100]", "[98,59,100,100,1]", False),
    ("box", "[98,59,100,100]", "[-1,59,100,100]", False),
    ("box", "[98,59,100,100]", "[98,59,-100,100]", False),
    ("box", "[98,59,100,100]", "[98,59,0,100]", False),
    ("box", "[98,59,100,100]", "[98,59,100,100.5]", False),
    ("box", "[98,59,100,100]", "[true,59,100,100]", False),
    ("box", "[98,59,100,100]", "[98,59,100,1000000000]", False),
    ("box", "[98,59,100,100]", "[221,59,100,100]", False),
    ("box", "[98,59,100,100]", "[98,141,100,100]", False),
    ("box", "[98,59,100,100]", "[220,140,100,100]", True),
    ("scores", '"score":0.8', '"score":1.01', False),
    ("scores", '"score":0.8', '"score":-0.1', False),
    ("scores", '"score":0.8', '"score":true', False),
    ("scores", '"score":0.8', '"score":NaN', False),
    ("scores", SEVEN, "[0.2,0.8]", False),
    ("scores", SEVEN, "[]", False),
    ("scores", SEVEN, "0.8", False),
    ("scores", SEVEN, "[0.004,0.0,0.02,0.8,0.168,0.008,0.0,0.0]", False),
    ("scores", SEVEN, "[0.004,0.0,0.02,8,0.168,0.008,0.0]", False),
    ("scores", SEVEN, "[0.004,0.0,0.02,null,0.168,0.008,0.0]", False),
    ("scores", SEVEN, "[0.004,0.0,0.02,true,0.168,0.008,0.0]", False),
    ("face", '"faces":[{', '"faces":[{},{', False),
    ("face", '"faces":[{', '"faces":[[],{', False),
    ("face", '"faces":[', '"faces":[' + json.dumps(frame((3, "sad"))["faces"][0]) + ",", False),  # one id twice
    ("face", '"faces":[', '"faces":[' + json.dumps(frame((4, "sad"))["faces"][0] | {"scores": [0.2, 0.8]}) + ",", False),
    ("field to come", '"id":3', '"id":3,"why":"dark","valence":0.4,"arousal":-0.2', True),
    ("field to come", '"fps":10.0', '"fps":10.0,"light":{"lux":[1,2,3]}', True),
    ("field to come", '"fps":10.0', '"fps":10.0,"deep":' + "[" * 100 + "]" * 100, False),
    ("line", "}]}", "}]", False),
    ("line", '{"v":1', '{"v":1}{"v":1', False),
    ("line", '{"v":1', '{"v":true', False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "old", "new", "believed"), CHANGES)
def test_which_reports_are_believed(kind, old, new, believed):
    assert old in GOOD
    check = ReportCheck()
    check.see_frame(320, 240)
    assert check.accepts(parse(json.dumps(READY)))
    report = parse(GOOD.replace(old, new, 1))
    assert (report is not None and check.accepts(report)) == believed


@pytest.mark.parametrize(
    ("kind", "field", "value", "kept"),
    [
        ("number", "free", 120_000, True),
        ("number", "free", -1, False),
        ("number", "free", "120 KB", False),
        ("number", "free", 10**30, False),
        ("number", "free", True, False),
        ("number", "settings", {"report_ms": 1000, "sure": 0.3}, True),
        ("number", "settings", {"report_ms": "1000"}, False),
        ("number", "settings", {"report_ms": True}, False),
        ("number", "settings", {"report_ms": 1e300}, False),
        ("number", "settings", [1000], False),
        ("number", "rest", {"happy\x1b": 1.0}, False),
        ("name", "labels", ["yes", "no"], True),
        ("name", "labels", ["yes", "yes"], False),
        ("name", "labels", ["yes", ""], False),
        ("name", "labels", ["yes", "n\x1b[2Jo"], False),
        ("name", "labels", ["yes", 3], False),
        ("name", "labels", [str(number) for number in range(513)], False),
        ("name", "labels", {"yes": 1}, False),
        ("name", "model", {"name": "emotion"}, False),
        ("name", "firmware", 5.0, False),
        ("sentence", "problem", None, True),
        ("sentence", "problem", "emotion.tflite is not on the camera.", True),
        ("sentence", "problem", ["dark"], False),
        ("field to come", "light", {"lux": [1, 2, 3]}, True),
    ],
)
def test_which_fields_of_an_event_are_believed(kind, field, value, kept):
    report = parse(json.dumps({"v": 1, "event": "status", field: value}))
    assert report.fields == ({field: value} if kept else {})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ESCAPE, r"\x1b]0;title\x07"),
        (TURNED + "back", r"\u202eback"),
        ("two\\r\\nlines\\t", "two  lines "),
        ("\\ud800", r"\ud800"),
        ("x" * 3000, "x" * 1997 + "..."),
    ],
)
@pytest.mark.parametrize("field", ["message", "problem"])
def test_a_sentence_does_nothing_to_where_it_is_shown(field, text, shown):
    report = parse(f'{{"v":1,"event":"status","{field}":"{text}"}}')
    assert (report.message if field == "message" else report.fields["problem"]) == shown


def test_names_of_a_ready_event_do_nothing_to_where_they_are_shown():
    report = parse(json.dumps(READY | {"board": "H7\x1b[2J", "model": "a" * 1000}))
    assert report.fields["board"] == r"H7\x1b[2J"
    assert len(report.fields["model"]) == 200


@pytest.mark.parametrize("event", ["", "\x1b[2J", "a\nb", 3, None, ["ready"], "x" * 2000])
def test_an_event_without_a_name_is_none(event):
    assert parse(json.dumps({"v": 1, "event": event, "message": "hello"})) is None


def test_before_the_labels_are_known_any_name_is_believed_and_then_those_of_the_newest_model():
    parser = ReportParser()
    assert parser.parse(GOOD.replace("happy", "smile")) is not None
    parser.parse(json.dumps(READY))
    assert parser.parse(GOOD.replace("happy", "smile")) is None
    assert parser.parse(GOOD) is not None
    parser.parse(json.dumps(READY | {"labels": ["smile", "frown"], "sha256": "7b" * 32}))
    assert parser.parse(GOOD) is None
    assert parser.parse(GOOD.replace("happy", "smile").replace(SEVEN, "[0.8,0.2]")) is not None


def test_reports_before_the_labels_may_be_of_another_model():
    """In a recording, that is: the camera got another model while it ran."""
    check = ReportCheck(("smile", "frown"))
    assert check.accepts(parse(GOOD))
    two = GOOD.replace(SEVEN, "[0.8,0.2]")
    assert not check.accepts(parse(two))
    assert check.accepts(parse(two.replace("happy", "smile")))
    check.accepts(parse(json.dumps(READY | {"labels": ["smile", "frown"]})))
    assert not check.accepts(parse(GOOD))


OTHERS = READY | {"labels": ["smile" if label == "happy" else label for label in READY["labels"]]}
SMILE = GOOD.replace("happy", "smile")


def believed(*lines: str) -> list[bool]:
    check = ReportCheck()
    return [check.believes(line) for line in lines]


def test_a_letter_that_changed_in_the_labels_changes_no_name():
    """The same model has the same labels: others are damaged, or those before were. The camera is asked again."""
    ready, others = json.dumps(READY), json.dumps(OTHERS)
    assert believed(ready, others, GOOD, SMILE.replace("smile", "smi1e")) == [True, False, True, False]
    assert believed(ready, others, ready, SMILE) == [True, False, True, False], (
        "asked again, it was the second that was damaged"
    )
    assert believed(ready, others, others, SMILE, GOOD) == [True, False, True, True, False], "it was the first"
    assert believed(ready, others, SMILE, GOOD) == [True, False, True, False], (
        "a report names one: it has a new labels file"
    )


def test_a_letter_that_changed_in_the_version_ends_nothing():
    """One report of a later version in between is damaged; when all are, the person is told."""
    later = GOOD.replace('"v":1', '"v":3')
    assert believed(GOOD, later, later, GOOD, later) == [True, False, False, True, False]
    assert believed(GOOD, *[later] * 4) == [True, False, False, True, True]


def test_every_letter_changed_leaves_only_the_names_that_there_are():
    """One letter of each place, turned by the bit that a bad contact turns first."""
    names: set[str | None] = set()
    for place in range(len(GOOD)):
        for bit in range(7):
            line = GOOD[:place] + chr(ord(GOOD[place]) ^ 1 << bit) + GOOD[place + 1 :]
            parser = ReportParser()
            parser.parse(json.dumps(READY))
            report = parser.parse(line)
            names |= {face.emotion for face in report.faces} if isinstance(report, FacesReport) else set()
    assert names == {"happy"}


# Any bytes --------------------------------------------------------------------------------------------

pieces = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"\n", b"\r\n", as_line(READY), GOOD.encode(), b'{"more":true}', b"\x1b[2J", b"\xff\xfe", b"[" * 999]
    ),
    st.builds(
        lambda place, byte: GOOD.encode()[:place] + bytes([byte]) + GOOD.encode()[place + 1 :] + b"\n",
        st.integers(0, len(GOOD) - 1),
        st.integers(0, 255),
    ),
)


@given(st.lists(pieces, max_size=12))
@example([b'{"v":1,"event":"ready","labels":["a"]}\n', GOOD.encode(), b"\n"])
def test_any_bytes_give_reports_that_are_sound_or_none(chunks):
    reader, parser = LineReader(), ReportParser()
    labels: tuple[str, ...] = ()
    for chunk in chunks:
        for line in reader.feed(chunk):
            try:
                report = parser.parse(line)
            except ReportError:
                continue
            if isinstance(report, EventReport):
                labels = tuple(report.fields.get("labels", labels))
                json.dumps(report.fields, allow_nan=False)
                assert (report.message or "x").isprintable()
            for face in report.faces if isinstance(report, FacesReport) else ():
                assert face.emotion is None or not labels or face.emotion in labels
                assert all(0 <= score <= 1 for score in (face.score, *face.scores))
                assert 0 <= min(face.box) <= max(face.box) <= 10_000


@pytest.mark.parametrize(
    "chunk", [b"x" * 4096, b'{"more":true,"a":"' + b"x" * 400 + b'"}\n', b"[" * 4096, b"\xff" * 4096]
)
def test_a_line_without_end_takes_a_bounded_memory(chunk):
    reader = LineReader()
    tracemalloc.start()
    try:
        for _ in range(2000):
            reader.feed(chunk)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 20 * LONGEST_LINE
