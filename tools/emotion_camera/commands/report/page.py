"""The page: the figures put into page.html, with everything that it needs inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emotion_camera.commands.report import statistics, summary
from emotion_camera.commands.report.thumbnails import thumbnail
from emotion_camera.commands.report.timeline import Piece, Seen, SeenFace
from emotion_camera.recordings import Recording
from emotion_camera.recordings.files import BACK, GONE

HERE = Path(__file__).parent
WEB = HERE.parents[1] / "web"
CARDS = 24  # faces with a card of their own
LISTED = 300  # rows of a table: more are told as a number
MEANING = {GONE: "connection gone", BACK: "connection back", "reply": "answer", "ready": "camera ready"}


def render(recording: Recording, seen: Seen, pictures: bool = True) -> str:
    """The whole page as HTML: it loads nothing, and all words that came from outside are escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader([HERE, WEB]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": summary.duration, "clock": summary.clock, "tied": summary.tied}
    environment.globals |= {"share": summary.share, "count": summary.count}
    own = {name: Markup((folder / name).read_text("utf-8")) for folder, name in OWN_FILES}
    return environment.get_template("page.html").render(context(recording, seen, pictures), own=own)


OWN_FILES = (
    (WEB, "theme.css"),
    (HERE, "page.css"),
    (WEB, "emotions.js"),
    (WEB, "echarts.min.js"),
    (HERE, "page.js"),
)


def context(recording: Recording, seen: Seen, pictures: bool) -> dict[str, Any]:
    """What page.html shows."""
    pieces = statistics.all_pieces(seen.faces)
    longest = sorted(seen.faces, key=lambda face: -statistics.total_ms(face.pieces))
    shown_by = statistics.by_emotion(pieces)
    names = [label for label in seen.labels if label in shown_by]
    return {
        "source": recording.source,
        "started": recording.started,
        "whole": recording.ended_ms is not None,
        "seen": seen,
        "summary": summary.summary(seen),
        "fair_use": summary.FAIR_USE,
        "tiles": _tiles(seen, pieces) if pieces else [],
        "total_ms": statistics.total_ms(pieces),
        "emotions": _shares(shown_by, seen.labels),
        "names": names,
        "transitions": statistics.transitions(seen.faces),
        "bins": statistics.score_bins(pieces),
        "faces": [_face(face, seen, recording if pictures else None) for face in longest[:CARDS]],
        "more_faces": [_face(face, seen, None) for face in longest[CARDS : CARDS + LISTED]],
        "untold_faces": max(0, len(longest) - CARDS - LISTED),
        "runs": [(face.name, run) for face in seen.faces for run in statistics.runs(face.pieces)][:LISTED],
        "most_rows": LISTED,
        "scores": _minutes(pieces, seen.length_ms),
        "happenings": seen.happenings[:LISTED],
        "untold_happenings": max(0, len(seen.happenings) - LISTED),
        "gap_ms": {gap.start_ms: gap.end_ms - gap.start_ms for gap in seen.gaps},
        "meaning": MEANING,
        "frames": len(recording.frames),
        "data": _chart_data(seen, pieces),
    }


def _tiles(seen: Seen, pieces: Sequence[Piece]) -> list[tuple[str, str, str]]:
    """Figures to see at a glance: value, what it is, and a word more."""
    viewed, shown = statistics.in_view_ms(pieces), statistics.by_emotion(pieces)
    changes = sum(statistics.transitions(seen.faces).values())
    most = next((name for name, _ in shown.most_common() if name is not None), None)
    return [
        (summary.duration(seen.length_ms), "recorded", summary.count(seen.reports, "report")),
        (str(len(seen.faces)), "face" if len(seen.faces) == 1 else "faces", f"at most {statistics.most_at_once(pieces)} at once"),
        (summary.duration(viewed), "with a face in view", summary.share(viewed, seen.length_ms)),
        (most or "none", "shown most", summary.duration(shown[most])),
        (f"{statistics.mean_score(pieces):.2f}", "mean score", "of 1"),
        (str(changes), "change" if changes == 1 else "changes", "of emotion"),
    ]  # fmt: skip


def _shares(times: Counter[str | None], labels: Sequence[str]) -> list[tuple[str | None, int]]:
    """Each emotion that was shown and its time, in the model's order, what was uncertain at the end."""
    return [(name, times[name]) for name in [*labels, None] if times[name]]


def _face(face: SeenFace, seen: Seen, recording: Recording | None) -> dict[str, Any]:
    times = statistics.by_emotion(face.pieces)
    named = [(name, ms) for name, ms in times.most_common() if name is not None]
    return {
        "name": face.name,
        "first_ms": face.pieces[0].start_ms,
        "last_ms": face.pieces[-1].end_ms,
        "seen_ms": statistics.total_ms(face.pieces),
        "most": named[0] if named else (None, times[None]),
        "shares": _shares(times, seen.labels),
        "score": statistics.mean_score(face.pieces),
        "changes": sum(statistics.transitions([face]).values()),
        "picture": thumbnail(recording, face) if recording else None,
    }


def _minutes(pieces: Sequence[Piece], length_ms: int) -> list[statistics.Point]:
    """The scores over time for a table: about twenty rows of the chart's."""
    points = statistics.score_over_time(pieces, length_ms)
    return points[:: max(1, len(points) // 20)]


def _chart_data(seen: Seen, pieces: Sequence[Piece]) -> dict[str, Any]:
    """What page.js draws. Emotions are indexes of `labels`, -1 while uncertain; lanes are by face."""
    lanes = statistics.lanes(seen.faces)
    place = {label: i for i, label in enumerate(seen.labels)}
    return {
        "length": seen.length_ms,
        "labels": seen.labels,
        "faces": [face.name for face in seen.faces],
        "lanes": lanes,
        "slices": [
            [number, piece.start_ms, piece.end_ms, place.get(piece.emotion or "", -1), round(piece.score, 3)]
            for number, face in enumerate(seen.faces)
            for piece in statistics.slices(face.pieces, seen.length_ms)
        ],
        "gaps": [[gap.start_ms, gap.end_ms] for gap in seen.gaps],
        "marks": [[each.time_ms, each.event] for each in seen.happenings if each.event in ("error", "calibrated")],
        "scores": [
            [round(value, 3) for value in point] for point in statistics.score_over_time(pieces, seen.length_ms)
        ],
        "bins": statistics.score_bins(pieces),
    }
