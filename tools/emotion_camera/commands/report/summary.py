"""Figures told in plain words: durations, shares, and the page's summary."""

from __future__ import annotations

import re
from collections.abc import Sequence

from emotion_camera.commands.report.statistics import (
    all_pieces,
    by_emotion,
    in_view_ms,
    mean_score,
    most_at_once,
    total_ms,
    transitions,
)
from emotion_camera.commands.report.timeline import Seen

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


def tied(text: str) -> str:
    """Numbers stay on one line with their units."""
    return re.sub(r"(?<=\d) (?=(?:%|s|min|h)\b|%)", "\N{NO-BREAK SPACE}", text)


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def summary(seen: Seen) -> list[str]:
    """What a recording shows, in a few sentences."""
    if not seen.length_ms:
        return ["Nothing was recorded."]
    pieces = all_pieces(seen.faces)
    if not pieces:
        told = [f"In {duration(seen.length_ms)} the camera saw no face."]
        if seen.length_ms > sum(gap.end_ms - gap.start_ms for gap in seen.gaps):
            told.append("It finds upright faces that look at it, larger than about 50 pixels, in enough light.")
        return told + _gaps(seen)
    return [_who(seen), *_emotions(seen), *_changes(seen), *_gaps(seen)]


def _who(seen: Seen) -> str:
    pieces = all_pieces(seen.faces)
    viewed = in_view_ms(pieces)
    words = f"In {duration(seen.length_ms)} the camera saw {count(len(seen.faces), 'face')}"
    if len(seen.faces) > 1:
        at_once = most_at_once(pieces)
        words += ", never two at once" if at_once == 1 else f", at most {at_once} at once"
    if viewed > 0.995 * seen.length_ms:
        return words + ", all the time."
    what = "it was in view" if len(seen.faces) == 1 else "a face was in view"
    return f"{words}; {what} for {duration(viewed)} ({share(viewed, seen.length_ms)} of the time)."


def _emotions(seen: Seen) -> list[str]:
    pieces = all_pieces(seen.faces)
    total, shown = total_ms(pieces), by_emotion(pieces)
    unsure = shown.pop(None, 0)
    if not shown:
        return ["It was never sure of an emotion."]
    named = [f"{name} {duration(ms)} ({share(ms, total)})" for name, ms in shown.most_common()]
    told = [f"It read {_listed(named)}."]
    if unsure:
        told.append(f"For {duration(unsure)} ({share(unsure, total)}) it was not sure.")
    told.append(f"The mean score was {mean_score(pieces):.2f} of 1.")
    return told


def _changes(seen: Seen) -> list[str]:
    changes = transitions(seen.faces)
    if not changes:
        return ["No face changed from one emotion to another."]
    total = sum(changes.values())
    (before, after), most = changes.most_common(1)[0]
    often = f", most often from {before} to {after} ({times(most)})" if most > 1 else ""
    if total == 1:
        return [f"A face changed from one emotion to another once, from {before} to {after}."]
    return [f"Faces changed from one emotion to another {times(total)}{often}."]


def _gaps(seen: Seen) -> list[str]:
    if not seen.gaps:
        return []
    gone = sum(gap.end_ms - gap.start_ms for gap in seen.gaps)
    return [f"The connection was gone {times(len(seen.gaps))}, for {duration(gone)} in all."]


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
