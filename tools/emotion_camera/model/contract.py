"""What a model file must be to run on the camera, and the one check of it.

Training checks what it makes, the tools what they are given, and the tests what is shipped, all by `check`: first what the
file is, then types, shapes, quantization, operators, labels and memory, in the order in which a person can mend them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emotion_camera.boards import LARGE_HEAP, Limits
from emotion_camera.errors import ModelError
from emotion_camera.files import MODELS
from emotion_camera.model import labels as label_file
from emotion_camera.model.cost import milliseconds, network_instructions
from emotion_camera.model.input_range import CALIBRATE, input_note, input_trouble
from emotion_camera.model.operators import ML, OF_FREE_BATCH, Version, operators_of
from emotion_camera.model.process import Crash
from emotion_camera.model.tflite import DAMAGED, ETHOS_U, SCHEMA, Description, describe, read_file
from emotion_camera.model.tflm import arena_bytes

DEFAULT_MODEL = MODELS / "emotion.tflite"  # runs on every board that runs any
LARGE_MODEL = MODELS / "emotion_plus.tflite"  # for boards with megabytes of heap
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
INPUT_SIZE = 48  # pixels a side, as the shipped models see a face
INPUT_SCALE, INPUT_ZERO_POINT = 1 / 255, -128  # of their input: the camera's pixels, 0 to 1
SMALLER = "use a smaller network, or smaller pictures"
INT8 = "converter.inference_input_type = converter.inference_output_type = tf.int8"


@dataclass(frozen=True)
class Model:
    """A model that has passed: its file, labels in output order, size of the square input in pixels, and costs.

    macs, instructions: multiply-accumulates and Cortex-M7 instructions (by `emotion_camera.model.cost`) for one answer.
    compiled: whether Vela compiled it for an AE3. notes: what works otherwise than one may expect, in sentences to follow
    the model's name.
    """

    path: Path
    labels: tuple[str, ...]
    input_size: int
    file_bytes: int
    arena_bytes: int | None  # None where tflite-micro has no wheel, or the model is compiled
    macs: int
    instructions: int
    compiled: bool = False
    notes: tuple[str, ...] = ()

    @property
    def memory(self) -> int:
        """Bytes of a camera's heap that file and arena take together, so far as they are known."""
        return self.file_bytes + (self.arena_bytes or 0)


def check(
    path: Path, labels: Path | None = None, limits: Limits = LARGE_HEAP, firmware: Version | None = None
) -> Model:
    """Check a model file and its labels (by default those that `labels.beside` finds) against the contract.

    `limits`: of the board; by default a model passes that only the roomier boards have room for. `firmware`: the camera's;
    None for any that the program supports. Raises ModelError with a sentence that names the file and the first thing wrong.
    """
    path = Path(path)
    found = describe(path)
    trouble = (
        _kind(found, limits) or _types(found) or _shapes(found) or _quantization(found) or _operators(found, firmware)
    )
    if trouble:
        raise ModelError(f"{path}: {trouble}")
    names = label_file.read_labels(Path(labels) if labels else label_file.beside(path), found.outputs[0].shape[-1])
    model = Model(
        path,
        names,
        found.inputs[0].shape[1],
        found.size,
        None if found.compiled else _arena(path),
        found.macs,
        round(network_instructions(found.layers)),
        found.compiled,
    )
    if model.memory > limits.memory:
        raise ModelError(f"{path}: {_too_large(model, limits)}")
    return replace(model, notes=tuple(_notes(model, found, limits, firmware)))


def fits(model: Model, limits: Limits) -> bool:
    """Whether a model that has passed has room in the memory and on the flash of other boards."""
    return model.memory <= limits.memory and model.file_bytes <= limits.file


def over(model: Model, limits: Limits) -> str | None:
    """The first limit that a model is over, the time of an answer among them, and what to do; None where it keeps all."""
    if model.memory > limits.memory:
        return _too_large(model, limits)
    for what, value, limit, unit in (
        ("its file takes", model.file_bytes, limits.file, "bytes"),
        ("an answer takes", model.instructions, limits.instructions, "Cortex-M7 instructions"),
    ):
        if value > limit:
            return f"{what} {value:,} {unit}; the most for {limits.boards} is {limit:,}: {SMALLER}"
    return None


def _too_large(model: Model, limits: Limits) -> str:
    arena = f" and its arena {model.arena_bytes:,}" if model.arena_bytes else ""
    return (
        f"its file takes {model.file_bytes:,} bytes{arena}; the most for {limits.boards} is {limits.memory:,} together: "
        f"{SMALLER}{'' if limits.memory >= LARGE_HEAP.memory else ', or a board with more memory'}"
    )


def _notes(model: Model, found: Description, limits: Limits, firmware: Version | None) -> Iterator[str]:
    """What works, but otherwise than one may expect."""
    yield from label_file.notes(model.labels)
    near = input_note(found.inputs[0])
    if near:
        yield near
    output = found.outputs[0]
    if not output.holds_scores:
        low, high = (-128 - output.zero_point) * output.scale, (127 - output.zero_point) * output.scale
        yield f"it gives numbers from {low:.3g} to {high:.3g}: taken for logits, of which the camera makes scores by a softmax"
    newer = sorted(set(found.operators) - operators_of((0, 0, 0)))
    if newer and firmware is None and not found.compiled:
        yield f"it uses {newer[0]}, which firmware has from v{'.'.join(map(str, ML))} on"
    if model.file_bytes > limits.file:
        yield f"its file has no room on the flash of {limits.boards} beside the program: it needs an SD card"
    if model.instructions > limits.instructions and not limits.neural_processor:
        ms = milliseconds(model.instructions)
        yield f"an answer takes about {ms:,.0f} ms at an OpenMV Cam H7's speed: the frame rate will be low"


def _kind(found: Description, limits: Limits) -> str | None:
    """What the file is at all."""
    if found.cut:
        return DAMAGED
    if found.version != SCHEMA:
        return f"is written by version {found.version} of TensorFlow Lite's schema, and the camera reads {SCHEMA}: convert it with a newer TensorFlow"
    looping = next((name for name in found.operators if name in ("WHILE", "IF", "CALL_ONCE")), None)
    if looping:
        return (
            f"uses {looping}, which needs a second graph, and the camera runs one: build it without loops and branches"
        )
    if len(found.graphs) > 1:
        names = ", ".join(name or "one without a name" for name in found.graphs[:4])
        return f"holds {len(found.graphs)} graphs ({names}), and the camera runs one: convert with one signature"
    if not (found.inputs and found.outputs and found.operators):
        return "holds no network: convert it again"
    if found.compiled and not limits.neural_processor:
        return "was compiled by Vela for an AE3's neural processor and runs there alone; give the plain .tflite that it was made of"
    return None


def _types(found: Description) -> str | None:
    """Input and output must be int8, and what is between them."""
    for side, tensors in (("inputs", found.inputs), ("outputs", found.outputs)):
        if len(tensors) != 1:
            return f"has {len(tensors)} {side}; the camera takes one picture in and one list of scores out"
    given, result = found.inputs[0].dtype, found.outputs[0].dtype
    quantize = f"set converter.optimizations = [tf.lite.Optimize.DEFAULT] and {INT8}; {CALIBRATE}"
    if found.hybrid:
        return (
            f"has int8 weights but computes in float32 (dynamic range quantization); the camera needs int8: {quantize}"
        )
    if given == result == "int8":
        return None
    if given == "float32":
        half = "leave converter.target_spec.supported_types = [tf.float16] out, and " if found.half else ""
        return f"input is float32; the camera needs int8: {half}{quantize}"
    if given == "int16":
        return f"input is int16; the camera needs int8: convert with tf.lite.OpsSet.TFLITE_BUILTINS_INT8 and {INT8}"
    side = "input" if given != "int8" else "output"
    return f"{side} is {result if given == 'int8' else given}; the camera needs int8: set {INT8} and convert again"


def _shapes(found: Description) -> str | None:
    """One square grey picture in, a score for each class out."""
    shape, scores = found.inputs[0].shape, found.outputs[0].shape
    must = f"input has the shape {_listed(shape)}; it must be [1, size, size, 1], one square grey picture"
    if len(shape) != 4 or min(shape) < 1:
        return must
    if shape[1] in (1, 3) and shape[2] == shape[3] != 1:
        return f"{must}: this one has its channels first, as PyTorch's; convert it with channels last, by onnx2tf for example"
    if shape[3] != 1:
        return f"{must}: this one has {shape[3]} channels; train on grey pictures, Input(shape=({shape[1]}, {shape[2]}, 1))"
    if shape[0] != 1:
        return f"{must}: this one takes {shape[0]} pictures at once; give Input batch_size=1 and convert again"
    if shape[1] != shape[2]:
        return must
    if len(scores) > 2 and max(scores[1:-1]) > 1:
        return f"output has the shape {_listed(scores)}, as of a network that finds objects; it must be [1, classes], one score for each class"
    if not scores or math.prod(scores) != scores[-1] or scores[-1] < 2:
        return f"output has the shape {_listed(scores)}; it must be [1, classes], one score for each of two classes or more"
    return None


def _quantization(found: Description) -> str | None:
    """What the numbers of input and output stand for."""
    if trouble := input_trouble(found.inputs[0]):
        return trouble
    if not 0 < found.outputs[0].scale < math.inf:
        return f"output is int8 without a scale; convert it again with converter.representative_dataset; {CALIBRATE}"
    return None


def _listed(some: Sequence[object]) -> str:
    """The first of a list, which may be as long as a made-up file says."""
    return f"[{', '.join(map(str, some[:6]))}{', ...' if len(some) > 6 else ''}]"


def _operators(found: Description, firmware: Version | None) -> str | None:
    """What the firmware's TFLM can't run."""
    custom = next((name for name in found.custom if name != ETHOS_U), None)
    if custom:
        return _custom(custom)
    there = operators_of(firmware or ML) | ({"CUSTOM"} if found.compiled else set())
    strange = sorted(set(found.operators) - there)
    number = next((name for name in strange if name.startswith("operator")), None)
    if number:
        return f"uses {number}, newer than this program: update emotion-camera, or convert with an older TensorFlow"
    if strange:
        return _missing(strange, found.free_batch)
    if found.per_channel_dense:
        return (
            "a FULLY_CONNECTED layer has a scale for each channel, which the camera refuses: set "
            "converter._experimental_disable_per_channel_quantization_for_dense_layers = True and convert again"
        )
    return None


def _missing(strange: list[str], free_batch: bool) -> str:
    names = _listed(strange)[1:-1]
    update = "update the firmware in OpenMV IDE (Tools, Install the Latest Release)"
    if set(strange) <= OF_FREE_BATCH and free_batch:
        return (
            f"uses {names}, which firmware before v{'.'.join(map(str, ML))} lacks, because the number of pictures at once was left open: "
            f"give Input batch_size=1 and convert again, or {update}"
        )
    if set(strange) <= operators_of(ML):
        return f"uses {names}, which firmware before v{'.'.join(map(str, ML))} lacks: {update}, or build it from other layers"
    return f"uses {names}, which the camera's firmware lacks: build it from other layers, such as convolutions and ReLU"


def _custom(name: str) -> str:
    if name.startswith("Flex"):
        return f"uses {name}, an operator of full TensorFlow: leave tf.lite.OpsSet.SELECT_TF_OPS out, and convert again"
    if name == "edgetpu-custom-op":
        return "was compiled for a Coral Edge TPU; give the .tflite that it was compiled from"
    if name == "TFLite_Detection_PostProcess":
        return "finds objects; the camera needs a network that gives one score for each class"
    return f"uses the custom operator {name}, which the camera's firmware lacks: build it from TensorFlow Lite's own"


def _arena(path: Path) -> int | None:
    try:
        return arena_bytes(read_file(path))
    except Crash as error:
        raise ModelError(
            f"{path}: is damaged, or was never trained ({error}); copy it again, or convert it again"
        ) from None
    except ModelError as error:
        raise ModelError(f"{path}: {error}; convert it again, to int8 throughout and from plain layers") from None
