"""What a model's int8 input takes black and white for, against the ranges that people train on.

The camera feeds pixel - 128 whatever the model says: black is int8's lowest value and white its highest. So any model is fed
right whose quantization spreads the range that it was trained on over all of int8. A model trained on 0 to 1 and another on
-1 to 1 gave the float network's scores within 0.013 so.
"""

import math

from emotion_camera.model.tflite import Tensor

RANGES = ((0, 1), (-1, 1), (0, 255), (-0.5, 0.5), (-128, 127))  # that pixels are scaled to, mostly
EXACT, NEARLY = 0.0025, 0.05  # of a range; 0.008 changed a score by 0.016 at most
WIDEST = 12  # of pixels with their mean taken off and divided by their standard deviation: FER2013's go from -2 to 2
CALIBRATE = "converter.representative_dataset must hold pictures with black and white, scaled as in training"


def input_range(tensor: Tensor) -> tuple[float, float]:
    """The numbers that an int8 input takes black and white for."""
    return (-128 - tensor.zero_point) * tensor.scale, (127 - tensor.zero_point) * tensor.scale


def trained_range(tensor: Tensor) -> tuple[float, float]:
    """The range that pixels were scaled to for an input without trouble: one of RANGES, or its own for standardized pixels."""
    low, high = input_range(tensor)
    best, distance = _nearest(low, high)
    return best if distance <= NEARLY else (low, high)


def input_trouble(tensor: Tensor) -> str | None:
    """Why the camera's pixels would mislead the network, to follow the model's name; None where they do not."""
    low, high = input_range(tensor)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return f"input is int8 without a scale; convert it again with converter.representative_dataset; {CALIBRATE}"
    if _nearest(low, high)[1] <= NEARLY or _is_standardized(low, high):
        return None
    return (
        f"input takes black for {low:.3g} and white for {high:.3g} (scale {tensor.scale:.6g}, zero point {tensor.zero_point}), which is "
        f"no range that networks are trained on: convert it again; {CALIBRATE}"
    )


def input_note(tensor: Tensor) -> str | None:
    """What to know of an input without trouble, to follow the model's name; None where there is nothing."""
    low, high = input_range(tensor)
    (trained_low, trained_high), distance = _nearest(low, high)
    if distance <= EXACT:
        return None
    if distance <= NEARLY:
        return (
            f"its input was calibrated for {low:.3g} to {high:.3g} instead of {trained_low:g} to {trained_high:g}, so pixels are up to "
            f"{distance:.1%} off and scores change a little; to mend it, {CALIBRATE}"
        )
    return (
        f"its input takes black for {low:.3g} and white for {high:.3g}: right if it was trained so, on standardized pixels; "
        f"else {CALIBRATE}"
    )


def _nearest(low: float, high: float) -> tuple[tuple[float, float], float]:
    """The range that is meant, and how far off the ends are, as a share of it."""

    def distance(it: tuple[float, float]) -> float:
        return max(abs(low - it[0]), abs(high - it[1])) / (it[1] - it[0])

    best = min(RANGES, key=distance)
    return best, distance(best)


def _is_standardized(low: float, high: float) -> bool:
    """Whether it can be pixels of mean 0 and standard deviation 1, whose ends differ from one data set to the next."""
    return low < 0 < high and high - low <= WIDEST and max(-low, high) > 1 + NEARLY
