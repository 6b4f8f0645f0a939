"""Face detection as OpenMV's `image.find_features` does it, window for window.

A model of the firmware (v4.8.1 and v5.0), not a better detector: it steps over small faces in a wide frame, skips
windows of low contrast and merges without a minimum number of neighbours, because the camera does. Integers stay
integers and floats stay 32 bit, so that the boxes are the same.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from emotion_camera.errors import UserError
from emotion_camera.simulator.host.tensor import Box

WINDOW = 24  # the cascade's window, pixels
MIN_STD = 50  # the firmware skips windows of a lower standard deviation, grey levels
CORNERS = 12  # four corners of at most three rectangles
PART = 2048  # windows worked on at once: keeps the arrays in the processor's cache


class Stage(NamedTuple):
    """One stage: `n` weak classifiers, each a weighted sum of at most 12 corners of the integral image."""

    corner_x: NDArray[np.int64]  # [n, 12]; unused corners have weight 0
    corner_y: NDArray[np.int64]  # [n, 12]
    weight: NDArray[np.int32]  # [n, 12], x4096
    node_threshold: NDArray[np.int32]  # [n], x4096
    leaf_below: NDArray[np.int32]  # [n], x256
    leaf_above: NDArray[np.int32]  # [n], x256
    threshold: int  # x256


@dataclass(frozen=True)
class Cascade:
    """OpenCV's default frontal-face cascade in the firmware's integers."""

    stages: tuple[Stage, ...]


class SearchCounts(NamedTuple):
    """How often one search does each of the things that it spends the camera's time on."""

    levels: int  # of the pyramid
    rows: int  # of windows, over all levels
    pixels: int  # added to the integral images: they have one row more than the last row of windows reaches
    windows: int
    windows_past_variance: int  # with a standard deviation of MIN_STD or more
    stages: int
    features: int  # weak classifiers
    rectangles: int  # summed in them, 2 or 3 each
    hits: int  # windows that pass all stages


class Detection(NamedTuple):
    """What one call of `find_features` found and what it cost."""

    boxes: list[Box]
    counts: SearchCounts


class Level(NamedTuple):
    """One step of the pyramid: the frame shrunk by `factor` to `width` x `height`, a window each `step` pixels."""

    factor: np.float32
    width: int
    height: int
    step: int


class Scene(NamedTuple):
    """The whole pyramid in flat arrays, so that a stage runs on the windows of all levels at once.

    The levels' integral images lie below one another in one array with rows of `row` pixels.
    """

    integral: NDArray[np.int32]  # [pixels]
    squares: NDArray[np.uint32]  # [pixels], integral of the squares modulo 2^32
    row: int
    start: NDArray[np.int64]  # [windows], index of each window's corner in the flat arrays
    box: NDArray[np.int64]  # [windows, 4], x y w h in the frame


@cache
def load_cascade(stages: int = 25) -> Cascade:
    """The frontal-face cascade with its first `stages` of 25 stages, as `image.HaarCascade(..., stages=)` loads it.

    Raises ValueError for a number of stages outside 1 to 25, UserError without OpenCV 4's cascade file.
    """
    root = ElementTree.parse(cascade_path()).getroot()[0]
    all_stages, features = root.findall("stages/_"), root.findall("features/_/rects")
    if not 1 <= stages <= len(all_stages):
        raise ValueError(f"stages={stages}: the cascade has {len(all_stages)} stages; use 1 to {len(all_stages)}")
    return Cascade(tuple(_read_stage(stage, features) for stage in all_stages[:stages]))


def cascade_path() -> Path:
    """OpenCV's file, found without importing cv2 (which takes longer than the detection)."""
    spec = importlib.util.find_spec("cv2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder, "data", "haarcascade_frontalface_default.xml")
        if path.exists():
            return path
    raise UserError(
        "haarcascade_frontalface_default.xml: not found in OpenCV; run pip install 'opencv-python-headless<5' (OpenCV 5 "
        "has no cascades)"
    )


def _read_stage(stage: ElementTree.Element, features: list[ElementTree.Element]) -> Stage:
    nodes = [_numbers(node) for node in stage.findall("weakClassifiers/_/internalNodes")]
    leaves = np.array([_numbers(leaf) for leaf in stage.findall("weakClassifiers/_/leafValues")])
    corners = np.array([_corners(features[int(node[2])]) for node in nodes], np.int64)
    leaf_values = (leaves * 256).astype(np.int32)  # astype truncates toward zero, as the firmware's converter does
    return Stage(
        corners[:, 0],
        corners[:, 1],
        corners[:, 2].astype(np.int32) * 4096,
        (np.array([node[3] for node in nodes]) * 4096).astype(np.int32),
        leaf_values[:, 0],
        leaf_values[:, 1],
        int(float(stage.findtext("stageThreshold", "")) * 256),
    )


def _numbers(element: ElementTree.Element) -> list[float]:
    return [float(word) for word in (element.text or "").split()]


def _corners(rectangles: ElementTree.Element) -> list[list[int]]:
    """x, y and weight of the twelve corners: sum of a rectangle = br - tr - bl + tl of an inclusive integral."""
    points: list[tuple[int, int, int]] = []
    for rectangle in rectangles:
        x, y, w, h, weight = (int(value) for value in _numbers(rectangle))
        points += [(x, y, weight), (x + w, y, -weight), (x, y + h, -weight), (x + w, y + h, weight)]
    points += [(0, 0, 0)] * (CORNERS - len(points))
    return [list(axis) for axis in zip(*points, strict=True)]


def find_features(
    frame: NDArray[np.uint8], cascade: Cascade, threshold: float = 0.5, scale: float = 1.5, roi: Box | None = None
) -> list[Box]:
    """The boxes (x, y, w, h) that `img.find_features(cascade, threshold=, scale=, roi=)` returns on the camera.

    `frame` is grayscale, uint8 [H, W]. A lower `threshold` finds more; `scale` (over 1) is the pyramid's step.
    A part of `roi` outside the frame is left out. Raises ValueError when what remains is not larger than 24x24.
    """
    return find_features_counted(frame, cascade, threshold, scale, roi).boxes


def find_features_counted(
    frame: NDArray[np.uint8], cascade: Cascade, threshold: float = 0.5, scale: float = 1.5, roi: Box | None = None
) -> Detection:
    """`find_features` with what it counted on the way: the cost, free of the computer."""
    if frame.ndim != 2 or frame.dtype != np.uint8:
        raise ValueError(f"frame is {frame.dtype} {frame.shape}: find_features needs grayscale uint8 [height, width]")
    if not np.float32(scale) > 1:
        raise ValueError(f"scale={scale}: the pyramid ends only with a scale over 1")
    x, y, w, h = _clip(roi, frame)
    levels = _pyramid(w, h, np.float32(scale))
    scene = _scene(frame[y : y + h, x : x + w], levels)
    indices, alive = _run_cascade(scene, cascade, np.float32(threshold))
    hits = scene.box[indices] + (x, y, 0, 0)
    return Detection(_merge(hits.tolist()), _counts(levels, cascade, len(scene.start), [*alive, len(indices)]))


def _clip(roi: Box | None, frame: NDArray[np.uint8]) -> Box:
    height, width = frame.shape
    x, y, w, h = roi or (0, 0, width, height)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + w, width), min(y + h, height)
    if right - left <= WINDOW or bottom - top <= WINDOW:
        raise ValueError(f"roi {(x, y, w, h)} in a {width}x{height} frame: it must be larger than {WINDOW}x{WINDOW}")
    return left, top, right - left, bottom - top


def _pyramid(width: int, height: int, scale: np.float32) -> list[Level]:
    """The firmware divides the step by the whole factor at each level, so it shrinks faster than the picture."""
    levels = []
    factor, step = np.float32(1), min(width * 50 // 1000, WINDOW)
    while (w := int(np.float32(width) / factor)) >= WINDOW and (h := int(np.float32(height) / factor)) >= WINDOW:
        step = max(int(np.float32(step) / factor), 1)
        levels.append(Level(factor, w, h, step))
        factor *= scale
    return levels


def _scene(picture: NDArray[np.uint8], levels: list[Level]) -> Scene:
    row, rows = picture.shape[1], sum(level.height for level in levels)
    integral, squares = np.zeros((rows, row), np.int32), np.zeros((rows, row), np.uint32)
    starts, boxes, top = [], [], 0
    for level in levels:
        scaled = _shrink(picture, level).astype(np.uint32)
        part = slice(top, top + level.height), slice(0, level.width)
        integral[part] = scaled.cumsum(0).cumsum(1)
        squares[part] = (scaled * scaled).cumsum(0, np.uint32).cumsum(1, np.uint32)
        xs, ys = (np.arange(0, size - WINDOW, level.step) for size in (level.width, level.height))
        starts.append(((ys[:, None] + top) * row + xs).ravel())
        boxes.append(_boxes(xs, ys, level.factor))
        top += level.height
    return Scene(integral.ravel(), squares.ravel(), row, np.concatenate(starts), np.concatenate(boxes))


def _shrink(picture: NDArray[np.uint8], level: Level) -> NDArray[np.uint8]:
    """Nearest neighbour with the firmware's 16-bit fixed-point steps."""
    height, width = picture.shape
    ys = (np.arange(level.height) * ((height << 16) // level.height + 1)) >> 16
    xs = (np.arange(level.width) * ((width << 16) // level.width + 1)) >> 16
    return picture[ys[:, None], xs]


def _boxes(xs: NDArray[np.int64], ys: NDArray[np.int64], factor: np.float32) -> NDArray[np.int64]:
    """The windows' boxes in the picture; the camera's VCVTR rounds halves to even, as rint does."""
    box = np.empty((len(ys), len(xs), 4), np.int64)
    box[..., 0] = np.rint(xs.astype(np.float32) * factor)
    box[..., 1] = np.rint(ys.astype(np.float32) * factor)[:, None]
    box[..., 2:] = np.rint(np.float32(WINDOW) * factor)
    return box.reshape(-1, 4)


def _run_cascade(scene: Scene, cascade: Cascade, threshold: np.float32) -> tuple[NDArray[np.int64], list[int]]:
    """Indices of the windows that pass every stage, in the order in which the camera meets them; windows at each stage."""
    std = _window_std(scene)
    alive = np.flatnonzero(std >= 0)
    parts, tried = np.split(alive, range(PART, len(alive), PART)), []
    for stage in cascade.stages:
        tried.append(sum(map(len, parts)))
        limit = threshold * np.float32(stage.threshold)
        parts = [part[_stage_score(scene, stage, scene.start[part], std[part]) >= limit] for part in parts]
    return np.concatenate(parts), tried


def _counts(levels: list[Level], cascade: Cascade, windows: int, alive: list[int]) -> SearchCounts:
    """`alive`: windows that come to each stage, and at last those that pass all."""
    rows = [len(range(0, level.height - WINDOW, level.step)) for level in levels]
    return SearchCounts(
        levels=len(levels),
        rows=sum(rows),
        pixels=sum(
            level.width * (WINDOW + 1 + max(count - 1, 0) * level.step)
            for level, count in zip(levels, rows, strict=True)
        ),
        windows=windows,
        windows_past_variance=alive[0],
        stages=sum(alive[:-1]),
        features=sum(
            count * len(stage.node_threshold) for count, stage in zip(alive[:-1], cascade.stages, strict=True)
        ),
        rectangles=sum(
            count * int(np.count_nonzero(stage.weight)) // 4
            for count, stage in zip(alive[:-1], cascade.stages, strict=True)
        ),
        hits=alive[-1],
    )


def _window_std(scene: Scene) -> NDArray[np.int32]:
    """Each window's unscaled standard deviation in the firmware's integers, -1 where contrast is too low."""
    area = np.uint32(WINDOW * WINDOW)
    corners = [scene.start + offset for offset in (0, WINDOW, WINDOW * scene.row, WINDOW * (scene.row + 1))]
    total, squares = (
        a[corners[0]] - a[corners[1]] - a[corners[2]] + a[corners[3]]
        for a in (scene.integral.view(np.uint32), scene.squares)
    )
    mean = total // area
    std = np.sqrt((squares * area - total * total).astype(np.float32)).astype(np.int32)
    return np.where(squares // area - mean * mean < MIN_STD * MIN_STD, np.int32(-1), std)


def _stage_score(scene: Scene, stage: Stage, start: NDArray[np.int64], std: NDArray[np.int32]) -> NDArray[np.int32]:
    """The sum of the stage's leaves for each window, x256."""
    offset = stage.corner_y * scene.row + stage.corner_x
    corners = scene.integral.take(start[:, None, None] + offset)
    total = np.einsum("wnc,nc->wn", corners, stage.weight)
    above = total >= stage.node_threshold * std[:, None]
    return np.where(above, stage.leaf_above, stage.leaf_below).sum(1)


def _merge(boxes: list[list[int]]) -> list[Box]:
    """The firmware's merge: average the first box with all that overlap it as first taken, then the next."""
    merged: list[Box] = []
    while boxes:
        x, y, w, h = boxes[0]
        overlap = [b for b in boxes if b[0] < x + w and x < b[0] + b[2] and b[1] < y + h and y < b[1] + b[3]]
        boxes = [b for b in boxes if b not in overlap]
        x, y, w, h = (sum(sides) // len(overlap) for sides in zip(*overlap, strict=True))
        merged.append((x, y, w, h))
    return merged
