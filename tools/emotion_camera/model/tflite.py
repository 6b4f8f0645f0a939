"""TensorFlow Lite files: the one reader, and the writer, by the schema that comes with LiteRT. TensorFlow is not needed.

The firmware follows a file's offsets unchecked, and what they miss is a HardFault. Seen on v4.8.1 and the head after v5.0.0:
a file that is cut short, or is text, resets the board, each time it starts. `unpack` follows all of them first.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion_camera.errors import ModelError
from emotion_camera.model import metadata
from emotion_camera.model.cost import Layer

IDENTIFIER = b"TFL3"  # at bytes 4 to 8; where the firmware lands in a file without it is anybody's guess
DAMAGED = "is cut short or damaged; copy it again"


@dataclass(frozen=True)
class Tensor:
    """An input or output: shape, element type in lower case ("int8"), and the scale and zero point of its quantization."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Description:
    """What a model file says. size in bytes; macs: multiply-accumulates of one inference."""

    size: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: tuple[str, ...]
    layers: tuple[Layer, ...]  # one an operator, in the same order: what emotion_camera.model.cost counts
    macs: int
    hybrid: bool  # int8 weights on float activations, which TFLM does not run
    cut: bool  # the metadata that its description announces is not at its end
    per_channel_dense: bool  # FULLY_CONNECTED weights with more than one scale, which the firmware's TFLM refuses


def schema() -> Any:
    """LiteRT's generated schema. It takes 0.2 s to import, which the tools' help should not."""
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def unpack(data: bytes) -> Any:
    """A file's `ModelT`; ModelError where a table, vector or buffer lies outside of `data`."""
    if data[4:8] != IDENTIFIER:
        raise ModelError(
            "is not a TensorFlow Lite model; give the .tflite file that emotion-camera train quantize writes"
        )
    try:
        model = schema().ModelT.InitFromPackedBuf(data)
        whole = bool(model.subgraphs) and all(graph.tensors is not None for graph in model.subgraphs)
    except Exception as error:  # the generated reader fails anywhere in a damaged file, with any exception
        raise ModelError(DAMAGED) from error
    if not whole:
        raise ModelError(DAMAGED)
    return model


def pack(model: Any) -> bytes:
    """A `ModelT` as a file, in which equal lists of numbers are stored once.

    A convolution has a zero point for each channel, all 0, of 8 bytes: 1 of an H7's 114 KB.
    """
    import flatbuffers

    class Builder(flatbuffers.Builder):
        def CreateNumpyVector(self, x: Any) -> Any:
            key = x.dtype.str, x.tobytes()
            if key not in stored:
                stored[key] = super().CreateNumpyVector(x)
            return stored[key]

    stored: dict[tuple[str, bytes], Any] = {}
    builder = Builder(100_000)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def build(operator: int, buffers: list[bytes], tensors: list[Any], steps: list[Any], ends: tuple[int, int]) -> bytes:
    """A file with one kind of operator: `steps` by their `OperatorT`, `ends` the tensors that are its input and output."""
    import numpy as np

    made, it = schema(), schema().ModelT()
    it.version = 3
    it.buffers = [made.BufferT() for _ in buffers]
    for buffer, data in zip(it.buffers, buffers, strict=True):
        buffer.data = np.frombuffer(data, np.uint8) if data else None
    code = made.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    graph = made.SubGraphT()
    graph.tensors, graph.operators = tensors, steps
    graph.inputs, graph.outputs = [ends[0]], [ends[1]]
    it.operatorCodes, it.subgraphs = [code], [graph]
    return pack(it)


def tensor(kind: int, shape: tuple[int, ...], scale: float, zero_point: int = 0, buffer: int = 0) -> Any:
    """A `TensorT` with one scale; buffer 0 for what an operator computes."""
    it = schema().TensorT()
    it.type, it.shape, it.buffer = kind, list(shape), buffer
    it.quantization = schema().QuantizationParametersT()
    it.quantization.scale, it.quantization.zeroPoint = [scale], [zero_point]
    return it


def operators(model: Any) -> list[tuple[str, Any]]:
    """The operators of a model's first graph, each by TensorFlow Lite's name of it and as its `OperatorT`."""
    names = _names(schema().BuiltinOperator)
    codes = [names[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in model.operatorCodes]
    return [(codes[step.opcodeIndex], step) for step in model.subgraphs[0].operators]


def describe(path: Path) -> Description:
    """What a .tflite file says, without judging it; ModelError where it is not a whole TensorFlow Lite file."""
    try:
        return read_description(Path(path).read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror}); give a .tflite file") from None
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def read_description(data: bytes) -> Description:
    """`describe` for the bytes of a file."""
    model = unpack(data)
    try:
        return _describe(data, model)
    except Exception as error:  # whole, but without an operator's tensors, say
        raise ModelError(DAMAGED) from error


def _describe(data: bytes, model: Any) -> Description:
    graph = model.subgraphs[0]
    steps = operators(model)
    kinds = {number: name.lower() for number, name in _names(schema().TensorType).items()}
    layers = tuple(_layer(name, step, graph.tensors) for name, step in steps)
    weighted = [
        (name, graph.tensors[step.inputs[0]], graph.tensors[step.inputs[1]])
        for name, step in steps
        if name in _WEIGHTED
    ]
    outputs = tuple(_tensor(graph.tensors[index], kinds) for index in graph.outputs)
    return Description(
        size=len(data),
        inputs=tuple(_tensor(graph.tensors[index], kinds) for index in graph.inputs),
        outputs=outputs,
        operators=tuple(name for name, _ in steps),
        layers=layers,
        macs=sum(layer.macs for layer in layers),
        hybrid=any(kinds[given.type] == "float32" and kinds[weights.type] == "int8" for _, given, weights in weighted),
        cut=model.description == metadata.DESCRIPTION and metadata.read(data, outputs[0].shape[-1]) is None,
        per_channel_dense=any(name == "FULLY_CONNECTED" and _scales(weights) > 1 for name, _, weights in weighted),
    )


_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def _names(constants: type) -> dict[int, str]:
    return {number: name for name, number in vars(constants).items() if not name.startswith("_")}


def _tensor(it: Any, kinds: dict[int, str]) -> Tensor:
    scale, zero = (it.quantization.scale, it.quantization.zeroPoint) if it.quantization else (None, None)
    return Tensor(
        tuple(int(size) for size in it.shape),
        kinds[it.type],
        float(scale[0]) if scale is not None and len(scale) else 0.0,
        int(zero[0]) if zero is not None and len(zero) else 0,
    )


def _layer(name: str, step: Any, tensors: list[Any]) -> Layer:
    """An operator from the shapes of its output and weights, where it has any.

    TFLite keeps weights as [out, h, w, in], depthwise [1, h, w, out], dense [out, in], and a single number without a shape.
    """
    result = tensors[step.outputs[0]].shape
    sizes = [1] if result is None or not len(result) else [int(size) for size in result]
    pixels, outputs = math.prod(sizes[1:-1]), sizes[-1]
    if name not in _WEIGHTED:
        return Layer(name, pixels, outputs)
    kernel = [int(size) for size in tensors[step.inputs[1]].shape]
    if name == "FULLY_CONNECTED":
        return Layer(name, 1, kernel[0], kernel[1], 1)
    return Layer(name, pixels, outputs, kernel[3] if name == "CONV_2D" else 1, kernel[1] * kernel[2])


def _scales(weights: Any) -> int:
    scale = weights.quantization.scale if weights.quantization else None
    return 0 if scale is None else len({float(value) for value in scale})
