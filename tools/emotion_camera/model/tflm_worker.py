"""The process that TFLM runs in: it replies to one request after the other until its input ends. See tflm.py.

A request and a reply are the lengths of two parts, 4 bytes each, then the parts: JSON, and a file's or a tensor's bytes.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from collections import OrderedDict
from typing import IO, Any

LARGEST_ARENA = 16_000_000
KEPT = 8  # models

Message = tuple[dict[str, Any], bytes]


def open_model(model: bytes, arena: int | None = None) -> Any:
    """TFLM's interpreter of a model; RuntimeError where it does not take it. It may crash this process."""
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(model, arena_size=arena)  # None is 10 times the file


def smallest_arena(model: bytes) -> int:
    """Bytes of the smallest arena in which TFLM takes the model, to 16; RuntimeError where 16 MB are too few."""
    open_model(model, LARGEST_ARENA)
    low, high = 0, LARGEST_ARENA
    while high - low > 16:
        middle = (low + high) // 32 * 16
        try:
            open_model(model, middle)
            high = middle
        except RuntimeError:
            low = middle
    return high


class Models:
    """The models that were used last, and what is asked of them."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[str, Any] = OrderedDict()

    def reply(self, request: dict[str, Any], data: bytes) -> Message:
        """What is to be sent back."""
        try:
            if request["do"] == "arena":
                return {"arena": smallest_arena(data)}, b""
            if request["do"] == "load":
                return self._load(request["model"], data, request["arena"])
            return self._run(request["model"], data)
        except (RuntimeError, ValueError):
            return {"error": "TensorFlow Lite Micro refuses it"}, b""

    def _load(self, key: str, model: bytes, arena: int) -> Message:
        self._loaded[key] = open_model(model, arena)
        while len(self._loaded) > KEPT:
            self._loaded.popitem(last=False)
        return {}, b""

    def _run(self, key: str, tensor: bytes) -> Message:
        import numpy as np

        if key not in self._loaded:
            return {"missing": True}, b""
        self._loaded.move_to_end(key)
        interpreter = self._loaded[key]
        given = interpreter.get_input_details(0)
        interpreter.set_input(np.frombuffer(tensor, given["dtype"]).reshape(given["shape"]), 0)
        interpreter.invoke()
        output = interpreter.get_output(0)
        return {"dtype": output.dtype.name, "shape": output.shape}, output.tobytes()


def packed(fields: dict[str, Any], data: bytes) -> bytes:
    """A message as it is sent."""
    text = json.dumps(fields).encode()
    return struct.pack(">II", len(text), len(data)) + text + data


def receive(stream: IO[bytes]) -> Message:
    """The next message; EOFError when the other end has gone."""
    header = stream.read(8)
    if len(header) < 8:
        raise EOFError
    text_size, data_size = struct.unpack(">II", header)
    text, data = stream.read(text_size), stream.read(data_size)
    if len(data) < data_size:
        raise EOFError
    return json.loads(text), data


def serve(end: socket.socket) -> None:
    """Until the other end has gone."""
    models, requests = Models(), end.makefile("rb")
    try:
        while True:
            end.sendall(packed(*models.reply(*receive(requests))))
    except EOFError:
        return


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
