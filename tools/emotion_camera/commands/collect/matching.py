"""Which report belongs to which frame.

The camera program prints a frame's report, and the frame is shown when the next one is taken. From a virtual camera both
come in that order, so the report before a frame is that frame's. From a real one they come by two ways: report and
frame can be one apart. There a face counts only while it holds still: the reports on both sides of the frame must have
its box in nearly the same place, so that it does not matter which of them is the frame's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotion_camera.reports.parse import Face, FacesReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STILL = 0.1  # of its side: a box off by so much shifts the network's picture by at most 5 of its 48 pixels
EARLY = 2  # frames after the program said that it draws no more, which may be from before
NEAR_S = 0.5  # a report this much older than a frame is about another one: a camera has 2 frames a second at least


@dataclass(frozen=True)
class Seen:
    """A frame and the largest face in it; `face` is None where there is none, or it moved."""

    picture: NDArray[np.uint8]
    face: Face | None
    moves: bool = False  # there is a face, but not for sure where it is in this frame


class InOrder:
    """For a camera whose lines and frames come in the order in which they were made."""

    def __init__(self) -> None:
        self._face: Face | None = None

    def report(self, report: FacesReport, now_s: float) -> Seen | None:
        self._face = report.faces[0]
        return None

    def frame(self, picture: NDArray[np.uint8], now_s: float) -> Seen | None:
        face, self._face = self._face, None
        return Seen(picture, face)


class Apart:
    """For a camera whose lines and frames come by two ways."""

    def __init__(self) -> None:
        self._before: tuple[Face, float] | None = None  # the newest report's, and when it came
        self._waiting: NDArray[np.uint8] | None = None  # the newest frame, until a report comes after it
        self._early = EARLY

    def report(self, report: FacesReport, now_s: float) -> Seen | None:
        face, before, picture = report.faces[0], self._before, self._waiting
        self._before, self._waiting = (face, now_s), None
        if picture is None or before is None:
            return None
        near = now_s - before[1] < 2 * NEAR_S and before[0].id == face.id and _apart(before[0], face) <= STILL
        return Seen(picture, face, moves=not near)

    def frame(self, picture: NDArray[np.uint8], now_s: float) -> Seen | None:
        if self._early:
            self._early -= 1
            return None
        self._waiting = picture
        empty = self._before is None or now_s - self._before[1] > NEAR_S
        return Seen(picture, None) if empty else None


def _apart(one: Face, other: Face) -> float:
    """The most by which two boxes differ in a side's place or length, in sides of the larger."""
    return max(abs(a - b) for a, b in zip(one.box, other.box, strict=True)) / max(one.box[2], other.box[2], 1)
