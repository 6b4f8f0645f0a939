"""What happens at a camera, in the order in which it comes. Times are ms since the stream was opened, by this computer's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """The frame buffer as the camera shows it, boxes drawn."""

    time_ms: int
    picture: NDArray[np.uint8]  # [H, W] or [H, W, 3], RGB


@dataclass(frozen=True)
class Line:
    """A line that the camera printed; `emotion_camera.reports.parse` reads it."""

    time_ms: int
    text: str


@dataclass(frozen=True)
class Disconnected:
    """The connection was lost, or the program has ended: what to do, as a sentence. The events go on when it is back."""

    time_ms: int
    message: str


Event = Frame | Line | Disconnected


class ConnectionLost(Exception):
    """The camera no longer answers."""
