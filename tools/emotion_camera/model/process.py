"""Native interpreters, in a process of their own: TensorFlow Lite Micro, which is the camera's, and LiteRT.

Both trust what a model file says: a damaged or hostile one ends the process that reads it. Here that is a worker process
(worker.py), which reads and runs every model; its end is a `Crash`, and the next call starts another worker.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from hashlib import sha256
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Any

from emotion_camera.errors import ModelError
from emotion_camera.model.worker import ENGINES, Message, packed, receive

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMEOUT_S = 60  # of a call; the arena of the shipped models takes 0.1 s, an inference 2 to 25 ms
DTYPES = ("int8", "uint8", "int16", "int32", "float32")


class Crash(ModelError):
    """An interpreter crashed on a model, or did not end."""


class Interpreter:
    """A model in an interpreter, by its name in `worker.ENGINES`, with an arena of so many bytes where it needs one.

    The worker keeps a few models and is given this one anew when it lacks it.
    """

    def __init__(self, engine: str, model: bytes, arena: int = 0) -> None:
        self._engine, self._model, self._arena = engine, model, arena
        self._key = f"{engine} {sha256(model).hexdigest()} {arena}"

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """The model's outputs for an input, both as they are in the file; of TFLM the first. ModelError or Crash where it does not run."""
        import numpy as np

        given = np.ascontiguousarray(tensor).tobytes()
        found, data = self._ask({"do": "run"}, given)
        if found.get("missing"):
            self._ask({"do": "load", "arena": self._arena}, self._model)
            found, data = self._ask({"do": "run"}, given)
        outputs, at = [], 0
        for about in found["outputs"]:
            if about["dtype"] not in DTYPES:
                raise ModelError(f"{ENGINES[self._engine].name} gives {about['dtype']}, which is not known")
            outputs.append(np.frombuffer(data[at : at + about["bytes"]], about["dtype"]).reshape(about["shape"]))
            at += about["bytes"]
        return outputs

    def _ask(self, request: dict[str, Any], data: bytes) -> Message:
        return ask(request | {"engine": self._engine, "model": self._key}, data)


class _Worker:
    """The worker process, at the other end of two pipes."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.timeout_s: float = TIMEOUT_S
        self.is_late = False
        # Ctrl-C is for this process alone.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "emotion_camera.model.worker"],
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def ask(self, request: dict[str, Any], data: bytes) -> Message:
        """The reply to one request; OSError or EOFError when the worker ends. After `timeout_s` it is ended."""
        assert self._process.stdin
        assert self._process.stdout
        timer = threading.Timer(self.timeout_s, self._give_up)
        timer.start()
        try:
            self._process.stdin.write(packed(request, data))
            self._process.stdin.flush()
            return receive(self._process.stdout)
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self.is_late = True
        self._process.kill()

    def close(self) -> None:
        if self.owner == os.getpid():  # after a fork it is the parent's
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                try:
                    assert pipe
                    pipe.close()
                except OSError:  # what was not sent yet
                    pass


_lock = threading.Lock()
_worker: _Worker | None = None


def ask(request: dict[str, Any], data: bytes) -> Message:
    """The reply of the worker, which is started where there is none. ModelError where the model is refused, or Crash."""
    name = ENGINES[request["engine"]].name
    with _lock:
        global _worker
        if _worker is None or _worker.owner != os.getpid():
            _worker = _Worker()
        try:
            reply, data = _worker.ask(request, data)
        except (OSError, EOFError):
            what = "does not end" if _worker.is_late else "crashes"
            _close()
            raise Crash(f"{name} {what} on it") from None
        except BaseException:  # Ctrl-C: the reply to this request must not be taken for the next one's
            _close()
            raise
    if "error" in reply:
        raise ModelError(f"{name} refuses it ({reply['error']})")
    return reply, data


def _close() -> None:
    global _worker
    if _worker is not None:
        _worker.close()
        _worker = None


atexit.register(_close)
