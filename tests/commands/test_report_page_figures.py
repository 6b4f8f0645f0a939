"""The figures of the report page: recordings made by hand, whose answers are known."""

from itertools import pairwise

import pytest
from emotion_camera.commands.report import statistics
from emotion_camera.commands.report.summary import clock, duration, durations, share, shares, signed, summary
from emotion_camera.commands.report.timeline import Segment, Timeline, Track, read_timeline
from emotion_camera.recordings import read_recording
from hypothesis import given
from hypothesis import strategies as st
from recorded import LABELS, READY, by_hand, faces


@pytest.fixture
def see(tmp_path):
    """A function that reads what was seen from lines: ms since the start, and what was reported."""

    def see_it(lines: list[tuple[int, dict]], duration_ms: int | None = None) -> Timeline:
        return read_timeline(read_recording(by_hand(tmp_path / "recording", lines, duration_ms)))

    return see_it


def steady(
    emotion: str | None, start: int, end: int, step: int = 100, number: int = 1, score: float = 0.8, **told: object
) -> list:
    """Reports of a face from `start` up to `end`. `told`: further fields of the face."""
    return [
        (ms, faces((number, emotion, score), t=1000 + ms, fps=1000 / step, **told)) for ms in range(start, end, step)
    ]


def times(timeline: Timeline) -> dict[str | None, int]:
    return dict(statistics.by_emotion(statistics.all_segments(timeline.faces)))


def test_time_in_each_emotion(see):
    timeline = see([*steady("happy", 0, 3000), *steady(None, 3000, 3500), *steady("sad", 3500, 5000)], 6000)
    assert times(timeline) == {"happy": 3000, None: 500, "sad": 1500}
    assert timeline.length_ms == 6000
    assert statistics.in_view_ms(statistics.all_segments(timeline.faces)) == 5000


def test_a_slow_stretch_counts_for_its_time_and_not_for_its_reports(see):
    """Ten reports a second, then two: as many reports of each emotion would be a fifth of the time."""
    timeline = see([*steady("happy", 0, 1000, step=100), *steady("sad", 1000, 6000, step=500)])
    assert times(timeline) == {"happy": 1000, "sad": 5000}


def test_a_face_that_has_gone_counts_for_one_step_more(see):
    timeline = see([*steady("happy", 0, 1000), *steady("happy", 31_000, 32_000)], 60_000)
    assert times(timeline) == {"happy": 2000}
    (face,) = timeline.faces
    assert [(run.start_ms, run.end_ms) for run in statistics.runs(face.segments)] == [(0, 1000), (31_000, 32_000)]


def test_a_face_that_the_search_missed_for_a_moment_was_there(see):
    timeline = see([*steady("happy", 0, 1000), *steady("happy", 1800, 3000)], 3000)
    assert times(timeline) == {"happy": 3000}


def test_another_face_that_goes_on_does_not_keep_one_in_view(see):
    both = [(ms, faces((1, "happy", 0.9), (2, "sad", 0.7), t=ms)) for ms in range(0, 2000, 100)]
    timeline = see([*both, *steady("sad", 2000, 10_000, number=2)], 10_000)
    assert times(timeline) == {"happy": 2000, "sad": 10_000}
    segments = statistics.all_segments(timeline.faces)
    assert statistics.in_view_ms(segments) == 10_000
    assert statistics.total_ms(segments) == 12_000
    assert statistics.most_at_once(segments) == 2


def test_reports_that_are_sent_seldom(see):
    """The setting report_ms keeps a face's reports ten seconds apart; the camera tells it when it is asked."""
    status = READY | {"event": "status", "settings": {"report_ms": 10_000}}
    lines = [(ms, faces((1, "happy", 0.9), t=ms)) for ms in (0, 10_000, 20_000)]
    assert times(see([(0, status), *lines], 60_000)) == {"happy": 30_000}
    told = (0, {"event": "reply", "message": "report_ms is 10000."})
    assert times(see([told, *lines], 60_000)) == {"happy": 30_000}
    assert times(see(lines, 60_000)) == {"happy": 300}  # as far as can be known


def test_one_face_for_one_frame(see):
    timeline = see([(0, READY), (500, faces((1, "happy", 0.9), fps=0))], 700)
    assert times(timeline) == {"happy": 100}
    assert summary(timeline)[0] == "In 0.7 s the camera saw 1 face; it was in view for 0.1 s (14 % of the time)."


def test_nothing_counts_beyond_the_end(see):
    assert times(see(steady("happy", 0, 1000), 950)) == {"happy": 950}


def test_changes_pass_over_what_was_uncertain(see):
    lines = [
        *steady("neutral", 0, 500),
        *steady(None, 500, 700),
        *steady("happy", 700, 900),
        *steady(None, 900, 1000),
        *steady("happy", 1000, 1200),
        *steady("neutral", 1200, 1500),
        *steady("happy", 1500, 1600),
    ]
    assert statistics.transitions(see(lines).faces) == {("neutral", "happy"): 2, ("happy", "neutral"): 1}


def test_two_faces_do_not_change_into_each_other(see):
    both = [(ms, faces((1, "happy", 0.9), (2, "sad", 0.7))) for ms in range(0, 1000, 100)]
    assert statistics.transitions(see(both).faces) == {}


def test_a_camera_that_starts_again_numbers_other_faces(see):
    before, after = steady("happy", 0, 1000), [(ms + 5000, fields) for ms, fields in steady("sad", 0, 1000)]
    timeline = see([(0, READY), *before, (2000, {"event": "gone", "message": "pulled"}), (4500, READY), *after])
    assert [face.name for face in timeline.faces] == ["1", "1 (2)"]
    assert statistics.transitions(timeline.faces) == {}


def test_a_watchdogs_reset_shows_by_the_clock_alone(see):
    """On a UART the connection is never gone, and the line that says ready may be lost."""
    lines = [(0, faces((1, "happy", 0.9), t=900_000)), (3000, faces((1, "sad", 0.9), t=2300))]
    timeline = see(lines)
    assert [face.name for face in timeline.faces] == ["1", "1 (2)"]
    assert times(timeline) == {"happy": 100, "sad": 100}


@pytest.mark.parametrize("damaged", [103_456, 123_056, 923_456])
def test_a_letter_that_changed_in_the_clock_is_no_start(see, damaged):
    """Each made all faces new ones."""
    clocks = [123_400, 123_456, damaged, 123_556, 123_606]
    timeline = see([(50 * number, faces((1, "happy", 0.9), t=t, fps=20)) for number, t in enumerate(clocks)])
    assert [face.name for face in timeline.faces] == ["1"]
    assert times(timeline) == {"happy": 250}


def test_the_cameras_clock_that_wraps_around_is_no_start(see):
    lines = [(0, faces((1, "happy", 0.9), t=(1 << 30) - 50)), (100, faces((1, "happy", 0.9), t=50))]
    assert [face.name for face in see(lines).faces] == ["1"]


def test_while_the_connection_is_gone_nothing_counts(see):
    gone, back = (1000, {"event": "gone", "message": "the cable is out"}), (1600, {"event": "back"})
    timeline = see([*steady("happy", 0, 1000), gone, back, *steady("happy", 1600, 2000)], 2000)
    assert times(timeline) == {"happy": 1400}
    assert [(gap.start_ms, gap.end_ms, gap.message) for gap in timeline.gaps] == [(1000, 1600, "the cable is out")]


def test_a_connection_that_did_not_come_back(see):
    timeline = see([*steady("happy", 0, 1000), (1000, {"event": "gone", "message": "pulled"})], 9000)
    assert [(gap.start_ms, gap.end_ms) for gap in timeline.gaps] == [(1000, 9000)]
    assert "The connection was gone once, for 8.0 s in all." in summary(timeline)


def test_scores(see):
    timeline = see([*steady("happy", 0, 3000, score=1.0), *steady("sad", 3000, 4000, score=0.4)], 4000)
    segments = statistics.all_segments(timeline.faces)
    assert statistics.mean_score(segments) == pytest.approx(0.85)
    assert statistics.score_bins(segments) == [0, 0, 0, 0, 1000, 0, 0, 0, 0, 3000]
    points = statistics.score_over_time(segments, timeline.length_ms)
    assert len(points) == statistics.WIDTH
    assert {round(point.mean, 6) for point in points if point.time_ms < 2990} == {1.0}
    assert {round(point.mean, 6) for point in points if point.time_ms > 3010} == {0.4}


def test_what_camera_it_was(see):
    timeline = see([(0, READY), (100, READY | {"event": "status", "settings": {}})])
    assert [(each["board"], each["firmware"], each["model"]) for each in timeline.cameras] == [
        ("H7", "5.0.0", "emotion.tflite")
    ]
    assert timeline.labels == LABELS


def test_summary_in_words(see):
    happy, sad = steady("happy", 0, 60_000), steady("sad", 60_000, 90_000, score=0.5)
    assert summary(see([(0, READY), *happy, *sad], 100_000)) == [
        "In 1 min 40 s the camera saw 1 face; it was in view for 1 min 30 s (90 % of the time).",
        "It read happy 1 min (67 %) and sad 30 s (33 %).",
        "The mean score was 0.70 of 1.",
        "A face changed from one emotion to another once, from happy to sad.",
    ]


TOLD = [
    *steady("happy", 0, 4000, valence=0.5, arousal=0.25),
    *steady(None, 4000, 7000, why="turned", valence=-0.5, arousal=0.25),
    *steady(None, 7000, 8000, why="far", valence=-0.5, arousal=0.25),
]


def test_why_faces_were_uncertain(see):
    timeline = see(TOLD, 8000)
    segments = statistics.all_segments(timeline.faces)
    assert statistics.by_emotion(segments) == {"happy": 4000, None: 4000}
    assert statistics.by_reason(segments) == {"turned": 3000, "far": 1000}
    runs = [(run.emotion, run.why, run.ms) for run in statistics.runs(segments)]
    assert runs == [("happy", None, 4000), (None, "turned", 3000), (None, "far", 1000)]
    slices = [(it.emotion, it.why) for it in statistics.slices(segments, timeline.length_ms)]
    assert list(dict.fromkeys(slices)) == [("happy", None), (None, "turned"), (None, "far")]
    assert "For 4.0 s (50 %) it was not sure: turned 75 %, far 25 %." in summary(timeline)


def test_uncertain_all_the_time(see):
    words = summary(see([*steady(None, 0, 3000, why="dark"), *steady(None, 3000, 4000)]))
    assert "It was never sure of an emotion: dark 75 %, reason not told 25 %." in words


def test_valence_and_arousal(see):
    timeline = see(TOLD, 10_000)
    segments = statistics.all_segments(timeline.faces)
    assert statistics.mean_affect(segments) == pytest.approx((0, 0.25))
    assert "From -1 to 1, the mean valence was 0.00 and the mean arousal 0.25." in summary(timeline)
    points = statistics.affect_over_time(segments, timeline.length_ms)
    assert {(round(affect.valence, 2), affect.arousal) for ms, affect in points if ms < 3900} == {(0.5, 0.25)}
    assert max(ms for ms, _ in points) < 8100
    rows = statistics.affect_table(segments, timeline.length_ms)
    assert [mean and mean.valence for _, _, mean in rows] == pytest.approx([0.5] * 4 + [-0.5] * 4 + [None] * 2)


def test_a_camera_that_tells_no_valence(see):
    segments = statistics.all_segments(see(steady("happy", 0, 4000)).faces)
    assert statistics.mean_affect(segments) is None
    assert statistics.affect_over_time(segments, 4000) == []
    both = [*segments, *(Segment(5000, 6000, "sad", 0.5, valence=-0.5, arousal=0) for _ in range(1))]
    assert statistics.mean_affect(both) == (-0.5, 0), "of those that were told"


def test_a_number_below_nothing_is_nothing():
    assert [signed(value) for value in (-0.001, -0.006, 0.5, 0)] == ["0.00", "-0.01", "0.50", "0.00"]


def test_no_face_and_nothing_at_all(see):
    assert summary(see([(0, READY)], 30_000))[0] == "In 30 s the camera saw no face."
    assert summary(see([], 0)) == ["Nothing was recorded."]
    assert "never sure" in " ".join(summary(see(steady(None, 0, 1000))))


def test_words():
    assert [duration(ms) for ms in (0, 9_949, 9_951, 59_600, 60_000, 3_599_900, 7_500_000)] == [
        "0.0 s", "9.9 s", "10 s", "1 min", "1 min", "1 h", "2 h 5 min",
    ]  # fmt: skip
    assert [clock(ms) for ms in (0, 65_900, 3_600_000)] == ["0:00", "1:05", "1:00:00"]
    assert [share(1, 3), share(1, 1000), share(0, 5), share(0, 0)] == ["33 %", "under 1 %", "0 %", "0 %"]


spans = st.tuples(st.integers(0, 5000), st.integers(1, 900), st.sampled_from(["happy", "sad", None]), st.floats(0, 1))


@given(st.lists(spans, min_size=1))
def test_a_chart_shows_as_much_time_as_there_was(found):
    segments, now = [], 0
    for gap, ms, emotion, score in found:
        segments.append(Segment(now + gap, now + gap + ms, emotion, score))
        now += gap + ms
    shown = statistics.slices(segments, now)
    assert statistics.by_emotion(shown) == statistics.by_emotion(segments)
    assert statistics.mean_score(shown) == pytest.approx(statistics.mean_score(segments))
    assert sum(statistics.score_bins(segments)) == statistics.total_ms(segments) == statistics.in_view_ms(segments)
    points = statistics.score_over_time(segments, now)
    assert 0 < len(points) <= statistics.WIDTH
    assert all(point.least - 1e-9 <= point.mean <= point.most + 1e-9 for point in points)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 900)), min_size=1))
def test_no_two_faces_meet_in_a_row(found):
    segments = sorted(
        (Segment(start, start + ms, "happy", 1.0) for start, ms in found), key=lambda segment: segment.start_ms
    )
    rows: dict[int, list[Segment]] = {}
    timeline = [Track(str(i), [segment]) for i, segment in enumerate(segments)]
    for row, segment in zip(statistics.lanes(timeline), segments, strict=True):
        rows.setdefault(row, []).append(segment)
    for row in rows.values():
        assert all(before.end_ms <= after.start_ms for before, after in pairwise(row))
    assert len(rows) == statistics.most_at_once(segments)


def timeline_of(found: list) -> tuple[list[Segment], int]:
    segments, now = [], 0
    for gap, ms, emotion, score in found:
        segments.append(Segment(now + gap, now + gap + ms, emotion, score))
        now += gap + ms
    return segments, now


@given(st.lists(spans, min_size=1, max_size=60), st.integers(0, 20_000))
def test_every_second_and_every_dip_is_in_the_tables(found, rest):
    segments, end = timeline_of(found)
    rows = statistics.score_table(segments, end + rest)
    assert len(rows) <= statistics.TABLE_ROWS
    assert (rows[0][0], rows[-1][1]) == (0, end + rest)
    assert all(before[1] == after[0] for before, after in pairwise(rows))
    points = [point for _, _, point in rows if point]
    assert min(point.least for point in points) == min(segment.score for segment in segments)
    assert max(point.most for point in points) == max(segment.score for segment in segments)
    for start, until, point in rows:
        seen = any(segment.start_ms < until and segment.end_ms > start for segment in segments)
        assert (point is not None) == seen
    runs = statistics.runs(segments)
    assert sum(run.ms for run in runs) == statistics.total_ms(segments)
    assert min(run.least for run in runs) == min(segment.score for segment in segments)


@given(st.lists(spans, min_size=1, max_size=60))
def test_a_mean_is_between_its_minimum_and_its_maximum(found):
    segments, end = timeline_of(found)
    points = [point for _, _, point in statistics.score_table(segments, end) if point]
    for point in [*points, *statistics.score_over_time(segments, end)]:
        assert f"{point.least:.2f}" <= f"{point.mean:.2f}" <= f"{point.most:.2f}"
    assert all(run.least <= run.score for run in statistics.runs(segments))


@given(st.lists(st.integers(0, 600_000), min_size=1, max_size=11))
def test_what_is_shown_adds_up(parts):
    percent = [0 if it == "under 1 %" else int(it.removesuffix(" %")) for it in shares(parts)]
    assert sum(percent) == (100 if sum(parts) else 0)
    assert all((it == "0 %") == (part == 0) for it, part in zip(shares(parts), parts, strict=True))
    if sum(parts) < 600_000:
        seconds = [float(it.removesuffix(" s")) for it in durations(parts)]
        assert sum(seconds) == pytest.approx(float(durations([sum(parts)])[0].removesuffix(" s")))
        assert all(abs(1000 * it - part) <= 100 for it, part in zip(seconds, parts, strict=True))
