"""The network that models are timed against: always the same bytes, made without TensorFlow, so that ratios can be compared."""

from typing import Any

import numpy as np

SIZE, CHANNELS, LAYERS = 21, 16, 10
MACS = LAYERS * SIZE**2 * CHANNELS**2 * 3**2  # multiply-accumulates: 10,160,640


def network() -> bytes:
    """A .tflite of ten 3x3 int8 convolutions of 16 channels on 21 x 21, all with the same fixed weights."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    weights = (np.arange(CHANNELS**2 * 9) * 37 % 255 - 127).astype(np.int8)
    model = schema.ModelT()
    model.version = 3
    model.buffers = [_buffer(schema, data) for data in (b"", weights.tobytes(), bytes(4 * CHANNELS))]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    model.operatorCodes = [code]
    model.subgraphs = [_graph(schema)]
    builder = flatbuffers.Builder(10_000)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _graph(schema: Any) -> Any:
    """Tensors 0 weights, 1 bias, then the input and each layer's output."""
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor(schema, schema.TensorType.INT8, (CHANNELS, 3, 3, CHANNELS), 1, 1 / 1024),
        _tensor(schema, schema.TensorType.INT32, (CHANNELS,), 2, 1 / 1024 / 16),
    ]
    picture = (1, SIZE, SIZE, CHANNELS)
    graph.tensors += [_tensor(schema, schema.TensorType.INT8, picture, 0, 1 / 16) for _ in range(LAYERS + 1)]
    graph.operators = [_convolution(schema, 2 + layer) for layer in range(LAYERS)]
    graph.inputs, graph.outputs = [2], [2 + LAYERS]
    return graph


def _buffer(schema: Any, data: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(data, np.uint8) if data else None
    return buffer


def _tensor(schema: Any, kind: int, shape: tuple[int, ...], buffer: int, scale: float) -> Any:
    tensor = schema.TensorT()
    tensor.type, tensor.shape, tensor.buffer = kind, list(shape), buffer
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
    return tensor


def _convolution(schema: Any, given: int) -> Any:
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [given, 0, 1], [given + 1]
    options = schema.Conv2DOptionsT()
    options.padding, options.strideW, options.strideH = schema.Padding.SAME, 1, 1
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.Conv2DOptions, options
    return operator
