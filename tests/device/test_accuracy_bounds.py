"""Accuracy and cost of the camera program: the metrics of `make bench`, each with a bound a little beyond today's.

The program that an H7 gets runs on the simulator before the bench's scenes, which are the same in each run. Beside
each bound stands today's figure: one that falls short of its bound is worse than the program was.
"""

import math
from collections.abc import Callable
from statistics import fmean, median

import pytest
from bench import scenes
from bench.metrics import (
    accuracy,
    false_positives,
    frames_to_detection,
    id_switches,
    ids_by_person,
    label_accuracy,
    labels_and_truth,
    latencies_ms,
    quantile,
    recall,
    spurious_changes,
)
from bench.runner import FrameResult, Options, run_scene
from bench.scenes import Scene
from camera_runs import micropython

pytestmark = micropython

SCENES: dict[str, Callable[[], Scene]] = {
    "nobody": scenes.nobody,
    "one": scenes.one_person,
    "two": scenes.two_people,
    "three": scenes.three_people,
    "newcomers": scenes.newcomers,
    "seated": lambda: scenes.seated(seconds=40, seed=1),
    "talking": lambda: scenes.talking(seconds=40),
    **{f"still {size}": lambda size=size: scenes.still_portrait(size) for size in (60, 80, 110)},
}
Watched = Callable[[str], tuple[Scene, list[FrameResult]]]


@pytest.fixture(scope="module")
def watched() -> Watched:
    """A scene of SCENES, and what the program reported of it; each is run once, when it is first asked for."""
    kept: dict[str, tuple[Scene, list[FrameResult]]] = {}

    def of(name: str) -> tuple[Scene, list[FrameResult]]:
        if name not in kept:
            scene = SCENES[name]()
            kept[name] = scene, run_scene(Options().program, scene)
        return kept[name]

    return of


@pytest.mark.parametrize(
    ("name", "most"),
    [("nobody", 14), ("one", 27), ("three", 70)],  # 12.3, 24.4, 63.8
)
def test_a_frame_takes_at_most_so_many_million_m7_instructions(watched, name, most):
    _, results = watched(name)
    assert fmean(look.cost.all for look in results) < most * 1e6


@pytest.mark.parametrize(
    ("name", "most"),
    [("one", 0), ("two", 3), ("three", 2), ("newcomers", 0), ("seated", 0)],  # 0, 2, 2, 0, 0
)
def test_people_keep_their_ids(watched, name, most):
    assert id_switches(*watched(name)) <= most


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("nobody", 0),
        ("one", 0.5),
        ("two", 3),
        ("three", 3),
        ("newcomers", 3),
        ("seated", 0.5),
    ],  # 0, 0, 1, 1, 2.5, 0
)
def test_in_100_frames_at_most_so_many_boxes_are_of_no_face(watched, name, most):
    assert false_positives(*watched(name)) <= most


@pytest.mark.parametrize(
    ("name", "least"),
    [("one", 0.99), ("two", 0.96), ("three", 0.97), ("newcomers", 0.98), ("seated", 0.99)],  # 1, .979, .984, .995, 1
)
def test_faces_in_clear_sight_are_found(watched, name, least):
    assert recall(*watched(name)) >= least


@pytest.mark.parametrize(
    ("name", "least"),
    [("one", 0.93), ("two", 0.85), ("three", 0.86), ("newcomers", 0.88)],  # .957, .878, .900, .919
)
def test_faces_get_the_right_name(watched, name, least):
    assert label_accuracy(*watched(name)) >= least


def test_a_newcomer_is_boxed_at_once_or_in_the_next_frame(watched):
    delays = frames_to_detection(*watched("newcomers"))
    assert len(delays) == 6
    assert median(delays) == 0  # 0
    assert max(delays) <= 1  # 1


@pytest.mark.parametrize("size", [60, 80, 110])
def test_a_motionless_face_does_not_blink(watched, size):
    """It is boxed in 98 of 100 frames, with one id."""
    scene, results = watched(f"still {size}")
    [ids] = ids_by_person(scene, results).values()
    first = next(frame for frame, id in enumerate(ids) if id is not None)
    assert first <= 1  # 1, 0, 0
    assert fmean(id is not None for id in ids[first:]) >= 0.98  # 1 of each
    assert id_switches(scene, results) == 0


def test_names_of_two_people_who_sit_before_a_noisy_sensor_are_steady_right_and_prompt(watched):
    people = list(labels_and_truth(*watched("seated")).values())
    minutes = sum(len(true) for _, true in people) / scenes.FPS / 60
    assert sum(spurious_changes(labels, truth) for labels, truth in people) / minutes <= 5  # 3.0
    assert fmean(accuracy(labels, truth) for labels, truth in people) >= 0.88  # .906
    delays = [delay for labels, truth in people for delay in latencies_ms(labels, truth, scenes.FPS)]
    assert sum(map(math.isinf, delays)) <= 4  # 3 of 27 changes were over before they were reported
    assert quantile([delay for delay in delays if math.isfinite(delay)], 0.5) <= 100  # 100


def test_a_mouth_that_talks_is_no_surprise_and_one_that_stays_open_is(watched):
    people = list(labels_and_truth(*watched("talking")).values())
    minutes = sum(len(true) for _, true in people) / scenes.FPS / 60
    assert sum(spurious_changes(labels, truth) for labels, truth in people) / minutes <= 1
    delays = [delay for labels, truth in people for delay in latencies_ms(labels, truth, scenes.FPS)]
    assert max(delays) < 500
