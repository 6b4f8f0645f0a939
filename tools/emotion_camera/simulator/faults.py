"""What can go wrong with a camera, on purpose."""

import random
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from emotion_camera.simulator.host.firmware import CameraError

FIRMWARE_CALLS = ("Image.find_features", "Image.copy", "Image.draw_", "Model.predict", "tf_model.classify")


@dataclass(frozen=True)
class Faults:
    """`timeouts`: the numbers of the snapshots (from 0) that fail, `range(5, 10**9)` for all from the sixth.
    `no_sensor`: the sensor does not answer, so that its reset fails.
    `flash_full`: creating, renaming and writing files raises OSError 28; an old file that is opened with "w" is emptied.
    `file_changes`: from outside, at a time in ms, a file of the disk that the camera starts from gets these bytes, or is
    removed (None). `heap_hog`: from ms to ms, only about so many bytes of the heap are free (MicroPython alone).
    `random_errors`: this share, 0 to 1, of the calls of find_features, copy, draw_*, predict and classify raises
    RuntimeError("injected") or MemoryError, as `seed` has it. `print_ms`: what each `print` takes, for a serial port
    with a slow reader. `channel_unread`: nobody reads the protocol channels.
    `power_cut_after_bytes`: the power fails when the program has written so many bytes to the disks, 0 for at the first.
    `power_cut_in_rename`: it fails when a file is renamed to a name that exists: FAT removes that one first."""

    timeouts: Container[int] = ()
    no_sensor: bool = False
    timeout_ms: int = 3000  # what a failed capture takes
    flash_full: bool = False
    file_changes: Sequence[tuple[int, str, bytes | None]] = ()
    heap_hog: Sequence[tuple[int, int, int]] = ()
    random_errors: float = 0.0
    seed: int = 0
    print_ms: int = 0
    channel_unread: bool = False
    power_cut_after_bytes: int | None = None
    power_cut_in_rename: bool = False

    def of_the_program(self) -> dict[str, Any]:
        """Those that the guest plays."""
        names = ("flash_full", "heap_hog", "print_ms", "channel_unread", "power_cut_after_bytes", "power_cut_in_rename")
        return {name: getattr(self, name) for name in names}


class RandomErrors:
    """Makes a share of the firmware's calls fail, the same ones for the same seed."""

    def __init__(self, faults: Faults) -> None:
        self._share = faults.random_errors
        self._random = random.Random(faults.seed)

    def meet(self, what: str) -> None:
        """Raises CameraError when it is the turn of this call to fail."""
        if what.startswith(FIRMWARE_CALLS) and self._random.random() < self._share:
            kinds = [("RuntimeError", "injected"), ("MemoryError", "memory allocation failed, injected")]
            raise CameraError(*self._random.choice(kinds))
