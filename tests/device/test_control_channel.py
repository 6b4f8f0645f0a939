"""The protocol channel "controls", which OpenMV IDE shows: read by an independent CBOR decoder, as the IDE reads it."""

import json
import re
import sys

import cbor2
import pytest
from camera_runs import Played, micropython, scene
from emotion_camera.model.bundle import COMPACT, MAIN
from emotion_camera.model.contract import EMOTIONS
from hypothesis import example, given
from hypothesis import strategies as st

NAME, VALUE, TIME, DATA, WIDTH = 0, 2, 6, 8, -20
SAMPLE_US = 125_000
NUMBERS = st.integers(-(2**64), 2**64 - 1) | st.floats(width=32, allow_nan=False)
VALUES = st.recursive(NUMBERS | st.booleans() | st.text(max_size=300), st.lists, max_leaves=40)


@pytest.fixture
def settings(program):
    return {name: default for name, (default, _, _) in program.SETTINGS.items()}


@pytest.fixture
def channel(program, settings):
    return program.ControlChannel(settings, list(EMOTIONS))


def read(channel) -> dict[str, dict]:
    """What a host sees, by the records' names."""
    return {record[NAME]: record for record in cbor2.loads(channel.read(0, channel.size()))}


def samples(record) -> dict[int, int]:
    """The first series of a plot, by the sample's number."""
    end, data = record[TIME] // SAMPLE_US, record[DATA][:: record[-21]]
    assert len(data) == record[WIDTH]
    return dict(zip(range(end - len(data), end), data, strict=True))


def face(emotion="happy", score=0.5, **more):
    return {"emotion": emotion, "score": score, "scores": [score] * len(EMOTIONS), **more}


def test_the_records_are_what_the_ide_knows(channel):
    """Keys and types as in the firmware's CBORChannel and the IDE's view of channels."""
    channel.show(0, [face(emotion=None, why="dark"), face()])
    records = cbor2.loads(channel.read(0, channel.size()))
    share = {1: "%", -30: "slider", -31: 0, -32: 100, -33: 1}
    ms = {1: "ms", -30: "slider", -31: 0, -33: 10}
    wanted = [
        {0: "emotion", -30: "label", 2: "?"},
        {0: "reason", -30: "label", 2: "dark"},
        {
            0: "scores",
            -30: "waveform",
            1: "%",
            -23: 0,
            -24: 100,
            3: "B",
            7: 0.125,
            -21: 7,
            -34: list(EMOTIONS),
            6: 125_000,
        }
        | {-20: 1, 8: bytes([50] * 7)},
        {0: "Calibrate", -30: "pushbutton", 2: False},
        {0: "Clear", -30: "pushbutton", 2: False},
        {0: "lean", 2: 0, **share},
        {0: "margin", 2: 80, **share},
        {0: "max_faces", 1: "", -30: "slider", -31: 1, -32: 10, -33: 1, 2: 4},
        {0: "report_ms", 2: 0, -32: 60000, **ms},
        {0: "sure", 2: 30, **share},
    ]
    found = {record[0]: record for record in records}
    assert [found[record[0]] for record in wanted] == wanted
    assert list(found)[:5] == [record[0] for record in wanted[:5]]


def test_every_setting_is_a_slider_that_can_show_it(program, channel):
    """Two bytes hold the value; a float is a share, for the IDE shows one decimal of it."""
    assert set(program.SETTINGS) <= set(read(channel))
    for default, least, most in program.SETTINGS.values():
        assert 0 <= least <= default <= most <= 0xFFFF
        assert type(default) is int or (least, most) == (0, 1)


@given(value=VALUES)
def test_whatever_is_encoded_is_read_by_another_decoder(program, value):
    assert cbor2.loads(program.cbor(value)) == value


@given(
    value=st.lists(st.dictionaries(st.integers(-40, 40), NUMBERS | st.booleans() | st.text() | st.none()), max_size=9)
)
@pytest.mark.parametrize("canonical", [False, True])
def test_what_another_encoder_wrote_is_read(program, canonical, value):
    data = cbor2.dumps(value, canonical=canonical)
    if not re.search(b"\xf9", data):  # a float of 16 bits, which nobody sends
        assert program.cbor_item(data, 0, 3) == (value, len(data))


@example(data=b"\x81" * 2000)
@given(data=st.binary(max_size=80) | VALUES.map(lambda value: cbor2.dumps([{0: "sure", 2: value}, value])))
def test_whatever_is_written_does_no_harm(program, data):
    channel = program.ControlChannel({name: it[0] for name, it in program.SETTINGS.items()}, list(EMOTIONS))
    assert channel.write(0, bytearray(data)) == len(data)
    assert all(
        re.fullmatch(r"set sure -?\d+\.\d\d|set \w+ -?\d+|calibrate|clear", it) for it in channel.take_commands()
    )
    assert read(channel)["sure"][VALUE] == 30


@pytest.mark.parametrize(
    ("written", "commands"),
    [
        ([{0: "sure", 2: 40}], ["set sure 0.40"]),
        ([{0: "sure", 2: 40.0}, {0: "sure", 2: 41}], ["set sure 0.41"]),
        ([{0: "max_faces", 2: 3}, {0: "report_ms", 2: 60000}], ["set max_faces 3", "set report_ms 60000"]),
        ([{0: "Calibrate", 2: True}], ["calibrate"]),
        ([{0: "Clear", 2: True}], ["clear"]),
        ([{0: "Clear", 2: False}, {0: "scores", 2: 1}, {0: "sure"}, {2: 1}, {}], []),
        ([{0: "lean", 2: 1}, {0: "sure", 2: float("nan")}], ["set lean 0.01"]),
        ([{0: "sure", 2: "0.4"}], []),
        ([{0: "sure", 2: 1e300}], []),
        ({0: "sure", 2: 40}, []),
        ("sure", []),
    ],
)
def test_a_written_value_becomes_a_command(channel, written, commands):
    channel.write(0, bytearray(cbor2.dumps(written)))
    assert channel.take_commands() == commands
    assert channel.take_commands() == []


def test_a_setting_is_shown_as_it_stands(channel, settings):
    settings["sure"], settings["report_ms"] = 0.35000002, 60000  # as floats of 30 bits are
    assert {name: read(channel)[name][VALUE] for name in ("sure", "report_ms")} == {"sure": 35, "report_ms": 60000}


@pytest.mark.parametrize("period", [20, 71, 100, 125, 400])
def test_the_plot_has_eight_samples_a_second_at_every_frame_rate(channel, period):
    seen = {}
    for now in range(0, 60_000, period):
        channel.show(now, [face(score=now % 100 / 100)])
        seen |= samples(read(channel)["scores"])
    assert sorted(seen) == list(range(len(seen)))
    assert abs(len(seen) - 480) <= 4


def test_a_host_that_reads_once_in_two_seconds_misses_nothing(channel):
    seen = {}
    for frame in range(600):
        channel.show(100 * frame, [face()])
        if frame % 19 == 0:
            seen |= samples(read(channel)["scores"])
    assert sorted(seen) == list(range(len(seen)))


def test_after_a_longer_pause_the_last_two_seconds_are_there(channel):
    for frame in range(600):
        channel.show(100 * frame, [face()])
    plot = read(channel)["scores"]
    assert plot[WIDTH] == 16
    assert plot[TIME] == channel.written * SAMPLE_US


def test_a_second_read_without_a_new_sample_is_the_same(channel):
    """The IDE takes the same time and data for the same chunk, and plots it once."""
    channel.show(0, [face()])
    assert channel.poll()
    first = read(channel)
    channel.show(50, [face(emotion="sad")])
    second = read(channel)
    assert (first["emotion"][VALUE], second["emotion"][VALUE]) == ("happy", "sad")
    assert first["scores"] == second["scores"]
    assert not channel.poll()


def test_the_samples_of_a_read_that_broke_off_come_again(channel):
    for now in (0, 125, 250):
        channel.show(now, [face(score=now / 1000)])
        channel.read(0, channel.size() - 1)
    assert samples(read(channel)["scores"]) == {0: 0, 1: 13, 2: 25}


def test_nobody_in_view(channel):
    channel.show(0, [])
    shown = read(channel)
    assert (shown["emotion"][VALUE], shown["reason"][VALUE]) == ("no face", "")
    assert shown["scores"][DATA] == bytes(7)


@given(st.data())
def test_a_read_in_pieces_is_one_read_though_the_program_goes_on(program, data):
    channel = program.ControlChannel({name: it[0] for name, it in program.SETTINGS.items()}, list(EMOTIONS))
    now, received = 0, b""
    channel.show(now, [face()])
    size = channel.size()
    whole = bytes(channel.buffer[channel.start :])
    while len(received) < size:
        received += channel.read(len(received), data.draw(st.integers(1, 512)))
        now += data.draw(st.integers(0, 2000))
        channel.show(now, [face("sad", 0.9)])
    assert received == whole
    assert channel.read(size, 512) == b""


LONG = ["очень сердитый и расстроенный, совсем", "\N{GRINNING FACE}" * 30, "neutral"]


@pytest.mark.parametrize("labels", [["one"], LONG, [f"label {number}" for number in range(40)]])
def test_any_labels_are_shown_in_the_same_memory(program, settings, labels):
    channel = program.ControlChannel(settings, labels)
    for frame in range(40):
        label = labels[frame % len(labels)]
        channel.show(100 * frame, [{"emotion": label, "why": label, "scores": [1 / len(labels)] * len(labels)}])
    shown = read(channel)
    assert label.startswith(shown["emotion"][VALUE])
    assert shown["emotion"][VALUE] == shown["reason"][VALUE] != ""
    assert shown["scores"][-34] in (labels[:16], [])
    assert len(channel.buffer) + len(channel.samples) < 1400


class BetweenBytecodes:
    """Calls `host` before each bytecode of the program's functions of these names, as the firmware may, while it is entered."""

    def __init__(self, host, *names):
        self._host, self._names = host, names

    def __enter__(self):
        sys.settrace(self._enter)

    def __exit__(self, *error):
        sys.settrace(None)

    def _enter(self, frame, event, argument):
        return self._look if frame.f_code.co_name in self._names else None

    def _look(self, frame, event, argument):
        frame.f_trace_opcodes = True
        if event == "opcode":
            sys.settrace(None)
            self._host()
            sys.settrace(self._enter)
        return self._look


@pytest.mark.parametrize("breaks_off", [False, True])
def test_a_host_that_reads_between_any_two_bytecodes_sees_whole_samples(program, settings, breaks_off):
    """If its reads break off, all samples that the camera holds come each time."""
    channel = program.ControlChannel(settings, list(EMOTIONS))
    seen, wrong = {}, []

    def look():
        size = channel.size()
        data = channel.read(0, size - breaks_off) + channel.read(size - breaks_off, 0)
        plot = {record[NAME]: record for record in cbor2.loads(data + bytes(channel.buffer[-1:] * breaks_off))}[
            "scores"
        ]
        rows = [plot[DATA][start : start + 7] for start in range(0, len(plot[DATA]), 7)]
        if rows != sorted(rows) or any(len(set(row)) != 1 for row in rows):
            wrong.append(rows)
        seen.update(samples(plot))

    for number in range(60):
        with BetweenBytecodes(look, "show"):
            channel.show(100 * number, [face(score=number / 100)])
    seen |= samples(read(channel)["scores"])
    assert wrong == []
    assert sorted(seen) == list(range(channel.written))


def test_what_is_written_between_any_two_bytecodes_is_done(program, settings):
    for place in range(200):
        channel = program.ControlChannel(settings, list(EMOTIONS))
        channel.write(0, cbor2.dumps([{0: "Clear", 2: True}]))
        calls = []

        def host(channel=channel, calls=calls, place=place):
            calls.append(1)
            if len(calls) == place:
                channel.write(0, cbor2.dumps([{0: "sure", 2: 20}]))

        with BetweenBytecodes(host, "take_commands"):
            commands = channel.take_commands()
        commands += channel.take_commands()
        if len(calls) < place:
            break
        assert place == 0 or sorted(commands) == ["clear", "set sure 0.20"]
    assert 10 < place < 199


def test_the_compact_program_has_no_room_for_it(compact):
    assert "ControlChannel" in MAIN.read_text(encoding="utf-8")
    stripped = compact.strip(MAIN.read_text(encoding="utf-8"))
    assert not re.search(r"controls|cbor|\bstruct\b|editor", stripped, re.IGNORECASE)


@pytest.mark.parametrize(
    "source",
    ["# full program only: from here.\n", "# full program only: to here.\n", 2 * "# full program only: from here.\n"],
)
def test_a_mark_without_its_other_end_is_an_error(compact, source):
    with pytest.raises(ValueError, match="mark"):
        compact.strip(source)


FORM = {
    "title": "Emotion camera",
    "controls": [
        {"type": "label", "text": "Save, then reset the camera."},
        {"type": "doublespinbox", "name": "sure", "label": "sure", "value": 0.5, "min": 0, "max": 1, "step": 0.05},
        {"type": "spinbox", "name": "max_faces", "label": "max_faces", "value": 2, "min": 1, "max": 10},
    ],
    "rest": {"happy": 1.5},
    "settings": {"sure": 0.35, "margin": 0.1},
}


@micropython
def test_what_the_settings_editor_saved_is_used_and_kept():
    """It changes each control's value, keeps the rest, and sorts the keys."""
    kept: dict = {}
    text = json.dumps(FORM, sort_keys=True, indent=4).encode()
    played = Played(
        scene(frames=40),
        board="h7plus",
        files={"emotion.json": text},
        typed=[(2500, b"status\nset lean 1\n")],
        kept=kept,
    )
    status = next(report for report in played.named if report["event"] == "status")
    told = {name: status["settings"][name] for name in ("sure", "max_faces", "margin", "lean")}
    assert told == {"sure": 0.5, "max_faces": 2, "margin": 0.1, "lean": 0}
    assert status["rest"] == {"happy": 1.5}
    stored = json.loads(kept["emotion.json"])
    values = {control["name"]: control["value"] for control in stored["controls"] if "name" in control}
    assert values == stored["settings"] == status["settings"] | {"lean": 1}
    assert stored["rest"] == {"happy": 1.5}
    assert {control["type"] for control in stored["controls"]} == {"label", "spinbox", "doublespinbox"}


@micropython
@pytest.mark.parametrize("controls", [5, [1], [{"name": "sure", "value": None}], [{"name": "sure", "value": 7}]])
def test_a_form_that_makes_no_sense_is_told_of(controls):
    files = {"emotion.json": json.dumps({"settings": {}, "controls": controls}).encode()}
    assert Played(scene(frames=4), board="h7plus", files=files).said("error") == [
        "emotion.json is damaged: the default settings are used."
    ]


@micropython
def test_the_controls_on_the_simulator():
    written = cbor2.dumps([{0: "sure", 2: 40}, {0: "max_faces", 2: 99}, {0: "Calibrate", 2: True}])
    played = Played(scene(frames=80), board="h7plus", channel_input={"controls": written})
    sent = [cbor2.loads(event.data) for event in played.sent if event.way == "channel controls"]
    assert len(sent) > 40
    last = {record[NAME]: record for record in sent[-1]}
    assert (last["sure"][VALUE], last["max_faces"][VALUE]) == (40, 4)
    told = [report["faces"][0]["emotion"] for report in played.frames]
    assert sent[3][0][VALUE] == told[0] == "happy"
    assert last["emotion"][VALUE] == told[-1]
    assert {"sure is 0.4.", "max_faces takes 1 to 10, not 99."} <= set(played.said("reply"))
    assert "calibrated" in played.events
    seen: dict = {}
    for records in sent:
        seen |= samples(records[2])
    assert sorted(seen) == list(range(len(seen)))


@micropython
def test_the_compact_program_and_older_firmware_have_no_controls():
    compiled = {"emotion_camera.mpy": COMPACT.with_name("emotion_camera.mpy")}
    for how in ({"script": COMPACT, "files": compiled}, {"firmware": "v4.8"}):
        played = Played(scene(frames=8), board="h7plus", **how)
        assert len(played.faces) > 4
        assert not any(event.way == "channel controls" for event in played.sent)


MEASURE = """
import gc, program
settings = {name: it[0] for name, it in program.SETTINGS.items()}
face = {"emotion": "happy", "score": 0.5, "scores": [0.5] * 7}
gc.collect()
before = gc.mem_alloc()
channel = program.ControlChannel(settings, ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"])
for now in range(0, 5000, 100):
    channel.show(now, [face])
    size = channel.size()
    channel.read(0, size)
face = None
gc.collect()
print(gc.mem_alloc() - before)
"""


@micropython
def test_it_takes_less_than_2_kb_of_memory(tmp_path):
    from emotion_camera.simulator import Line, run

    script = tmp_path / "measure.py"
    script.write_text(MEASURE)
    lines = [it.text for it in run(script, board="h7plus", flash={"program.py": MAIN}) if isinstance(it, Line)]
    assert 700 < int(lines[-1]) < 2048
