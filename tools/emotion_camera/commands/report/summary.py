"""Statistics in words: durations, shares, and the summary of the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emotion_camera.commands.report.statistics import (
    all_segments,
    apportion,
    by_emotion,
    by_reason,
    in_view_ms,
    mean_affect,
    mean_score,
    most_at_once,
    transitions,
)
from emotion_camera.commands.report.timeline import Segment, Timeline

FAIR_USE = (
    "An expression is not a feeling: the model says which of its words people would most likely choose for a face. "
    "It is wrong for some faces more often than for others. Do not judge, rank or watch people by it."
)


def duration(ms: float) -> str:
    """ "0.4 s", "12 s", "3 min 5 s", "20 min", "2 h 4 min"."""
    if ms < 9950:
        return f"{ms / 1000:.1f} s"
    seconds = round(ms / 1000)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return _in_two(seconds, "min", "s")
    return _in_two(round(seconds / 60), "h", "min")


def _in_two(number: int, large: str, small: str) -> str:
    whole, rest = divmod(number, 60)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"


def clock(ms: float) -> str:
    """A time since the start: "1:05", "2:00:00"."""
    seconds = int(ms // 1000)
    hours = f"{seconds // 3600}:{seconds // 60 % 60:02}" if seconds >= 3600 else str(seconds // 60)
    return f"{hours}:{seconds % 60:02}"


def share(part: float, whole: float) -> str:
    """ "12 %"; "under 1 %" for what is there but little."""
    percent = 100 * part / whole if whole else 0
    return "under 1 %" if 0 < percent < 0.5 else f"{percent:.0f} %"


def shares(parts: Sequence[int]) -> list[str]:
    """The share of each part, in percent that add up to 100."""
    return [
        "under 1 %" if part and not it else f"{it} %" for part, it in zip(parts, apportion(parts, 100), strict=True)
    ]


def durations(parts: Sequence[int]) -> list[str]:
    """The durations of parts, in tenths of seconds that add up to what `durations([sum(parts)])` says."""
    if sum(parts) >= 600_000:
        return [duration(ms) for ms in parts]
    return [f"{tenths / 10:.1f} s" for tenths in apportion(parts, round(sum(parts) / 100))]


def tied(text: str) -> str:
    """Numbers stay on one line with their units."""
    return re.sub(r"(?<=\d) (?=(?:%|s|min|h)\b|%)", "\N{NO-BREAK SPACE}", text)


def signed(value: float) -> str:
    """ "-0.51"; never "-0.00"."""
    return f"{round(value, 2) + 0:.2f}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def summary(timeline: Timeline) -> list[str]:
    """What a recording shows, in a few sentences."""
    if not timeline.length_ms:
        return ["Nothing was recorded."]
    segments = all_segments(timeline.faces)
    if not segments:
        lines = [f"In {duration(timeline.length_ms)} the camera saw no face."]
        if timeline.length_ms > sum(gap.end_ms - gap.start_ms for gap in timeline.gaps):
            lines.append("It finds upright faces that look at it, larger than about 50 pixels, in enough light.")
        return lines + _gaps(timeline)
    return [_who(timeline), *_emotions(timeline), *_changes(timeline), *_gaps(timeline)]


def _who(timeline: Timeline) -> str:
    segments = all_segments(timeline.faces)
    viewed = in_view_ms(segments)
    words = f"In {duration(timeline.length_ms)} the camera saw {count(len(timeline.faces), 'face')}"
    if len(timeline.faces) > 1:
        at_once = most_at_once(segments)
        words += ", never two at once" if at_once == 1 else f", at most {at_once} at once"
    if viewed > 0.995 * timeline.length_ms:
        return words + ", all the time."
    what = "it was in view" if len(timeline.faces) == 1 else "a face was in view"
    return f"{words}; {what} for {duration(viewed)} ({share(viewed, timeline.length_ms)} of the time)."


def _emotions(timeline: Timeline) -> list[str]:
    segments = all_segments(timeline.faces)
    shown = by_emotion(segments)
    percent = dict(zip(shown, shares(list(shown.values())), strict=True))
    unsure, affect = shown.pop(None, 0), mean_affect(segments)
    if not shown:
        return [f"It was never sure of an emotion{_reasons(segments)}."]
    named = [f"{name} {duration(ms)} ({percent[name]})" for name, ms in shown.most_common()]
    lines = [f"It read {_listed(named)}."]
    if unsure:
        lines.append(f"For {duration(unsure)} ({percent[None]}) it was not sure{_reasons(segments)}.")
    lines.append(f"The mean score was {mean_score(segments):.2f} of 1.")
    if affect:
        lines.append(
            f"From -1 to 1, the mean valence was {signed(affect.valence)} and the mean arousal {signed(affect.arousal)}."
        )
    return lines


def _reasons(segments: Sequence[Segment]) -> str:
    """ ": turned 80 %, far 20 %"; nothing where the camera did not tell."""
    times = by_reason(segments).most_common()
    if not any(why for why, _ in times):
        return ""
    named = zip(times, shares([ms for _, ms in times]), strict=True)
    return ": " + ", ".join(f"{why or 'reason not told'} {part}" for (why, _), part in named)


def _changes(timeline: Timeline) -> list[str]:
    changes = transitions(timeline.faces)
    if not changes:
        return ["No face changed from one emotion to another."]
    total = sum(changes.values())
    (before, after), most = changes.most_common(1)[0]
    often = f", most often from {before} to {after} ({times(most)})" if most > 1 else ""
    if total == 1:
        return [f"A face changed from one emotion to another once, from {before} to {after}."]
    return [f"Faces changed from one emotion to another {times(total)}{often}."]


def _gaps(timeline: Timeline) -> list[str]:
    if not timeline.gaps:
        return []
    gone = sum(gap.end_ms - gap.start_ms for gap in timeline.gaps)
    return [f"The connection was gone {times(len(timeline.gaps))}, for {duration(gone)} in all."]


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
