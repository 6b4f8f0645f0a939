"""Networks as the firmware loads and runs them: its refusals, its input bytes, its output numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_camera.boards import Board
from emotion_camera.errors import ModelError
from emotion_camera.model.interpreter import LiteRT
from emotion_camera.model.operators import Version, operators_of
from emotion_camera.model.process import Crash
from emotion_camera.model.tflite import SCHEMA, Description, read_description
from emotion_camera.model.tflm import Tflm, arena_bytes
from emotion_camera.model.vela import plain_of
from emotion_camera.simulator.host.firmware import CameraError, Generation, HardFault
from emotion_camera.simulator.host.pictures import Picture, clip, to_gray
from emotion_camera.simulator.host.tensor import face_tensor

NEWEST: Version = (5, 0, 0)
DTYPES = {"int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "float32": "f"}


@dataclass
class Network:
    """A loaded network. `arena` is the memory it works in, bytes."""

    description: Description
    arena: int
    run: Any  # int8 or uint8 (1, H, W, 1) -> list of raw outputs

    def attributes(self) -> dict[str, Any]:
        """What `ml.Model` has as attributes."""
        found: dict[str, Any] = {"len": self.description.size, "ram": self.arena}
        for side in ("input", "output"):
            tensors = getattr(self.description, side + "s")
            found[side + "_shape"] = [list(t.shape) for t in tensors]
            found[side + "_dtype"] = [DTYPES[t.dtype] for t in tensors]
            found[side + "_scale"] = [t.scale for t in tensors]
            found[side + "_zero_point"] = [t.zero_point for t in tensors]
        return found

    def methods(self) -> dict[str, Any]:
        """What the network of `tf` (v4.5.5 and before) has as methods."""
        found: dict[str, Any] = {"len": self.description.size, "ram": self.arena}
        for side in ("input", "output"):
            tensor = getattr(self.description, side + "s")[0]
            _, height, width, channels = (1, 1, 1, 1, *tensor.shape)[-4:]
            found |= {side + "_height": height, side + "_width": width, side + "_channels": channels}
            found |= {side + "_scale": tensor.scale, side + "_zero_point": tensor.zero_point}
            found[side + "_datatype"] = tensor.dtype
        return found


def load(path: Path, board: Board, firmware: Version = NEWEST) -> Network:
    """The network in `path`; CameraError with the firmware's words for one that it refuses, HardFault for a damaged one.

    What Vela compiled of a shipped model runs on an AE3 as that model does: nothing here has an Ethos-U.
    """
    if board.compiled_networks_only:
        raise CameraError("RuntimeError", "Failed to load network")
    data = path.read_bytes()
    try:
        description = read_description(data)
    except ModelError:
        raise HardFault(f"HardFault: {path.name} is no whole network, and the firmware reads it unchecked") from None
    if description.version != SCHEMA:
        raise CameraError("ValueError", "Unsupported model schema")
    if description.compiled and board.neural_processor:
        data = plain_of(data) or b""
        if not data:
            raise CameraError("NotImplementedError", "the simulator runs what Vela made of the shipped models only")
    elif set(description.operators) - operators_of(firmware):
        raise _refused()
    if description.hybrid:
        raise CameraError("ValueError", "Hybrid models are not supported")
    for tensor in (*description.inputs, *description.outputs):
        if tensor.dtype not in DTYPES or tensor.dtype == "float32":
            side = "input" if tensor in description.inputs else "output"
            raise CameraError("ValueError", f"Unsupported {side} data type")
    try:
        arena = arena_bytes(data)
    except Crash as error:
        raise HardFault(f"HardFault: {path.name} is damaged: {error}") from None
    except ModelError:
        raise _refused() from None
    if description.per_channel_dense:
        raise _refused()
    return Network(description, arena or 0, (LiteRT(data) if arena is None else Tflm(data, arena)).run)


def _refused() -> CameraError:
    return CameraError("RuntimeError", "Failed to allocate tensors")


def predict(network: Network, picture: Picture, roi: Any, generation: Generation) -> list[NDArray[np.float32]]:
    """The network's outputs for `roi` of `picture`, as the firmware gives them: float32, dequantised."""
    try:
        raw = network.run(input_tensor(network, picture, roi, generation))
    except ModelError as error:
        raise HardFault(f"HardFault: {error}") from None
    return [
        (values.astype(np.float32) - np.float32(tensor.zero_point)) * np.float32(tensor.scale)
        for values, tensor in zip(raw, network.description.outputs, strict=True)
    ]


def input_tensor(network: Network, picture: Picture, roi: Any, generation: Generation) -> NDArray[Any]:
    """What the firmware writes into the network's input: pixel - 128 for int8, the pixel for uint8."""
    tensor = network.description.inputs[0]
    if len(tensor.shape) != 4:
        raise CameraError("ValueError", "Expected input tensor with shape: (1, H, W, C)")
    batch, height, width, channels = tensor.shape
    if batch != 1:
        raise CameraError("ValueError", "Expected batches to be 1")
    if channels not in (1, 3):
        raise CameraError("ValueError", "Expected channels to be 1 or 3")
    if channels == 3 or height != width or tensor.dtype not in ("int8", "uint8"):
        raise CameraError("NotImplementedError", "the simulator runs networks with a square gray int8 input only")
    values = face_tensor(to_gray(picture.pixels), clip(roi, picture), width, generation[0])
    if tensor.dtype == "uint8":
        return (values.view(np.uint8) ^ 128).reshape(tensor.shape)
    return values.reshape(tensor.shape)


def classify(network: Network, picture: Picture, arguments: dict[str, Any], generation: Generation) -> list[Any]:
    """`tf.classify`: one result for the region, as `min_scale=1.0` asks; sliding windows are not played."""
    if arguments["min_scale"] != 1.0:
        raise CameraError("NotImplementedError", "the simulator plays tf.classify with min_scale=1.0 only")
    roi = clip(arguments["roi"], picture)
    output = predict(network, picture, roi, generation)[0].ravel().tolist()
    x, y, w, h = roi
    return [{"rect": roi, "x": x, "y": y, "w": w, "h": h, "output": output}]
