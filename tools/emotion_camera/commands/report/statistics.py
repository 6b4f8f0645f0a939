"""The figures of the report page, from what was seen. All times are ms; shares are of the time that faces were in view."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from emotion_camera.commands.report.timeline import Piece, SeenFace

BINS = 10  # of the scores, 0 to 1
WIDTH = 360  # steps of a chart over time: as many as are told apart on a laptop's screen


class Point(NamedTuple):
    """Scores of all faces in a step of time: mean by time, least and most."""

    time_ms: float
    mean: float
    least: float
    most: float


def all_pieces(faces: Iterable[SeenFace]) -> list[Piece]:
    return [piece for face in faces for piece in face.pieces]


def total_ms(pieces: Iterable[Piece]) -> int:
    """The time of all pieces: two faces for a second are two seconds."""
    return sum(piece.ms for piece in pieces)


def in_view_ms(pieces: Iterable[Piece]) -> int:
    """For how long there was a face, or more."""
    total, until = 0, 0
    for piece in sorted(pieces, key=lambda piece: piece.start_ms):
        total += max(0, piece.end_ms - max(until, piece.start_ms))
        until = max(until, piece.end_ms)
    return total


def most_at_once(pieces: Iterable[Piece]) -> int:
    """The most faces that were in view at a time."""
    steps = sorted(step for piece in pieces for step in ((piece.start_ms, 1), (piece.end_ms, -1)))
    return max(itertools.accumulate(step for _, step in steps), default=0)


def by_emotion(pieces: Iterable[Piece]) -> Counter[str | None]:
    """How long each emotion was shown; None while it was uncertain."""
    times: Counter[str | None] = Counter()
    for piece in pieces:
        times[piece.emotion] += piece.ms
    return times


def mean_score(pieces: Iterable[Piece]) -> float:
    """Of the time; 0 without any."""
    pieces = list(pieces)
    return sum(piece.score * piece.ms for piece in pieces) / max(1, total_ms(pieces))


def transitions(faces: Iterable[SeenFace]) -> Counter[tuple[str, str]]:
    """How often a face went from one emotion to another; what was uncertain between them is passed over."""
    counts: Counter[tuple[str, str]] = Counter()
    for face in faces:
        named = [piece.emotion for piece in face.pieces if piece.emotion is not None]
        counts.update(pair for pair in itertools.pairwise(named) if pair[0] != pair[1])
    return counts


def score_bins(pieces: Iterable[Piece]) -> list[int]:
    """How long the score was in each tenth, 0 to 1."""
    times = [0] * BINS
    for piece in pieces:
        times[min(int(piece.score * BINS), BINS - 1)] += piece.ms
    return times


def score_over_time(pieces: Iterable[Piece], length_ms: int) -> list[Point]:
    """At most WIDTH points; none for a step of time without a face."""
    step = max(1, length_ms) / WIDTH
    bins: dict[int, list[tuple[int, float]]] = {}
    for piece in pieces:
        first, last = int(piece.start_ms / step), int((piece.end_ms - 1) / step)
        for i in range(first, min(last, WIDTH - 1) + 1):
            inside = min(piece.end_ms, (i + 1) * step) - max(piece.start_ms, i * step)
            bins.setdefault(i, []).append((max(1, round(inside)), piece.score))
    return [_point((i + 0.5) * step, scores) for i, scores in sorted(bins.items())]


def _point(time_ms: float, scores: list[tuple[int, float]]) -> Point:
    mean = sum(ms * score for ms, score in scores) / sum(ms for ms, _ in scores)
    return Point(time_ms, mean, min(score for _, score in scores), max(score for _, score in scores))


def slices(pieces: Iterable[Piece], length_ms: int) -> list[Piece]:
    """The pieces for a chart: those alike put together, none shorter than can be seen unless it stands alone."""
    shortest = length_ms / WIDTH
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last and last.end_ms == piece.start_ms and (last.emotion == piece.emotion and last.ms < shortest):
            score = (last.score * last.ms + piece.score * piece.ms) / (last.ms + piece.ms)
            merged[-1] = Piece(last.start_ms, piece.end_ms, piece.emotion, score)
        else:
            merged.append(piece)
    return merged


def runs(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces put together wherever a face stayed in view with the same emotion."""
    return slices(pieces, WIDTH * (1 << 40))


def lanes(faces: Iterable[SeenFace]) -> list[int]:
    """A row for each face, in the order of their first sight, so that no two faces in a row meet."""
    ends: list[int] = []  # of each row
    rows = []
    for face in faces:
        start = face.pieces[0].start_ms
        row = next((i for i, end in enumerate(ends) if end <= start), len(ends))
        ends[row : row + 1] = [face.pieces[-1].end_ms]
        rows.append(row)
    return rows
