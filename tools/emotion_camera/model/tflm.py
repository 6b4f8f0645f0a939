"""TensorFlow Lite Micro, the camera's interpreter, in a process of its own.

TFLM trusts what a model file says: a damaged or hostile one ends the process that reads it. Here that is a worker process
(tflm_worker.py), which reads and runs every model; its end is a TflmCrash, and the next call starts another worker.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from subprocess import DEVNULL
from typing import TYPE_CHECKING, Any

from emotion_camera.errors import ModelError
from emotion_camera.model.tflm_worker import Message, packed, receive

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMEOUT_S = 60  # of a call; the arena of the shipped models takes 0.1 s, an inference 7 to 25 ms
DTYPES = ("int8", "uint8", "int16", "int32", "float32")


class TflmCrash(ModelError):
    """TFLM crashed on a model, or did not end."""


def is_available() -> bool:
    """Whether tflite-micro is installed: it has wheels for Linux x86-64 alone."""
    return find_spec("tflite_micro") is not None


@lru_cache(maxsize=8)
def arena_bytes(model: bytes) -> int | None:
    """Bytes of the smallest arena in which TFLM takes the model, to 16; None where tflite-micro has no wheel.

    Pointers are twice as wide here as on the camera, so the camera needs somewhat less. Raises ModelError if TFLM
    does not take the model in 16 MB, TflmCrash if it crashes.
    """
    if not is_available():
        return None
    return int(_ask({"do": "arena"}, model)[0]["arena"])


class Tflm:
    """A model in TFLM with an arena of so many bytes. The worker keeps a few models and is given them anew when it lacks one."""

    def __init__(self, model: bytes, arena: int) -> None:
        self._model, self._arena = model, arena
        self._key = f"{sha256(model).hexdigest()} {arena}"

    def run(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """The model's first output for an input, both as they are in the file. ModelError or TflmCrash where it does not run."""
        import numpy as np

        request, given = {"do": "run", "model": self._key}, np.ascontiguousarray(tensor).tobytes()
        found, data = _ask(request, given)
        if found.get("missing"):
            _ask({"do": "load", "model": self._key, "arena": self._arena}, self._model)
            found, data = _ask(request, given)
        if found["dtype"] not in DTYPES:
            raise ModelError(f"TensorFlow Lite Micro gives {found['dtype']}, which is not known")
        return [np.frombuffer(data, found["dtype"]).reshape(found["shape"])]


class _Worker:
    """The worker process, at the other end of a socket."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._socket, end = socket.socketpair()
        self._socket.settimeout(TIMEOUT_S)
        self._replies = self._socket.makefile("rb")
        words = [sys.executable, "-m", "emotion_camera.model.tflm_worker", str(end.fileno())]
        # Ctrl-C is for this process, and what TFLM prints at every failed try for nobody.
        self._process = subprocess.Popen(
            words, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, pass_fds=[end.fileno()], start_new_session=True
        )
        end.close()

    def ask(self, request: dict[str, Any], data: bytes) -> Message:
        """The reply to one request; OSError or EOFError when the worker ends or does not go on for TIMEOUT_S."""
        self._socket.sendall(packed(request, data))
        return receive(self._replies)

    def close(self) -> None:
        if self.owner == os.getpid():  # after a fork it is the parent's
            self._process.kill()
            self._process.wait()
            self._replies.close()
            self._socket.close()


_lock = threading.Lock()
_worker: _Worker | None = None


def _ask(request: dict[str, Any], data: bytes) -> Message:
    """The reply of the worker, which is started where there is none."""
    with _lock:
        global _worker
        if _worker is None or _worker.owner != os.getpid():
            _worker = _Worker()
        try:
            reply, data = _worker.ask(request, data)
        except (OSError, EOFError) as error:
            _close()
            what = "does not end" if isinstance(error, TimeoutError) else "crashes"
            raise TflmCrash(f"TensorFlow Lite Micro {what} on it") from None
        except BaseException:  # Ctrl-C: the reply to this request must not be taken for the next one's
            _close()
            raise
    if "error" in reply:
        raise ModelError(reply["error"])
    return reply, data


def _close() -> None:
    global _worker
    if _worker is not None:
        _worker.close()
        _worker = None


atexit.register(_close)
