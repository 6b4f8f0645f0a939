"""Run an int8 model file on faces, as the camera does."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_camera.model.metadata import LEAST, read


class LiteRT:
    """A model in LiteRT, by its own int8 kernels on one thread: XNNPACK would round otherwise than the camera."""

    def __init__(self, model: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self._interpreter = Interpreter(model_content=model, num_threads=1, experimental_op_resolver_type=plain)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self.input_shape = tuple(int(size) for size in self._interpreter.get_input_details()[0]["shape"])
        self.outputs = self._interpreter.get_output_details()

    def set_input(self, tensor: NDArray[Any]) -> None:
        """What the next `invoke` sees."""
        self._interpreter.set_tensor(self._input, tensor)

    def invoke(self) -> None:
        """One inference."""
        self._interpreter.invoke()

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """The model's outputs for an input, both as they are in the file: int8, mostly."""
        self.set_input(tensor)
        self.invoke()
        return [self._interpreter.get_tensor(output["index"]).copy() for output in self.outputs]


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

    By LiteRT, one face at a time; the test suite holds TFLM's outputs against these.
    """
    interpreter = LiteRT(model if isinstance(model, bytes) else model.read_bytes())
    output = interpreter.outputs[0]
    scale, zero_point = output["quantization"]
    found = np.empty((len(images), output["shape"][1]), np.float32)
    for row, image in enumerate(images):
        raw = interpreter.run(input_tensor(image))[0]
        found[row] = (raw[0].astype(np.float32) - zero_point) * scale
    return found


def input_tensor(image: NDArray[np.uint8]) -> NDArray[np.int8]:
    """A face uint8 [size, size] as the camera gives it to the network: int8 [1, size, size, 1], pixel - 128."""
    return (image ^ 128).view(np.int8)[np.newaxis, ..., np.newaxis]
