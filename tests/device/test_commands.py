"""Commands, stored settings, calibration, and the outputs of reports."""

import json
from itertools import pairwise

import numpy as np
import pytest
from camera_runs import COMPOSITES, MODEL, Played, every_generation, micropython, scene, still
from emotion_camera.model.metadata import tail
from emotion_camera.simulator import Faults
from PIL import Image

pytestmark = micropython


@pytest.fixture
def with_settings(tmp_path):
    """main.py of the compact program, with lines that change its settings."""

    def write(*lines: str):
        script = tmp_path / "main.py"
        script.write_text("\n".join(["import emotion_camera", *lines, "emotion_camera.main()"]) + "\n")
        return script

    return write


@every_generation
def test_commands_are_answered(firmware):
    lines = [b"help", b"status", b"set sure 0.5", b"set report_ms 1000", b"calibrate", b"status", b"clear"]
    typed = [(2500 + 500 * i, line + b"\n") for i, line in enumerate(lines[:-1])] + [(9000, lines[-1] + b"\n")]
    played = Played(scene(frames=90), firmware=firmware, typed=typed)
    assert played.said("reply") == [
        "status | calibrate | clear | draw on | draw off | set NAME VALUE | help",
        "sure is 0.5.",
        "report_ms is 1000.",
        "Keep a neutral face for 3 s.",
        "The resting look is forgotten.",
    ]
    before, after = (report for report in played.named if report["event"] == "status")
    assert before["settings"]["sure"] == 0.3
    assert after["settings"] == before["settings"] | {"sure": 0.5, "report_ms": 1000}
    assert after["free"] > 10_000
    assert "calibrated" in played.events
    assert played.said("error") == []


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (b"dance\n", "That is no command"),
        (b"set\n", "That is no command"),
        (b"status now\n", "That is no command"),
        (b"draw faster\n", "That is no command"),
        (b"set tempo 3\n", "No setting is called tempo"),
        (b"set sure high\n", "sure takes a number, not high."),
        (b"set sure 7\n", "sure takes 0 to 1, not 7."),
        (b"set max_faces 2.5\n", "max_faces takes a whole number, not 2.5."),
        (b"set sure nan\n", "sure takes 0 to 1, not nan."),
        (b"\xff\xfe\x80\xe2\x82\n\r\nhelp\r\n", "That is no command"),
        (b"x" * 3000 + b"\n", "That is no command"),
    ],
)
def test_bad_commands_are_answered_with_a_sentence(typed, answer):
    played = Played(scene(frames=90), typed=[(2500, typed)])
    if b"help" in typed:
        assert played.said("reply") == ["status | calibrate | clear | draw on | draw off | set NAME VALUE | help"]
    else:
        assert played.said("reply")[0].startswith(answer)
    assert played.said("error") == []
    assert len(played.faces) > 80


def test_a_bare_frame_on_demand():
    played = Played(scene(frames=90), typed=[(4000, b"draw off\n"), (7000, b"draw on\n")])
    assert played.said("reply") == ["draw is off.", "draw is on."]
    bare = [event.picture for event in played.shown if 4500 < event.time_ms < 6900]
    assert all(np.array_equal(picture, bare[0]) for picture in bare)
    assert not any(np.array_equal(event.picture, bare[0]) for event in played.shown if event.time_ms > 7200)
    assert len(played.faces) > 80


def test_a_sender_that_never_stops_does_not_stop_the_faces():
    played = Played(scene(frames=60), typed=[(2500, b"y" * 100_000)])
    assert len(played.faces) > 50


def test_commands_reach_it_by_the_protocol_channel():
    played = Played(scene(frames=60), firmware="v5.0", channel_input={"emotion": b"set sure 0.4\nhelp\n"})
    assert played.said("reply")[0] == "sure is 0.4."
    assert played.said("reply")[1].startswith("status |")
    assert len(played.faces) > 40


def test_commands_are_answered_while_something_is_wrong():
    played = Played(scene(frames=40), files={"emotion.tflite": None}, typed=[(3000, b"help\ncalibrate\nstatus\n")])
    assert played.said("reply")[0].startswith("status |")
    assert played.said("reply")[1].startswith("Not yet: emotion.tflite is not on the camera")
    assert "status" in played.events


# Stored settings


@every_generation
def test_settings_and_resting_look_last(firmware):
    kept: dict[str, bytes] = {}
    Played(scene("sad", 70), firmware=firmware, typed=[(2500, b"set sure 0.25\ncalibrate\n")], kept=kept)
    told = json.loads(kept["emotion.json"])
    assert told["settings"]["sure"] == 0.25
    assert told["rest"]["sad"] < 1 < told["rest"]["neutral"]
    again = Played(
        scene(), firmware=firmware, files={"emotion.json": kept["emotion.json"]}, typed=[(2500, b"status\n")]
    )
    status = next(report for report in again.named if report["event"] == "status")
    assert status["settings"]["sure"] == 0.25
    assert status["rest"] == told["rest"]


OLD = json.dumps({"settings": {"sure": 0.33}, "rest": {"neutral": 1.5}}).encode()


@pytest.mark.parametrize("cut", [0, 1, 20, 100, 1000, "in rename"])
def test_a_power_cut_leaves_the_old_or_the_new_settings(cut):
    kept: dict[str, bytes] = {}
    faults = Faults(power_cut_in_rename=True) if cut == "in rename" else Faults(power_cut_after_bytes=int(cut))
    played = Played(
        scene(frames=30), files={"emotion.json": OLD}, faults=faults, typed=[(2500, b"set sure 0.2\n")], kept=kept
    )
    assert played.ended.reason == ("stopped" if cut == 1000 else "power")
    files = {name: kept.get(name) for name in ("emotion.json", "emotion.json.new")}
    again = Played(scene(), files=files, typed=[(2500, b"status\n")])
    assert again.said("error") == []
    status = next(report for report in again.named if report["event"] == "status")
    assert status["settings"]["sure"] in (0.33, 0.2)
    assert status["rest"] == {"neutral": 1.5}


def test_odd_but_whole_settings_are_taken():
    kept = b'{"settings":{"sure":0.2,"colour":"red"},"rest":null,"more":[1]}'
    played = Played(scene(), files={"emotion.json": kept}, typed=[(2500, b"status\n")])
    status = next(report for report in played.named if report["event"] == "status")
    assert played.said("error") == []
    assert status["settings"]["sure"] == 0.2
    assert status["rest"] == {}


def test_a_calibration_learns_the_largest_face():
    """Whoever else is in view, and however few are read in a frame."""
    picture = Image.new("L", (320, 240), 128)
    for emotion, size, x in (("happy", 90, 10), ("sad", 120, 150)):
        picture.paste(Image.open(COMPOSITES / f"{emotion}.png").resize((size, size)), (x, 60))
    kept = b'{"settings":{"read_faces":1}}'
    played = Played(still(np.asarray(picture), 60), files={"emotion.json": kept}, typed=[(3100, b"calibrate\n")])
    rest = next(report for report in played.named if report["event"] == "calibrated")["rest"]
    assert rest["sad"] < 0.5
    assert rest["happy"] == 1 or rest["happy"] > rest["sad"]


def test_clear_ends_a_calibration():
    played = Played(scene("sad", 70), typed=[(2500, b"calibrate\ncalibrate\nclear\n")])
    assert played.said("reply")[1:] == ["A calibration is running.", "The resting look is forgotten."]
    assert "calibrated" not in played.events


def test_a_slow_camera_can_be_calibrated():
    slow = Faults(print_ms=2000)
    played = Played(scene("sad", 30), faults=slow, typed=[(2500, b"calibrate\n")])
    assert "calibrated" in played.events


def test_a_calibration_at_the_start_waits_for_a_face(with_settings):
    from camera_runs import blank_then

    script = with_settings("emotion_camera.CALIBRATE_AT_START = True")
    played = Played(blank_then(scene("sad", 60), 60), script=script)
    assert played.events == ["ready", "calibrated"]


# Outputs


def test_reports_are_limited_when_asked(with_settings):
    played = Played(scene(frames=60), files={"emotion.json": b'{"settings":{"report_ms":1000},"rest":{}}'})
    times = [report["t"] for report in played.frames]
    assert 4 <= len(times) <= 7
    assert min(b - a for a, b in pairwise(times)) >= 1000


@every_generation
def test_a_uart_carries_reports_and_commands(firmware, with_settings):
    script = with_settings("emotion_camera.UART = 3")
    played = Played(scene(frames=20), firmware=firmware, script=script, uart_input=b"help\n")
    sent = [event.data for event in played.sent if event.way == "uart 3"]
    assert [json.loads(line) for line in sent] == played.reports
    assert len(played.said("reply")) == 1


def test_v5_has_a_protocol_channel():
    played = Played(scene(frames=20), firmware="v5.0")
    read = [json.loads(event.data) for event in played.sent if event.way == "channel emotion"]
    assert read
    assert all(report in played.reports for report in read)


@every_generation
def test_the_light_shows_the_emotion(firmware):
    """Happy is yellow: red and green."""
    played = Played(scene(), firmware=firmware)
    on = {event.way: event.data for event in played.sent if event.way.startswith("led")}
    assert on == {"led LED_RED": b"1", "led LED_GREEN": b"1"}


@every_generation
def test_a_button_starts_the_calibration(firmware, with_settings):
    script = with_settings('emotion_camera.BUTTON = "P9"')
    played = Played(scene("sad", 60), firmware=firmware, script=script, pressed={"P9": [(2800, 3200)]})
    assert played.events.count("calibrated") == 1


def test_a_button_that_is_held_calibrates_once_and_stops_no_command(with_settings):
    script = with_settings('emotion_camera.BUTTON = "P9"')
    pressed = {"P9": [(2800, 60_000)]}
    played = Played(scene("sad", 120), script=script, pressed=pressed, typed=[(9000, b"help\n")])
    assert played.events.count("calibrated") == 1
    assert any(reply.startswith("status |") for reply in played.said("reply"))


def test_noise_on_a_uart_does_not_spoil_what_is_typed(with_settings):
    script = with_settings("emotion_camera.UART = 3")
    noise = b"yy" + b'\n{"v":1,"event":"ready"}\n' * 3
    played = Played(scene(frames=30), script=script, uart_input=noise, typed=[(3000, b"help\n")])
    assert any(reply.startswith("status |") for reply in played.said("reply"))
    assert len(played.said("reply")) == 2, "one for the noise, one for help"


@pytest.mark.parametrize(
    "line",
    [
        "emotion_camera.open_button = lambda: 1 / 0",
        "emotion_camera.Reports.open_uart = lambda self: 1 / 0",
        'emotion_camera.FRAME = "QVGGA"',
    ],
)
def test_settings_that_the_camera_does_not_know_are_named(with_settings, line):
    played = Played(scene(frames=60), script=with_settings(line), stop_after_ms=12_000)
    assert "see the settings of main.py" in played.said("error")[0]
    if "FRAME" not in line:
        assert len(played.faces) > 50


def test_a_calibration_at_the_start(with_settings):
    script = with_settings("emotion_camera.CALIBRATE_AT_START = True")
    played = Played(scene("sad", 60), script=script)
    assert played.events == ["ready", "calibrated"]
    names = [face["emotion"] for faces in played.faces for face in faces]
    assert names[5] == "sad"


def test_a_calibration_that_sees_nobody_says_so():
    from camera_runs import still

    played = Played(still(np.full((240, 320), 128, np.uint8), 60), typed=[(2500, b"calibrate\n")])
    assert played.said("reply")[-1] == "Nothing was learnt: look at the camera for three seconds."


@every_generation
def test_a_function_of_ones_own_is_called_when_the_name_changes(firmware, with_settings):
    script = with_settings(
        "def act(face):", "    print('act', face['emotion'], face['id'])", "emotion_camera.on_emotion = act"
    )
    from emotion_camera.simulator import Line, run

    lines = [
        event.text
        for event in run(
            script,
            firmware=firmware,
            source=scene(frames=20),
            flash={
                "emotion.tflite": MODEL,
                "emotion.txt": MODEL.with_suffix(".txt"),
                "emotion_camera.mpy": MODEL.parents[1] / "device" / "compact" / "emotion_camera.mpy",
            },
        )
        if isinstance(event, Line)
    ]
    assert [line for line in lines if line.startswith("act")] == ["act happy 1"]


@every_generation
def test_the_watchdog_is_armed_when_asked_and_fed_only_while_frames_come(firmware, with_settings):
    script = with_settings("emotion_camera.WATCHDOG_MS = 8000")
    assert Played(scene(frames=150), firmware=firmware, script=script).ended.reason == "stopped"
    stuck = Faults(timeouts=range(20, 10**9))
    assert Played(scene(frames=150), firmware=firmware, script=script, faults=stuck).ended.reason == "watchdog"


def test_without_being_asked_there_is_no_watchdog():
    stuck = Faults(timeouts=range(20, 10**9))
    assert Played(scene(frames=150), faults=stuck, stop_after_ms=100_000).ended.reason == "stopped"


# The setting lean


def test_leaning_makes_rare_emotions_likelier_without_another_model():
    """From everyday, where most faces are neutral or happy, to expressive, where all seven are as likely."""
    picture = Image.new("L", (320, 240), 128)
    faces = [Image.open(COMPOSITES / f"{emotion}.png").resize((120, 120)) for emotion in ("neutral", "fear")]
    picture.paste(Image.blend(*faces, 0.5), (100, 60))
    mild = still(np.asarray(picture), 30)
    everyday, leant = Played(mild), Played(mild, files={"emotion.json": b'{"settings":{"lean":1}}'})
    labels = everyday.named[0]["labels"]
    before, after = (dict(zip(labels, played.faces[-1][0]["scores"], strict=True)) for played in (everyday, leant))
    assert after["neutral"] < before["neutral"]
    assert after["disgust"] + after["fear"] > before["disgust"] + before["fear"]


def test_a_model_without_notes_does_not_lean():
    plain = MODEL.read_bytes()[: -len(tail(MODEL.read_bytes()))]
    files = {"emotion.tflite": plain, "emotion.json": b'{"settings":{"lean":1}}'}
    leant, everyday = Played(scene("sad", 30), files=files), Played(scene("sad", 30), files={"emotion.tflite": plain})
    assert leant.faces[-1][0]["scores"] == everyday.faces[-1][0]["scores"]


# Whom a calibration applies to


def two_people() -> np.ndarray:
    """A sad face, the larger, and a happy one."""
    picture = Image.new("L", (320, 240), 128)
    for emotion, size, x in (("happy", 90, 10), ("sad", 120, 150)):
        picture.paste(Image.open(COMPOSITES / f"{emotion}.png").resize((size, size)), (x, 60))
    return np.asarray(picture)


def test_a_calibration_changes_the_face_that_was_learnt_and_no_other():
    before = Played(still(two_people(), 70))
    after = Played(still(two_people(), 70), typed=[(3100, b"calibrate\n")])
    (sad, happy), (sad_after, happy_after) = (
        sorted(played.faces[-1], key=lambda face: -face["box"][2]) for played in (before, after)
    )
    assert (sad["emotion"], happy["emotion"]) == ("sad", "happy")
    assert sad_after["emotion"] == "neutral"
    assert happy_after["scores"] == pytest.approx(happy["scores"], abs=0.02)


def test_what_was_learnt_before_is_of_whoever_comes_alone():
    kept: dict[str, bytes] = {}
    Played(scene("sad", 70), typed=[(2500, b"calibrate\n")], kept=kept)
    learnt = {"emotion.json": kept["emotion.json"]}
    assert Played(scene("sad", 30), files=learnt).faces[-1][0]["emotion"] == "neutral"
    faces = Played(still(two_people(), 40), files=learnt).faces[-1]
    assert sorted(face["emotion"] for face in faces) == ["happy", "sad"]
