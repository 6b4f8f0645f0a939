# mypy: ignore-errors
"""`image` as the program sees it: handles for pictures that the host draws on, measures and searches.

The frame buffer lies on the host, as it lies outside the heap on a camera. A copy's pixels lie in the heap, here too.
"""

GRAYSCALE = 0x08020001


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
        def __init__(self, width: int, height: int, pixformat: int = GRAYSCALE, pixels: object = "new") -> None:
            if isinstance(width, str):
                raise NotImplementedError("the virtual camera does not load pictures from files into image.Image")
            self._shape = [width, height, pixformat]
            self._pixels = (
                bytearray(width * height * (1 if pixformat == GRAYSCALE else 2)) if pixels == "new" else pixels
            )

        def width(self) -> int:
            return self._shape[0]

        def height(self) -> int:
            return self._shape[1]

        def format(self) -> int:
            return self._shape[2]

        def size(self) -> int:
            return self._shape[0] * self._shape[1] * (1 if self._shape[2] == GRAYSCALE else 2)

        def bytearray(self) -> bytearray:
            return camera.pixels(self)

        def save(self, path: str, *args: object, **kwargs: object) -> object:
            return camera.on_image("Image.save", self, (camera.absolute(path),) + args, kwargs)

        def __repr__(self) -> str:
            return '{"w":%d, "h":%d, "type":"grayscale", "size":%d}' % (self._shape[0], self._shape[1], self.size())

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
        raise NotImplementedError("the virtual camera does not play Image.%s" % name)

    return method
