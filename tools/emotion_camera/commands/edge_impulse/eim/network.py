"""The model: its input from packed pixels, its scores."""

from __future__ import annotations

import reprlib
import threading

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

SCORE_SCALE = 1 / 256  # of what SOFTMAX and LOGISTIC give in int8, whatever the model
BRIGHTEST = 0xFFFFFF  # a packed white pixel


class Refused(ValueError):
    """What can't be done, in a sentence for the client."""


class Network:
    """An int8 model with one square grey input, which takes pixel - 128, by LiteRT's plain kernels."""

    def __init__(self, model: bytes) -> None:
        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # XNNPACK rounds otherwise than the camera
        self._interpreter = Interpreter(model_content=model, num_threads=1, experimental_op_resolver_type=plain)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        output = self._interpreter.get_output_details()[0]
        self._output, self._quantization = output["index"], output["quantization"]
        self._lock = threading.Lock()  # an interpreter works for one client at a time
        self.size = int(self._input["shape"][1])

    def classify(self, features: object) -> list[float]:
        """The score of each label, 0 to 1, for a picture as a list of packed pixels; Refused where it is none."""
        pixels = grey(self._pixels(features)).astype(np.int16) - 128
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], pixels.astype(np.int8).reshape(self._input["shape"]))
            self._interpreter.invoke()
            numbers = self._interpreter.get_tensor(self._output).ravel().astype(float)
        scale, zero_point = self._quantization
        scores = (numbers - zero_point) * scale
        if abs(scale - SCORE_SCALE) > SCORE_SCALE / 1000:  # logits
            scores = np.exp(scores - scores.max())
            scores /= scores.sum()
        return [float(score) for score in scores]

    def _pixels(self, features: object) -> NDArray[np.uint32]:
        count = self.size**2
        if not isinstance(features, list) or len(features) != count:
            given = f"{len(features):,}" if isinstance(features, list) else "no list"
            raise Refused(f"classify takes {count:,} features, the pixels of {self.size} x {self.size}; it got {given}")
        for place, value in enumerate(features):
            if type(value) not in (int, float) or not 0 <= value <= BRIGHTEST or value != int(value):
                raise Refused(
                    f"feature {place} is {reprlib.repr(value)}; each must be a pixel packed as "
                    f"(red << 16) + (green << 8) + blue, a whole number from 0 to {BRIGHTEST}"
                )
        return np.array(features, np.uint32)


def grey(pixels: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The brightness, 0 to 255, of packed pixels: 0.299 red, 0.587 green, 0.114 blue, as Edge Impulse takes it (ITU-R 601-2).

    The shares are of 65,536 and add up to it, and the sum is rounded, as Pillow does it: so a packed grey pixel comes out
    as it went in. (Edge Impulse's C++ library cuts them off, to a sum of 65,535, and makes each grey 1 darker.)
    """
    red, green, blue = pixels >> 16, pixels >> 8 & 255, pixels & 255
    return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
