"""What a model file must be to run on the camera, and the one check of it.

Training checks what it makes, the tools what they are given, and the tests what is shipped, all by `check`. It reads
the file with the TensorFlow Lite schema that comes with LiteRT; TensorFlow is not needed.
"""

import contextlib
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emotion_camera.files import MODELS
from emotion_camera.model import metadata
from emotion_camera.model.cost import Layer, network_instructions

SHIPPED = MODELS / "emotion.tflite"  # runs on every board that runs any
LARGER = MODELS / "emotion_plus.tflite"  # for boards with megabytes of heap
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
INPUT_SCALE = 1 / 255  # the camera feeds pixel - 128 whatever the model says, so the model must say just that
INPUT_ZERO_POINT = -128
KB = 1000
MAX_LABELS = 1024  # bytes of the labels file that device/main.py reads

# Operators seen to run on the firmware, and those that TFLM has had in int8 in every release since firmware v4.5.
OPERATORS = {
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "LEAKY_RELU",
    "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "RELU", "RELU6", "RESHAPE", "SOFTMAX", "SUB",
}  # fmt: skip


class ContractError(ValueError):
    """What keeps a model or labels file from running on the camera, and what to do, in one sentence."""


@dataclass(frozen=True)
class Limits:
    """The most that a model may take: bytes of its file and arena, Cortex-M7 instructions an answer; and on which boards."""

    file: int
    arena: int
    instructions: int
    boards: str


# An H7's /flash of 128 KB holds 222 blocks of 512 bytes once FAT has taken its part; the compact program, labels and settings
# may take 44 of them. File, arena and the running program share its 264 KB heap, and a Nicla Vision's of 276 KB. 45 ms a face.
SMALL_BOARD = Limits(178 * 512, 80 * KB, 25_200_000, "an OpenMV Cam H7 or a Nicla Vision")
# These have megabytes of heap, so time is their limit: 140 ms a face.
ROOMY_BOARD = Limits(300 * KB, 120 * KB, 78_400_000, "an H7 Plus, Pure Thermal, RT1062, Portenta H7, Giga or AE3")


@dataclass(frozen=True)
class Tensor:
    """An input or output: shape, element type in lower case ("int8"), and the scale and zero point of its quantisation."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Description:
    """What stands in a model file. size in bytes; macs: multiply-accumulates for one answer."""

    size: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: tuple[str, ...]
    layers: tuple[Layer, ...]  # one an operator, in the same order: what emotion_camera.model.cost counts
    macs: int
    hybrid: bool  # int8 weights on float activations, which TFLM does not run
    cut: bool  # the notes that its description tells of are not at its end
    per_channel_dense: bool  # FULLY_CONNECTED weights with more than one scale, which the firmware's TFLM refuses


@dataclass(frozen=True)
class Model:
    """A model that has passed: its file, labels in output order, size of the square input in pixels, and costs.

    macs, instructions: multiply-accumulates and Cortex-M7 instructions (by `emotion_camera.model.cost`) for one answer.
    """

    path: Path
    labels: tuple[str, ...]
    input_size: int
    file_bytes: int
    arena_bytes: int | None  # None where tflite-micro has no wheel
    macs: int
    instructions: int


def check(path: Path, labels: Path | None = None, limits: Limits = ROOMY_BOARD) -> Model:
    """Check a model file and its labels (by default `<name>.txt` beside it) against the contract.

    By default a model passes that only the roomier boards have room for. Raises ContractError with a sentence that
    names the file and the first thing wrong.
    """
    path = Path(path)
    if "." in path.stem:
        # The firmware looks for labels at path.split(".")[0] + ".txt", so a second dot would lose them.
        raise ContractError(
            f"{path.name}: has a dot in its name before the last; rename it, for the camera to find its labels"
        )
    found = describe(path)
    if found.cut:
        raise ContractError(f"{path}: is cut short or damaged; copy it again")
    _check_kind(path, found)
    size = _check_input(path, found)
    classes = _check_output(path, found)
    names = read_labels(Path(labels) if labels else path.with_suffix(".txt"), classes)
    model = Model(
        path, names, size, found.size, arena_bytes(path), found.macs, round(network_instructions(found.layers))
    )
    _check_limits(model, limits)
    return model


def fits(model: Model, limits: Limits) -> bool:
    """Whether a model that has passed keeps other limits, too."""
    return _over(model, limits) is None


def _check_limits(model: Model, limits: Limits) -> None:
    trouble = _over(model, limits)
    if trouble:
        raise ContractError(f"{model.path}: {trouble}")


def _over(model: Model, limits: Limits) -> str | None:
    """The first limit that a model is over, and what to do."""
    for what, value, limit, unit in (
        ("its file takes", model.file_bytes, limits.file, "bytes"),
        ("its arena takes", model.arena_bytes or 0, limits.arena, "bytes"),
        ("an answer takes", model.instructions, limits.instructions, "Cortex-M7 instructions"),
    ):
        if value > limit:
            return f"{what} {value:,} {unit}; the most for {limits.boards} is {limit:,}: use a smaller network"
    return None


def _check_kind(path: Path, found: Description) -> None:
    if found.hybrid:
        raise ContractError(
            f"{path}: has int8 weights but float activations; the camera needs full int8 (run emotion-camera train quantize)"
        )
    strange = sorted(set(found.operators) - OPERATORS)
    if strange:
        raise ContractError(
            f"{path}: uses {strange[0]}, which is not known to run on the camera; build it from {', '.join(sorted(OPERATORS))}"
        )
    if found.per_channel_dense:
        raise ContractError(
            f"{path}: a FULLY_CONNECTED layer has a scale for each channel, which the camera refuses; "
            "convert with per-tensor Dense weights (run emotion-camera train quantize)"
        )


def _check_input(path: Path, found: Description) -> int:
    if len(found.inputs) != 1:
        raise ContractError(f"{path}: has {len(found.inputs)} inputs; the camera gives one")
    tensor = found.inputs[0]
    if tensor.dtype != "int8":
        raise ContractError(
            f"{path}: input is {tensor.dtype}; the camera needs int8 (run emotion-camera train quantize)"
        )
    shape = tensor.shape
    if len(shape) != 4 or shape[0] != 1 or shape[1] != shape[2] or shape[3] != 1:
        raise ContractError(
            f"{path}: input has the shape {list(shape)}; it must be [1, size, size, 1], one square grey picture"
        )
    if not math.isclose(tensor.scale, INPUT_SCALE, rel_tol=1e-4) or tensor.zero_point != INPUT_ZERO_POINT:
        raise ContractError(
            f"{path}: input scale is {tensor.scale:.6g} and zero point {tensor.zero_point}; they must be 1/255 and -128, because the "
            "camera feeds pixel - 128: train on pixels from 0 to 1, and calibrate on pictures that hold black and white"
        )
    return shape[1]


def _check_output(path: Path, found: Description) -> int:
    if len(found.outputs) != 1:
        raise ContractError(f"{path}: has {len(found.outputs)} outputs; the camera reads one")
    tensor = found.outputs[0]
    if tensor.dtype != "int8" or len(tensor.shape) != 2 or tensor.shape[0] != 1 or tensor.shape[1] < 2:
        raise ContractError(f"{path}: output is {tensor.dtype} {list(tensor.shape)}; it must be int8 [1, classes]")
    if found.operators[-1] != "SOFTMAX":
        raise ContractError(
            f"{path}: ends in {found.operators[-1]}; it must end in SOFTMAX, for scores that add up to 1"
        )
    return tensor.shape[1]


def read_labels(path: Path, classes: int | None = None) -> tuple[str, ...]:
    """The labels in a file, one a line, in output order; ContractError if one is blank or twice, or there are not `classes`."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        raise ContractError(f"{path}: no such labels file; it must hold one label a line, in output order") from None
    except UnicodeDecodeError:
        raise ContractError(f"{path}: is not a text file in UTF-8; it must hold one label a line") from None
    if sum(len(line.encode()) + 1 for line in lines) > MAX_LABELS:
        raise ContractError(
            f"{path}: is longer than the {MAX_LABELS:,} bytes that the camera reads; shorten the labels"
        )
    for number, line in enumerate(lines, 1):
        if line.strip() != line or not line:
            raise ContractError(
                f"{path}: line {number} is blank or has blanks round the label; write one bare label a line"
            )
        if line in lines[: number - 1]:
            raise ContractError(f"{path}: the label {line!r} stands there twice; each class needs a name of its own")
    if classes is not None and len(lines) != classes:
        raise ContractError(
            f"{path}: has {len(lines)} labels, but the model has {classes} outputs; give one a line, in output order"
        )
    return tuple(lines)


def describe(path: Path) -> Description:
    """Read what stands in a .tflite file, without judging it; ContractError where it is not a whole TensorFlow Lite file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ContractError(f"{path}: can't be read ({error.strerror}); give a .tflite file") from None
    if data[4:8] != b"TFL3":
        raise ContractError(
            f"{path}: is not a TensorFlow Lite model; give the .tflite file that emotion-camera train quantize writes"
        )
    try:
        return _describe(data)
    except Exception as error:  # a damaged file fails anywhere in the generated reader, with any exception
        raise ContractError(f"{path}: is cut short or damaged; copy it again") from error


def _describe(data: bytes) -> Description:
    # Imported here: the schema takes 0.2 s, and the tools' help should not.
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data)
    graph = model.subgraphs[0]
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    steps = [(names[codes[step.opcodeIndex]], step) for step in graph.operators]
    types = {value: name.lower() for name, value in vars(schema.TensorType).items() if not name.startswith("_")}

    def tensor(index: int) -> Tensor:
        it = graph.tensors[index]
        scale, zero = (it.quantization.scale, it.quantization.zeroPoint) if it.quantization else (None, None)
        return Tensor(
            tuple(int(size) for size in it.shape),
            types[it.type],
            float(scale[0]) if scale is not None and len(scale) else 0.0,
            int(zero[0]) if zero is not None and len(zero) else 0,
        )

    layers = tuple(
        _layer(
            name,
            graph.tensors[step.outputs[0]].shape,
            *(graph.tensors[i].shape for i in step.inputs[1:2] if name in _WEIGHTED),
        )
        for name, step in steps
    )
    weighted = [
        (name, tensor(step.inputs[0]), graph.tensors[step.inputs[1]]) for name, step in steps if name in _WEIGHTED
    ]
    return Description(
        size=len(data),
        inputs=tuple(tensor(index) for index in graph.inputs),
        outputs=tuple(tensor(index) for index in graph.outputs),
        operators=tuple(name for name, _ in steps),
        layers=layers,
        macs=sum(layer.macs for layer in layers),
        cut=model.description == metadata.DESCRIPTION
        and metadata.read(data, int(graph.tensors[graph.outputs[0]].shape[-1])) is None,
        hybrid=any(given.dtype == "float32" and types[weights.type] == "int8" for _, given, weights in weighted),
        per_channel_dense=any(name == "FULLY_CONNECTED" and _scales(weights) > 1 for name, _, weights in weighted),
    )


_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def _layer(name: str, result: Any, weights: Any = None) -> Layer:
    """An operator from the shapes of its output and weights, where it has any.

    TFLite keeps weights as [out, h, w, in], depthwise [1, h, w, out], dense [out, in], and a single number without a shape.
    """
    sizes = [1] if result is None or not len(result) else [int(size) for size in result]
    pixels, outputs = math.prod(sizes[1:-1]), sizes[-1]
    if weights is None:
        return Layer(name, pixels, outputs)
    kernel = [int(size) for size in weights]
    if name == "FULLY_CONNECTED":
        return Layer(name, 1, kernel[0], kernel[1], 1)
    return Layer(name, pixels, outputs, kernel[3] if name == "CONV_2D" else 1, kernel[1] * kernel[2])


def _scales(weights: Any) -> int:
    scale = weights.quantization.scale if weights.quantization else None
    return 0 if scale is None else len({float(value) for value in scale})


def arena_bytes(path: Path) -> int | None:
    """Bytes of the smallest arena in which TFLM (tflite-micro) takes the model, to 16; None where tflite-micro has no wheel.

    Pointers are twice as wide here as on the camera, so the camera needs somewhat less. Raises ContractError if TFLM
    does not take the model in 16 MB.
    """
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        return None
    data = Path(path).read_bytes()

    def fits(arena: int) -> bool:
        try:
            runtime.Interpreter.from_bytes(data, arena_size=arena)
        except RuntimeError:
            return False
        return True

    with _quiet():
        low, high = 0, 16_000_000
        if not fits(high):
            raise ContractError(
                f"{path}: TensorFlow Lite Micro refuses it; build it from {', '.join(sorted(OPERATORS))} in int8"
            )
        while high - low > 16:
            middle = (low + high) // 32 * 16
            low, high = (low, middle) if fits(middle) else (middle, high)
    return high


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what TFLM prints on every failed try off the terminal; it writes to the file descriptor, not to sys.stderr."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
