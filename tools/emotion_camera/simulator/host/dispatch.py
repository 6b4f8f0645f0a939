"""The firmware's functions: what the simulator returns when the program calls one of them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from emotion_camera.boards import Board
from emotion_camera.simulator.events import Call
from emotion_camera.simulator.faults import RandomErrors
from emotion_camera.simulator.host import networks
from emotion_camera.simulator.host.disks import CASCADE_TEXT, Folders
from emotion_camera.simulator.host.firmware import (
    CONSTANTS,
    NOT_PLAYED,
    PIXEL_FORMATS,
    CameraError,
    Firmware,
    bind,
    vector,
)
from emotion_camera.simulator.host.floats import with_camera_floats
from emotion_camera.simulator.host.haar import Detection
from emotion_camera.simulator.host.link import Request, Response
from emotion_camera.simulator.host.pictures import METHODS, NOTHING, Picture, Pixels, Statistics, clip, pack, unpack
from emotion_camera.simulator.host.scratch import bytes_of_call
from emotion_camera.simulator.host.sensor import Sensor, camera_functions
from emotion_camera.simulator.host.stdio import read_lines

EINVAL, ENOSPC = 22, 28
STAGES = 25  # of the cascade: all of them, for any number that it has not
# What the firmware reads of the cascade's file into the heap, each array a block of its own: sizes and thresholds of 25
# stages; thresholds, both leaves and number of rectangles of 2,913 features; weights and corners of 6,383 rectangles.
CASCADE_ARRAYS = (25, 50, 5826, 5826, 5826, 2913, 6383, 25532)
GRAY = PIXEL_FORMATS["GRAYSCALE"]
DONE = Response("value", None)


class Dispatch:
    """One camera's state, and its functions by the names in `firmware.API`."""

    def __init__(self, firmware: Firmware, board: Board, sensor: Sensor, folders: Folders) -> None:
        self.frame: Picture | None = None  # the frame buffer
        self.clean: Pixels | None = None  # the frame before the program drew
        self._firmware = firmware
        self._board = board
        self._sensor = sensor
        self._folders = folders
        self._errors = RandomErrors(sensor.faults)
        self._networks: dict[str, networks.Network] = {}
        self._calls: list[Call] = []  # of pictures' and networks' methods, since they were last asked for
        self._scratch = sensor.scratch
        self._functions = camera_functions(sensor) | {
            "sensor.snapshot": self._snapshot,
            "sensor.skip_frames": self._skip_frames,
            "CSI.snapshot": self._csi_snapshot,
            "image.HaarCascade": self._load_cascade,
            "ml.Model": self._model_arguments,
            "tf.load": self._model_arguments,
        }
        self._requests: dict[str, Callable[..., Response]] = {  # of the guest itself, not of the program
            "cascade.check": self._check_cascade,
            "network.load": self._load_network,
            "scratch.take": self._take_scratch,
        }

    def config(self) -> dict[str, Any]:
        """What the guest needs to know of the firmware and the board."""
        firmware, modules = self._firmware, self._firmware.modules()
        owners = {*modules.values(), "CSI"}
        return {
            "version": firmware.version,
            "board_type": self._board.board_type,
            "arch": self._board.arch,
            "modules": modules,
            "names": {owner: firmware.names(owner) for owner in owners},
            "constants": {owner: CONSTANTS[owner] for owner in owners if owner in CONSTANTS},
            "protocol": firmware.has_protocol,
            "exit_in_boot_is_final": firmware.generation < (5, 0),
            "debug_mode": False if firmware.generation >= (5, 0) else None,
            "predict_says_list": firmware.generation < (4, 8),
            "image_methods": firmware.names("Image"),
            "not_played": NOT_PLAYED,
            "attributes": firmware.results_have_attributes,
            "files_in_scratch": firmware.files_in_scratch,
            "heap": self._board.heap,
        }

    def handle(self, request: Request) -> Response:
        """The response to one request; CameraError for what the program gets as an exception, SourceEnded at the end.

        Floats cross as the camera keeps them, whatever the program computes with.
        """
        rounded = request._replace(args=with_camera_floats(request.args), kwargs=with_camera_floats(request.kwargs))
        response = self._handle(rounded)
        return response._replace(value=with_camera_floats(response.value))

    def _handle(self, request: Request) -> Response:
        what, args, kwargs = request.what, request.args, request.kwargs
        if what in self._requests:
            return self._requests[what](*args)
        self._errors.meet(what)
        if what.startswith(("Image.", "Model.", "tf_model.")):
            return self._on_picture(what, args[0], args[1:], kwargs, request.blob)
        arguments = bind(self._firmware, what, args, kwargs)
        result = self._functions[what](**arguments)
        return result if isinstance(result, Response) else _response(result)

    def read_by_protocol(self, lines: list[str]) -> list[str | None]:
        """What a computer on v5's protocol reads of what the program has printed since the frame before."""
        if not self._firmware.has_protocol:
            return [None] * len(lines)
        return read_lines(lines, self._board.stdio)

    def take_calls(self) -> tuple[Call, ...]:
        """The calls since the last time this was asked."""
        calls, self._calls = tuple(self._calls), []
        return calls

    def _note(self, what: str, picture: Picture, arguments: dict[str, Any], result: Any = None) -> None:
        sizes = {
            name: (value.width, value.height) if isinstance(value, Picture) else value
            for name, value in arguments.items()
        }
        counts = result.counts if isinstance(result, Detection) else None
        self._calls.append(Call(what, (picture.width, picture.height), sizes, counts))

    # The camera

    def _snapshot(self) -> Response:
        self.frame = Picture(self._sensor.snapshot())
        self.clean = self.frame.pixels.copy()
        return Response("frame", _shape(self.frame))

    def _csi_snapshot(self, time: int, frames: int) -> Response:
        """With `time` or `frames`, csi's snapshot only skips, and returns None."""
        if time == -1 and frames == -1:
            return self._snapshot()
        lengths = [time] * (time != -1) + [self._frames_ms(frames)] * (frames != -1)
        self._sensor.skip(int(min(lengths) * 1000))
        return DONE

    def _skip_frames(self, n: int | None, time: int | None) -> Response:
        wait_ms = time if time is not None else 300 if n is None else self._frames_ms(n)
        self._sensor.skip(int(wait_ms * 1000))
        return DONE

    def _frames_ms(self, frames: int) -> float:
        return frames * 1000 / self._sensor.source.fps

    # Pictures

    def _on_picture(
        self, what: str, shape: list[Any], args: list[Any], kwargs: dict[str, Any], blob: bytes
    ) -> Response:
        """A method of a picture: of the frame buffer, or of a copy whose pixels come along and go back."""
        picture, is_copy = self._picture(shape, blob), shape[3]
        own = len(pack(picture.pixels)) if is_copy else 0
        blob, rest = blob[:own], blob[own:]
        args = [self._picture(value, rest) if _is_picture(value) else value for value in args]
        if what == "Model.predict":
            return self._predict(picture, *args)
        if what == "tf_model.classify":
            return self._classify(picture, args, kwargs)
        arguments = bind(self._firmware, what, args, kwargs)
        if what == "Image.bytearray":
            return Response("bytes", None, pack(picture.pixels))
        if what == "Image.save":
            return self._save(picture, shape, **arguments)
        self._need_scratch(what, picture, arguments)
        size = Picture(picture.pixels)  # crop and scale put other pixels there
        result = METHODS[what.split(".")[1]](picture, **_with_point(arguments))
        self._note(what, size, arguments, result)
        if isinstance(result, Detection):
            return _response(result.boxes)
        if result is not None:
            return _response(result)
        after = pack(picture.pixels) if is_copy else b""
        return Response("value", {"same": _shape(picture)}, after if after != blob else b"")

    def _need_scratch(self, what: str, picture: Picture, arguments: dict[str, Any]) -> None:
        """MemoryError where the scratch memory is too small for this call."""
        drawn = arguments.get("image")  # of draw_image, whose roi is a part of it
        _, _, width, height = clip(arguments.get("roi"), drawn if isinstance(drawn, Picture) else picture)
        self._scratch.need(bytes_of_call(what, arguments, width, height))

    def _picture(self, shape: list[Any], blob: bytes) -> Picture:
        """The picture that a handle of this `shape` means."""
        width, height, pixel_format, is_copy = shape
        if is_copy:
            gray = pixel_format == GRAY
            return Picture(unpack(blob[: width * height * (1 if gray else 2)], width, height, gray))
        if self.frame is None:
            raise CameraError("RuntimeError", "Frame buffer error.")
        return self.frame

    def _save(self, picture: Picture, shape: list[Any], path: str, roi: Any, quality: int) -> Response:
        from PIL import Image

        x, y, w, h = clip(roi, picture)
        if self._sensor.faults.flash_full:
            raise CameraError("OSError", ENOSPC)
        try:
            Image.fromarray(picture.pixels[y : y + h, x : x + w]).save(self._folders.on_host(path), quality=quality)
        except (OSError, ValueError) as error:
            raise CameraError("OSError", str(error)) from None
        return Response("value", {"same": shape[:3]})

    def _load_cascade(self, path: str, stages: int) -> Response:
        has_one = self._firmware.generation >= self._board.first_cascade
        built_in = not self._firmware.cascade_in_rom and path == "frontalface" and has_one
        if not path:
            raise CameraError("OSError", EINVAL)
        stages = stages if 0 < stages < STAGES else STAGES
        sizes = () if built_in else CASCADE_ARRAYS
        return Response("value", {"path": path, "stages": stages, "file": not built_in, "sizes": sizes})

    def _check_cascade(self, head: str) -> Response:
        """Only the file that comes with the simulator is a cascade here; EIO for any other."""
        if head.encode() != CASCADE_TEXT:
            raise CameraError("OSError", 5)
        return DONE

    # Networks

    def _model_arguments(self, **arguments: Any) -> Response:
        """Checked by now; the guest goes on, for the network's memory is there."""
        for name in ("postprocess", "ignored"):
            arguments.pop(name, None)
        return Response("value", arguments)

    def _load_network(self, path: str) -> Response:
        network = networks.load(self._folders.on_host(path), self._board, self._firmware.version)
        self._networks[path] = network
        facts = {"arena": network.arena, "attributes": network.attributes(), "methods": network.methods()}
        return Response("value", facts)

    def _take_scratch(self, path: str, size: int) -> Response:
        """Whether the file of a network had room in scratch memory. Its program has no more use for one loaded before."""
        return Response("value", self._scratch.keep(path, size))

    def _predict(self, picture: Picture, path: str, settings: list[Any]) -> Response:
        roi = vector(settings[0], 4)
        self._note("Model.predict", picture, {"path": path, "roi": roi})
        outputs = networks.predict(self._networks[path], picture, roi, self._firmware.generation)
        return Response("value", [output.ravel().tolist() for output in outputs])

    def _classify(self, picture: Picture, args: list[Any], kwargs: dict[str, Any]) -> Response:
        path, *args = args
        arguments = bind(self._firmware, "tf_model.classify", [None, *args], kwargs)
        self._note("tf_model.classify", picture, {"path": path, **arguments})
        results = networks.classify(self._networks[path], picture, arguments, self._firmware.generation)
        return Response("records", results)


def _with_point(arguments: dict[str, Any]) -> dict[str, Any]:
    """v4's draw_string(x, y, text) with its two numbers as one point."""
    if "x" in arguments and "text" in arguments:
        arguments["point"] = arguments.pop("x"), arguments.pop("y")
    return arguments


def _is_picture(value: Any) -> bool:
    """Whether an argument is what `Client.on_image` makes of a picture: width, height, format, and whether it is a copy."""
    return isinstance(value, list) and len(value) == 4 and isinstance(value[3], bool)


def _shape(picture: Picture) -> list[int]:
    return [picture.width, picture.height, GRAY if picture.pixels.ndim == 2 else PIXEL_FORMATS["RGB565"]]


def _response(result: Any) -> Response:
    """`result` as a response that tells tuples, records and pictures from the rest."""
    if result is NOTHING:
        return DONE
    if isinstance(result, Picture):
        return Response("picture", _shape(result), pack(result.pixels))
    if isinstance(result, Statistics):
        return Response("record", result.values)
    if isinstance(result, tuple):
        return Response("tuple", result)
    if isinstance(result, list):
        return Response("tuples", result)
    return Response("value", result.item() if isinstance(result, np.generic) else result)
