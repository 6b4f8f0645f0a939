"""A network that gives its input back: what the firmware wrote there can then be read from the camera.

48 x 48 int8 pixels go through a max pooling of 1x1, which the firmware was seen to run, with scale 1/255 and zero point -128
on both sides. `tf`, before firmware v4.5.6, gives one value a channel of an output: there it is a RESHAPE to one row.
"""

from typing import Any

SIZE = 48  # pixels, as the shipped models see them
SCALE, ZERO_POINT = 1 / 255, -128
PICTURE, ROW = (1, SIZE, SIZE, 1), (1, SIZE * SIZE)


def network(as_row: bool = False) -> bytes:
    """The .tflite file, under 1 KB. `as_row`: with an output of shape (1, 2304), otherwise (1, 48, 48, 1)."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    operator = schema.BuiltinOperator.RESHAPE if as_row else schema.BuiltinOperator.MAX_POOL_2D
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    model.operatorCodes = [code]
    model.subgraphs = [_graph(schema, as_row)]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _graph(schema: Any, as_row: bool) -> Any:
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(schema, shape) for shape in (PICTURE, ROW if as_row else PICTURE)]
    step = schema.OperatorT()
    step.inputs, step.outputs = [0], [1]
    if as_row:
        step.builtinOptionsType = schema.BuiltinOptions.ReshapeOptions
        step.builtinOptions = schema.ReshapeOptionsT()
        step.builtinOptions.newShape = list(ROW)
    else:
        step.builtinOptionsType = schema.BuiltinOptions.Pool2DOptions
        step.builtinOptions = options = schema.Pool2DOptionsT()
        options.strideW = options.strideH = options.filterWidth = options.filterHeight = 1
        options.padding = schema.Padding.VALID
    graph.operators = [step]
    graph.inputs, graph.outputs = [0], [1]
    return graph


def _tensor(schema: Any, shape: tuple[int, ...]) -> Any:
    tensor = schema.TensorT()
    tensor.type, tensor.shape, tensor.buffer = schema.TensorType.INT8, list(shape), 0
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [SCALE], [ZERO_POINT]
    return tensor
