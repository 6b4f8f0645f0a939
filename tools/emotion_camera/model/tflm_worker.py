"""The process that TFLM runs in: it replies to one request after the other until its input ends. See tflm.py.

A request and a reply are the lengths of two parts, 4 bytes each, then the parts: JSON, and a file's or a tensor's bytes.
"""

import json
import os
import struct
from collections import OrderedDict
from typing import Any, BinaryIO

import numpy as np

LARGEST_ARENA = 16_000_000
KEPT = 8  # models

Reply = tuple[dict[str, Any], bytes]


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

    def reply(self, request: dict[str, Any], data: bytes) -> Reply:
        """What is to be sent back."""
        try:
            if request["do"] == "arena":
                return {"arena": smallest_arena(data)}, b""
            if request["do"] == "load":
                return self._load(request["model"], data, request["arena"])
            return self._run(request["model"], data)
        except (RuntimeError, ValueError):
            return {"error": "TensorFlow Lite Micro refuses it"}, b""

    def _load(self, key: str, model: bytes, arena: int) -> Reply:
        self._loaded[key] = open_model(model, arena)
        while len(self._loaded) > KEPT:
            self._loaded.popitem(last=False)
        return {}, b""

    def _run(self, key: str, tensor: bytes) -> Reply:
        if key not in self._loaded:
            return {"missing": True}, b""
        self._loaded.move_to_end(key)
        interpreter = self._loaded[key]
        given = interpreter.get_input_details(0)
        interpreter.set_input(np.frombuffer(tensor, given["dtype"]).reshape(given["shape"]), 0)
        interpreter.invoke()
        output = interpreter.get_output(0)
        return {"dtype": output.dtype.name, "shape": output.shape}, output.tobytes()


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Until there are no more requests."""
    models = Models()
    while len(header := requests.read(8)) == 8:
        text_size, data_size = struct.unpack(">II", header)
        request = json.loads(requests.read(text_size))
        reply, data = models.reply(request, requests.read(data_size))
        text = json.dumps(reply).encode()
        replies.write(struct.pack(">II", len(text), len(data)) + text + data)
        replies.flush()


if __name__ == "__main__":
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what TFLM prints is no reply
    serve(os.fdopen(0, "rb"), replies)
