"""A network that gives its input back: what the firmware wrote there can then be read from the camera.

48 x 48 int8 pixels go through a max pooling of 1x1, which the firmware was seen to run, with scale 1/255 and zero point -128
on both sides. `tf`, before firmware v4.5.6, gives one value a channel of an output: there it is a RESHAPE to one row.
"""

from typing import Any

from emotion_camera.model.contract import INPUT_SCALE, INPUT_SIZE, INPUT_ZERO_POINT
from emotion_camera.model.tflite import build, schema, tensor

PICTURE, ROW = (1, INPUT_SIZE, INPUT_SIZE, 1), (1, INPUT_SIZE**2)


def network(as_row: bool = False) -> bytes:
    """The .tflite file, under 1 KB. `as_row`: with an output of shape (1, 2304), otherwise (1, 48, 48, 1)."""
    made = schema()
    shapes = (PICTURE, ROW if as_row else PICTURE)
    tensors = [tensor(made.TensorType.INT8, shape, INPUT_SCALE, INPUT_ZERO_POINT) for shape in shapes]
    operator = made.BuiltinOperator.RESHAPE if as_row else made.BuiltinOperator.MAX_POOL_2D
    return build(operator, [b""], tensors, [_step(made, as_row)], (0, 1))


def _step(made: Any, as_row: bool) -> Any:
    step = made.OperatorT()
    step.inputs, step.outputs = [0], [1]
    if as_row:
        step.builtinOptionsType = made.BuiltinOptions.ReshapeOptions
        step.builtinOptions = options = made.ReshapeOptionsT()
        options.newShape = list(ROW)
    else:
        step.builtinOptionsType = made.BuiltinOptions.Pool2DOptions
        step.builtinOptions = options = made.Pool2DOptionsT()
        options.strideW = options.strideH = options.filterWidth = options.filterHeight = 1
        options.padding = made.Padding.VALID
    return step
