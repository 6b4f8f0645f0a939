"""The reference network of inference times: always the same bytes, made without TensorFlow, so that ratios are comparable."""

from typing import Any

import numpy as np
from emotion_camera.model.tflite import build, schema, tensor

SIZE, CHANNELS, LAYERS = 21, 16, 10
MACS = LAYERS * SIZE**2 * CHANNELS**2 * 3**2  # multiply-accumulates: 10,160,640


def network() -> bytes:
    """A .tflite of ten 3x3 int8 convolutions of 16 channels on 21 x 21, all with the same fixed weights."""
    weights = (np.arange(CHANNELS**2 * 9) * 37 % 255 - 127).astype(np.int8)
    buffers = [b"", weights.tobytes(), bytes(4 * CHANNELS)]
    kinds, picture = schema().TensorType, (1, SIZE, SIZE, CHANNELS)
    # Tensors 0 weights, 1 bias, then the input and each layer's output.
    tensors = [
        tensor(kinds.INT8, (CHANNELS, 3, 3, CHANNELS), 1 / 1024, buffer=1),
        tensor(kinds.INT32, (CHANNELS,), 1 / 1024 / 16, buffer=2),
        *(tensor(kinds.INT8, picture, 1 / 16) for _ in range(LAYERS + 1)),
    ]
    steps = [_convolution(2 + layer) for layer in range(LAYERS)]
    return build(schema().BuiltinOperator.CONV_2D, buffers, tensors, steps, (2, 2 + LAYERS))


def _convolution(given: int) -> Any:
    made = schema()
    operator, options = made.OperatorT(), made.Conv2DOptionsT()
    operator.inputs, operator.outputs = [given, 0, 1], [given + 1]
    options.padding, options.strideW, options.strideH = made.Padding.SAME, 1, 1
    operator.builtinOptionsType, operator.builtinOptions = made.BuiltinOptions.Conv2DOptions, options
    return operator
