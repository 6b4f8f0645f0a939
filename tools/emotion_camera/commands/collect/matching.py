"""Which report belongs to which frame.

The camera program prints a frame's report, and the frame is sent when the next one is taken. From a simulated camera both
arrive in that order, so the report before a frame is that frame's. From a real one they arrive over two channels: report
and frame can be one apart. There a face counts only while it holds still: its boxes in the reports before and after the
frame must be nearly the same, so that it does not matter which of them is the frame's.

With the setting report_ms most frames have no report. Between two of them a face is still taken for being there, where it was
reported last, but its frame is not `certain`: nothing is stored of it. And the reports of a real camera are too far apart to
compare: there the face must look the same in the frames before and after one report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emotion_camera.commands.collect.crop import is_inside, likeness, model_view
from emotion_camera.reports.parse import Face, FacesReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STILL = 0.1  # of its side: such a difference shifts the network's input by at most 5 of its 48 pixels
STILL_LIKENESS = (
    0.6  # of the network's input in two frames: a face that has moved by 3 of the 48 pixels has 0.60 to 0.69
)
EARLY = 2  # frames after "draw off" was confirmed, which may be from before
LATE_S = 1.0  # by which a report may be later than the setting says: that long a slow camera's frame takes
NEAR_S = 0.5  # a report this much older than a frame is about another one: a camera has 2 frames a second at least


@dataclass(frozen=True)
class Match:
    """A frame with its report's largest face; `face` is None where there is none."""

    picture: NDArray[np.uint8]
    face: Face | None
    moves: bool = False  # where the face is in this frame is not certain
    certain: bool = True  # the report is this frame's; if not, it is the one before, and the next is not due yet


class OrderedMatcher:
    """For a camera whose reports and frames arrive in the order in which they were made."""

    def __init__(self, report_ms: int = 0) -> None:
        self.report_ms = report_ms  # the camera's setting
        self._face: Face | None = None
        self._last: tuple[Face, float] | None = None  # of the newest report, and when it arrived

    def report(self, report: FacesReport, now_s: float) -> Match | None:
        """Takes a report that came at `now_s`; the frame that it is about, if that is certain now."""
        self._face = report.faces[0]
        self._last = self._face, now_s
        return None

    def frame(self, picture: NDArray[np.uint8], now_s: float) -> Match | None:
        """Takes a frame that came at `now_s`; what is known of it, or of the one before, None while that is nothing."""
        face, self._face = self._face, None
        if face is None and self._last is not None and _is_between(self._last[1], now_s, self.report_ms):
            return Match(picture, self._last[0], certain=False)
        return Match(picture, face)


class UnorderedMatcher:
    """For a camera whose reports and frames arrive over two channels."""

    def __init__(self, report_ms: int = 0) -> None:
        self.report_ms = report_ms
        self._before: tuple[Face, float] | None = None  # of the newest report, and when it arrived
        self._waiting: NDArray[np.uint8] | None = None  # the newest frame, until the next report
        self._reported: tuple[NDArray[np.uint8], Face] | None = (
            None  # until the next frame: the one before, and the report
        )
        self._early = EARLY

    def report(self, report: FacesReport, now_s: float) -> Match | None:
        """Takes a report that came at `now_s`; the frame that it is about, if that is certain now."""
        face, before, picture = report.faces[0], self._before, self._waiting
        self._before, self._waiting = (face, now_s), None
        if picture is None or (before is None and not self.report_ms):
            return None
        if before is None or max(now_s - before[1], self.report_ms / 1000) >= 2 * NEAR_S:
            self._reported = picture, face
            return None
        still = before[0].id == face.id and _distance(before[0], face) <= STILL
        return Match(picture, face, moves=not still)

    def frame(self, picture: NDArray[np.uint8], now_s: float) -> Match | None:
        """Takes a frame that came at `now_s`; what is known of it, or of the one before, None while that is nothing."""
        if self._early:
            self._early -= 1
            return None
        reported, self._reported, self._waiting = self._reported, None, picture
        if reported is not None:
            return Match(picture, reported[1], moves=not _holds_still(reported[0], picture, reported[1]))
        if self._before is not None and _is_between(self._before[1], now_s, self.report_ms):
            return Match(picture, self._before[0], certain=False)
        empty = self._before is None or now_s - self._before[1] > NEAR_S
        return Match(picture, None) if empty else None


def _is_between(report_s: float, now_s: float, report_ms: int) -> bool:
    """Whether the report after the one at `report_s` is not due yet, by the setting report_ms."""
    return report_ms > 0 and now_s - report_s <= LATE_S + report_ms / 1000


def _holds_still(before: NDArray[np.uint8], after: NDArray[np.uint8], face: Face) -> bool:
    if before.shape != after.shape or not is_inside(face.box, before):
        return before.shape == after.shape  # at the edge, which is said in its place
    return likeness(model_view(before, face.box), model_view(after, face.box)) > STILL_LIKENESS


def _distance(one: Face, other: Face) -> float:
    """The largest difference of two boxes in a coordinate or side, relative to the larger box."""
    return max(abs(a - b) for a, b in zip(one.box, other.box, strict=True)) / max(one.box[2], other.box[2], 1)
