"""The camera program on the simulator, on each firmware generation: it finds, names, reports and draws faces."""

from collections import Counter
from hashlib import sha256

import emotion_camera
import numpy as np
import pytest
from camera_runs import COMPOSITES, MODEL, Played, every_generation, micropython, scene, still
from emotion_camera.model.bundle import COMPACT, MAIN
from emotion_camera.model.contract import EMOTIONS
from PIL import Image


def test_the_compiled_program_is_the_one_that_is_read(tmp_path, compact):
    """device/compact holds device/main.py, compiled: make compact."""
    made = tmp_path / "emotion_camera.mpy"
    compact.compile_program(MAIN, made)
    assert made.read_bytes() == COMPACT.with_name(made.name).read_bytes(), "run make compact"


@micropython
@every_generation
@pytest.mark.parametrize("board", ["h7", "h7plus"])
def test_finds_names_and_draws_a_face(firmware, board):
    played = Played(scene(), firmware=firmware, board=board)
    ready, first = played.named[0], played.frames[0]
    assert ready["event"] == "ready"
    assert tuple(ready["labels"]) == EMOTIONS
    assert ready["firmware"].startswith(firmware[1:])
    assert ready["selftest"] == "ok"
    assert len(played.faces) == len(played.shown) == 8
    face = first["faces"][0]
    x, y, w, h = face["box"]
    assert w == h
    assert abs(x + w / 2 - 160) < 25
    assert abs(y + h / 2 - 110) < 25
    assert face["emotion"] == "happy"
    assert face["score"] == max(face["scores"]) >= 0.4
    assert sum(face["scores"]) == pytest.approx(1, abs=0.02)
    assert played.shown[0].picture[y, x : x + w].min() == 255, "no box on the frame"
    assert played.said("error") == []
    assert played.ended.reason == "stopped"


@micropython
@pytest.mark.parametrize(("firmware", "program"), [("v4.5.5", MAIN), ("v5.0", COMPACT)])
def test_every_generation_and_both_programs_report_the_same(firmware, program):
    """On the bundled clip, to the last score; only the ready line differs. (Where memory is short, copies are smaller.)"""
    compiled = {"emotion_camera.mpy": COMPACT.with_name("emotion_camera.mpy")}
    played = Played(None, firmware=firmware, board="h7plus", script=program, files=compiled)
    assert len(played.frames) > 170
    assert played.reports[1:] == Played(None, firmware="v5.0", board="h7plus").reports[1:]


@micropython
def test_each_person_of_the_clip_keeps_a_number():
    """Five people, of whom one comes back twice and two once, each for a new number; what else is boxed, for a frame, is no face."""
    frames = Counter(face["id"] for faces in Played(None).faces for face in faces)
    assert {number for number, count in frames.items() if count > 1} == set(range(1, 10))
    assert sum(frames[number] for number in frames if number > 9) <= 1


@micropython
@pytest.mark.parametrize("dimmed", [False, True])
def test_a_dim_face_is_found_too(dimmed):
    """The cascade skips windows with a standard deviation under 50 grey levels, unless their contrast is stretched."""
    pixels = next(scene().frames())
    played = Played(still((pixels * 0.3 + 10).astype(np.uint8) if dimmed else pixels, 12))
    assert len(played.faces) >= 10


@micropython
def test_a_single_run_of_the_network_is_given_by_turns():
    """With more faces than are read in a frame, each is read in its turn."""
    picture = Image.new("L", (320, 240), 128)
    for emotion, x, y in (("happy", 10, 10), ("surprise", 200, 10), ("neutral", 110, 125)):
        picture.paste(Image.open(COMPOSITES / f"{emotion}.png").resize((105, 105)), (x, y))
    played = Played(still(np.asarray(picture), 15))
    assert max(shown.networks for shown in played.shown[1:]) == 2
    assert {face["emotion"] for face in played.faces[-1]} == {"happy", "surprise", "neutral"}


@micropython
def test_the_largest_face_comes_first_from_its_first_frame_on():
    pixels = next(scene(size=80, where=(10, 90)).frames())
    both = pixels.copy()
    both[60:190, 170:300] = next(scene(size=130, where=(170, 60)).frames())[60:190, 170:300]
    from dataclasses import replace

    played = Played(replace(still(pixels, 1), frames=lambda: iter([pixels] * 20 + [both] * 20)))
    sizes = [[face["box"][2] for face in faces] for faces in played.faces]
    assert len(sizes[-1]) == 2
    assert all(frame == sorted(frame, reverse=True) for frame in sizes)


@micropython
def test_the_model_s_hash_is_told():
    assert Played(scene()).named[0]["sha256"] == sha256(MODEL.read_bytes()).hexdigest()


@micropython
@every_generation
def test_an_empty_room(firmware):
    """An empty room: no face, no report, the frame rate drawn all the same."""
    played = Played(still(np.full((240, 320), 128, np.uint8), 6), firmware=firmware)
    assert played.events == ["ready"]
    assert played.frames == []
    assert (played.shown[-1].picture[-12:, :60] != 128).any()


def test_the_program_tells_the_projects_version(program):
    assert emotion_camera.__version__ == program.VERSION
