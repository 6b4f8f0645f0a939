"""Which report belongs to which frame.

The camera program prints a frame's report, and the frame is sent when the next one is taken. From a simulated camera both
arrive in that order, so the report before a frame is that frame's. From a real one they arrive over two channels: report
and frame can be one apart. There a face counts only while it holds still: its boxes in the reports before and after the
frame must be nearly the same, so that it does not matter which of them is the frame's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotion_camera.reports.parse import Face, FacesReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STILL = 0.1  # of its side: such a difference shifts the network's input by at most 5 of its 48 pixels
EARLY = 2  # frames after "draw off" was confirmed, which may be from before
NEAR_S = 0.5  # a report this much older than a frame is about another one: a camera has 2 frames a second at least


@dataclass(frozen=True)
class Match:
    """A frame with its report's largest face; `face` is None where there is none."""

    picture: NDArray[np.uint8]
    face: Face | None
    moves: bool = False  # where the face is in this frame is not certain


class OrderedMatcher:
    """For a camera whose reports and frames arrive in the order in which they were made."""

    def __init__(self) -> None:
        self._face: Face | None = None

    def report(self, report: FacesReport, now_s: float) -> Match | None:
        self._face = report.faces[0]
        return None

    def frame(self, picture: NDArray[np.uint8], now_s: float) -> Match | None:
        face, self._face = self._face, None
        return Match(picture, face)


class UnorderedMatcher:
    """For a camera whose reports and frames arrive over two channels."""

    def __init__(self) -> None:
        self._before: tuple[Face, float] | None = None  # of the newest report, and when it arrived
        self._waiting: NDArray[np.uint8] | None = None  # the newest frame, until the next report
        self._early = EARLY

    def report(self, report: FacesReport, now_s: float) -> Match | None:
        face, before, picture = report.faces[0], self._before, self._waiting
        self._before, self._waiting = (face, now_s), None
        if picture is None or before is None:
            return None
        still = now_s - before[1] < 2 * NEAR_S and before[0].id == face.id and _distance(before[0], face) <= STILL
        return Match(picture, face, moves=not still)

    def frame(self, picture: NDArray[np.uint8], now_s: float) -> Match | None:
        if self._early:
            self._early -= 1
            return None
        self._waiting = picture
        empty = self._before is None or now_s - self._before[1] > NEAR_S
        return Match(picture, None) if empty else None


def _distance(one: Face, other: Face) -> float:
    """The largest difference of two boxes in a coordinate or side, relative to the larger box."""
    return max(abs(a - b) for a, b in zip(one.box, other.box, strict=True)) / max(one.box[2], other.box[2], 1)
