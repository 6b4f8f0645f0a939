"""Run an int8 model file on faces, as the camera does."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion_camera.errors import ModelError
from emotion_camera.model.metadata import LEAST, read
from emotion_camera.model.process import Interpreter
from emotion_camera.model.tflite import read_description


class LiteRT(Interpreter):
    """A model in LiteRT, by its own int8 kernels on one thread: XNNPACK would round otherwise than the camera."""

    def __init__(self, model: bytes) -> None:
        super().__init__("litert", model)


def camera_scores(model: Path | bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The scores float32 [n, classes] that the camera shows for faces uint8 [n, size, size]: at the temperature of the file's metadata."""
    data = model if isinstance(model, bytes) else model.read_bytes()
    return at_temperature(data, scores(data, images))


def at_temperature(model: bytes, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """A model's own scores [n, classes] at the temperature of its metadata, by which the camera shows them."""
    found = read(model, scores.shape[1])
    powers = np.maximum(scores, LEAST) ** (found.temperature if found else 1)
    return powers / powers.sum(axis=1, keepdims=True)


def scores(model: Path | bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores float32 [n, classes] that an int8 file, or its bytes, gives for faces uint8 [n, size, size], fed as the camera feeds them: pixel - 128.

    By LiteRT, one face at a time; the test suite holds TFLM's outputs against these. Logits become scores by a softmax, as on the
    camera. ModelError for a file that does not run.
    """
    try:
        data = model if isinstance(model, bytes) else model.read_bytes()
        output, interpreter = read_description(data).outputs[0], LiteRT(data)
        found = np.empty((len(images), output.shape[-1]), np.float32)
        for row, image in enumerate(images):
            raw = interpreter.run(input_tensor(image))[0]
            found[row] = (raw.ravel().astype(np.float32) - output.zero_point) * output.scale
        return found if output.holds_scores else softmax(found)
    except ModelError as error:
        raise ModelError(f"{model}: {error}" if isinstance(model, Path) else str(error)) from None


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scores [n, classes] of logits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def input_tensor(image: NDArray[np.uint8]) -> NDArray[np.int8]:
    """A face uint8 [size, size] as the camera gives it to the network: int8 [1, size, size, 1], pixel - 128."""
    return (image ^ 128).view(np.int8)[np.newaxis, ..., np.newaxis]
