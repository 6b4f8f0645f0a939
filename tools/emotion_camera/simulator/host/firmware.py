"""What each generation of OpenMV firmware has and how it must be called: the one table the simulator obeys.

`API` is written as Python stubs. A number as annotation is a vector of that many ints: loose numbers, a tuple or
either, by generation. `@since` and `@before` name the generations which have a function in that form; v4 ignores unknown
keywords but where it says `@strict`. What a stub does not have, the camera does not have: the program gets the
ImportError, AttributeError or TypeError it would get.
"""

import ast
import inspect
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from emotion_camera.errors import UserError

Generation = tuple[int, int]

VERSIONS: dict[Generation, tuple[int, int, int]] = {
    (4, 5): (4, 5, 5),
    (4, 7): (4, 7, 0),
    (4, 8): (4, 8, 1),
    (5, 0): (5, 0, 0),
}

LATER: dict[tuple[int, int, int], Generation] = {(5, 0, 1): (5, 0)}  # versions that differ in what they call themselves

# Widths and heights by the names that `sensor` and `csi` share.
FRAME_SIZES = {
    "QQCIF": (88, 72),
    "QCIF": (176, 144),
    "CIF": (352, 288),
    "QQSIF": (88, 60),
    "QSIF": (176, 120),
    "SIF": (352, 240),
    "QQQVGA": (80, 60),
    "QQVGA": (160, 120),
    "QVGA": (320, 240),
    "VGA": (640, 480),
    "HQQVGA": (120, 80),
    "HQVGA": (240, 160),
    "HVGA": (480, 320),
    "B64X64": (64, 64),
    "B128X128": (128, 128),
    "B320X320": (320, 320),
    "QQVGA2": (128, 160),
    "SVGA": (800, 600),
    "WVGA": (720, 480),
    "SXGA": (1280, 1024),
}
FRAME_SIZE_IDS = {name: number for number, name in enumerate(FRAME_SIZES, 1)}
PIXEL_FORMATS = {"GRAYSCALE": 0x08020001, "RGB565": 0x0C030002}
HINTS = {"AREA": 1 << 0, "BILINEAR": 1 << 1, "BICUBIC": 1 << 2, "HMIRROR": 1 << 5, "VFLIP": 1 << 6}

CONSTANTS: dict[str, dict[str, int]] = {
    "sensor": {**PIXEL_FORMATS, **FRAME_SIZE_IDS},
    "csi": {**PIXEL_FORMATS, **{name: number for name, number in FRAME_SIZE_IDS.items() if name != "B128X128"}},
    "image": {**PIXEL_FORMATS, **HINTS},
}

API = """
class sensor:
    def reset(): ...
    def set_pixformat(pixformat): ...
    def set_framesize(framesize): ...
    def set_windowing(window): ...
    def set_framebuffers(count: int): ...
    def get_framebuffers(): ...
    def set_framerate(rate): ...
    def set_contrast(contrast: int): ...
    def set_brightness(brightness: int): ...
    def set_saturation(saturation: int): ...
    def set_gainceiling(gainceiling): ...
    def set_auto_gain(enable, gain_db=-1, gain_db_ceiling=-1): ...
    def set_auto_exposure(enable, exposure_us=-1): ...
    def set_auto_whitebal(enable, rgb_gain_db=-1): ...
    def set_hmirror(enable): ...
    def set_vflip(enable): ...
    def width(): ...
    def height(): ...
    def skip_frames(n=None, time=None): ...
    def snapshot(): ...

@since(4, 8)
class csi:
    @strict()
    def CSI(*, cid=-1): ...

@since(4, 8)
class CSI:
    @strict()
    def reset(*, hard=True): ...
    def pixformat(pixformat: int = None): ...
    def framesize(framesize=None): ...
    def window(window=None): ...
    def framebuffers(count: int = None): ...
    def framerate(rate=None): ...
    def contrast(contrast: int): ...
    def brightness(brightness: int): ...
    def saturation(saturation: int): ...
    def gainceiling(gainceiling): ...
    def auto_gain(enable, *, gain_db=-1, gain_db_ceiling=-1): ...
    def auto_exposure(enable, *, exposure_us=-1): ...
    def auto_whitebal(enable, *, rgb_gain_db=-1): ...
    def hmirror(enable): ...
    def vflip(enable): ...
    def width(): ...
    def height(): ...
    @strict()
    def snapshot(*, time=-1, frames=-1): ...

class image:
    def Image(arg, height=-1, pixformat=-1, *, buffer=None, copy_to_fb=False): ...
    @before(5, 0)
    def HaarCascade(path: str, stages=25): ...
    @since(5, 0)
    def HaarCascade(path: str, *, stages=25): ...

class Image:
    def width(): ...
    def height(): ...
    def format(): ...
    def size(): ...
    def bytearray(): ...
    def flush(): ...
    def clear(): ...
    def get_pixel(point: 2, *, rgbtuple=None): ...
    def set_pixel(point: 2, color=None): ...
    def draw_line(line: 4, color=None, thickness=1): ...
    def draw_rectangle(rect: 4, color=None, thickness=1, fill=False): ...
    def draw_circle(circle: 3, color=None, thickness=1, fill=False): ...
    def draw_cross(point: 2, color=None, size=5, thickness=1): ...
    @before(5, 0)
    def draw_string(x: int, y: int, text: str, color=None, scale=1, x_spacing=0, y_spacing=0, mono_space=True): ...
    @since(5, 0)
    def draw_string(point: 2, text: str, color=None, scale=1, x_spacing=0, y_spacing=0, mono_space=True): ...
    @strict()
    def copy(*, x_scale=None, y_scale=None, roi: 4 = None, hint=0, copy=True): ...
    @strict()
    def crop(*, x_scale=None, y_scale=None, roi: 4 = None, hint=0, copy=False): ...
    @strict()
    def scale(*, x_scale=None, y_scale=None, roi: 4 = None, hint=0, copy=False): ...
    @strict()
    def to_grayscale(*, x_scale=None, y_scale=None, roi: 4 = None, hint=0, copy=False): ...
    @before(4, 7)
    def draw_image(image, x: int = 0, y: int = 0, x_scale=None, y_scale=None, roi: 4 = None, rgb_channel=-1, alpha=255,
                   color_palette=None, alpha_palette=None, hint: int = 0): ...
    @strict()
    @since(4, 7)
    def draw_image(image, x: int = 0, y: int = 0, *, x_scale=None, y_scale=None, roi: 4 = None, rgb_channel=-1, alpha=255,
                   color_palette=None, alpha_palette=None, hint: int = 0, transform=None, mask=None): ...
    @before(5, 0)
    def histeq(adaptive=False, clip_limit=-1): ...
    @since(5, 0)
    def histeq(*, adaptive=False, clip_limit=-1): ...
    @before(5, 0)
    def get_statistics(roi: 4 = None): ...
    @since(5, 0)
    def get_statistics(*, roi: 4 = None): ...
    def save(path: str, *, roi: 4 = None, quality=50): ...
    @before(5, 0)
    def find_features(cascade, threshold: float = 0.5, scale_factor: float = 1.5, roi: 4 = None): ...
    @since(5, 0)
    def find_features(cascade, *, threshold: float = 0.5, scale: float = 1.5, roi: 4 = None): ...

@before(4, 7)
class tf:
    def load(path: str, load_to_fb=False): ...
    def classify(net, img, roi: 4 = None, min_scale=1.0, scale_mul=0.5, x_overlap=0.0, y_overlap=0.0): ...

@before(4, 7)
class tf_model:
    def classify(img, roi: 4 = None, min_scale=1.0, scale_mul=0.5, x_overlap=0.0, y_overlap=0.0): ...

@since(4, 7)
class ml:
    @before(4, 8)
    def Model(path: str, load_to_fb=False): ...
    @since(4, 8)
    @before(5, 0)
    def Model(path: str, load_to_fb=False, postprocess=None): ...
    @since(5, 0)
    def Model(path: str, postprocess=None, *, load_to_fb=None, **ignored): ...
"""

# What a real camera's image has besides, and the simulator does not play: there, but a call says so.
NOT_PLAYED = [
    "binary",
    "draw_arrow",
    "draw_ellipse",
    "draw_keypoints",
    "find_apriltags",
    "find_blobs",
    "find_circles",
    "find_edges",
    "find_lines",
    "find_qrcodes",
    "find_template",
    "gamma",
    "gaussian",
    "get_histogram",
    "lens_corr",
    "mean",
    "median",
    "negate",
    "replace",
    "rotation_corr",
    "to_jpeg",
    "to_ndarray",
    "to_png",
    "to_rgb565",
]


class CameraError(Exception):
    """An exception that the program on the camera gets: `kind` is the builtin exception's name there."""

    def __init__(self, kind: str, message: str | int):
        super().__init__(message)
        self.kind = kind
        self.message = message


class HardFault(CameraError):
    """What no program can catch: the firmware reads outside of its memory, and the board resets."""

    def __init__(self, message: str):
        super().__init__("RuntimeError", message)


@dataclass(frozen=True)
class Firmware:
    """One generation: its version and the signature of every function, by "module.function" or "class.method"."""

    generation: Generation
    version: tuple[int, int, int]
    functions: dict[str, inspect.Signature]
    strict: frozenset[str]  # those that refuse unknown keywords in v4, too

    @property
    def loose_numbers(self) -> bool:
        """Whether vectors may be given as loose numbers."""
        return self.generation < (5, 0)

    @property
    def tuples(self) -> bool:
        """Whether vectors may be given as tuples."""
        return self.generation >= (4, 8)

    @property
    def results_have_attributes(self) -> bool:
        """Whether result objects have attributes (v5) rather than methods."""
        return self.generation >= (5, 0)

    @property
    def has_protocol(self) -> bool:
        """Whether a program can register channels of its own on the USB connection."""
        return self.generation >= (5, 0)

    @property
    def files_in_scratch(self) -> bool:
        """Whether a network's file goes to scratch memory where the heap has no room."""
        return self.generation >= (5, 0)

    @property
    def cascade_in_rom(self) -> bool:
        """Whether the face cascade is a file in /rom rather than a built-in name."""
        return self.generation >= (4, 7)

    def names(self, owner: str) -> list[str]:
        """The functions of a module, or the methods of a class."""
        return [name.split(".")[1] for name in self.functions if name.split(".")[0] == owner]

    def modules(self) -> dict[str, str]:
        """The importable modules which the host plays, each with the table's owner of its names."""
        found = {name: name for name in ("sensor", "csi", "image", "ml", "tf") if self.names(name)}
        if self.generation == (4, 7):
            found["csi"] = "sensor"
        if self.generation >= (4, 7):
            found["tf"] = "ml"
        return found


def find_firmware(name: str) -> Firmware:
    """The firmware that `name` ("v4.8.1", "4.8", "5.0.0", ...) means; UserError for one that is not played."""
    numbers = name.lower().removeprefix("v").split(".")
    if len(numbers) <= 3 and all(number.isdigit() for number in numbers):
        major, minor, patch = [*map(int, numbers), 0, 0][:3]
        generation = (5, 0) if major == 5 else (major, minor)
        # v4.5.6 to v4.6 are between two generations: `ml` is there and the cascade is built in.
        if generation in VERSIONS and (generation, patch > 5) != ((4, 5), True):
            version = (major, minor, patch)
            return replace(_firmware(generation), version=version if version in LATER else VERSIONS[generation])
    known = ", ".join("v" + ".".join(map(str, version)) for version in [*VERSIONS.values(), *LATER])
    raise UserError(f"firmware {name!r} is not played by the simulator: choose one of {known}")


@cache
def _firmware(generation: Generation) -> Firmware:
    functions, strict = {}, set()
    for owner in ast.parse(API).body:
        assert isinstance(owner, ast.ClassDef)
        for stub in owner.body if _has(owner, generation) else []:
            assert isinstance(stub, ast.FunctionDef)
            if _has(stub, generation):
                if any(ast.unparse(decorator) == "strict()" for decorator in stub.decorator_list):
                    strict.add(f"{owner.name}.{stub.name}")
                functions[f"{owner.name}.{stub.name}"] = _signature(stub)
    return Firmware(generation, VERSIONS[generation], functions, frozenset(strict))


def _has(node: ast.ClassDef | ast.FunctionDef, generation: Generation) -> bool:
    """Whether every @since and @before above `node` admits `generation`."""
    for decorator in node.decorator_list:
        assert isinstance(decorator, ast.Call)
        assert isinstance(decorator.func, ast.Name)
        if decorator.func.id == "strict":
            continue
        limit = tuple(ast.literal_eval(argument) for argument in decorator.args)
        if (generation >= limit) != (decorator.func.id == "since"):
            return False
    return True


def _signature(stub: ast.FunctionDef) -> inspect.Signature:
    scope: dict[str, Any] = {}
    stub.decorator_list = []
    exec(compile(ast.Module([stub], []), "firmware API", "exec"), scope)  # the text above, nothing from outside
    return inspect.signature(scope[stub.name])


def bind(firmware: Firmware, name: str, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of one call by name, defaults filled in, checked as this firmware checks them.

    Raises CameraError with the AttributeError or TypeError that the program gets.
    """
    signature = firmware.functions.get(name)
    if signature is None:
        raise CameraError("AttributeError", f"'{name.split('.')[0]}' object has no attribute '{name.split('.')[1]}'")
    if firmware.generation < (5, 0) and name not in firmware.strict:
        kwargs = {key: value for key, value in kwargs.items() if key in signature.parameters}
    try:
        bound = signature.bind(*_gather(firmware, signature, _spread(firmware, name, args)), **kwargs)
    except TypeError as error:
        raise CameraError("TypeError", _in_micropython_words(str(error))) from None
    bound.apply_defaults()
    for key, value in bound.arguments.items():
        bound.arguments[key] = _check(signature.parameters[key], value)
    return dict(bound.arguments)


def _spread(firmware: Firmware, name: str, args: list[Any]) -> list[Any]:
    """`args` as v4.8's draw_string, which takes its three in one tuple, too, and v5's drawing, which takes longer vectors."""
    if not args or not isinstance(args[0], list):
        return args
    if name == "Image.draw_string" and firmware.tuples and firmware.loose_numbers:
        if len(args[0]) != 3:
            raise CameraError("ValueError", f"requested length 3 but object has length {len(args[0])}")
        return [*args[0], *args[1:]]
    first = next(iter(firmware.functions[name].parameters.values())).annotation
    if name.startswith("Image.draw_") and not firmware.loose_numbers and isinstance(first, int):
        if len(args[0]) < first:
            raise CameraError("TypeError", f"expected tuple/list of at least {first} elements")
        return [args[0][:first], *args[1:]]
    return args


def _gather(firmware: Firmware, signature: inspect.Signature, args: list[Any]) -> list[Any]:
    """`args` with the loose numbers of a leading vector gathered into one list, where the firmware takes them loose."""
    first = next(iter(signature.parameters.values()), None)
    if not args or first is None or not isinstance(first.annotation, int) or first.default is not first.empty:
        return args
    if isinstance(args[0], list):
        if not firmware.tuples:
            raise CameraError("TypeError", "can't convert tuple to int")
        return args
    if not firmware.loose_numbers:
        raise CameraError("TypeError", f"object '{type(args[0]).__name__}' isn't a tuple or list")
    if len(args) < first.annotation:
        raise CameraError("TypeError", "function missing required positional arguments")
    return [args[: first.annotation], *args[first.annotation :]]


def _check(parameter: inspect.Parameter, value: Any) -> Any:
    """`value` as the firmware converts it: ints are never made from floats, strings never from anything else."""
    wanted = parameter.annotation
    if wanted is parameter.empty or (value is None and parameter.default is None):
        return value
    if wanted is str and not isinstance(value, str):
        raise CameraError("TypeError", f"can't convert '{type(value).__name__}' object to str implicitly")
    if wanted is int:
        return _int(value)
    if wanted is float:
        return _float(value)
    return vector(value, wanted) if isinstance(wanted, int) else value


def vector(value: Any, length: int) -> tuple[int, ...]:
    """`value` as that many ints; CameraError for anything else."""
    if not isinstance(value, list):
        raise CameraError("TypeError", f"object '{type(value).__name__}' isn't a tuple or list")
    if len(value) != length:
        raise CameraError("ValueError", f"requested length {length} but object has length {len(value)}")
    return tuple(_int(number) for number in value)


def _int(value: Any) -> int:
    if not isinstance(value, int):
        raise CameraError("TypeError", f"can't convert {_name(value)} to int")
    return int(value)


def _float(value: Any) -> float:
    if not isinstance(value, int | float):
        raise CameraError("TypeError", f"can't convert {_name(value)} to float")
    return float(value)


def _name(value: Any) -> str:
    """What MicroPython calls the type of a value that came over the link."""
    return {"list": "tuple"}.get(type(value).__name__, type(value).__name__)


def _in_micropython_words(message: str) -> str:
    if "unexpected keyword" in message:
        return "extra keyword arguments given"
    if "too many positional" in message:
        return "extra positional arguments given"
    return message.replace("missing a required argument:", "required argument missing:")
