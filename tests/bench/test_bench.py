"""The benchmark's command line and its programs on the simulator. How long anything takes is not tested."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
from bench.flicker import UNSMOOTHED
from bench.memory import heap_lines
from bench.metrics import (
    false_positives,
    frames_to_detection,
    id_switches,
    ids_by_person,
    label_accuracy,
    labels_and_truth,
    recall,
)
from bench.runner import PLAIN_LOOP, FrameResult, files_beside, run_scene
from bench.scenes import Scene, TrueFace, still
from emotion_camera.errors import UserError
from emotion_camera.model.contract import DEFAULT_MODEL
from emotion_camera.model.cost import predict_instructions
from emotion_camera.model.tflite import describe
from emotion_camera.reports.parse import EventReport, Face, FacesReport, parse
from emotion_camera.simulator import Line, run
from emotion_camera.simulator.cost import area_copy, frame_cost
from emotion_camera.simulator.host.floats import camera_float
from emotion_camera.simulator.host.process import find_micropython

ROOT = Path(__file__).parents[2]

NEVER_READY = """
import csi, json
camera = csi.CSI()
camera.reset()
camera.pixformat(csi.GRAYSCALE)
camera.framesize(csi.QVGA)
while True:
    camera.snapshot()
    print(json.dumps({"v": 1, "event": "error", "message": "There is no model."}))
"""


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def face(number: int, emotion: str | None = "sad", x: int = 100) -> Face:
    return Face(number, (x, 100, 60, 60), emotion, 1.0, (1.0,))


@pytest.mark.parametrize("firmware", ["v4.8", "v5.0"])
def test_the_plain_loop_runs_and_reports_as_the_camera_program_does(firmware):
    events = run(PLAIN_LOOP, firmware=firmware, source=still(3).source, sdcard=files_beside(PLAIN_LOOP))
    reports = [parse(event.text) for event in events if isinstance(event, Line)]
    faces = [report.faces for report in reports if isinstance(report, FacesReport)]
    assert [(face.id, face.emotion) for [face] in faces] == [(1, "happy")] * 3


def test_the_plain_loop_is_as_short_as_an_example():
    assert len(PLAIN_LOOP.read_text().splitlines()) < 60


def test_watching_gives_a_look_for_each_frame_with_what_it_cost():
    results = run_scene(PLAIN_LOOP, still(4))
    assert [(len(look.faces), look.windows, look.inferences) for look in results] == [(1, 18807, 1)] * 4
    network = predict_instructions(describe(DEFAULT_MODEL).layers) + 94_000
    assert all(look.cost.network == network for look in results)
    assert all(30e6 < look.cost.search < 60e6 for look in results)
    assert all(look.cost.copies == 0 for look in results)
    assert all(20_000 < look.cost.drawing < 30_000 for look in results)


DRAWS_INTO_ITS_OWN_MEMORY = """
import csi, image
camera = csi.CSI()
camera.reset()
camera.pixformat(csi.GRAYSCALE)
camera.framesize(csi.QVGA)
memory = bytearray(48 * 48)
while True:
    frame = camera.snapshot()
    small = image.Image(48, 48, image.GRAYSCALE, buffer=memory)
    small.draw_image(frame, 0, 0, x_scale=0.4, y_scale=0.4, roi=(160, 100, 120, 120), hint=image.AREA)
"""


def test_a_picture_drawn_into_a_programs_own_memory_costs_a_copy_but_no_heap(tmp_path):
    program = tmp_path / "main.py"
    program.write_text(DRAWS_INTO_ITS_OWN_MEMORY)
    scale = camera_float(0.4)
    [look, *_] = run_scene(program, still(2))
    assert look.cost.copies == area_copy((160, 100, 120, 120), (scale, scale))
    assert look.cost.rest == frame_cost([], {}, 0).rest


def test_a_program_that_reports_an_error_has_no_figures(tmp_path):
    program = tmp_path / "main.py"
    program.write_text(NEVER_READY)
    with pytest.raises(UserError, match=r"/main\.py in the scene 'still': There is no model\."):
        run_scene(program, still(4))


def test_a_program_that_crashes_has_no_figures(tmp_path):
    program = tmp_path / "main.py"
    program.write_text("1 / 0")
    with pytest.raises(UserError, match="ZeroDivisionError"):
        run_scene(program, still(4))


def test_found_and_false_count_only_faces_in_clear_sight():
    there, covered = TrueFace(0, "sad", (100, 100, 60, 60)), TrueFace(1, "sad", (200, 100, 60, 60), clear=False)
    scene = Scene("two", still(2).source, ((there, covered), (there, covered)))
    results = [FrameResult((face(1), face(2, x=10))), FrameResult((face(3, x=200),))]
    assert (recall(scene, results), false_positives(scene, results)) == (0.5, 50.0)


def test_ids_and_labels_follow_the_person_whatever_the_order_of_the_report():
    left, right = TrueFace(0, "sad", (100, 100, 60, 60)), TrueFace(1, "happy", (200, 100, 60, 60))
    scene = Scene("two", still(3).source, ((left, right),) * 3)
    results = [
        FrameResult((face(1), face(2, "happy", 200))),
        FrameResult((face(1, None, 200), face(2))),
        FrameResult((face(2),)),
    ]
    assert ids_by_person(scene, results) == {0: [1, 2, 2], 1: [2, 1, None]}
    assert id_switches(scene, results) == 2
    assert label_accuracy(scene, results) == (1 + 1 / 3) / 2
    assert labels_and_truth(scene, results) == {
        0: (["sad", "sad", "sad"], ["sad"] * 3),
        1: (["happy", None, "absent"], ["happy"] * 3),
    }


def test_a_new_face_is_boxed_so_many_frames_after_it_came_into_sight():
    there, going = TrueFace(0, "sad", (100, 100, 60, 60)), TrueFace(0, "sad", (100, 100, 60, 60), clear=False)
    truth = [(there,)] * 3 + [(going,)] * 9 + [(there,)] * 2 + [()] * 10 + [(there,)] * 4 + [(going,)] * 10 + [(there,)]
    scene = Scene("one", still(len(truth)).source, tuple(truth))
    results = [FrameResult((face(1),) if number in (0, 27, 30) else ()) for number in range(len(truth))]
    assert frames_to_detection(scene, results) == [0, 3, math.inf]  # nine frames behind a hand do not make a face new
    assert frames_to_detection(scene, [FrameResult()] * len(truth)) == [math.inf] * 3


def test_where_nobody_is_no_face_is_missed():
    scene = Scene("none", still(2).source, ((), ()))
    assert math.isnan(recall(scene, [FrameResult(), FrameResult((face(1),))]))
    assert false_positives(scene, [FrameResult(), FrameResult((face(1),))]) == 50


@pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this computer")
def test_the_heap_is_measured_with_what_the_program_keeps_in_it():
    [line] = heap_lines(PLAIN_LOOP, "h7", 101)
    assert line["frames"] == 100
    assert DEFAULT_MODEL.stat().st_size < line["in_use"] < 335_872
    assert 0 < line["a_frame"] <= line["most"]


def test_costs_are_printed():
    done = bench("costs")
    assert done.returncode == 0, done.stderr
    assert "0.75/1.25" in done.stdout
    assert "all, in whole clusters" in done.stdout


@pytest.mark.parametrize("words", [["speed"], ["costs", "--program", "no_such_program.py"]])
def test_wrong_usage_is_a_sentence(words):
    done = bench(*words)
    assert done.returncode == 2
    assert "there is no such" in done.stderr


def test_smoothing_can_be_turned_off_as_the_benchmark_does():
    program = ROOT / "device" / "main.py"
    events = run(
        program,
        board="h7plus",
        source=still(8).source,
        sdcard=files_beside(program),
        serial_input=UNSMOOTHED + b"status\n",
    )
    reports = [parse(event.text) for event in events if isinstance(event, Line)]
    [status] = [report for report in reports if isinstance(report, EventReport) and report.event == "status"]
    assert {status.fields["settings"][name] for name in ("smooth_ms", "margin", "sure", "surprise_ms")} == {0}
