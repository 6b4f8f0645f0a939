"""Robustness to image corruptions as they occur on a camera: ten corruptions at three severities.

The ranges are those of the training's augmentation (`emotion_training.data.augment`): "medium" is about its maximum, "mild"
half of that and "strong" one and a half times, beyond what the network was trained on. The border is replicated outside the
image, as in training, since a FER2013 image ends where the face box ends.
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
from emotion_training.data.protocols import EvalSet, eval_set, main_protocol, measure
from emotion_training.evaluate.confidence import ece

Face = NDArray[np.uint8]

SEVERITIES = {"mild": 0.5, "medium": 1.0, "strong": 1.5}
SEED = 48


def corrupt(images: Face, corruption: str, severity: float) -> Face:
    """A copy of faces uint8 [n, size, size] with one of CORRUPTIONS; severity 1 is about the maximum of the augmentation.

    Deterministic. Directions and positions are drawn per face and are the same at every severity.
    """
    rng = np.random.default_rng((SEED, list(CORRUPTIONS).index(corruption)))
    return np.stack([CORRUPTIONS[corruption](image, severity, rng) for image in images])


def robustness(path: Path, part: Faces, name: str) -> dict[str, Any]:
    """Accuracy, balanced accuracy and calibration error of an int8 file on a part, clean and with each of CORRUPTIONS.

    By the main protocol. Returns {"protocol", "rows", "clean", "mean" (over all corruptions and severities), "corrupted":
    {corruption: {severity: metrics}}}, with metrics {"accuracy", "balanced", "ece"}. Prints progress to standard error.
    """
    protocol = main_protocol(part)
    subset = eval_set(protocol, part)
    images, all_rows = part.images[subset.index], EvalSet(np.arange(len(subset.index)), subset.targets)

    def metrics(faces: Face) -> dict[str, float]:
        scores = camera_scores(path, faces)
        found = measure(scores, all_rows)
        error = ece(scores, subset.targets)
        return {"accuracy": round(found.accuracy, 4), "balanced": round(found.balanced, 4), "ece": round(error, 4)}

    corrupted: dict[str, dict[str, dict[str, float]]] = {}
    for number, corruption in enumerate(CORRUPTIONS, 1):
        print(f"\r{path.name}, {name}: corruption {number} of {len(CORRUPTIONS)}", end="", file=sys.stderr)
        corrupted[corruption] = {
            step: metrics(corrupt(images, corruption, severity)) for step, severity in SEVERITIES.items()
        }
    print(file=sys.stderr)
    every = [found for severities in corrupted.values() for found in severities.values()]
    mean = {key: round(float(np.mean([found[key] for found in every])), 4) for key in ("accuracy", "balanced", "ece")}
    return {"protocol": protocol, "rows": len(images), "clean": metrics(images), "mean": mean, "corrupted": corrupted}


def _warp(image: Face, degrees: float = 0, scale: float = 1, across: float = 0, down: float = 0) -> Face:
    """Rotate and scale about the center, then shift by pixels."""
    size = image.shape[0]
    middle = (size - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, scale)
    matrix = matrix + np.array([[0, 0, across], [0, 0, down]])
    moved = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.uint8, copy=False)


def _to_uint8(levels: NDArray) -> Face:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _random_sign(rng: np.random.Generator) -> float:
    return float(rng.choice((-1, 1)))


def _direction(rng: np.random.Generator) -> tuple[float, float]:
    angle = rng.uniform(0, 2 * np.pi)
    return float(np.cos(angle)), float(np.sin(angle))


def _offset(image: Face, severity: float, rng: np.random.Generator) -> Face:
    across, down = _direction(rng)
    far = severity * augment.SHIFT * image.shape[0]
    return _warp(image, across=far * across, down=far * down)


def _scale(image: Face, severity: float, rng: np.random.Generator) -> Face:
    return _warp(image, scale=1 + severity * augment.SCALE * _random_sign(rng))


def _rotate(image: Face, severity: float, rng: np.random.Generator) -> Face:
    return _warp(image, degrees=severity * augment.ROLL * _random_sign(rng))


def _blur(image: Face, severity: float, rng: np.random.Generator) -> Face:
    return cv2.GaussianBlur(image, (0, 0), severity * augment.BLUR).astype(np.uint8, copy=False)


def _noise(image: Face, severity: float, rng: np.random.Generator) -> Face:
    return _to_uint8(image + severity * rng.normal(0, augment.NOISE, image.shape))


def _gamma(image: Face, severity: float, rng: np.random.Generator) -> Face:
    return _to_uint8(255 * (image / 255) ** (augment.GAMMA ** (severity * _random_sign(rng))))


def _low_contrast(image: Face, severity: float, rng: np.random.Generator) -> Face:
    return _to_uint8((image - 128.0) * augment.LOW_CONTRAST[0] ** severity + 128)


def _uneven_light(image: Face, severity: float, rng: np.random.Generator) -> Face:
    across, down = _direction(rng)
    ramp = np.linspace(-0.5, 0.5, image.shape[0])
    return _to_uint8(image + severity * augment.LIGHT_GRADIENT * (across * ramp + down * ramp[:, np.newaxis]))


def _jpeg(image: Face, severity: float, rng: np.random.Generator) -> Face:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, round(augment.JPEG[0] / severity)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def _occlude(image: Face, severity: float, rng: np.random.Generator) -> Face:
    """A gray square with an area proportional to the severity; a larger one contains the smaller one."""
    side = round(augment.ERASED_SIZE[1] * severity**0.5)
    y, x = (round(float(place) * (image.shape[0] - side)) for place in rng.uniform(0, 1, 2))
    covered = image.copy()
    covered[y : y + side, x : x + side] = rng.integers(0, 256)
    return covered


CORRUPTIONS: dict[str, Callable[[Face, float, np.random.Generator], Face]] = {
    "box offset": _offset,
    "box scale": _scale,
    "rotation": _rotate,
    "blur": _blur,
    "noise": _noise,
    "gamma": _gamma,
    "low contrast": _low_contrast,
    "uneven light": _uneven_light,
    "JPEG": _jpeg,
    "occlusion": _occlude,
}
