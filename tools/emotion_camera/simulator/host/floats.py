"""The camera's floats: MicroPython on OpenMV's boards keeps 30 of a float's 32 bits.

The two lowest bits are taken off where a float is kept; where it is read they repeat the two above. So 0.4 is 0.40000007
there, 0.7 is 0.6999998, and a computation that is right to the last bit on a PC is a bit off on the camera.
"""

from typing import Any

import numpy as np


def camera_float(value: float) -> np.float32:
    """`value` as the camera keeps it; infinities and NaN stay what they are."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if not np.isfinite(single):
        return single
    bits = int(single.view(np.uint32)) & ~3
    return np.uint32(bits | bits >> 2 & 3).view(np.float32)


def with_camera_floats(value: Any) -> Any:
    """`value` with each float in it, also in lists, tuples and dicts, as the camera keeps it."""
    if isinstance(value, float | np.floating):
        return float(camera_float(float(value)))
    if isinstance(value, dict):
        return {name: with_camera_floats(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([with_camera_floats(item) for item in value])
    return value
