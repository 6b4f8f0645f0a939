"""What `verify` compares, shows and counts, without a camera."""

import json

import numpy as np
import pytest
from emotion_camera.camera.repl import CameraInfo, Unplugged
from emotion_camera.commands.verify import identity
from emotion_camera.commands.verify.checks import (
    DIFFERENT,
    EQUAL,
    UNKNOWN,
    compare,
    compare_inputs,
    compare_scores,
    unchecked,
)
from emotion_camera.commands.verify.examine import Result
from emotion_camera.commands.verify.page import as_json, page
from emotion_camera.commands.verify.probe import Probe
from emotion_camera.commands.verify.program import STAGES, Left, Listener, Played, Scene, Span
from emotion_camera.commands.verify.stimuli import FACES, FRAMES, SCENES, SEARCHES, patch, picture
from emotion_camera.errors import UserError
from emotion_camera.simulator.host.haar import find_features, load_cascade

INFO = CameraInfo("H7", "OMV4 H7 1024", (5, 0, 0), 335_872, "/flash", 512, 1000, "1234abcd")
STEP, ZERO = 1 / 256, -128  # of the scores


def test_one_box_that_differs_is_named_with_both():
    check = compare("boxes", [("frame 0", [(1, 2, 30, 30)], [(1, 2, 30, 30)]), ("frame 1", [(5, 5, 40, 40)], [])])
    assert (check.level, check.compared, check.different) == (DIFFERENT, 2, 1)
    assert check.fact == "frame 1: [(5, 5, 40, 40)] was expected, the camera gave []"
    assert check.meaning
    assert compare("boxes", [("frame 0", [], [])]).level == EQUAL


def test_one_input_byte_that_differs_is_named():
    good = bytes(range(200))
    bad = good[:77] + b"\xff" + good[78:]
    check = compare_inputs([("frame 0", good, good), ("frame 1", good, bad)])
    assert (check.level, check.different) == (DIFFERENT, 1)
    assert check.fact == "frame 1: 1 of 200 bytes differ, the first at 77: 77 was expected, the camera gave 255"
    assert "199" in compare_inputs([("frame 0", good, good[:-1])]).fact


@pytest.mark.parametrize(("steps", "level"), [(0, EQUAL), (1, EQUAL), (-1, EQUAL), (2, DIFFERENT), (-2, DIFFERENT)])
def test_scores_are_equal_within_a_step_of_int8(steps, level):
    expected = np.array([[-128, 0, 127]], np.int8)
    given = [0.0, (128 + steps) * STEP, 255 * STEP]
    assert compare_scores([("frame 0", expected, given)], STEP, ZERO).level == level


def test_another_number_of_scores_differs():
    assert compare_scores([("frame 0", np.zeros((1, 3), np.int8), [0.5])], STEP, ZERO).level == DIFFERENT


def test_the_frames_have_faces_that_are_found_and_one_that_is_too_faint():
    cascade = load_cascade()
    found = [len(find_features(picture(frame), cascade, *SEARCHES[0])) for frame in FRAMES]
    assert found == [1, 2, 1, 0, 2]
    assert patch("faint").std() < 50 < patch("happy").std()
    for number, (x, y, w, h) in FACES:
        assert w == h
        assert 0 <= x <= x + w <= FRAMES[number].width
        assert 0 <= y <= y + h <= FRAMES[number].height


@pytest.mark.parametrize(("name", "faces"), [("no face", 0), ("one face", 1), ("two faces", 2)])
def test_the_scenes_have_as_many_faces_as_they_say(name, faces):
    assert len(find_features(picture(SCENES[name]), load_cascade(), 0.75, 1.25)) == faces


@pytest.mark.parametrize("as_row", [False, True])
def test_the_network_that_gives_its_input_back_does(as_row):
    runtime = pytest.importorskip("tflite_micro.python.tflite_micro").runtime
    data = identity.network(as_row)
    assert len(data) < 1000
    interpreter = runtime.Interpreter.from_bytes(data, arena_size=12_000)
    given = np.random.default_rng(1).integers(-128, 128, identity.PICTURE, np.int8)
    interpreter.set_input(given, 0)
    interpreter.invoke()
    back = interpreter.get_output(0)
    assert back.shape == (identity.ROW if as_row else identity.PICTURE)
    assert back.tobytes() == given.tobytes()
    details = interpreter.get_output_details(0)["quantization_parameters"]
    assert details["scales"][0] == pytest.approx(1 / 255)
    assert details["zero_points"][0] == -128


class FakeRepl:
    """A camera that prints these lines, whatever it is asked; MARK stands for the mark before what is ours."""

    port = "/dev/camera"

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        self.mark = ""

    def follow(self, code, on_line):
        for line in self.lines:
            on_line(line.replace("MARK ", self.mark))


def ask(*lines: str):
    camera = FakeRepl(*lines)
    probe = Probe(camera)
    camera.mark = probe._mark
    return probe.ask("anything")


def test_only_lines_with_the_mark_are_answers():
    assert ask("MARK (1, [2])", "something of the firmware's", "MARK print hello", "MARK ('x',)") == [(1, [2]), ("x",)]


@pytest.mark.parametrize("line", ['{"v":1,"event":"ready"}', "MPY: soft reboot", "MicroPython v1.26 on 2026-01-01; x"])
def test_what_only_a_camera_that_starts_prints_says_that_it_was_reset(line):
    with pytest.raises(Unplugged, match="the camera was reset during the check"):
        ask("MARK (1,)", line)


def report(*faces):
    told = [{"id": number, "box": [0, 0, 9, 9], "emotion": "sad", "score": 1.0, "scores": [1.0]} for number in faces]
    return json.dumps({"v": 1, "t": 0, "fps": 9, "faces": told})


def test_a_scene_has_its_stages_its_rest_and_its_faces():
    listener = Listener(own=10_000)
    listener.on_line('{"v":1,"event":"ready","sha256":"ab","selftest":"ok"}')
    listener.on_line(report(1))  # of the time before it counts
    listener.on_values(("count", "two faces"))
    for _ in range(10):
        listener.on_line(report(1, 2))
    spent = {"capture": 200_000, "search": 100_000, "network": 400_000}
    listener.on_values(("scene", "two faces", 21, 10, 700_000, spent))
    listener.on_values(("left", 60_000, 9_000, (900, False)))
    listener.on_values(("done", 31))
    (scene,) = listener.played.scenes
    assert scene.stages == pytest.approx(
        {"capture": 20, "copy": 0, "search": 10, "network": 40, "draw": 0, "report": 0, "rest": 20}
    )
    assert (scene.frame_ms, scene.seen) == (pytest.approx(90), 2)
    assert scene.fps == pytest.approx(1000 / 90)
    assert listener.played.left == Left(60_000, 10_000, 9_000, 180_400, False)
    assert listener.spans == [Span(21, 10)]
    assert listener.played.ready["selftest"] == "ok"


def test_a_program_that_ends_by_itself_is_told():
    listener = Listener()
    listener.on_values(("ended", "NameError: x"))
    assert "ended by itself (NameError: x)" in listener.played.trouble


def test_an_error_that_the_program_reports_is_on_the_page():
    listener = Listener()
    listener.on_line('{"v":1,"event":"error","message":"The disk is full."}')
    told = result()
    told.played.error = listener.played.error
    assert "program says    The disk is full." in page(told)


def test_a_program_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr("emotion_camera.commands.verify.program.PATIENCE_S", -1)
    with pytest.raises(UserError, match="still not through the scenes"):
        Listener().on_line("anything")


def test_the_calls_of_a_scene_are_found_behind_those_that_only_skipped():
    """Two snapshots skipped; frame n's calls come with the snapshot after it, and the last frame's never."""
    calls = [("before",), ("skip",), *[(f"frame {n}",) for n in range(5)]]
    assert Span(1, 3).of(calls, 6) == [("frame 1",), ("frame 2",), ("frame 3",)]
    assert Span(4, 2).of(calls, 6) == [("frame 4",)]


def result(**how):
    stages = dict.fromkeys(STAGES, 10.0)
    scenes = [Scene("one face", 30, stages, 1.0)]
    played = Played(scenes, Left(60_000, 10_000, 9_000, 180_400, True), {"selftest": "ok", "program": "0.3.0"})
    known = {"main.py": "device/main.py"}
    files = {"main.py": "a" * 64, "emotion.tflite": "b" * 64}
    checks = how.pop("checks", [compare("boxes", [("frame 0", [], [])])])
    return Result(INFO, how.pop("simulated", False), files, known, checks, played)


def test_the_page_of_a_camera_that_is_well():
    text = page(result())
    assert "board           H7 (OMV4 H7 1024)\n" in text
    assert "main.py is device/main.py (aaaaaaaaaaaa), version 0.3.0" in text
    assert "emotion.tflite is not the repository's (bbbbbbbbbbbb)" in text
    assert "boxes           1 of 1     equal" in text
    row = next(line for line in text.splitlines() if line.startswith("one face"))
    assert row.split() == ["one", "face", *["10.0"] * 7, "70.0", "14.3", "1.0"]
    assert (
        "60,000 bytes of heap beside 10,000 of verify's own (largest block 9,000), at least 180,400 bytes of scratch memory"
        in text
    )
    assert text.endswith("This camera answers as the program expects.")


def test_the_page_says_what_differs_and_what_it_means():
    checks = [compare("boxes", [("frame 0", [1], [2])]), unchecked("inputs", "no room")]
    text = page(result(checks=checks))
    assert "boxes           0 of 1     DIFFERENT: frame 0: [1] was expected, the camera gave [2]" in text
    assert "network inputs  not checked: no room" in text
    assert "boxes differ: this firmware searches otherwise" in text
    assert checks[1].level == UNKNOWN


def test_the_page_says_that_another_program_was_timed():
    told = result()
    told.played.is_plain, told.played.trouble = True, "there is no main.py"
    assert "program         not measured: there is no main.py\n" in page(told)
    assert "A plain loop" in page(told)


def test_a_simulated_cameras_page_claims_no_time():
    text = page(result(simulated=True))
    row = next(line for line in text.splitlines() if line.startswith("one face"))
    assert row.split() == ["one", "face", *"---------", "1.0"]
    assert "nothing was measured" in text


def test_the_json_has_all_numbers_and_no_number_of_the_camera():
    told = json.loads(json.dumps(as_json(result())))
    assert told["checks"][0]["level"] == EQUAL
    assert told["scenes"][0]["fps"] == pytest.approx(1000 / 70)
    assert told["left"]["scratch"] == 180_400
    assert told["camera"]["firmware"] == "v5.0.0"
    assert "1234abcd" not in json.dumps(told)
    assert told["files"]["main.py"] == {"sha256": "a" * 64, "is": "device/main.py"}


def test_a_result_differs_by_its_worst():
    assert not result().differs
    assert result(checks=[compare("boxes", [("frame 0", [1], [2])])]).differs
