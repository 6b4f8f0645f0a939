# mypy: ignore-errors
"""The firmware's modules at the REPL: as for main.py, but that Ctrl-C may break off any request, and that files are sent."""

import gc
import sys
from array import array

from client import Client
from link import Link

PIECE = 4096  # bytes of a file that are sent at once
FRAME = 640 * 400  # bytes: the largest frame that is written to, an AE3's VGA
STAND_INS = ("calls", "client", "clock", "disks", "hardware", "heap", "link", "modules", "networks", "pictures")


class ReplClient(Client):
    """A camera that calls the host again after a request was broken off: the rest of its response is lost with the call."""

    def __init__(self, port: int, token: str, reset: object) -> None:
        self._host = (port, token)
        self._reset = reset
        self._broken = False
        self._frame = bytearray(FRAME)  # made before the heap is limited: a camera's frame buffer is not in its heap
        super().__init__(port, token)

    def call(
        self, what: str, args: tuple = (), kwargs: dict | None = None, blob: bytes = b"", more: tuple = ()
    ) -> object:
        if self._broken:
            self.link.socket.close()
            self.link = Link(*self._host)
        self._broken = True
        try:
            if what == "network.load":
                self._send_file(args[0])
            response = super().call(what, args, kwargs, blob, more)
        except KeyboardInterrupt:
            raise
        except Exception:
            self._broken = False
            raise
        self._broken = False
        return response

    def _send_file(self, path: str) -> None:
        with open(path, "rb") as file:
            piece = file.read(PIECE)
            super().call("file", (path, True), {}, piece)
            while piece := file.read(PIECE):
                super().call("file", (path, False), {}, piece)

    def _build(self, kind: str, value: object, size: int) -> object:
        if kind == "reset":
            self._reset()
        if kind == "bytes" and size <= FRAME:  # of the frame buffer
            return self.link.read_blob(memoryview(self._frame)[:size])
        if kind == "floats":
            data, outputs = memoryview(self.link.read_blob(bytearray(size))), []
            for count in value:
                outputs.append(array("f", bytes(data[: 4 * count])))
                data = data[4 * count :]
            return outputs
        return super()._build(kind, value, size)

    def pixels(self, image: object) -> bytearray:
        """What is written into these bytes is in the picture, as the firmware's point into the frame buffer."""
        if image._pixels is None:
            image._pixels = super().pixels(image)
        return image._pixels

    def end(self, reason: str, message: str) -> None:
        self._reset()


def forget_stand_ins() -> None:
    """What a program imports by these names is its own."""
    for name in STAND_INS:
        sys.modules.pop(name, None)


def make_gc(size: int) -> None:
    """`gc` that knows of the board's heap of `size` bytes alone, not of the stand-ins in it."""

    class Gc:
        def __getattr__(self, name: str) -> object:
            return getattr(gc, name)

        def mem_free(self) -> int:
            return min(gc.mem_free(), size)  # the gaps among the stand-ins are too small for the fence that fills them

        def mem_alloc(self) -> int:
            return size - self.mem_free()

    sys.modules["gc"] = Gc()
