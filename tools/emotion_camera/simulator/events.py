"""What comes out of a simulated camera, in the order in which it happens. Times are the camera's clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emotion_camera.simulator.host.haar import SearchCounts
from emotion_camera.simulator.host.pictures import Pixels


@dataclass(frozen=True)
class Line:
    """A line that the program printed: what comes over the camera's USB serial port.

    `by_protocol`: what of it a computer reads that speaks v5's protocol and reads once a frame: all, "" for its end alone,
    None for nothing, and before v5.
    """

    time_ms: int
    text: str
    by_protocol: str | None = None


@dataclass(frozen=True)
class Call:
    """One call of a picture's or network's method, as far as its cost on a camera depends on it.

    `what` is the name in `firmware.API` ("Image.find_features"), `size` width and height of the picture that it is a
    method of. `arguments` are the bound ones; a picture among them is its size, and "Model.predict" has `path` and `roi`.
    """

    what: str
    size: tuple[int, int]
    arguments: Mapping[str, Any]
    counts: SearchCounts | None = None  # of find_features


@dataclass(frozen=True)
class Shown:
    """A frame as the IDE shows it: with what the program drew. uint8 [H, W] or [H, W, 3].

    `calls`: what was called since the frame shown before. That is most of a frame's cost, and the same on every computer.
    """

    time_ms: int
    picture: Pixels
    calls: tuple[Call, ...] = ()
    clean: Pixels | None = None  # before the program drew

    @property
    def windows(self) -> int:
        """Windows that the face search looked at since the frame shown before."""
        return sum(call.counts.windows for call in self.calls if call.counts)

    @property
    def networks(self) -> int:
        """Runs of a network since then."""
        return sum(call.what in ("Model.predict", "tf_model.classify") for call in self.calls)


@dataclass(frozen=True)
class Sent:
    """Bytes that the program sent by a UART ("uart 3"), or had read from its protocol channel ("channel emotion").
    A light or pin that changes sends b"1" or b"0" ("led LED_RED", "pin P7"); all are off at the start."""

    time_ms: int
    way: str
    data: bytes


@dataclass(frozen=True)
class Ended:
    """The program is over. `reason`: "finished", "stopped" (the source or the time ended and the stop button was
    pressed), "exception", "reset" (by the program, or by a HardFault of the firmware), "watchdog", "power", "hung" or "crashed"; `message` says it in words."""

    time_ms: int
    reason: str
    message: str


Event = Line | Shown | Sent | Ended
