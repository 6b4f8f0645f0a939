"""What a model file must be to run on the camera, and the one check of it.

Training checks what it makes, the tools what they are given, and the tests what is shipped, all by `check`.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from emotion_camera.boards import LARGE_HEAP, Limits
from emotion_camera.errors import ModelError
from emotion_camera.files import MODELS
from emotion_camera.model.cost import network_instructions
from emotion_camera.model.labels import notes, read_labels
from emotion_camera.model.process import Crash
from emotion_camera.model.tflite import Description, describe
from emotion_camera.model.tflm import arena_bytes

DEFAULT_MODEL = MODELS / "emotion.tflite"  # runs on every board that runs any
LARGE_MODEL = MODELS / "emotion_plus.tflite"  # for boards with megabytes of heap
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
INPUT_SIZE = 48  # pixels a side, as the shipped models see a face
INPUT_SCALE = 1 / 255  # the camera feeds pixel - 128 whatever the model says, so the model must say just that
INPUT_ZERO_POINT = -128

# Operators seen to run on the firmware, and those that TFLM has had in int8 in every release since firmware v4.5.
OPERATORS = {
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "LEAKY_RELU",
    "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "RELU", "RELU6", "RESHAPE", "SOFTMAX", "SUB",
}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """A model that has passed: its file, labels in output order, size of the square input in pixels, and costs.

    macs, instructions: multiply-accumulates and Cortex-M7 instructions (by `emotion_camera.model.cost`) for one answer.
    notes: what works otherwise than one may expect, in sentences to follow the model's name.
    """

    path: Path
    labels: tuple[str, ...]
    input_size: int
    file_bytes: int
    arena_bytes: int | None  # None where tflite-micro has no wheel
    macs: int
    instructions: int
    notes: tuple[str, ...] = ()


def check(path: Path, labels: Path | None = None, limits: Limits = LARGE_HEAP) -> Model:
    """Check a model file and its labels (by default `<name>.txt` beside it) against the contract.

    By default a model passes that only the roomier boards have room for. Raises ModelError with a sentence that
    names the file and the first thing wrong.
    """
    path = Path(path)
    if "." in path.stem:
        # The firmware looks for labels at path.split(".")[0] + ".txt", so a second dot would lose them.
        raise ModelError(
            f"{path.name}: has a dot in its name before the last; rename it, for the camera to find its labels"
        )
    found = describe(path)
    if found.cut:
        raise ModelError(f"{path}: is cut short or damaged; copy it again")
    _check_kind(path, found)
    size = _check_input(path, found)
    classes = _check_output(path, found)
    names = read_labels(Path(labels) if labels else path.with_suffix(".txt"), classes)
    instructions = round(network_instructions(found.layers))
    model = Model(path, names, size, found.size, _arena(path), found.macs, instructions, tuple(notes(names)))
    _check_limits(model, limits)
    return model


def _arena(path: Path) -> int | None:
    try:
        return arena_bytes(path.read_bytes())
    except Crash as error:
        raise ModelError(f"{path}: is damaged ({error}); copy it again") from None
    except ModelError as error:
        raise ModelError(f"{path}: {error}; build it from {', '.join(sorted(OPERATORS))} in int8") from None


def fits(model: Model, limits: Limits) -> bool:
    """Whether a model that has passed keeps other limits, too."""
    return _over(model, limits) is None


def _check_limits(model: Model, limits: Limits) -> None:
    trouble = _over(model, limits)
    if trouble:
        raise ModelError(f"{model.path}: {trouble}")


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
        raise ModelError(
            f"{path}: has int8 weights but float activations; the camera needs full int8 (run emotion-camera train quantize)"
        )
    strange = sorted(set(found.operators) - OPERATORS)
    if strange:
        raise ModelError(
            f"{path}: uses {strange[0]}, which is not known to run on the camera; build it from {', '.join(sorted(OPERATORS))}"
        )
    if found.per_channel_dense:
        raise ModelError(
            f"{path}: a FULLY_CONNECTED layer has a scale for each channel, which the camera refuses; "
            "convert with per-tensor Dense weights (run emotion-camera train quantize)"
        )


def _check_input(path: Path, found: Description) -> int:
    if len(found.inputs) != 1:
        raise ModelError(f"{path}: has {len(found.inputs)} inputs; the camera gives one")
    tensor = found.inputs[0]
    if tensor.dtype != "int8":
        raise ModelError(f"{path}: input is {tensor.dtype}; the camera needs int8 (run emotion-camera train quantize)")
    shape = tensor.shape
    if len(shape) != 4 or shape[0] != 1 or shape[1] != shape[2] or shape[3] != 1:
        raise ModelError(
            f"{path}: input has the shape {list(shape)}; it must be [1, size, size, 1], one square grey picture"
        )
    if not math.isclose(tensor.scale, INPUT_SCALE, rel_tol=1e-4) or tensor.zero_point != INPUT_ZERO_POINT:
        raise ModelError(
            f"{path}: input scale is {tensor.scale:.6g} and zero point {tensor.zero_point}; they must be 1/255 and -128, because the "
            "camera feeds pixel - 128: train on pixels from 0 to 1, and calibrate on pictures that hold black and white"
        )
    return shape[1]


def _check_output(path: Path, found: Description) -> int:
    if len(found.outputs) != 1:
        raise ModelError(f"{path}: has {len(found.outputs)} outputs; the camera reads one")
    tensor = found.outputs[0]
    if tensor.dtype != "int8" or len(tensor.shape) != 2 or tensor.shape[0] != 1 or tensor.shape[1] < 2:
        raise ModelError(f"{path}: output is {tensor.dtype} {list(tensor.shape)}; it must be int8 [1, classes]")
    if found.operators[-1] != "SOFTMAX":
        raise ModelError(f"{path}: ends in {found.operators[-1]}; it must end in SOFTMAX, for scores that add up to 1")
    return tensor.shape[1]
