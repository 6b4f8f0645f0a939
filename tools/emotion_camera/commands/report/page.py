"""The report as one HTML file: page.html with the statistics, styles and scripts inside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emotion_camera.commands.report import statistics, summary
from emotion_camera.commands.report.thumbnails import thumbnail
from emotion_camera.commands.report.timeline import Segment, Timeline, Track
from emotion_camera.recordings import Recording
from emotion_camera.recordings.files import BACK, GONE
from emotion_camera.reports.parse import UNCERTAIN
from emotion_camera.reports.reasons import REASONS

HERE = Path(__file__).parent
WEB = HERE.parents[1] / "web"
CARDS = 24  # faces with a card of their own
LISTED = 300  # rows of a table; the rest are counted
MEANING = {GONE: "connection gone", BACK: "connection back", "reply": "answer", "ready": "camera ready"}


def render(recording: Recording, timeline: Timeline, pictures: bool = True) -> str:
    """The whole page as HTML: it loads nothing, and all text from the recording is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader([HERE, WEB]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": summary.duration,
        "clock": summary.clock,
        "tied": summary.tied,
        "signed": summary.signed,
    }
    environment.globals |= {name: getattr(summary, name) for name in ("share", "shares", "durations", "count")}
    environment.globals["zip"] = zip
    own = {name: Markup((folder / name).read_text("utf-8")) for folder, name in OWN_FILES}
    return environment.get_template("page.html").render(context(recording, timeline, pictures), own=own)


OWN_FILES = (
    (WEB, "theme.css"),
    (HERE, "page.css"),
    (WEB, "emotions.js"),
    (WEB, "echarts.min.js"),
    (HERE, "page.js"),
)


def context(recording: Recording, timeline: Timeline, pictures: bool) -> dict[str, Any]:
    """The variables of page.html."""
    segments = statistics.all_segments(timeline.faces)
    longest = sorted(timeline.faces, key=lambda face: -statistics.total_ms(face.segments))
    shown_by = statistics.by_emotion(segments)
    names = [label for label in timeline.labels if label in shown_by]
    return {
        "source": recording.source,
        "started": recording.started,
        "whole": recording.ended_ms is not None,
        "timeline": timeline,
        "summary": summary.summary(timeline),
        "fair_use": summary.FAIR_USE,
        "tiles": _tiles(timeline, segments) if segments else [],
        "total_ms": statistics.total_ms(segments),
        "emotions": shown_by.most_common(),
        "reasons": _reasons(segments),
        "uncertain": UNCERTAIN,
        "legend": _shares(shown_by, timeline.labels),
        "names": names,
        "transitions": statistics.transitions(timeline.faces),
        "bins": statistics.score_bins(segments),
        "faces": [_face(face, timeline, recording if pictures else None) for face in longest[:CARDS]],
        "more_faces": [_face(face, timeline, None) for face in longest[CARDS : CARDS + LISTED]],
        "uncounted_faces": max(0, len(longest) - CARDS - LISTED),
        "runs": [(face.name, run) for face in timeline.faces for run in statistics.runs(face.segments)][:LISTED],
        "most_rows": LISTED,
        "scores": statistics.score_table(segments, timeline.length_ms),
        "affect": statistics.mean_affect(segments),
        "affects": statistics.affect_table(segments, timeline.length_ms),
        "events": timeline.events[:LISTED],
        "more_events": max(0, len(timeline.events) - LISTED),
        "gap_ms": {gap.start_ms: gap.end_ms - gap.start_ms for gap in timeline.gaps},
        "meaning": MEANING,
        "frames": len(recording.frames),
        "data": _chart_data(timeline, segments),
    }


def _tiles(timeline: Timeline, segments: Sequence[Segment]) -> list[tuple[str, str, str]]:
    """The key figures: value, what it is, and a detail."""
    viewed, shown = statistics.in_view_ms(segments), statistics.by_emotion(segments)
    changes = sum(statistics.transitions(timeline.faces).values())
    most = next((name for name, _ in shown.most_common() if name is not None), None)
    return [
        (summary.duration(timeline.length_ms), "recorded", summary.count(timeline.reports, "report")),
        (str(len(timeline.faces)), "face" if len(timeline.faces) == 1 else "faces", f"at most {statistics.most_at_once(segments)} at once"),
        (summary.duration(viewed), "with a face in view", summary.share(viewed, timeline.length_ms)),
        (most or "none", "shown most", summary.duration(shown[most])),
        (f"{statistics.mean_score(segments):.2f}", "mean score", "of 1"),
        (str(changes), "change" if changes == 1 else "changes", "of emotion"),
    ]  # fmt: skip


def _shares(times: Counter[str | None], labels: Sequence[str]) -> list[tuple[str | None, int]]:
    """Each emotion that was shown and its time, in the model's order; uncertain last."""
    return [(name, times[name]) for name in [*labels, None] if times[name]]


def _reasons(segments: Sequence[Segment]) -> list[tuple[str, str, int]]:
    """Why faces were uncertain, what that means, and for how long, most first; none where the camera did not tell."""
    times = statistics.by_reason(segments)
    if not any(times):
        return []
    return [(why or "not told", REASONS[why].what if why else "", ms) for why, ms in times.most_common()]


def _face(face: Track, timeline: Timeline, recording: Recording | None) -> dict[str, Any]:
    times = statistics.by_emotion(face.segments)
    named = [(name, ms) for name, ms in times.most_common() if name is not None]
    return {
        "name": face.name,
        "first_ms": face.segments[0].start_ms,
        "last_ms": face.segments[-1].end_ms,
        "seen_ms": statistics.total_ms(face.segments),
        "most": named[0] if named else (None, times[None]),
        "why": next((why for why, _ in statistics.by_reason(face.segments).most_common() if why), None),
        "affect": statistics.mean_affect(face.segments),
        "shares": times.most_common(),
        "runs": [(run.emotion, run.ms) for run in statistics.runs(face.segments)],
        "score": statistics.mean_score(face.segments),
        "changes": sum(statistics.transitions([face]).values()),
        "moments": _moments(face, recording) if recording else [],
    }


def _moments(face: Track, recording: Recording) -> list[tuple[str, int, str]]:
    """The emotions that the face showed, longest first: when the score of each was highest, and the face then."""
    shown = [name for name, _ in statistics.by_emotion(face.segments).most_common() if name is not None]
    peaks = [(name, *face.peaks[name]) for name in shown]
    found = [(name, time_ms, thumbnail(recording, time_ms, report)) for name, time_ms, report in peaks]
    return [(name, time_ms, picture) for name, time_ms, picture in found if picture]


def _chart_data(timeline: Timeline, segments: Sequence[Segment]) -> dict[str, Any]:
    """What page.js draws. Emotions are indexes of `labels`, -1 while uncertain, with the reason beside it; lanes are by face."""
    lanes = statistics.lanes(timeline.faces)
    place = {label: i for i, label in enumerate(timeline.labels)}
    return {
        "length": timeline.length_ms,
        "labels": timeline.labels,
        "faces": [face.name for face in timeline.faces],
        "lanes": lanes,
        "slices": [
            [
                number,
                segment.start_ms,
                segment.end_ms,
                place.get(segment.emotion or "", -1),
                round(segment.score, 3),
                segment.why,
            ]
            for number, face in enumerate(timeline.faces)
            for segment in statistics.slices(face.segments, timeline.length_ms)
        ],
        "gaps": [[gap.start_ms, gap.end_ms] for gap in timeline.gaps],
        "marks": [[each.time_ms, each.event] for each in timeline.events if each.event in ("error", "calibrated")],
        "scores": [
            [round(value, 3) for value in point] for point in statistics.score_over_time(segments, timeline.length_ms)
        ],
        "bins": statistics.score_bins(segments),
        "affect": [
            [round(value, 3) for value in (time_ms, *affect)]
            for time_ms, affect in statistics.affect_over_time(segments, timeline.length_ms)
        ],
    }
