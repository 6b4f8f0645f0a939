"""The process that native interpreters run in: it replies to one request after the other until its input ends. See process.py.

A request and a reply are the lengths of two parts, 4 bytes each, then the parts: JSON, and a file's or tensors' bytes.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import re
import struct
import sys
from collections import OrderedDict
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

LARGEST_ARENA = 64_000_000  # an H7 has 0.3 MB of heap, an N6 25; a model that needs more is too large, not wrong
LARGEST_MEMORY = 2 << 30  # bytes of this process: a hostile file may ask for all there is
USED = re.compile(rb"Arena allocation total (\d+) bytes")
KEPT = 8  # models
MOST_S = 120  # of a request: the program that waits for its reply ends this process sooner, unless it was killed itself

Message = tuple[dict[str, Any], bytes]


class Network(Protocol):
    """A loaded model: int8 tensors, mostly, in and out."""

    def run(self, tensor: bytes) -> list[Any]:
        """The outputs for an input; ValueError where the input is of another size."""


class Tflm:
    """A model in TensorFlow Lite Micro; RuntimeError where it does not take it, and it may crash this process."""

    name = "TensorFlow Lite Micro"

    def __init__(self, model: bytes, arena: int) -> None:
        self._interpreter = open_tflm(model, arena)
        self._given = self._interpreter.get_input_details(0)

    @property
    def input_bytes(self) -> int:
        """Bytes of an input."""
        import numpy as np

        return int(np.prod(self._given["shape"])) * np.dtype(self._given["dtype"]).itemsize

    def print_memory(self) -> None:
        """To standard error: how much of its arena it uses, among other lines."""
        self._interpreter.print_allocations()

    def run(self, tensor: bytes) -> list[Any]:
        """Its first output."""
        self._interpreter.set_input(_array(tensor, self._given), 0)
        self._interpreter.invoke()
        return [self._interpreter.get_output(0)]


class LiteRT:
    """A model in LiteRT; RuntimeError or ValueError where it does not take it, and it may crash this process."""

    name = "LiteRT"

    def __init__(self, model: bytes, arena: int = 0) -> None:
        self._interpreter = open_litert(model)
        self._given = self._interpreter.get_input_details()[0]
        self._outputs = [output["index"] for output in self._interpreter.get_output_details()]

    def run(self, tensor: bytes) -> list[Any]:
        """All its outputs."""
        self._interpreter.set_tensor(self._given["index"], _array(tensor, self._given))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


ENGINES: dict[str, type[Tflm] | type[LiteRT]] = {"tflm": Tflm, "litert": LiteRT}


def _array(tensor: bytes, given: dict[str, Any]) -> Any:
    import numpy as np

    return np.frombuffer(tensor, given["dtype"]).reshape(given["shape"])


def open_tflm(model: bytes, arena: int | None = None) -> Any:
    """TFLM's interpreter of a model, in an arena of so many bytes; None is 10 times the file."""
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(model, arena_size=arena)


def open_litert(model: bytes) -> Any:
    """LiteRT's interpreter of a model, by its own int8 kernels on one thread: XNNPACK would round otherwise than the camera."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=model, num_threads=1, experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    return interpreter


class Models:
    """The models that were used last, and what is asked of them."""

    def __init__(self, printed: IO[bytes]) -> None:
        self._printed = printed  # where the interpreters print why they refuse a model
        self._loaded: OrderedDict[str, Network] = OrderedDict()

    def reply(self, request: dict[str, Any], data: bytes) -> Message:
        """What is to be sent back."""
        self._printed.truncate(0)
        try:
            if request["do"] == "arena":
                return {"arena": self._arena(data)}, b""
            if request["do"] == "load":
                return self._load(request, data)
            return self._run(request["model"], data)
        except (RuntimeError, ValueError, MemoryError) as error:
            return {"error": self._why(error)}, b""

    def _why(self, error: Exception) -> str:
        """What was printed last, such as the operator that TFLM refuses; else what the exception says."""
        self._printed.seek(0)
        said = self._printed.read().decode(errors="replace") if isinstance(error, RuntimeError) else ""
        lines = [line.strip() for line in (said.strip() or str(error)).splitlines() if line.strip()]
        return lines[-1][:200].removesuffix(" with status 1") if lines else type(error).__name__

    def _arena(self, model: bytes) -> int | None:
        """Bytes that TFLM uses of an arena with room for a model, after one inference: in one of so many it runs, and in 16 fewer
        not. None where it does not tell. (Trying smaller ones out would crash it: it has no room for what it says of that.)"""
        network = Tflm(model, LARGEST_ARENA)
        network.run(bytes(network.input_bytes))
        self._printed.truncate(0)
        network.print_memory()
        self._printed.seek(0)
        found = USED.search(self._printed.read())
        return int(found[1]) if found else None

    def _load(self, request: dict[str, Any], model: bytes) -> Message:
        self._loaded[request["model"]] = ENGINES[request["engine"]](model, request["arena"])
        while len(self._loaded) > KEPT:
            self._loaded.popitem(last=False)
        return {}, b""

    def _run(self, key: str, tensor: bytes) -> Message:
        if key not in self._loaded:
            return {"missing": True}, b""
        self._loaded.move_to_end(key)
        outputs = self._loaded[key].run(tensor)
        about = [{"dtype": output.dtype.name, "shape": output.shape, "bytes": output.nbytes} for output in outputs]
        return {"outputs": about}, b"".join(output.tobytes() for output in outputs)


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


def serve(requests: IO[bytes], replies: IO[bytes], printed: IO[bytes]) -> None:
    """Until the other end has gone."""
    models = Models(printed)
    with contextlib.suppress(EOFError):
        while True:
            request = receive(requests)
            faulthandler.dump_traceback_later(MOST_S, exit=True)
            replies.write(packed(*models.reply(*request)))
            replies.flush()
            faulthandler.cancel_dump_traceback_later()


def main() -> None:
    """Serve on standard input and output. What the interpreters print goes to a file, or it would be taken for a reply."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no limits
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (LARGEST_MEMORY, LARGEST_MEMORY))
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with replies, TemporaryFile(mode="a+b", buffering=0) as printed:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(printed.fileno(), stream.fileno())
        serve(sys.stdin.buffer, replies, printed)


if __name__ == "__main__":
    main()
