# mypy: ignore-errors
"""`image` as the program sees it: handles for pictures that the host draws on, measures and searches.

The frame buffer lies on the host, as it lies outside the heap on a camera. A copy's pixels lie in the heap, here too.
"""

GRAYSCALE, RGB565 = 0x08020001, 0x0C030002


def size_of(shape: list) -> int:
    """Bytes of the pixels of a picture with this width, height and format."""
    return shape[0] * shape[1] * (1 if shape[2] == GRAYSCALE else 2)


def check_image(width: int, height: int, pixformat: int) -> None:
    """The firmware's errors for a picture that can't be; it makes ints of nothing else."""
    for value in (width, height, pixformat):
        if not isinstance(value, int):
            raise TypeError("can't convert %s to int" % type(value).__name__)
    if width <= 0:
        raise OSError("Image width must be > 0")
    if height <= 0:
        raise OSError("Image height must be > 0")
    if pixformat not in (GRAYSCALE, RGB565):
        raise OSError("Pixel format is not set or unsupported")


def make_pixels(size: int) -> memoryview:
    """Memory for `size` bytes of pixels, from the heap, as much of it as the firmware takes: whole lines of the cache."""
    return memoryview(bytearray((size + 31) // 32 * 32 + 31))[:size]


def take_pixels(buffer: object, size: int) -> memoryview:
    """The program's own memory for a picture's pixels: what is drawn is in it at once."""
    pixels = memoryview(buffer)
    if len(pixels) < size:
        raise ValueError("Buffer is too small")
    return pixels[:size]


def as_bytearray(pixels: object) -> bytearray:
    """The same memory as a bytearray, as the firmware gives it; under CPython a copy of it."""
    if isinstance(pixels, bytearray):
        return pixels
    try:
        import uctypes
    except ImportError:
        return bytearray(pixels)
    return uctypes.bytearray_at(uctypes.addressof(pixels), len(pixels))


class Cascade:
    """A loaded face cascade. On v4.7 and later its numbers are read into the heap."""

    def __init__(self, stages: int, sizes: list) -> None:
        self._reference = {"cascade": stages}
        self._numbers = [bytearray(size) for size in sizes]


class Record:
    """A result with named values: methods up to v4, attributes from v5."""

    def __init__(self, values: dict, attributes: bool) -> None:
        self._values = values
        if "rect" in values:
            values["rect"] = tuple(values["rect"])
        self._attributes = attributes

    def __getattr__(self, name: str) -> object:
        if name not in self._values:
            raise AttributeError("'result' object has no attribute '%s'" % name)
        value = self._values[name]
        return value if self._attributes else lambda: value

    def __repr__(self) -> str:
        return repr(self._values)


def make_image_class(camera: object, methods: list, not_played: list) -> type:
    class Image:
        """A picture: the frame, one made by the firmware, or `Image(width, height, pixformat, buffer=)` of the program."""

        def __init__(
            self, arg: object, height: int = -1, pixformat: int = -1, *, buffer: object = None, copy_to_fb: bool = False
        ) -> None:
            if isinstance(arg, str) or copy_to_fb:
                raise NotImplementedError("the simulator makes pictures with their size or a buffer only")
            check_image(arg, height, pixformat)
            self._shape = [arg, height, pixformat]
            self._pixels = make_pixels(self.size()) if buffer is None else take_pixels(buffer, self.size())

        def width(self) -> int:
            return self._shape[0]

        def height(self) -> int:
            return self._shape[1]

        def format(self) -> int:
            return self._shape[2]

        def size(self) -> int:
            return size_of(self._shape)

        def bytearray(self) -> bytearray:
            return as_bytearray(camera.pixels(self))

        def save(self, path: str, *args: object, **kwargs: object) -> object:
            return camera.on_image("Image.save", self, (camera.absolute(path),) + args, kwargs)

        def __len__(self) -> int:
            return self._shape[1]

        def __getitem__(self, index: int) -> int:
            """A pixel by its number, row by row. (Iterated the firmware's pictures give rows, the stand-in's pixels.)"""
            if self._shape[2] != GRAYSCALE:
                raise NotImplementedError("the simulator gives single pixels of grayscale pictures only")
            return camera.pixels(self)[index]

        def __repr__(self) -> str:
            kind = "grayscale" if self._shape[2] == GRAYSCALE else "rgb565"
            return '{"w":%d, "h":%d, "type":"%s", "size":%d}' % (self._shape[0], self._shape[1], kind, self.size())

    for name in methods:
        if not hasattr(Image, name):
            setattr(Image, name, _method(camera, name))
    for name in not_played:
        setattr(Image, name, _missing(name))
    return Image


def _method(camera: object, name: str) -> object:
    def method(self: object, *args: object, **kwargs: object) -> object:
        return camera.on_image("Image." + name, self, args, kwargs)

    return method


def _missing(name: str) -> object:
    def method(self: object, *args: object, **kwargs: object) -> object:
        raise NotImplementedError("the simulator does not play Image.%s" % name)

    return method
