"""Why a face can't be told: faces spoilt on purpose, and the linear classifier by which the camera program tells how.

The weights go into `REASON_WEIGHTS` of device/main.py. They are fitted to pictures, not to a network's answers: every model
uses the same.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Face = NDArray[np.uint8]
Spoil = Callable[[Face, np.random.Generator], Face]

REASONS = ("unsure", "dark", "blurred", "turned", "covered")  # the first: nothing is seen to be wrong
SCALE = 16  # the weights are in 16ths: the largest just fits a byte
SPREAD, GRADIENTS = 20, 300  # of a face of FER2013: its features are near 0, which keeps the weights within a byte
RIDGE = 5e-4  # of the weights' squares: small weights bear being rounded
STEPS = 12  # Newton's method has arrived after 8


def _uint8(levels: NDArray) -> Face:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _clean(face: Face, rng: np.random.Generator) -> Face:
    return face


def _darkened(gain: float) -> Spoil:
    """A dim room: less contrast before the noise of the sensor."""
    return lambda face, rng: _uint8(face * gain + 4 + rng.normal(0, rng.uniform(0.5, 3), face.shape))


def _defocused(sigma: float) -> Spoil:
    return lambda face, rng: np.asarray(cv2.GaussianBlur(face, (0, 0), sigma), np.uint8)


def _moving(length: int) -> Spoil:
    """Motion blur over so many pixels, in any direction."""

    def spoil(face: Face, rng: np.random.Generator) -> Face:
        line = np.zeros((length, length), np.float32)
        line[length // 2] = 1
        turn = cv2.getRotationMatrix2D(((length - 1) / 2,) * 2, rng.uniform(0, 180), 1)
        line = cv2.warpAffine(line, turn, (length, length)).astype(np.float32)
        return np.asarray(cv2.filter2D(face, -1, line / line.sum(), borderType=cv2.BORDER_REPLICATE), np.uint8)

    return spoil


def _tilted(degrees: float) -> Spoil:
    def spoil(face: Face, rng: np.random.Generator) -> Face:
        middle = (len(face) - 1) / 2
        turn = cv2.getRotationMatrix2D((middle, middle), degrees * rng.choice((-1, 1)), 1)
        return np.asarray(cv2.warpAffine(face, turn, face.shape[::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)

    return spoil


def turn_head(face: NDArray, degrees: float) -> NDArray:
    """A face [size, size] turned to the side, as if it were painted on a cylinder."""
    size, radius = len(face), len(face) * 26 / 48
    angles = np.arcsin(np.clip((np.arange(size) - (size - 1) / 2) / radius, -1, 1))
    seen = np.clip(angles + np.radians(degrees), -np.pi / 2, np.pi / 2)
    columns = np.tile((np.sin(seen) * radius + (size - 1) / 2).astype(np.float32), (size, 1))
    rows = np.repeat(np.arange(size, dtype=np.float32)[:, None], size, axis=1)
    return np.asarray(cv2.remap(face, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _turned(degrees: float) -> Spoil:
    return lambda face, rng: turn_head(face, degrees * rng.choice((-1, 1)))


def _covered(part: str) -> Spoil:
    """A mask over the mouth, dark glasses, a hand from the side, or something before any part of it."""

    def spoil(face: Face, rng: np.random.Generator) -> Face:
        size, tone = len(face), rng.uniform(5, 60) if part == "eyes" else rng.uniform(30, 220)
        x, y, width, height = {
            "mouth": (2, rng.uniform(26, 32), 44, 48),
            "eyes": (2, rng.uniform(10, 14), 44, 11),
            "side": (rng.choice((0, 26)), 0, 22, 48),
            "patch": (rng.uniform(0, 25), rng.uniform(0, 25), 23, 23),
        }[part]
        left, top, right, bottom = (round(it * size / 48) for it in (x, y, x + width, y + height))
        spoilt = face.copy()
        place = spoilt[top:bottom, left:right]
        shade = cv2.resize(rng.normal(0, 6, (3, 3)), place.shape[::-1], interpolation=cv2.INTER_CUBIC)
        place[:] = _uint8(tone + shade + rng.normal(0, 3, place.shape))
        return spoilt

    return spoil


SPOILT: dict[str, tuple[Spoil, ...]] = {
    "unsure": (_clean, _clean, _darkened(0.35)),  # an evening's light is half as frequent as a good one
    "dark": tuple(map(_darkened, (0.15, 0.08, 0.04))),
    "blurred": (*map(_defocused, (2, 3)), *map(_moving, (7, 11))),
    "turned": (*map(_tilted, (25, 35, 50)), *map(_turned, (35, 50, 65))),
    "covered": tuple(map(_covered, ("mouth", "eyes", "side", "patch"))),
}


def spoil(faces: Face, how: Spoil, seed: int = 1) -> Face:
    """A copy of faces uint8 [n, size, size], each spoilt; the same for the same seed."""
    return np.stack([how(face, np.random.default_rng((seed, number))) for number, face in enumerate(faces)])


def features(faces: Face) -> NDArray[np.float64]:
    """What the camera program sees of faces uint8 [n, 48, 48]: 19 features each, as `reason` in device/main.py has them.

    Of every fourth pixel, in nine parts of the face: the logs of the gradients and of the spread of the grey levels, so put
    together that a face has the same as its mirror image. The first is 1.
    """
    pixels = faces.astype(np.int64)
    seen = pixels[:, 1::4, 1::4]
    gradients = abs(seen - pixels[:, 1::4, 2::4]) + abs(seen - pixels[:, 2::4, 1::4])
    parts = (-1, 3, 4, 3, 4)
    edges = np.log((1 + gradients.reshape(parts).sum(axis=(2, 4))) / GRADIENTS)
    spreads = np.log((1 + seen.reshape(parts).std(axis=(2, 4))) / SPREAD)
    rows = np.concatenate([edges, spreads], axis=1)[:, ::-1]  # the program takes them from the end
    left, middle, right = rows[:, :, 0], rows[:, :, 1], rows[:, :, 2]
    triples = np.stack([left + right, middle, abs(left - right)], axis=2)
    return np.column_stack([np.ones(len(faces)), triples.reshape(len(faces), -1)])


def fit(faces: Face) -> NDArray[np.int64]:
    """The weights int [4, 19] of all REASONS but the first, in units of 1 / SCALE, for clean faces uint8 [n, 48, 48].

    Multinomial logistic regression with a ridge, every reason counting alike, by Newton's method.
    """
    x, reasons = _spoilt_features(faces)
    y = np.eye(len(REASONS))[reasons]
    share = (y / y.sum(axis=0)).sum(axis=1) / len(REASONS)
    y, count, width = y[:, 1:], len(REASONS) - 1, x.shape[1]
    weights = np.zeros((count, width))
    for _ in range(STEPS):
        p = _softmax(np.column_stack([np.zeros(len(x)), x @ weights.T]))[:, 1:]
        gradient = (share[:, None] * (p - y)).T @ x + RIDGE * weights
        blocks = [[(share * p[:, a] * ((a == b) - p[:, b]) * x.T) @ x for b in range(count)] for a in range(count)]
        curvature = np.block(blocks) + RIDGE * np.eye(count * width)
        weights -= np.linalg.solve(curvature, gradient.ravel()).reshape(weights.shape)
    return np.rint(SCALE * weights).astype(np.int64)


def told(weights: NDArray[np.int64], faces: Face) -> NDArray[np.int64]:
    """The reason told for each face, an index into REASONS."""
    sums = features(faces) @ weights.T
    return np.column_stack([np.zeros(len(faces)), sums]).argmax(axis=1)


def constant(weights: NDArray[np.int64]) -> str:
    """The weights as device/main.py has them: a byte each, plus 128. ValueError for a weight that no byte holds."""
    rows = [bytes((row + 128).tolist()) for row in weights]
    lines = ["".join(f"\\x{byte:02x}" for byte in row) for row in rows]
    return "".join(f'    b"{line}",  # {name}\n' for line, name in zip(lines, REASONS[1:], strict=True))


def _spoilt_features(faces: Face) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features [m, 19] of the faces in every way spoilt, and the reason of each."""
    found = [(features(spoil(faces, how)), REASONS.index(name)) for name, hows in SPOILT.items() for how in hows]
    return np.concatenate([some for some, _ in found]), np.repeat([reason for _, reason in found], len(faces))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
