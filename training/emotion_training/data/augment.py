"""Random changes to a training face, so that the network meets more than FER2013's crops.

A Haar box on a camera sits now higher, now wider, and the face is rolled and lit as it happens; the ranges here are
those with which a net of camera size was measured to train well. They hold for Keras, by `augment` here, one face at a time
on a processor, and for PyTorch, by `emotion_training.fit.pytorch.augment`, a batch at a time on the device that trains.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

ROLL = 15.0  # degrees, either way
SCALE = 0.20  # share of the size, either way
SHIFT = 0.12  # share of the width or height, either way
GAIN = 0.20  # contrast about the middle grey, either way
OFFSET = 20.0  # grey levels, either way
GAMMA = 1.5  # brightening or darkening of the middle greys, as a power
LOW_CONTRAST = (0.4, 0.8)  # contrast of a face in poor light
LIGHT_GRADIENT = 50.0  # grey levels across a face lit from one side, either way
BLUR = 1.2  # pixels, standard deviation
NOISE = 12.0  # grey levels, standard deviation
JPEG = (15, 60)  # quality; Keras's alone
CORRUPTED = 0.2  # probability of each of low contrast, gradient, blur, noise and JPEG
ERASED = 0.30  # probability of random erasing: a box of one grey over the face
ERASED_SIZE = (8, 20)  # pixels, of 48
SHEAR = 0.10  # of the width, either way, from top to bottom; PyTorch's alone
ASPECT = 0.10  # share of the width, either way, and of the height the other way; PyTorch's alone


def augment(images: NDArray[np.uint8], rng: np.random.Generator, strength: float = 1) -> NDArray[np.uint8]:
    """A changed copy of faces uint8 [n, size, size]: flipped, rotated, scaled, shifted, relit, corrupted as by a
    small camera, partly erased.

    `strength`, 0 to 1, is the share of the ranges above that is used.
    """
    return np.stack([_augment_one(image, rng, strength) for image in images])


def _augment_one(image: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    image = _corrupt(_relight(_move(image, rng, strength), rng, strength), rng, strength)
    return _erase(image, rng) if rng.random() < ERASED * strength else image


def _relight(image: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    """Other light: gamma, gain and offset; sometimes of low contrast, sometimes lit from one side."""
    size = image.shape[0]
    grey = 255 * (image / np.float32(255)) ** np.float32(GAMMA ** (strength * rng.uniform(-1, 1)))
    gain = 1 + strength * rng.uniform(-GAIN, GAIN)
    if rng.random() < CORRUPTED * strength:
        gain *= rng.uniform(*LOW_CONTRAST)
    grey = (grey - 128) * gain + 128 + strength * rng.uniform(-OFFSET, OFFSET)
    if rng.random() < CORRUPTED * strength:
        across, down = rng.uniform(-LIGHT_GRADIENT, LIGHT_GRADIENT, 2)
        ramp = np.linspace(-0.5, 0.5, size, dtype=np.float32)
        grey += across * ramp + down * ramp[:, np.newaxis]
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _corrupt(image: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    """What a small camera does to a picture, each sometimes: blur, noise, JPEG."""
    blurred, noisy, packed = rng.random(3) < CORRUPTED * strength
    if blurred:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, BLUR)).astype(np.uint8, copy=False)
    if noisy:
        noise = rng.normal(0, rng.uniform(2, NOISE), image.shape)
        image = np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)
    if packed:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*JPEG))])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return image


def _move(image: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    size = image.shape[0]
    middle = (size - 1) / 2
    matrix = cv2.getRotationMatrix2D(
        (middle, middle), strength * rng.uniform(-ROLL, ROLL), 1 + strength * rng.uniform(-SCALE, SCALE)
    )
    matrix = matrix + np.outer(strength * rng.uniform(-SHIFT, SHIFT, 2) * size, (0, 0, 1))
    if rng.random() < 0.5:
        matrix = matrix @ np.array([[-1, 0, size - 1], [0, 1, 0], [0, 0, 1]])
    moved = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return moved.astype(np.uint8, copy=False)


def _erase(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    size = image.shape[0]
    height, width = rng.integers(*ERASED_SIZE, size=2)
    y, x = rng.integers(0, size - height), rng.integers(0, size - width)
    image[y : y + height, x : x + width] = rng.integers(0, 256)
    return image
