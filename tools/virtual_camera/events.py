"""What comes out of a virtual camera, in the order in which it happens. Times are the camera's clock."""

from dataclasses import dataclass

from tools.virtual_camera.pictures import Pixels


@dataclass(frozen=True)
class Line:
    """A line that the program printed: what comes over the camera's USB serial port."""

    time_ms: int
    text: str


@dataclass(frozen=True)
class Shown:
    """A frame as the IDE shows it: with what the program drew. uint8 [H, W] or [H, W, 3].

    `windows` and `networks`: what was done since the frame shown before, in windows that the face search looked at and
    runs of a network. That is most of a frame's cost, and the same on every computer.
    """

    time_ms: int
    picture: Pixels
    windows: int = 0
    networks: int = 0


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
    pressed), "exception", "reset", "watchdog", "power", "hung" or "crashed"; `message` says it in words."""

    time_ms: int
    reason: str
    message: str


Event = Line | Shown | Sent | Ended
