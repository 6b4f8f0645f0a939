"""Run an int8 model file on faces, as the camera does."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emotion_camera.model.metadata import LEAST, read


def camera_scores(model: Path | bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The scores float32 [n, classes] that the camera shows for faces uint8 [n, size, size]: at the temperature of the file's notes."""
    data = model if isinstance(model, bytes) else model.read_bytes()
    return at_temperature(data, scores(data, images))


def at_temperature(model: bytes, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """A model's own scores [n, classes] at the temperature of its notes, by which the camera shows them."""
    notes = read(model, scores.shape[1])
    powers = np.maximum(scores, LEAST) ** (notes.temperature if notes else 1)
    return powers / powers.sum(axis=1, keepdims=True)


def scores(model: Path | bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores float32 [n, classes] that an int8 file, or its bytes, gives for faces uint8 [n, size, size], fed as the camera feeds them: pixel - 128.

    By LiteRT's own int8 kernels, one face at a time; the test suite holds TFLM's answers against these.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=None if isinstance(model, bytes) else str(model),
        model_content=model if isinstance(model, bytes) else None,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = result["quantization"]
    answers = np.empty((len(images), result["shape"][1]), np.float32)
    for row, image in enumerate(images):
        tensor = (image.astype(np.int16) - 128).astype(np.int8)
        interpreter.set_tensor(given["index"], tensor[np.newaxis, ..., np.newaxis])
        interpreter.invoke()
        answers[row] = (interpreter.get_tensor(result["index"])[0].astype(np.float32) - zero_point) * scale
    return answers
