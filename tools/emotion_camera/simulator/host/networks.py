"""Networks as the firmware loads and runs them: its refusals, its input bytes, its output numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_camera.boards import Board
from emotion_camera.model import contract
from emotion_camera.model.tflite import is_whole, schema_version
from emotion_camera.simulator.host.firmware import CameraError, Generation, HardFault
from emotion_camera.simulator.host.pictures import Picture, clip, to_gray
from emotion_camera.simulator.host.tensor import face_tensor

SCHEMA = 3  # the version of TensorFlow Lite's schema that TFLM reads
DTYPES = {"int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "float32": "f"}


@dataclass
class Network:
    """A loaded network. `arena` is the memory it works in, bytes."""

    description: contract.Description
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


def load(path: Path, board: Board) -> Network:
    """The network in `path`; CameraError with the firmware's words for one that it refuses, HardFault for half of one."""
    if board.compiled_networks_only:
        raise CameraError("RuntimeError", "Failed to load network")
    data = path.read_bytes()
    if not is_whole(data):
        raise HardFault(f"HardFault: {path.name} is no whole network, and the firmware does not look before it reads")
    if schema_version(data) != SCHEMA:
        raise CameraError("ValueError", "Unsupported model schema")
    try:
        description = contract.describe(path)
    except contract.ContractError:
        raise CameraError("RuntimeError", "Failed to allocate tensors") from None
    if description.hybrid:
        raise CameraError("ValueError", "Hybrid models are not supported")
    for tensor in (*description.inputs, *description.outputs):
        if tensor.dtype not in DTYPES or tensor.dtype == "float32":
            side = "input" if tensor in description.inputs else "output"
            raise CameraError("ValueError", f"Unsupported {side} data type")
    refused = description.per_channel_dense
    try:
        arena = contract.arena_bytes(path)
    except contract.ContractError:
        refused = True
    if refused:
        raise CameraError("RuntimeError", "Failed to allocate tensors")
    return Network(description, arena or 0, _runner(path, arena))


def _runner(path: Path, arena: int | None) -> Any:
    """A function that runs the network: TFLM as on the camera where it has a wheel, else LiteRT."""
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        return _litert_runner(path)
    assert arena  # known wherever TFLM is
    interpreter = runtime.Interpreter.from_file(str(path), arena_size=arena)  # left out, it is 10 times the file

    def run(tensor: NDArray[Any]) -> list[NDArray[Any]]:
        interpreter.set_input(tensor, 0)
        interpreter.invoke()
        return [interpreter.get_output(0)]

    return run


def _litert_runner(path: Path) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES  # XNNPACK rounds otherwise than TFLM, and talks
    interpreter = Interpreter(model_path=str(path), num_threads=1, experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()

    def run(tensor: NDArray[Any]) -> list[NDArray[Any]]:
        interpreter.set_tensor(inputs[0]["index"], tensor)
        interpreter.invoke()
        return [interpreter.get_tensor(output["index"]).copy() for output in outputs]

    return run


def predict(network: Network, picture: Picture, roi: Any, generation: Generation) -> list[NDArray[np.float32]]:
    """The network's outputs for `roi` of `picture`, as the firmware gives them: float32, dequantised."""
    raw = network.run(input_tensor(network, picture, roi, generation))
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
        raise CameraError("NotImplementedError", "the virtual camera runs networks with a square gray int8 input only")
    values = face_tensor(to_gray(picture.pixels), clip(roi, picture), width, generation[0])
    if tensor.dtype == "uint8":
        return (values.view(np.uint8) ^ 128).reshape(tensor.shape)
    return values.reshape(tensor.shape)


def classify(network: Network, picture: Picture, arguments: dict[str, Any], generation: Generation) -> list[Any]:
    """`tf.classify`: one result for the region, as `min_scale=1.0` asks; sliding windows are not played."""
    if arguments["min_scale"] != 1.0:
        raise CameraError("NotImplementedError", "the virtual camera plays tf.classify with min_scale=1.0 only")
    roi = clip(arguments["roi"], picture)
    output = predict(network, picture, roi, generation)[0].ravel().tolist()
    x, y, w, h = roi
    return [{"rect": roi, "x": x, "y": y, "w": w, "h": h, "output": output}]
