"""The cost of a frame's firmware calls on a Cortex-M7, in instructions, by linear models fitted to recorded calls.

Recorded on the development head after v5.0.0 in emulation: 280 searches, 264 copies, calls of `predict`, drawing, and whole
frames of the camera program. v4.8.1 takes 110,000 less a search and is alike else. Instructions are not cycles; on an OpenMV
Cam H7 they become milliseconds by `emotion_camera.model.cost.milliseconds`. What a copy costs follows from its geometry, what a
search costs from what the simulator counts in it (`SearchCounts`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from emotion_camera.model.cost import Layer, predict_instructions
from emotion_camera.simulator.events import Call
from emotion_camera.simulator.host.firmware import HINTS
from emotion_camera.simulator.host.floats import camera_float
from emotion_camera.simulator.host.haar import SearchCounts
from emotion_camera.simulator.host.pictures import Picture, clip
from emotion_camera.simulator.host.resample import Scales, copy_size
from emotion_camera.simulator.host.tensor import Box

# find_features: 0.01 % off on average over the 280 recorded searches, 0.1 % at worst.
SEARCH = 118_251.4
SEARCH_PER = {
    "levels": 824.862, "rows": 404.344, "pixels": 24.186, "windows": 58.927, "windows_past_variance": 4.853,
    "stages": 46.39, "features": 19.606, "rectangles": 45.923,
}  # fmt: skip

# copy with AREA: 0.6 % off on average, 3 % at worst. A pixel of the copy covers columns and rows of the picture; those between
# the outer two weigh whole and are added up, the outer ones are weighed.
COPY, COPY_ROW, COPY_PIXEL, COPY_INNER, COPY_INNER_PIXEL = 127_801.8, 102.1, 84.79, 21.76, 9.64
COPY_WHOLE, COPY_WHOLE_PIXEL = (
    54.2,
    3.73,
)  # a pixel that covers whole pixels, and each of them: from copies at 1/2 and 1/3
COPY_NEAREST_PIXEL = 9.0  # without AREA: a copy of half a QVGA frame takes 0.3 M

HISTEQ, HISTEQ_PIXEL = 4_269.4, 22.16
CROP = 94_000  # of `predict` where the network sees a part of the picture
RECTANGLE, RECTANGLE_PIXEL, LINE_PIXEL = 1_850, 15.3, 29.6  # a pixel of its outline, and of each pixel of its thickness
LETTER = 3_700  # of draw_string

# What recorded frames of the camera program took beyond these calls, fitted: Python a frame, and a face's report. Garbage
# is swept when the heap is full: 2.0 M each time that an H7's heap has taken 115 KB of it, 10 KB a frame without the copies.
PYTHON, REPORT = 35_000, 62_000
SWEEP_BYTE, GARBAGE = 17.4, 10_000


class Cost(NamedTuple):
    """M7 instructions of a frame, by what they are spent on."""

    search: float = 0
    copies: float = 0  # and histeq
    network: float = 0  # all of predict
    drawing: float = 0
    rest: float = 0  # Python, the report's JSON, collections of garbage

    @property
    def all(self) -> float:
        return sum(self)


def find_features(counts: SearchCounts) -> float:
    """One search that was counted so."""
    return SEARCH + sum(each * getattr(counts, name) for name, each in SEARCH_PER.items())


def area_copy(roi: Box, scales: Scales) -> float:
    """`copy(roi=, x_scale=, y_scale=, hint=image.AREA)` to a smaller picture; `roi` lies in the picture, `scales` are the
    camera's floats."""
    width, height = copy_size(roi, scales)
    pixels = width * height
    steps = [int(np.floor(np.float32(65_536) / scale)) for scale in scales]
    if all(step % 65_536 == 0 for step in steps):
        covered = pixels * (steps[0] // 65_536) * (steps[1] // 65_536)
        return COPY + COPY_ROW * height + COPY_WHOLE * pixels + COPY_WHOLE_PIXEL * covered
    across, down = (_inner(step) for step in steps)
    with_inner = (across > 0) + (down > 0) + (across > 0 and down > 0)
    each = COPY_PIXEL + COPY_INNER * with_inner + COPY_INNER_PIXEL * across * down
    return COPY + COPY_ROW * height + each * pixels


def _inner(step: int) -> int:
    """How many pixels lie between the outer two that a pixel of the copy covers along one axis; `step` in 65536ths."""
    return max((step + 65_535 >> 16) - 2, 0)


def copy(call: Call) -> float:
    """`copy`, `crop`, `scale`, or `draw_image` into a picture that is there: of the region that is copied, by `hint`."""
    roi, scales = _region(call), _scales(call)
    if call.arguments.get("hint", 0) & HINTS["AREA"] and min(scales) < 1:
        return area_copy(roi, scales)
    width, height = copy_size(roi, scales)
    return COPY + COPY_ROW * height + COPY_NEAREST_PIXEL * width * height


def _region(call: Call) -> Box:
    """What a call copies: its roi, or the whole picture that it is about."""
    given = call.arguments
    source = Picture(np.empty(given.get("image", call.size)[::-1], np.uint8))
    return clip(given.get("roi"), source)


def _scales(call: Call) -> Scales:
    """Of x and y, as the camera's floats; one that is left out is as the other."""
    given = [call.arguments.get(name) for name in ("x_scale", "y_scale")]
    both = [scale for scale in given if scale is not None] or [1.0]
    return camera_float(both[0]), camera_float(both[-1])


def histeq(size: tuple[int, int]) -> float:
    return HISTEQ + HISTEQ_PIXEL * size[0] * size[1]


def predict(call: Call, layers: Iterable[Layer]) -> float:
    """One call of `predict` with a network of these layers."""
    roi = call.arguments.get("roi")
    return predict_instructions(layers) + (CROP if roi and tuple(roi[2:]) != call.size else 0)


def rectangle(width: int, height: int, thickness: int, fill: bool) -> float:
    """`draw_rectangle`. A filled one was not recorded: its pixels are taken to cost what those of a thick line do."""
    around = 2 * (width + height)
    inside = LINE_PIXEL * width * height if fill else 0
    return RECTANGLE + around * (RECTANGLE_PIXEL + LINE_PIXEL * thickness) + inside


def call_cost(call: Call, networks: Mapping[str, Iterable[Layer]]) -> Cost:
    """What one call takes; `networks`: layers by the name of the model's file. Calls that were not recorded cost nothing."""
    name, given = call.what.split(".")[1], call.arguments
    if call.counts is not None:
        return Cost(search=find_features(call.counts))
    if name in ("copy", "crop", "scale", "draw_image"):
        return Cost(copies=copy(call))
    if name == "histeq":
        return Cost(copies=histeq(call.size))
    if name in ("predict", "classify"):
        return Cost(network=predict(call, networks[given["path"].rsplit("/", 1)[-1]]))
    if name == "draw_rectangle":
        _, _, width, height = given["rect"]
        return Cost(drawing=rectangle(width, height, given.get("thickness", 1), given.get("fill", False)))
    if name == "draw_string":
        return Cost(drawing=LETTER * len(given["text"]) * given.get("scale", 1) ** 2)
    return Cost()


def frame_cost(calls: Iterable[Call], networks: Mapping[str, Iterable[Layer]], faces: int) -> Cost:
    """What a frame takes of an H7 that runs the camera program: its calls, `faces` in its report, and Python's part."""
    calls = list(calls)
    copied = sum(copied_bytes(call) for call in calls)
    rest = PYTHON + REPORT * faces + SWEEP_BYTE * (GARBAGE + copied)
    return add([*(call_cost(call, networks) for call in calls), Cost(rest=rest)])


def copied_bytes(call: Call) -> int:
    """What a call takes of the heap for a grey picture that it returns."""
    given = call.arguments
    if not given.get("copy", False):
        return 0
    width, height = copy_size(_region(call), _scales(call))
    return max(width * height, 0)


def add(costs: Iterable[Cost]) -> Cost:
    """Sums by part."""
    return Cost(*(sum(part) for part in zip(Cost(), *costs, strict=True)))


def mean(costs: Sequence[Cost]) -> Cost:
    """Means by part."""
    return Cost(*(sum(part) / len(costs) for part in zip(*costs, strict=True)))
