"""Picture files of any format, depth and orientation, as pixels.

What a file is stands in its first bytes: its ending may be wrong, or one that nobody has listed. How many bits a pixel has
stands nowhere: cameras store ten bits in sixteen, and such a picture, read by its type, is black.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_camera.errors import UserError

Pixels = NDArray[np.uint8]
Timed = tuple[Pixels, float]  # a frame, and the seconds that it stands

LARGEST = 100_000_000  # pixels; a larger picture is a mistake, and would fill the memory
# Pillow's names; without those that it knows and can't decode (MPEG, HDF5), and EPS, for which it runs Ghostscript.
FORMATS = (
    "PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "ICO", "ICNS", "QOI", "PSD", "SGI",
    "PCX", "DDS",
)  # fmt: skip
ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")  # in other formats, more than one picture are pages, sizes or views
UNTOLD_MS = 100  # of a frame without a time, as in browsers
HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # behind "ftyp", after four bytes
SAVE_AS = "save it as JPEG or PNG"
OTHERS = {  # what people take for pictures, by its first bytes
    b"\xff\x0a": f"is a JPEG XL picture, which can't be read here; {SAVE_AS}",
    b"\0\0\0\x0cJXL ": f"is a JPEG XL picture, which can't be read here; {SAVE_AS}",
    b"%PDF": f"is a PDF; {SAVE_AS}",
    b"<svg": f"is a drawing (SVG); {SAVE_AS}",
    b"<!doc": "is a web page; download the picture itself",
    b"<html": "is a web page; download the picture itself",
    b"version https://git-lfs": "is a Git LFS pointer, which stands for the file; run git lfs pull",
}
WHITES = (1, 255, 1023, 4095, 16_383, 65_535, 2**31 - 1, 2**32 - 1)  # of floats; of 8, 10, 12, 14, 16, 31 and 32 bits
TOLERANCE = 1.1  # floats exceed white by as much where a picture was enlarged or sharpened
NARROW = 8  # a picture in less than this part of its scale is stretched: thermal images, floats of any scale
ORIENTATION = 0x0112  # EXIF's tag
SAMPLE_FORMAT, UNSIGNED = 339, 1  # TIFF's tag of what its numbers are


class UnknownFormat(UserError):
    """The file is no picture; it may be a video."""


def is_picture(path: Path) -> bool:
    """Whether the file begins as a picture does, broken or not. UserError where it can't be read, or is known not to be one."""
    try:
        with opened(path):
            return True
    except UnknownFormat:
        return _opencv_reads(path)


def read_picture(path: Path) -> Pixels:
    """The picture in `path`, upright, in uint8 grayscale [H, W] or RGB [H, W, 3]; transparent parts are white.

    UserError with a sentence for one that can't be used.
    """
    try:
        with opened(path) as picture:
            deep = _deep_pixels(path) if _is_deep(picture) else None
            picture.load()
            return _upright(_pixels(picture) if deep is None else deep, picture)
    except UnknownFormat:
        deep = _deep_pixels(path) if _opencv_reads(path) else None
        if deep is None:
            raise
        return deep


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is stored; UserError as `read_picture` raises it. A JPEG is decoded at an eighth of
    its size: of 12 megapixels in 25 ms in place of 150."""
    try:
        with opened(path) as picture:
            size: tuple[int, int] = picture.size
            picture.draft("L", (1, 1))
            picture.load()
            return size
    except UnknownFormat:
        height, width = read_picture(path).shape[:2]
        return width, height


def is_animated(path: Path) -> bool:
    """Whether the picture moves. UserError as `read_picture` raises it."""
    with opened(path) as picture:
        return picture.format in ANIMATED and getattr(picture, "n_frames", 1) > 1


def read_animation(path: Path) -> Generator[Timed, None, None]:
    """The frames of an animation, up to the cut of a file that is cut off. UserError where there are none."""
    from PIL import ImageSequence

    count = 0
    with opened(path) as picture:
        try:
            for frame in ImageSequence.Iterator(picture):
                if frame.info.get("default_image") and frame.tell() == 0:
                    continue  # what programs show that know no animated PNG
                frame.load()  # WebP tells the time only then
                pixels, time_ms = _upright(_pixels(frame), frame), frame.info.get("duration") or UNTOLD_MS
                count += 1
                yield pixels, time_ms / 1000
        except Exception:  # Pillow's decoders raise nearly everything
            if not count:
                raise


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file as a Pillow picture of a usable size; UserError for all that goes wrong with it in the `with`, too."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes are checked here; damaged notes of the camera do no harm
            with Image.open(path, formats=FORMATS) as picture:
                check_size(path, picture.size)
                yield picture
    except UserError:
        raise
    except UnidentifiedImageError:
        raise _unknown(path) from None
    except Image.DecompressionBombError:
        raise UserError(f"{path}: is too large; give at most {LARGEST // 1_000_000} megapixels") from None
    except Exception as error:  # Pillow's decoders raise nearly everything for a broken file
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"{path}: is not a picture that can be read ({why})") from None


def check_size(path: Path, size: tuple[int, int]) -> None:
    """UserError for more pixels than fit the memory; `size` is width and height."""
    if size[0] * size[1] > LARGEST:
        raise UserError(f"{path}: is {size[0]}x{size[1]} pixels; give at most {LARGEST // 1_000_000} megapixels")


def _unknown(path: Path) -> UserError:
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return UserError(f"{path}: is not a picture or a video that can be read (the file is empty)")
    if head[4:8] == b"ftyp" and head[8:12] in HEIF:
        return UserError(
            f"{path}: is a HEIC picture, as phones take them, which can't be read here; {SAVE_AS}, or have the phone take "
            "JPEG (iPhone: Settings, Camera, Formats, Most Compatible)"
        )
    for first, what in OTHERS.items():
        if head.lstrip().lower().startswith(first.lower()):
            return UserError(f"{path}: {what}")
    return UnknownFormat(f"{path}: is not a picture that can be read (unknown format)")


def _upright(pixels: Pixels, picture: Any) -> Pixels:
    """Turned as the camera's notes in `picture` tell; Pillow turns a TIFF itself, and has no note of it then."""
    from PIL import Image, ImageOps

    try:
        orientation = picture.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged notes
        return pixels
    if orientation == 1:
        return pixels
    turned = Image.fromarray(pixels)
    turned.getexif()[ORIENTATION] = orientation
    return np.asarray(ImageOps.exif_transpose(turned))


def _pixels(picture: Any) -> Pixels:
    """A Pillow picture of any mode."""

    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture)
        unsigned = getattr(picture, "tag_v2", {}).get(SAMPLE_FORMAT, (0,))[0] == UNSIGNED
        return eight_bits(values.view(np.uint32) if unsigned and values.dtype == np.int32 else values)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        return _on_white(np.asarray(picture.convert("RGBA")))
    return np.asarray(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))


def _on_white(pixels: Pixels) -> Pixels:
    """RGBA on white paper."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    return np.asarray(Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB"))


def eight_bits(values: NDArray[Any]) -> Pixels:
    """Numbers of any type as grey levels, by what they are: black is 0, white the least of WHITES that none exceeds.

    Negative numbers, and those in a narrow part of such a scale, are stretched over all levels. What is no number is black.
    """
    finite = np.isfinite(values)
    numbers = values if finite.all() else np.where(finite, values, values[finite].min() if finite.any() else 0)
    low, high = float(numbers.min()), float(numbers.max())  # of the type itself: as float32 2**31 - 1 is beyond 31 bits
    white = _white(high, values.dtype)
    if low < 0 or 0 < high - low < white / NARROW:
        return _scaled(numbers.astype(np.float32) - np.float32(low), high - low)
    return _scaled(numbers.astype(np.float32), white)


def _white(high: float, of: np.dtype[Any]) -> float:
    whites, beyond = (WHITES[1:], 1.0) if of.kind in "ui" else (WHITES, TOLERANCE)
    return next((white for white in whites if high <= white * beyond), high)


def _scaled(numbers: NDArray[Any], white: float) -> Pixels:
    return np.rint(np.clip(numbers * (255 / white if white else 0), 0, 255)).astype(np.uint8)


def _is_deep(picture: Any) -> bool:
    """Whether it may have colours of more than eight bits. Pillow keeps the upper eight, which are 0 where ten stand in sixteen."""
    stored = picture.format in ("PPM", "JPEG2000") or any(";16" in str(tile.args) for tile in picture.tile)
    return stored and picture.mode in ("RGB", "RGBA", "LA")


def _deep_pixels(path: Path) -> Pixels | None:
    """A picture with its colours as deep as they are, by OpenCV, which turns a TIFF as Pillow does; None where it can't, or for eight bits."""
    cv2 = opencv()
    found, pictures = cv2.imdecodemulti(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if not found or pictures[0].dtype == np.uint8:
        return None
    values = pictures[0]
    if values.ndim == 2:
        return eight_bits(values)
    colours, alpha = eight_bits(values[..., 2::-1]), values[..., 3:]
    if not alpha.size:
        return colours
    return _on_white(np.dstack([colours, _scaled(alpha, _white(float(alpha.max()), alpha.dtype))]))


def _opencv_reads(path: Path) -> bool:
    """OpenCV knows some pictures that Pillow does not: floats in colour, Radiance HDR."""
    return is_text(path) and bool(opencv().haveImageReader(str(path)))


def is_text(path: Path) -> bool:
    """Whether its name is text, which need not be on Linux: with another one OpenCV ends the program (4.14)."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def opencv() -> Any:
    """OpenCV, with its own log turned off: what is wrong is said here, and a stream's URL has passwords in it."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2
