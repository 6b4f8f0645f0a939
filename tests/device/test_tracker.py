"""The camera program's own reckoning: who is who, what is shown, what is learnt. Only the firmware's modules are stood in for."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st


class Room:
    """A finder that sees people where they are: `at(ms)` gives their boxes, by name."""

    def __init__(self, at):
        self.at, self.now = at, 0

    def boxes(self):
        return list(self.at(self.now).values())

    def everywhere(self, frame):
        return self.boxes()

    def near(self, frame, face, now):
        x, y, w, _ = face.expected(now)
        middle = x + w / 2, y + w / 2
        inside = lambda b: abs(b[0] + b[2] / 2 - middle[0]) + b[2] / 2 <= 0.8 * w * 1.05  # noqa: E731
        return [box for box in self.boxes() if inside(box)]


def frame_of(grey=lambda at: 128):
    """A frame whose pixels have the grey level that `grey` gives for (x, y); one outside it can't be asked for."""

    def get_pixel(at):
        assert 0 <= at[0] < 320, at
        assert 0 <= at[1] < 240, at
        return grey(at)

    return SimpleNamespace(width=lambda: 320, height=lambda: 240, get_pixel=get_pixel)


FRAME = frame_of()


def follow(program, at, until_ms: int, step_ms: int = 100):
    """The ids of the people, by name, and how often each had another one than before."""
    settings = {name: value[0] for name, value in program.SETTINGS.items()}
    room = Room(at)
    tracker = program.Tracker(room, settings)
    numbers: dict[str, list[int]] = {}
    for now in range(0, until_ms, step_ms):
        room.now = now
        shown = tracker.follow(FRAME, now)
        for name, box in at(now).items():
            near = [face for face in shown if program.distance(face.box, box) < 0.5]
            if near:
                numbers.setdefault(name, []).append(min(near, key=lambda face: program.distance(face.box, box)).number)
    return numbers


def test_a_face_that_moves_keeps_its_number(program):
    numbers = follow(program, lambda ms: {"ann": (20 + ms // 25, 60, 60, 60)}, 6000)
    assert len(set(numbers["ann"])) == 1


def test_two_who_cross_keep_their_numbers(program):
    """One walks behind the other and is not seen for half a second."""

    def at(ms):
        ann, bob = 20 + ms * 0.06, 220 - ms * 0.06
        people = {"ann": (int(ann), 60, 50, 50)}
        if abs(ann - bob) > 25:
            people["bob"] = (int(bob), 64, 48, 48)
        return people

    numbers = follow(program, at, 3300)
    assert len(set(numbers["ann"])) == 1
    assert len(set(numbers["bob"])) == 1
    assert set(numbers["ann"]) != set(numbers["bob"])


@pytest.mark.parametrize(("gone_ms", "same"), [(300, True), (800, True), (3000, False)])
def test_who_comes_back_within_two_seconds_keeps_the_number(program, gone_ms, same):
    at = lambda ms: {} if 1000 <= ms < 1000 + gone_ms else {"ann": (100, 60, 60, 60)}  # noqa: E731
    assert (len(set(follow(program, at, 6000)["ann"])) == 1) == same


def test_what_is_found_but_once_is_not_kept_in_view(program):
    settings = {name: value[0] for name, value in program.SETTINGS.items()}
    room = Room(lambda ms: {"shadow": (100, 60, 60, 60)} if ms == 500 else {})
    tracker = program.Tracker(room, settings)
    shown = []
    for now in range(0, 1500, 100):
        room.now = now
        shown.append(len(tracker.follow(FRAME, now)))
    assert sum(shown) == 1


side = st.integers(24, 120)
box = st.tuples(st.integers(0, 200), st.integers(0, 120), side).map(lambda b: (b[0], b[1], b[2], b[2]))


@given(st.lists(st.lists(box, max_size=4), max_size=12))
def test_numbers_are_never_shared_and_never_given_again(program, frames):
    settings = {name: value[0] for name, value in program.SETTINGS.items()}
    room = Room(lambda ms: dict(enumerate(frames[ms // 100])))
    tracker = program.Tracker(room, settings)
    gone: set[int] = set()
    before: set[int] = set()
    for index in range(len(frames)):
        room.now = 100 * index
        tracker.follow(FRAME, room.now)
        numbers = [face.number for face in tracker.faces]
        assert len(set(numbers)) == len(numbers)
        assert not gone & set(numbers)
        gone |= before - set(numbers)
        before = set(numbers)


@given(st.tuples(st.integers(-50, 300), st.integers(-50, 220), st.integers(1, 320), st.integers(1, 240)))
def test_boxes_become_squares_inside_the_frame(program, found):
    x, y, w, h = program.square(found, 320, 240)
    assert w == h >= 1
    assert x >= 0
    assert y >= 0
    assert x + w <= 320
    assert y + h <= 240


# Steady answers

HAPPY, SAD = [0, 0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0]


def named(program, looks, settings=()) -> list:
    """The index named after each look (ms, scores)."""
    values = {name: value[0] for name, value in program.SETTINGS.items()} | dict(settings)
    face, names = program.Face(1, (0, 0, 50, 50), 0), []
    for now, scores in looks:
        face.update(list(scores), now, values)
        names.append(face.best)
    return names


def test_one_odd_frame_changes_nothing(program):
    assert named(program, [(100 * i, SAD if i == 10 else HAPPY) for i in range(20)]) == [3] * 20


@pytest.mark.parametrize("step_ms", [33, 100, 200])
def test_a_true_change_shows_within_400_ms_whatever_the_frame_rate(program, step_ms):
    looks = [(ms, HAPPY if ms < 2000 else SAD) for ms in range(0, 4000, step_ms)]
    names = named(program, looks)
    changed = next(ms for (ms, _), name in zip(looks, names, strict=True) if name == 4)
    assert changed - 2000 <= 400
    assert names[-1] == 4


def test_an_uncertain_face_has_no_name(program):
    flat = [1 / 7] * 7
    assert named(program, [(100 * i, flat) for i in range(5)]) == [None] * 5
    assert named(program, [(100 * i, HAPPY if i < 5 else flat) for i in range(30)])[-1] is None


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=7, max_size=7), min_size=1, max_size=30))
def test_smoothed_scores_stay_scores(program, looks):
    face = program.Face(1, (0, 0, 50, 50), 0)
    settings = {name: value[0] for name, value in program.SETTINGS.items()}
    for index, look in enumerate(looks):
        scores = [score / sum(look) for score in look]
        face.update(scores, 70 * index, settings)
        assert sum(face.scores) == pytest.approx(1)
        assert min(face.scores) >= 0


# The look at rest

LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


def learn(program, scores):
    calibration = program.Calibration(0)
    for now in range(0, 3000, 100):
        calibration.add(scores, now)
    return calibration.result(LABELS)


def corrected(program, rest, scores):
    memory = SimpleNamespace(rest=rest)
    return program.Memory.correct(memory, scores, LABELS)


def test_a_face_that_looks_sad_at_rest_is_neutral_after_calibration_and_can_still_be_sad(program):
    at_rest = [0.02, 0, 0.02, 0.01, 0.6, 0.0, 0.35]
    rest = learn(program, at_rest)
    after = corrected(program, rest, at_rest)
    assert after.index(max(after)) == 6
    sad = corrected(program, rest, [0.02, 0, 0.03, 0, 0.9, 0, 0.05])
    assert sad.index(max(sad)) == 4


@given(st.lists(st.floats(0.001, 1), min_size=7, max_size=7))
def test_calibration_never_makes_the_resting_face_less_neutral(program, look):
    scores = [score / sum(look) for score in look]
    if scores[6] > program.Calibration.REST:
        return  # it is neutral enough
    after = corrected(program, learn(program, scores), scores)
    assert after[6] >= scores[6] - 1e-6
    assert math.isclose(sum(after), 1, rel_tol=1e-6)


def test_calibration_without_a_face_learns_nothing(program):
    with pytest.raises(program.Trouble, match="Nothing was learnt"):
        program.Calibration(0).result(LABELS)


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=200))
def test_sentence_is_drawn_whole(program, sentence):
    """Every word reaches the frame, in order."""
    drawn: list[str] = []
    program.write = lambda frame, x, y, text: drawn.append(text)
    program.draw_sentence(FRAME, sentence)
    assert " ".join(drawn).split() == sentence.split()
