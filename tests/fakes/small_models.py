"""Small models, built from nothing: no TensorFlow is needed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


class _Graph:
    """Tensors and operators, in the order in which they are added."""

    def __init__(self, kind: int, scale: float, zero_point: int) -> None:
        self.kind, self.given = kind, (scale, zero_point)
        self.graph, self.model = schema.SubGraphT(), schema.ModelT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []

    def tensor(
        self, shape: tuple[int, ...], values: Any = None, kind: int | None = None, scales: Any = (0.05,), zero=0
    ):
        it, self_kind = schema.TensorT(), self.kind if kind is None else kind
        it.shape, it.type, it.name, it.buffer = list(shape), self_kind, f"t{len(self.graph.tensors)}", 0
        it.quantization = schema.QuantizationParametersT()
        if self_kind in (schema.TensorType.INT8, schema.TensorType.INT32) and scales is not None:
            it.quantization.scale, it.quantization.zeroPoint = list(scales), [zero] * len(scales)
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            it.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(it)
        return len(self.graph.tensors) - 1

    def weights(self, shape: tuple[int, ...], each: bool) -> tuple[int, int]:
        """Weights and bias, the same for every model of a shape; `each`: a scale for each output."""
        rng = np.random.default_rng(sum(shape))
        if self.kind == schema.TensorType.FLOAT32:
            return self.tensor(shape, rng.normal(size=shape).astype("f4")), self.tensor(
                shape[:1], np.zeros(shape[0], "f4")
            )
        scales = [0.01 + 0.001 * (i if each else 0) for i in range(shape[0])] if each else [0.01]
        values = rng.integers(-127, 128, shape).astype(np.int8)
        bias = [self.graph.tensors[self.last].quantization.scale[0] * scale for scale in scales]
        return self.tensor(shape, values, scales=scales), self.tensor(
            shape[:1], np.zeros(shape[0], np.int32), schema.TensorType.INT32, bias
        )

    last = 0  # the newest result

    def add(self, operator: str, inputs: list[int], shape: tuple[int, ...], options: Any = None, **how: Any) -> None:
        code, step = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, operator)
        code.version = 3 if operator in ("CONV_2D", "FULLY_CONNECTED") else 2
        self.model.operatorCodes.append(code)
        step.opcodeIndex, step.inputs = len(self.model.operatorCodes) - 1, inputs
        if options is not None:
            step.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
            step.builtinOptions = options
        self.last = self.tensor(shape, **how)
        step.outputs = [self.last]
        self.graph.operators.append(step)

    def file(self) -> bytes:
        self.graph.inputs, self.graph.outputs = [0], [self.last]
        self.model.subgraphs, self.model.version = [self.graph], 3
        return packed(self.model)


def model(
    size: int = 48, classes: int = 3, *, height: int | None = None, channels: int = 1, kind: str = "int8",
    scale: float = 1 / 255, zero_point: int = -128, dense_scales: bool = False, finds_objects: bool = False,
    last: str | None = "SOFTMAX", filters: int = 8, stride: int = 4,
) -> bytes:  # fmt: skip
    """A TensorFlow Lite file: one convolution, a mean, a dense layer and scores; or as a model that finds objects."""
    graph = _Graph(getattr(schema.TensorType, kind.upper()), scale, zero_point)
    graph.tensor((1, height or size, size, channels), scales=(scale,), zero=zero_point)
    options = schema.Conv2DOptionsT()
    options.strideW = options.strideH = stride
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    small = (1, -(-(height or size) // stride), -(-size // stride))
    graph.add("CONV_2D", [0, *graph.weights((filters, 3, 3, channels), True)], (*small, filters), options, zero=-128)
    shape: tuple[int, ...] = (1, classes)
    if finds_objects:
        shape, options = (*small, classes), schema.Conv2DOptionsT()
        options.strideW = options.strideH = 1
        graph.add("CONV_2D", [graph.last, *graph.weights((classes, 1, 1, filters), True)], shape, options)
    else:
        axes = graph.tensor((2,), np.array([1, 2], np.int32), schema.TensorType.INT32, scales=None)
        graph.add("MEAN", [graph.last, axes], (1, filters), schema.ReducerOptionsT(), zero=-128)
        weights = graph.weights((classes, filters), dense_scales)
        graph.add("FULLY_CONNECTED", [graph.last, *weights], shape, schema.FullyConnectedOptionsT())
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    if last:  # else it ends in logits
        graph.add(last, [graph.last], shape, softmax if last == "SOFTMAX" else None, scales=(1 / 256,), zero=-128)
    return graph.file()


def free_batch() -> bytes:
    """A network whose Flatten layer asks how many pictures there are, as the converter writes it where that is left open."""
    graph = _Graph(schema.TensorType.INT8, 1 / 255, -128)
    graph.tensor((1, 48, 48, 1), scales=(1 / 255,), zero=-128)
    graph.graph.tensors[0].shapeSignature = [-1, 48, 48, 1]
    options, int32 = schema.Conv2DOptionsT(), schema.TensorType.INT32
    options.strideW = options.strideH = 8
    graph.add("CONV_2D", [0, *graph.weights((4, 3, 3, 1), True)], (1, 6, 6, 4), options, zero=-128)
    pictures = graph.last

    def constant(shape: tuple[int, ...], values: Any) -> int:
        return graph.tensor(shape, np.array(values, np.int32), int32, scales=None)

    graph.add("SHAPE", [pictures], (4,), schema.ShapeOptionsT(), kind=int32, scales=None)
    first = schema.StridedSliceOptionsT()
    first.shrinkAxisMask = 1
    ends = [constant((1,), [value]) for value in (0, 1, 1)]
    graph.add("STRIDED_SLICE", [graph.last, *ends], (), first, kind=int32, scales=None)
    both = schema.PackOptionsT()
    both.valuesCount = 2
    graph.add("PACK", [graph.last, constant((), 144)], (2,), both, kind=int32, scales=None)
    graph.add("RESHAPE", [pictures, graph.last], (1, 144), schema.ReshapeOptionsT(), zero=-128)
    graph.add("FULLY_CONNECTED", [graph.last, *graph.weights((3, 144), False)], (1, 3), schema.FullyConnectedOptionsT())
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    graph.add("SOFTMAX", [graph.last], (1, 3), softmax, scales=(1 / 256,), zero=-128)
    return graph.file()


def pointing_nowhere() -> bytes:
    """A model whose weights lie in a buffer that it does not have, on which TFLM ends the process that reads it."""
    found = schema.ModelT.InitFromPackedBuf(model())
    graph = found.subgraphs[0]
    graph.tensors[graph.operators[0].inputs[1]].buffer = 99
    return packed(found)


def packed(found: Any) -> bytes:
    """A model of the TensorFlow Lite schema as a file."""
    builder = flatbuffers.Builder(10_000)
    builder.Finish(found.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def changed(data: bytes, change: Callable[[Any, Any], object]) -> bytes:
    """A model after `change(model, graph)`, as ModelT and SubGraphT of the schema."""
    found = schema.ModelT.InitFromPackedBuf(data)
    change(found, found.subgraphs[0])
    return packed(found)


def put(path: Path, data: bytes) -> Path:
    """A file of these bytes."""
    path.write_bytes(data)
    return path
