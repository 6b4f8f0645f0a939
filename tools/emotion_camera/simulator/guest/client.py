# mypy: ignore-errors
"""The guest of the simulator: asks the host, and turns its responses into the firmware's objects."""

import builtins
import sys

import link
import pictures
from clock import Clock

RESERVE = 4096  # bytes, to say that the camera has ended though the heap is full


class Client:
    """One camera. `config` is what the host said at the start; `call` asks for all else."""

    def __init__(self, port: int, token: str) -> None:
        self.link = link.Link(port, token)
        self.clock = None
        self.marked = ()
        self.channels = []
        self.Image = None  # the class, once the module image is made
        self._reserve = bytearray(RESERVE)
        self.config = self.call("boot")
        self.marked = self.config["marked"]
        self.clock = Clock(self.config["start_us"], self.config["real_clock"])

    def call(
        self, what: str, args: tuple = (), kwargs: dict | None = None, blob: bytes = b"", more: tuple = ()
    ) -> object:
        """The host's response to `what`; raises what the firmware would raise. The bytes `more` follow those of `blob`."""
        args = [plain(value) for value in args]
        kwargs = {name: plain(value) for name, value in (kwargs or {}).items()}
        request = self.link.pack(
            self.clock.look() if self.clock else 0, what, args, kwargs, len(blob) + sum(map(len, more))
        )
        if what in self.marked:
            self._mark()
        now_us, kind, value, size = self.link.ask(request, blob, more)
        if self.clock:
            self.clock.set(now_us)
        if kind == "error":
            raise getattr(builtins, value[0])(value[1])
        return self._build(kind, value, size)

    def _mark(self) -> None:
        """Marks the place in the printed output at which the host is asked, so that it can tell what came before."""
        try:
            sys.stdout.write(self.config["mark"])
            if hasattr(sys.stdout, "flush"):
                sys.stdout.flush()
        except OSError:
            link.leave()

    def show_channels(self) -> None:
        """Let the host read each protocol channel that has something, as a tool that polls the camera does, and write to it."""
        if self.config["channel_host"]:
            return self.serve_channels()
        for name, backend in self.channels:
            if not hasattr(backend, "poll") or backend.poll():
                self.call("channel", (name,), {}, bytes(backend.read(0, backend.size())))
                written = self.config["channel_input"].pop(name, "")
                if written and hasattr(backend, "write"):
                    backend.write(0, bytearray(map(ord, written)))

    def serve_channels(self) -> None:
        """Call the channels as the host asks, like the firmware, which takes an exception for no answer."""
        backends = dict(self.channels)
        flags = [[name, hasattr(backend, "read") | hasattr(backend, "write") << 1] for name, backend in self.channels]
        answer = None
        while True:
            data = answer if isinstance(answer, (bytes, bytearray)) else b""
            is_bytes = answer is data
            request = self.call("channels", (flags, None if is_bytes else answer, is_bytes), {}, data)
            if request is None:
                return
            name, method, args = request[0], request[1], request[2:]
            if method == "write":
                args[1] = bytearray(map(ord, args[1]))
            try:
                answer = getattr(backends[name], method)(*args)
            except Exception:
                answer = None

    def send(self, way: str, name: object, data: bytes) -> None:
        """Tell the host what leaves the camera by a UART, a pin or a light."""
        self.call(way, (name,), {}, data)

    def _build(self, kind: str, value: object, size: int) -> object:
        if kind == "tuples":
            return [tuple(item) for item in value]
        if kind == "tuple":
            return tuple(value)
        if kind == "record":
            return pictures.Record(value, self.config["attributes"])
        if kind == "records":
            return [pictures.Record(item, self.config["attributes"]) for item in value]
        if kind == "frame":
            return self._picture(value, None)
        if kind == "picture":
            return self._picture(value, self.link.read_blob(pictures.make_pixels(size)))
        if kind == "bytes":
            return self.link.read_blob(bytearray(size))
        return value

    def _picture(self, shape: list, pixels: object) -> object:
        """A picture of the firmware's: the frame buffer, where it has no pixels here."""
        image = object.__new__(self.Image)
        image._shape, image._pixels = shape, pixels
        return image

    def on_image(self, what: str, image: object, args: list, kwargs: dict) -> object:
        """Call a method of `image`; when it changed the picture, the handle follows. Another picture may be among `args`."""
        shape, blob = self._sent(image)
        others = [value for value in args if isinstance(value, self.Image) and value._pixels is not None]
        args = [self._sent(value)[0] if isinstance(value, self.Image) else value for value in args]
        result = self.call(what, [shape] + args, kwargs, blob, [value._pixels for value in others])
        if not isinstance(result, dict) or "same" not in result:
            return result
        image._shape = result["same"]
        if image._pixels is not None and self.link._left:
            image._pixels = image._pixels[: self.link._left]  # no method makes a picture larger in its place
            self.link.read_blob(image._pixels)
        return image

    def _sent(self, image: object) -> tuple:
        """How the host is told of a picture, and the bytes that go with it: its own, or those of the host's frame buffer."""
        is_copy = image._pixels is not None
        return image._shape + [is_copy], image._pixels if is_copy else b""

    def pixels(self, image: object) -> bytearray:
        return image._pixels if image._pixels is not None else self.on_image("Image.bytearray", image, [], {})

    def take_file_memory(self, path: str, size: int) -> object:
        """Memory for a network's file: the heap, or on v5 the scratch memory where the heap has no room."""
        try:
            return bytearray(size)
        except MemoryError:
            if not self.config["files_in_scratch"] or not self.call("scratch.take", (path, size)):
                raise
            return None

    def absolute(self, path: str) -> str:
        import os

        return path if path.startswith("/") else os.getcwd().rstrip("/") + "/" + path

    def tuples(self, value: object) -> object:
        """Lists, which is what tuples become on the link, back to tuples."""
        return tuple(self.tuples(item) for item in value) if isinstance(value, list) else value

    def end(self, reason: str, message: str) -> None:
        """Ends the program for good, as a reset does: the host stops the process while it waits for an answer."""
        self.clock.alarms.clear()
        self._reserve = None
        self.call("end", (reason, message))
        sys.exit()


def plain(value: object) -> object:
    """`value` as it can travel to the host."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if hasattr(value, "_reference"):
        return value._reference
    return {"object": type(value).__name__}
