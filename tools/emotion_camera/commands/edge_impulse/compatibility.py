"""Whether a model from Studio runs on the camera, and what to set in Studio where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emotion_camera.boards import LARGE_HEAP, SMALL_HEAP
from emotion_camera.errors import ModelError
from emotion_camera.model.contract import SMALLER, Model, check, fits
from emotion_camera.model.input_range import input_range, input_trouble
from emotion_camera.model.labels import read_labels
from emotion_camera.model.operators import ML, operators_of
from emotion_camera.model.process import Crash
from emotion_camera.model.tflite import Description, describe
from emotion_camera.model.tflm import arena_bytes

DAMAGED = "its model is damaged, or is none; download it again"
AGAIN = "generate features and train again"
BLOCK = "in Create impulse choose Classification or Transfer Learning (Images) as learning block, and train again"


def check_in_studios_words(path: Path, source: str) -> Model:
    """The model in `path`, its labels beside it, as emotion_camera.model.contract.check gives it; the camera's roomier boards count.

    Raises ModelError with a sentence that calls the model `source` and says where in Studio to set what does not fit.
    """
    found = _read(path, source)
    labels = read_labels(path.with_suffix(".txt"))
    trouble = _kind(found) or _input(found) or _output(found, labels)
    if trouble:
        raise ModelError(f"{source}: {trouble}")
    try:
        return check(path, limits=LARGE_HEAP)
    except ModelError as error:
        said = str(error).replace(f"{path}: ", "").replace(f"{path.with_suffix('.txt')}: ", "")
        smaller = "in Studio choose a smaller network, such as MobileNetV1 0.1, or a smaller Image data size"
        raise ModelError(f"{source}: {said.replace(SMALLER, smaller)}") from None


def _read(path: Path, source: str) -> Description:
    try:
        found = describe(path)
        if not (found.inputs and found.outputs and found.operators):
            raise ModelError("is empty")
    except ModelError:
        raise ModelError(f"{source}: {DAMAGED}") from None
    try:
        arena_bytes(path.read_bytes())
    except Crash:
        raise ModelError(f"{source}: {DAMAGED}") from None
    except ModelError:  # check says why
        pass
    return found


def boards(model: Model) -> str:
    """The boards that have room for a model that fits one at all."""
    return f"{SMALL_HEAP.boards}, {LARGE_HEAP.boards}" if fits(model, SMALL_HEAP) else LARGE_HEAP.boards


def _kind(found: Description) -> str | None:
    kinds = {tensor.dtype for tensor in (*found.inputs, *found.outputs)} - {"int8"}
    if found.hybrid or kinds:
        kind = min(kinds, default="float32")
        return (
            f"computes in {kind}; the camera needs int8: on Studio's Deployment page choose Quantized (int8), and Build"
        )
    strange = sorted(set(found.operators) - operators_of(ML))
    if strange:
        return f"uses {strange[0]}, which the camera's firmware lacks: in Studio choose the network of Classification, or MobileNetV1"
    if found.per_channel_dense:
        return (
            "has a scale for each output of a dense layer, which the camera refuses: in Studio switch the learning block to "
            "Expert mode, set disable_per_channel_quantization = True at its end, and train again"
        )
    return None


def _input(found: Description) -> str | None:
    if len(found.inputs) != 1 or len(found.inputs[0].shape) != 4:
        return f"does not take a picture: add the Image block, then {BLOCK}"
    tensor = found.inputs[0]
    _, height, width, channels = tensor.shape
    if channels != 1:
        return (
            f"sees colour, the camera's faces are grey: in Studio's Image block set Color depth to Grayscale, {AGAIN}"
        )
    if height != width:
        return (
            f"sees {width} x {height} pixels, the camera's faces are square: "
            f"in Create impulse set Image data to 48 x 48, 64 x 64 or 96 x 96, {AGAIN}"
        )
    if input_trouble(tensor):
        low, high = input_range(tensor)
        return (
            f"was quantized on pixels from {low:.3g} to {high:.3g}, which is no range that networks are trained on: use Studio's Image "
            f"block as it is, upload pictures that hold black and white to Training, {AGAIN}"
        )
    return None


def _output(found: Description, labels: Sequence[str]) -> str | None:
    tensor = found.outputs[0]
    if len(found.outputs) != 1 or len(tensor.shape) != 2:
        return f"finds objects (its output has the shape {list(tensor.shape)}), and does not name one face: {BLOCK}"
    classes = tensor.shape[1]
    if classes < 2:
        return f"gives one number and not a score for each label: {BLOCK}"
    if classes != len(labels):
        return (
            f"has {classes} outputs, but its labels.txt names {len(labels)} labels: "
            "on Studio's Deployment page Build again after training, and download that"
        )
    return None
