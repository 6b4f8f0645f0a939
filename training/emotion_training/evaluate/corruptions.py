"""How well a model holds when the faces are spoilt as on a camera: ten ways, each at three strengths.

The ranges are those of the training's augmentation (`emotion_training.data.augment`). Medium is about their far end, mild half of it, and
strong half as much again, beyond what the network met. What lies outside a face's picture is its border repeated, as in
training, for FER2013's pictures end where the box ends.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from emotion_camera.model.interpreter import camera_scores
from numpy.typing import NDArray

from emotion_training.data import augment
from emotion_training.data.fer2013 import Faces
from emotion_training.evaluate.confidence import ece
from emotion_training.evaluate.protocols import EvalSet, eval_set, main_protocol, measure

Face = NDArray[np.uint8]

STRENGTHS = {"mild": 0.5, "medium": 1.0, "strong": 1.5}
SEED = 48


def spoil(images: Face, way: str, strength: float) -> Face:
    """A copy of faces uint8 [n, size, size], spoilt in one of the WAYS; `strength` 1 is about the far end of the training's range.

    Always the same for the same faces. Directions and places are drawn a face, and are the same at every strength.
    """
    rng = np.random.default_rng((SEED, list(WAYS).index(way)))
    return np.stack([WAYS[way](image, strength, rng) for image in images])


def robustness(path: Path, part: Faces, name: str) -> dict[str, Any]:
    """Accuracy, balanced accuracy and calibration error of an int8 file on a part's faces, as they are and spoilt in each of the WAYS.

    By FER+ 7 (FER2013 where there are no votes). Returns {"protocol", "rows", "unspoilt", "mean" (over all ways and
    strengths), "spoilt": {way: {strength: figures}}}, figures being {"accuracy", "balanced", "ece"}. Shows progress, with the
    part's `name`, on standard error.
    """
    protocol = main_protocol(part)
    wanted = eval_set(protocol, part)
    images, truth = part.images[wanted.index], EvalSet(np.arange(len(wanted.index)), wanted.targets)

    def figures(faces: Face) -> dict[str, float]:
        given = camera_scores(path, faces)
        it = measure(given, truth)
        error = ece(given, truth.targets)
        return {"accuracy": round(it.accuracy, 4), "balanced": round(it.balanced, 4), "ece": round(error, 4)}

    spoilt: dict[str, dict[str, dict[str, float]]] = {}
    for number, way in enumerate(WAYS, 1):
        print(f"\r{path.name}, {name}: {number} of {len(WAYS)} ways to spoil a face", end="", file=sys.stderr)
        spoilt[way] = {step: figures(spoil(images, way, strength)) for step, strength in STRENGTHS.items()}
    print(file=sys.stderr)
    every = [it for steps in spoilt.values() for it in steps.values()]
    mean = {key: round(float(np.mean([it[key] for it in every])), 4) for key in ("accuracy", "balanced", "ece")}
    return {"protocol": protocol, "rows": len(images), "unspoilt": figures(images), "mean": mean, "spoilt": spoilt}


def _warp(image: Face, degrees: float = 0, scale: float = 1, across: float = 0, down: float = 0) -> Face:
    """Rolled and scaled about the middle, then shifted, by pixels."""
    size = image.shape[0]
    middle = (size - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, scale)
    matrix = matrix + np.array([[0, 0, across], [0, 0, down]])
    moved = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.uint8, copy=False)


def _grey(levels: NDArray) -> Face:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _either_way(rng: np.random.Generator) -> float:
    return float(rng.choice((-1, 1)))


def _direction(rng: np.random.Generator) -> tuple[float, float]:
    angle = rng.uniform(0, 2 * np.pi)
    return float(np.cos(angle)), float(np.sin(angle))


def _offset(image: Face, strength: float, rng: np.random.Generator) -> Face:
    across, down = _direction(rng)
    far = strength * augment.SHIFT * image.shape[0]
    return _warp(image, across=far * across, down=far * down)


def _scale(image: Face, strength: float, rng: np.random.Generator) -> Face:
    return _warp(image, scale=1 + strength * augment.SCALE * _either_way(rng))


def _roll(image: Face, strength: float, rng: np.random.Generator) -> Face:
    return _warp(image, degrees=strength * augment.ROLL * _either_way(rng))


def _blur(image: Face, strength: float, rng: np.random.Generator) -> Face:
    return cv2.GaussianBlur(image, (0, 0), strength * augment.BLUR).astype(np.uint8, copy=False)


def _noise(image: Face, strength: float, rng: np.random.Generator) -> Face:
    return _grey(image + strength * rng.normal(0, augment.NOISE, image.shape))


def _gamma(image: Face, strength: float, rng: np.random.Generator) -> Face:
    return _grey(255 * (image / 255) ** (augment.GAMMA ** (strength * _either_way(rng))))


def _fade(image: Face, strength: float, rng: np.random.Generator) -> Face:
    return _grey((image - 128.0) * augment.FADED[0] ** strength + 128)


def _slope(image: Face, strength: float, rng: np.random.Generator) -> Face:
    across, down = _direction(rng)
    ramp = np.linspace(-0.5, 0.5, image.shape[0])
    return _grey(image + strength * augment.SLOPE * (across * ramp + down * ramp[:, np.newaxis]))


def _pack(image: Face, strength: float, rng: np.random.Generator) -> Face:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, round(augment.JPEG[0] / strength)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def _cover(image: Face, strength: float, rng: np.random.Generator) -> Face:
    """A grey square whose area goes with the strength; a larger one covers the smaller one's place, too."""
    side = round(augment.ERASED_SIZE[1] * strength**0.5)
    y, x = (round(float(place) * (image.shape[0] - side)) for place in rng.uniform(0, 1, 2))
    covered = image.copy()
    covered[y : y + side, x : x + side] = rng.integers(0, 256)
    return covered


WAYS: dict[str, Callable[[Face, float, np.random.Generator], Face]] = {
    "box offset": _offset,
    "box scale": _scale,
    "roll": _roll,
    "blur": _blur,
    "noise": _noise,
    "gamma": _gamma,
    "low contrast": _fade,
    "uneven light": _slope,
    "JPEG": _pack,
    "partial cover": _cover,
}
