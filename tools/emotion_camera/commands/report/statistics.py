"""The statistics of the report page. All times are ms; shares are of the time that faces were in view."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple, TypeVar

from emotion_camera.commands.report.timeline import Segment, Track

BINS = 10  # of the scores, 0 to 1
TABLE_ROWS = 30  # at most, of the scores over time
WIDTH = 360  # time steps of a chart: as many as can be distinguished on a laptop's screen


T = TypeVar("T")


class Point(NamedTuple):
    """Scores of all faces in a time step: time-weighted mean, minimum and maximum. `time_ms` is its middle."""

    time_ms: float
    mean: float
    least: float
    most: float


class Affect(NamedTuple):
    """Time-weighted means over all faces, -1 to 1."""

    valence: float
    arousal: float


class Run(NamedTuple):
    """A span in which a face showed one emotion: the time-weighted mean of its scores, and the least of them."""

    start_ms: int
    end_ms: int
    emotion: str | None
    score: float
    least: float
    why: str | None = None

    @property
    def ms(self) -> int:
        return self.end_ms - self.start_ms


def all_segments(faces: Iterable[Track]) -> list[Segment]:
    return [segment for face in faces for segment in face.segments]


def total_ms(segments: Iterable[Segment]) -> int:
    """The total time of segments: two faces for a second are two seconds."""
    return sum(segment.ms for segment in segments)


def in_view_ms(segments: Iterable[Segment]) -> int:
    """For how long at least one face was in view."""
    total, until = 0, 0
    for segment in sorted(segments, key=lambda segment: segment.start_ms):
        total += max(0, segment.end_ms - max(until, segment.start_ms))
        until = max(until, segment.end_ms)
    return total


def most_at_once(segments: Iterable[Segment]) -> int:
    """The maximum number of faces in view at the same time."""
    steps = sorted(step for segment in segments for step in ((segment.start_ms, 1), (segment.end_ms, -1)))
    return max(itertools.accumulate(step for _, step in steps), default=0)


def by_emotion(segments: Iterable[Segment]) -> Counter[str | None]:
    """How long each emotion was shown; None is uncertain."""
    times: Counter[str | None] = Counter()
    for segment in segments:
        times[segment.emotion] += segment.ms
    return times


def by_reason(segments: Iterable[Segment]) -> Counter[str | None]:
    """How long faces were uncertain for each reason; None where the camera did not tell it."""
    times: Counter[str | None] = Counter()
    for segment in segments:
        if segment.emotion is None:
            times[segment.why] += segment.ms
    return times


def mean_score(segments: Iterable[Segment]) -> float:
    """The time-weighted mean; 0 for no segments."""
    return _mean(list(segments), attrgetter("score"))


def mean_affect(segments: Iterable[Segment]) -> Affect | None:
    """None where the camera told no valence and arousal."""
    told = _with_affect(segments)
    return Affect(*(_mean(told, attrgetter(name)) for name in Affect._fields)) if told else None


def _mean(segments: Sequence[Segment], value: Callable[[Segment], float]) -> float:
    return sum(value(segment) * segment.ms for segment in segments) / max(1, total_ms(segments))


def _with_affect(segments: Iterable[Segment]) -> list[Segment]:
    return [segment for segment in segments if segment.valence is not None and segment.arousal is not None]


def transitions(faces: Iterable[Track]) -> Counter[tuple[str, str]]:
    """How often a face went from one emotion to another; uncertain segments in between are skipped."""
    counts: Counter[tuple[str, str]] = Counter()
    for face in faces:
        named = [segment.emotion for segment in face.segments if segment.emotion is not None]
        counts.update(pair for pair in itertools.pairwise(named) if pair[0] != pair[1])
    return counts


def score_bins(segments: Iterable[Segment]) -> list[int]:
    """How long the score was in each tenth, 0 to 1."""
    times = [0] * BINS
    for segment in segments:
        times[min(int(segment.score * BINS), BINS - 1)] += segment.ms
    return times


def score_over_time(segments: Iterable[Segment], length_ms: int) -> list[Point]:
    """At most WIDTH points; none for a time step without a face."""
    return _points(segments, max(1, length_ms) / WIDTH, WIDTH)


def score_table(segments: Iterable[Segment], length_ms: int) -> list[tuple[int, int, Point | None]]:
    """From, to and scores for a table: whole seconds, all of the recording; None where no face was in view."""
    step, rows = _table_steps(length_ms)
    return _table(length_ms, [(point.time_ms, point) for point in _points(segments, step, rows)])


def affect_over_time(segments: Iterable[Segment], length_ms: int) -> list[tuple[float, Affect]]:
    """The middle of a time step, and the means in it: at most WIDTH; none for a step without a face."""
    return _affects(segments, max(1, length_ms) / WIDTH, WIDTH)


def affect_table(segments: Iterable[Segment], length_ms: int) -> list[tuple[int, int, Affect | None]]:
    """As `score_table`."""
    return _table(length_ms, _affects(segments, *_table_steps(length_ms)))


def _affects(segments: Iterable[Segment], step: float, steps: int) -> list[tuple[float, Affect]]:
    told = _with_affect(segments)
    both = (_points(told, step, steps, attrgetter(name)) for name in Affect._fields)
    return [(valence.time_ms, Affect(valence.mean, arousal.mean)) for valence, arousal in zip(*both, strict=True)]


def _table_steps(length_ms: int) -> tuple[int, int]:
    """A row's ms, and how many rows."""
    step = 1000 * max(1, -(-length_ms // (1000 * TABLE_ROWS)))
    return step, max(1, -(-length_ms // step))


def _table(length_ms: int, found: Sequence[tuple[float, T]]) -> list[tuple[int, int, T | None]]:
    step, rows = _table_steps(length_ms)
    values = {int(time_ms // step): value for time_ms, value in found}
    return [(row * step, min((row + 1) * step, length_ms), values.get(row)) for row in range(rows)]


def _points(
    segments: Iterable[Segment], step: float, steps: int, value: Callable[[Segment], float] = attrgetter("score")
) -> list[Point]:
    bins: dict[int, list[tuple[float, float]]] = {}
    for segment in segments:
        first, last = int(segment.start_ms / step), int((segment.end_ms - 1) / step)
        for i in range(first, min(last, steps - 1) + 1):
            inside = min(segment.end_ms, (i + 1) * step) - max(segment.start_ms, i * step)
            bins.setdefault(i, []).append((max(1e-3, inside), value(segment)))
    return [_point((i + 0.5) * step, scores) for i, scores in sorted(bins.items())]


def _point(time_ms: float, scores: list[tuple[float, float]]) -> Point:
    least, most = min(score for _, score in scores), max(score for _, score in scores)
    mean = sum(ms * score for ms, score in scores) / sum(ms for ms, _ in scores)
    return Point(time_ms, min(max(mean, least), most), least, most)  # a sum of fractions may be off by the last digit


def apportion(parts: Sequence[int], units: int) -> list[int]:
    """`units` shared out in proportion to `parts`, in whole numbers that add up to it: the largest remainders round up."""
    whole = sum(parts)
    if not whole:
        return [0] * len(parts)
    shares = [part * units // whole for part in parts]
    remainders = sorted(range(len(parts)), key=lambda i: -(parts[i] * units % whole))
    for i in remainders[: units - sum(shares)]:
        shares[i] += 1
    return shares


def slices(segments: Iterable[Segment], length_ms: int) -> list[Segment]:
    """The segments for a chart: equal neighbours are merged while shorter than a pixel or so."""
    shortest = length_ms / WIDTH
    merged: list[Segment] = []
    for segment in segments:
        last = merged[-1] if merged else None
        if last and last.end_ms == segment.start_ms and (_same(last, segment) and last.ms < shortest):
            score = (last.score * last.ms + segment.score * segment.ms) / (last.ms + segment.ms)
            merged[-1] = replace(last, end_ms=segment.end_ms, score=score)
        else:
            merged.append(segment)
    return merged


def runs(segments: Iterable[Segment]) -> list[Run]:
    """Neighbouring segments with the same emotion, or the same reason for none, merged."""
    found: list[list[Segment]] = []
    for segment in segments:
        if found and found[-1][-1].end_ms == segment.start_ms and _same(found[-1][-1], segment):
            found[-1].append(segment)
        else:
            found.append([segment])
    return [_run(each) for each in found]


def _same(one: Segment, other: Segment) -> bool:
    return (one.emotion, one.why) == (other.emotion, other.why)


def _run(segments: Sequence[Segment]) -> Run:
    least, most = min(segment.score for segment in segments), max(segment.score for segment in segments)
    mean = min(max(mean_score(segments), least), most)
    return Run(segments[0].start_ms, segments[-1].end_ms, segments[0].emotion, mean, least, segments[0].why)


def lanes(faces: Iterable[Track]) -> list[int]:
    """A row for each face, in order of appearance, so that no two faces in a row overlap."""
    ends: list[int] = []  # of each row
    rows = []
    for face in faces:
        start = face.segments[0].start_ms
        row = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        ends[row : row + 1] = [face.segments[-1].end_ms]
        rows.append(row)
    return rows
