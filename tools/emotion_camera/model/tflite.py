"""TensorFlow Lite files: the one reader, and the writer, by the schema that comes with LiteRT. TensorFlow is not needed.

The firmware follows a file's offsets unchecked, and what they miss is a HardFault. Seen on v4.8.1 and the head after v5.0.0:
a file that is cut short, or is text, resets the board, each time it starts. `read_description` follows all of them that the firmware does first.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from emotion_camera.errors import ModelError
from emotion_camera.model import metadata
from emotion_camera.model.cost import Layer
from emotion_camera.model.file_kind import TFLITE, model_kind

SCHEMA = 3  # the version of TensorFlow Lite's schema that TFLM reads
SCORE_SCALE = 1 / 256
DAMAGED = "is cut short or damaged; copy it again"
MOST_BYTES = 500_000_000  # of a file that is read at all
# What is read of a file. A list may stand in it once and be named by many, so that 80 KB can hold 400 million numbers.
MOST_PARTS = 50_000  # tensors, operators, buffers, or scales of a tensor
MOST_KINDS = 1000  # graphs, or kinds of operators
MOST_DIMENSIONS = 8  # of a tensor, as TensorFlow Lite's


@dataclass(frozen=True)
class Tensor:
    """An input or output: shape, element type in lower case ("int8"), and the scale and zero point of its quantization."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int

    @property
    def holds_scores(self) -> bool:
        """Whether an int8 output holds scores from 0 to 1: those of SOFTMAX and LOGISTIC have one scale, always the same. What
        has another is taken for logits."""
        return math.isclose(self.scale, SCORE_SCALE, rel_tol=1e-4)


@dataclass(frozen=True)
class Description:
    """What a model file says of its first graph. size in bytes; macs: multiply-accumulates of one inference."""

    size: int
    version: int  # of the schema
    graphs: tuple[str, ...]  # the names of all of them
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: tuple[str, ...]  # TFLite's names, and "operator 300" for one that is newer than the schema
    custom: tuple[str, ...]  # the names of those that are not TFLite's own
    layers: tuple[Layer, ...]  # one an operator, in the same order: what emotion_camera.model.cost counts
    macs: int
    hybrid: bool  # int8 weights on float activations, which TFLM does not run
    half: bool  # weights in float16
    free_batch: bool  # the number of pictures at once was left open
    cut: bool  # the metadata that its description announces is not at its end
    per_channel_dense: bool  # FULLY_CONNECTED weights with more than one scale, which the firmware's TFLM refuses

    @property
    def compiled(self) -> bool:
        """Whether Arm's Vela compiled it, for an AE3's neural processor."""
        return ETHOS_U in self.custom


ETHOS_U = "ethos-u"  # the operator that Vela puts in the place of all those that the processor runs


def schema() -> Any:
    """LiteRT's generated schema. It takes 0.2 s to import, which the tools' help should not."""
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def unpack(data: bytes) -> Any:
    """A file's `ModelT`, to change it; ModelError where a table, vector or buffer lies outside of `data`."""
    _check_kind(data)
    try:
        model = schema().ModelT.InitFromPackedBuf(data)
        whole = bool(model.subgraphs) and all(graph.tensors is not None for graph in model.subgraphs)
    except Exception as error:  # the generated reader fails anywhere in a damaged file, with any exception
        raise ModelError(DAMAGED) from error
    if not whole:
        raise ModelError(DAMAGED)
    return model


def _check_kind(data: bytes) -> None:
    kind = model_kind(data)
    if kind:
        raise ModelError(kind)


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
    builder.Finish(model.Pack(builder), TFLITE)
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


def read_file(path: Path) -> bytes:
    """The bytes of a model's file; ModelError where it can't be read, or can't be one."""
    try:
        if path.is_dir():
            saved = (path / "saved_model.pb").is_file()
            if saved:
                raise ModelError(f"{path}: is a TensorFlow SavedModel; convert it to an int8 .tflite, and give that")
            raise ModelError(f"{path}: is a folder; give the .tflite file")
        if not path.is_file() and path.exists():
            raise ModelError(f"{path}: is no file; give the .tflite file")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ModelError(f"{path}: has {size // 1_000_000:,} MB, more than any camera takes; use a smaller network")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror}); give a .tflite file") from None


def describe(path: Path) -> Description:
    """What a .tflite file says, without judging it; ModelError where it is not a whole TensorFlow Lite file."""
    data = read_file(Path(path))
    try:
        return read_description(data)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def read_description(data: bytes) -> Description:
    """`describe` for the bytes of a file."""
    _check_kind(data)
    try:
        return _describe(data, schema().Model.GetRootAs(data))
    except Exception as error:  # the generated reader fails anywhere in a damaged file, with any exception
        raise ModelError(DAMAGED) from error


class _Step(NamedTuple):
    """An operator: TFLite's name of it, the name of a custom one, and its first tensors by number: pixels and weights, and result."""

    name: str
    custom: str
    inputs: list[int]
    outputs: list[int]


def _describe(data: bytes, model: Any) -> Description:
    graphs = _parts(model.Subgraphs, model.SubgraphsLength(), MOST_KINDS)
    for buffer in _parts(model.Buffers, model.BuffersLength()):
        buffer.DataAsNumpy()  # raises where it lies outside of the file
    tensors = _parts(graphs[0].Tensors, graphs[0].TensorsLength())
    steps = _steps(model, graphs[0])
    layers = tuple(_layer(step, tensors) for step in steps)
    weighted = [
        (it.name, _at(tensors, it.inputs[0]), _at(tensors, it.inputs[1])) for it in steps if it.name in _WEIGHTED
    ]
    inputs, outputs = (
        [_at(tensors, it) for it in _numbers(side(), MOST_PARTS)]
        for side in (graphs[0].InputsAsNumpy, graphs[0].OutputsAsNumpy)
    )
    classes = _shape(outputs[0])[-1] if outputs and _shape(outputs[0]) else 0
    kind = schema().TensorType
    return Description(
        size=len(data),
        version=model.Version(),
        graphs=tuple(_text(graph.Name()) for graph in graphs),
        inputs=tuple(map(_tensor, inputs)),
        outputs=tuple(map(_tensor, outputs)),
        operators=tuple(step.name for step in steps),
        custom=tuple(step.custom for step in steps if step.custom),
        layers=layers,
        macs=sum(layer.macs for layer in layers),
        hybrid=any(given.Type() == kind.FLOAT32 and weights.Type() == kind.INT8 for _, given, weights in weighted),
        half=any(it.Type() == kind.FLOAT16 for it in tensors),
        free_batch=any(_numbers(it.ShapeSignatureAsNumpy(), 1) == [-1] for it in inputs),
        cut=model.Description() == metadata.DESCRIPTION and metadata.read(data, classes) is None,
        per_channel_dense=any(name == "FULLY_CONNECTED" and _has_scales(weights) for name, _, weights in weighted),
    )


def _parts(get: Callable[[int], Any], count: int, most: int = MOST_PARTS) -> list[Any]:
    """All tables of a vector; ValueError for more than `most`."""
    if count > most:
        raise ValueError(f"{count} parts")
    return [get(number) for number in range(count)]


def _steps(model: Any, graph: Any) -> list[_Step]:
    names = _names(schema().BuiltinOperator)
    codes = []
    for code in _parts(model.OperatorCodes, model.OperatorCodesLength(), MOST_KINDS):
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = names.get(number, f"operator {number}")
        codes.append((name, (_text(code.CustomCode()) or "without a name") if name == "CUSTOM" else ""))
    steps = []
    for step in _parts(graph.Operators, graph.OperatorsLength()):
        name, custom = _at(codes, step.OpcodeIndex())
        steps.append(_Step(name, custom, _numbers(step.InputsAsNumpy(), 2), _numbers(step.OutputsAsNumpy(), 1)))
    return steps


def _at(some: Sequence[Any], number: int) -> Any:
    """What has this number; IndexError for a negative one, too."""
    if number < 0:
        raise IndexError(number)
    return some[number]


def _numbers(vector: Any, most: int) -> list[int]:
    """The first numbers of a vector; the generated reader gives 0 for one that is not there."""
    return [] if isinstance(vector, int) else [int(number) for number in vector[:most]]


def _text(name: bytes | None) -> str:
    return (name or b"")[:160].decode(errors="replace")[:40]


_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def _names(constants: type) -> dict[int, str]:
    return {number: name for name, number in vars(constants).items() if not name.startswith("_")}


def _shape(it: Any) -> tuple[int, ...]:
    shape = tuple(_numbers(it.ShapeAsNumpy(), MOST_DIMENSIONS + 1))
    if len(shape) > MOST_DIMENSIONS:
        raise ValueError(f"{len(shape)} dimensions")
    return shape


def _tensor(it: Any) -> Tensor:
    kinds, how = _names(schema().TensorType), it.Quantization()
    scale, zero = (how.ScaleAsNumpy(), how.ZeroPointAsNumpy()) if how else (0, 0)
    return Tensor(
        _shape(it),
        kinds.get(it.Type(), f"type {it.Type()}").lower(),
        0.0 if isinstance(scale, int) or not len(scale) else float(scale[0]),
        0 if isinstance(zero, int) or not len(zero) else int(zero[0]),
    )


def _layer(step: _Step, tensors: list[Any]) -> Layer:
    """An operator from the shapes of its output and weights, where it has any.

    TFLite keeps weights as [out, h, w, in], depthwise [1, h, w, out], dense [out, in], and a single number without a shape.
    """
    sizes = (_shape(_at(tensors, step.outputs[0])) if step.outputs else (0,)) or (1,)
    pixels, outputs = math.prod(sizes[1:-1]), sizes[-1]
    if step.name not in _WEIGHTED:
        return Layer(step.name, pixels, outputs)
    kernel = _shape(_at(tensors, step.inputs[1]))
    if min(outputs, *kernel) < 1:
        raise ValueError(f"weights of shape {kernel}")
    if step.name == "FULLY_CONNECTED":
        return Layer(step.name, 1, kernel[0], kernel[1], 1)
    return Layer(step.name, pixels, outputs, kernel[3] if step.name == "CONV_2D" else 1, kernel[1] * kernel[2])


def _has_scales(weights: Any) -> bool:
    """Whether weights have more than one scale; LiteRT repeats a single one for each output."""
    how = weights.Quantization()
    scale = how.ScaleAsNumpy() if how else 0
    if isinstance(scale, int):
        return False
    if len(scale) > MOST_PARTS:
        raise ValueError(f"{len(scale)} scales")
    return bool((scale[1:] != scale[:1]).any())
