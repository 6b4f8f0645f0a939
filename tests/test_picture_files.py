"""Pictures as people bring them: each kind is read as the same picture in eight bits would be, or named with what to do."""

import struct

import cv2
import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.pictures import eight_bits, is_picture, read_animation, read_picture, size_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

# In eight bits: dark on the left, light on the right, and a white corner at the top left, by which it is seen to be upright.
GRAY = np.tile(np.linspace(10, 240, 48).astype(np.uint8), (40, 1))
GRAY[:10, :10] = 255
TURNED = {2: GRAY[:, ::-1], 3: GRAY[::-1, ::-1], 4: GRAY[::-1], 5: GRAY.T, 6: np.rot90(GRAY), 7: np.rot90(GRAY, 2).T, 8: np.rot90(GRAY, -1)}  # fmt: skip


def as_gray(pixels):
    return pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))


def assert_is_gray(path, within=2):
    pixels = read_picture(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape[:2] == GRAY.shape
    assert np.abs(as_gray(pixels).astype(int) - GRAY).max() <= within
    assert is_picture(path)


# Depth


def in_bits(bits, kind=np.uint16):
    """GRAY in so many bits: black is 0, white the largest number."""
    return np.rint(GRAY / 255.0 * (2**bits - 1)).astype(kind)


def colours(values):
    return np.dstack([values] * 3)


DEPTHS = {
    "eight bits": ("a.png", GRAY),
    "eight bits in sixteen": ("a.png", in_bits(8)),
    "ten bits in sixteen": ("a.png", in_bits(10)),
    "twelve bits in sixteen": ("a.png", in_bits(12)),
    "fourteen bits in sixteen": ("a.tif", in_bits(14)),
    "sixteen bits": ("a.png", in_bits(16)),
    "sixteen bits, TIFF": ("a.tif", in_bits(16)),
    "sixteen bits, JPEG 2000": ("a.jp2", in_bits(16)),
    "ten bits, PGM": ("a.pgm", in_bits(10)),
    "colours of ten bits in sixteen": ("a.png", colours(in_bits(10))),
    "colours of sixteen bits": ("a.png", colours(in_bits(16))),
    "colours of twelve bits, TIFF": ("a.tif", colours(in_bits(12))),
    "colours of ten bits, PPM": ("a.ppm", colours(in_bits(10))),
    "colours of ten bits, JPEG 2000": ("a.jp2", colours(in_bits(10))),
    "opaque colours of ten bits": ("a.png", np.dstack([*[in_bits(10)] * 3, np.full_like(in_bits(10), 1023)])),
    "32-bit ints": ("a.tif", in_bits(31, np.int32)),
    "32-bit ints of sixteen bits": ("a.tif", in_bits(16, np.int32)),
    "floats to 1": ("a.tif", (GRAY / 255).astype(np.float32)),
    "floats to 255": ("a.tif", GRAY.astype(np.float32)),
    "floats to 65535": ("a.tif", in_bits(16).astype(np.float32)),
    "floats from -1 to 1": ("a.tif", np.where(np.arange(48) == 0, -1, GRAY / 127.5 - 1).astype(np.float32)),
    "doubles": ("a.tif", GRAY / 255.0),
    "colours as floats": ("a.tif", colours((GRAY / 255).astype(np.float32))),
    "Radiance HDR": ("a.hdr", colours((GRAY / 255).astype(np.float32))),
}


@pytest.mark.parametrize(("name", "values"), DEPTHS.values(), ids=DEPTHS)
def test_a_picture_is_read_by_what_is_in_it(tmp_path, name, values):
    assert cv2.imwrite(str(tmp_path / name), values)
    if "-1" in str(values.min()):  # the first column alone is as black as that
        pixels = read_picture(tmp_path / name).astype(int)
        assert np.abs(pixels - GRAY)[:, 1:].max() <= 2
        return
    assert_is_gray(tmp_path / name)


def test_unsigned_32_bit_ints_are_no_negative_ones(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(in_bits(32, np.uint32).view(np.int32)).save(path)
    path.write_bytes(path.read_bytes().replace(struct.pack("<HHIH", 339, 3, 1, 2), struct.pack("<HHIH", 339, 3, 1, 1)))
    assert_is_gray(path)


def test_no_number_is_black(tmp_path):
    values = (GRAY / 255).astype(np.float32)
    values[20:30, :5] = np.nan
    values[30:, :5] = np.inf
    pixels = eight_bits(values)
    assert pixels[20:, :5].max() <= 10
    assert np.abs(pixels.astype(int) - GRAY)[:20].max() <= 2


def test_a_thermal_picture_is_stretched():
    """In hundredths of a kelvin: 20 to 36 degrees."""
    pixels = eight_bits(np.linspace(29_315, 30_915, 100).astype(np.uint16).reshape(10, 10))
    assert (pixels.min(), pixels.max()) == (0, 255)


@given(arrays.arrays(arrays.scalar_dtypes().filter(lambda kind: kind.kind in "uif"), (3, 4)))
def test_any_numbers_become_grey_levels_in_their_order(values):
    with np.errstate(all="ignore"):
        pixels = eight_bits(values)
        assert pixels.dtype == np.uint8
        assert pixels.shape == (3, 4)
        finite = np.isfinite(values.astype(np.float32)) & np.isfinite(values)
        order = np.argsort(values[finite].astype(np.float32), kind="stable")
        assert (np.diff(pixels[finite][order].astype(int)) >= 0).all()


# Orientation


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("name", ["a.jpg", "a.jfif", "a.png", "a.webp", "a.tif", "a.avif"])
def test_a_picture_is_upright(tmp_path, name, orientation):
    """As phones store it: the pixels as the sensor lies, and a note how to turn them."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    how = {"a.jfif": {"format": "JPEG"}, "a.webp": {"lossless": True}}.get(name, {})
    stored = Image.fromarray(np.ascontiguousarray(TURNED[orientation])).convert("RGB")
    stored.save(tmp_path / name, exif=exif, quality=100, **how)
    assert_is_gray(tmp_path / name, within=25 if name in ("a.jpg", "a.jfif", "a.avif") else 2)


def test_ten_bits_are_upright_too(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(in_bits(10)).copy()).save(tmp_path / "a.png", exif=exif)
    assert_is_gray(tmp_path / "a.png")


def test_damaged_notes_do_no_harm(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "a.png", exif=b"Exif\0\0this is no TIFF")
    assert_is_gray(tmp_path / "a.png")


# Colour


def of_mode(mode):
    gray = Image.fromarray(GRAY)
    if mode == "P":
        return gray.convert("P")
    if mode == "P of four bits":
        return gray.quantize(16)
    return gray.convert("RGB").convert(mode)


@pytest.mark.parametrize(
    ("mode", "name", "within"),
    [
        ("L", "a.bmp", 0), ("RGB", "a.gif", 4), ("P", "a.png", 0), ("P of four bits", "a.png", 12), ("LA", "a.png", 0),
        ("RGBA", "a.webp", 2), ("CMYK", "a.jpg", 25), ("CMYK", "a.tif", 2), ("YCbCr", "a.jpg", 25), ("RGBA", "a.ico", 0),
    ],
)  # fmt: skip
def test_any_colours_are_read(tmp_path, mode, name, within):
    how = {"a.ico": {"sizes": [GRAY.shape[::-1]]}, "a.webp": {"lossless": True}, "a.jpg": {"quality": 100}}.get(
        name, {}
    )
    of_mode(mode).save(tmp_path / name, **how)
    assert_is_gray(tmp_path / name, within)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P", "L", "deep"])
def test_what_is_transparent_is_white(tmp_path, mode):
    picture = Image.new("RGBA", (40, 40), (0, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 20, 40))
    path = tmp_path / "a.png"
    if mode == "deep":
        values = np.zeros((40, 40, 4), np.uint16)
        values[:, 20:, 3] = 1023
        cv2.imwrite(str(path), values)
    elif mode in ("P", "L"):
        shades = Image.new(mode, (40, 40), 0)
        if mode == "P":
            shades.putpalette([level for level in range(256) for _ in range(3)])
        shades.paste(7, (0, 0, 20, 40))
        shades.save(path, transparency=7)
    else:
        picture.convert(mode).save(path)
    pixels = as_gray(read_picture(path))
    assert pixels[:, :20].min() == 255
    assert pixels[:, 20:].max() <= 10


# Whatever the ending, and what is no picture


@pytest.mark.parametrize("ending", ["mp4", "txt", "jfif", "JPG", "", "avif"])
def test_the_ending_does_not_count(tmp_path, ending):
    Image.fromarray(GRAY).save(tmp_path / "it.png")
    assert_is_gray((tmp_path / "it.png").rename(tmp_path / f"it.{ending}"))


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
FOREIGN = {
    "an iPhone's": ("a.heic", HEIC, "HEIC picture.*JPEG"),
    "an iPhone's, by another ending": ("a.jpg", HEIC, "HEIC picture.*JPEG"),
    "JPEG XL": ("a.jxl", b"\xff\x0a" + bytes(40), "JPEG XL picture.*save it as JPEG"),
    "a PDF": ("a.pdf", b"%PDF-1.7\n", "is a PDF; save it as JPEG"),
    "a drawing": ("a.svg", b"\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG.*save it as JPEG"),
    "a web page": ("a.jpg", b"<!DOCTYPE html><title>Not found</title>", "web page"),
    "a pointer": ("a.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    "nothing": ("a.png", b"", "the file is empty"),
    "text": ("a.png", b"this is no picture", "unknown format"),
    "a JPEG's first bytes": ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "not a picture that can be read"),
}


@pytest.mark.parametrize(("name", "content", "said"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("read", [read_picture, size_of])
def test_what_is_no_picture_is_named_for_what_it_is(tmp_path, name, content, said, read):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said) as raised:
        read(tmp_path / name)
    assert str(raised.value).startswith(str(tmp_path / name))
    assert "\n" not in str(raised.value)


@given(st.binary(max_size=300), st.sampled_from(["a.png", "a.jpg", "a.gif", "a.heic"]), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"RIFF\0\0\0\0WEBP", b"BM"]))  # fmt: skip
def test_any_bytes_are_a_picture_or_a_sentence(tmp_path_factory, content, name, head):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(head + content)
    try:
        pixels = read_picture(path)
    except UserError as error:
        assert name in str(error)  # noqa: PT017 - either is right
        with pytest.raises(UserError, match=name):
            size_of(path)
    else:
        assert pixels.dtype == np.uint8
        assert sorted(size_of(path)) == sorted(pixels.shape[:2])


@given(st.sampled_from(["a.jpg", "a.png", "a.webp", "a.tif", "a.gif"]), st.integers(0, 2**32), st.integers(0, 400))
def test_a_damaged_picture_that_is_only_checked_is_refused_as_one_that_is_read(tmp_path_factory, name, seed, cut):
    path = tmp_path_factory.getbasetemp() / name
    noise = np.random.default_rng(seed).integers(0, 256, (40, 48, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: -cut or None])
    answers = []
    for read in (read_picture, size_of):
        try:
            answers.append(read(path) is not None)
        except UserError:
            answers.append(False)
    assert answers[0] == answers[1]


# Animations


def write_animation(path, times_ms, **how):
    first, *rest = (Image.new("L", (32, 32), 20 * number % 256) for number in range(1, len(times_ms) + 1))
    first.save(path, save_all=True, append_images=rest, duration=times_ms, **how)


TIMES = st.lists(st.integers(1, 300).map(lambda number: 10 * number), min_size=2, max_size=12)


@given(TIMES, st.sampled_from(["gif", "png", "webp", "avif"]))
def test_each_frame_of_an_animation_stands_as_long_as_it_is_to(tmp_path_factory, times_ms, ending):
    path = tmp_path_factory.getbasetemp() / f"times.{ending}"
    write_animation(path, times_ms)
    assert [round(seconds * 1000) for _, seconds in read_animation(path)] == times_ms


def test_frames_without_a_time_stand_as_in_browsers(tmp_path):
    write_animation(tmp_path / "a.gif", [0, 0, 0])
    assert [seconds for _, seconds in read_animation(tmp_path / "a.gif")] == [0.1, 0.1, 0.1]


def test_480_frames_a_second(tmp_path):
    write_animation(tmp_path / "a.png", [1000 / 480] * 5)
    assert [seconds for _, seconds in read_animation(tmp_path / "a.png")] == pytest.approx([1 / 480] * 5, rel=0.05)


def test_what_is_shown_in_place_of_an_animated_png_is_no_frame_of_it(tmp_path):
    write_animation(tmp_path / "a.png", [50, 100], default_image=True)
    assert len(list(read_animation(tmp_path / "a.png"))) == 1


@pytest.mark.parametrize("name", ["a.webp", "a.png"])
def test_an_animation_is_upright(tmp_path, name):
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [Image.fromarray(np.rot90(GRAY).copy()).convert("RGB"), Image.new("RGB", GRAY.shape)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], exif=exif, lossless=True)
    pixels, _ = next(read_animation(tmp_path / name))
    assert np.abs(as_gray(pixels).astype(int) - GRAY).max() <= 2


def test_a_cut_off_animation_without_a_frame_is_a_sentence(tmp_path):
    write_animation(tmp_path / "a.gif", [50, 50])
    (tmp_path / "a.gif").write_bytes((tmp_path / "a.gif").read_bytes()[:30])
    with pytest.raises(UserError, match=r"a\.gif"):
        list(read_animation(tmp_path / "a.gif"))
