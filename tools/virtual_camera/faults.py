"""What can go wrong with a camera, on purpose."""

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True)
class Faults:
    """`timeouts`: the numbers of the snapshots (from 0) that fail, `range(5, 10**9)` for all from the sixth.
    `no_sensor`: the sensor does not answer, so that its reset fails."""

    timeouts: Container[int] = ()
    no_sensor: bool = False
    timeout_ms: int = 3000  # what a failed capture takes
