"""Pictures in memory that the program has made: `image.Image(w, h, format, buffer=)` and `draw_image`, on each generation."""

import numpy as np
import pytest
from camera_programs import START
from emotion_camera.simulator.host.firmware import HINTS, CameraError
from emotion_camera.simulator.host.pictures import Picture, draw_image, transform

DRAWN = (
    START
    + """
memory = bytearray(40000)
part = image.Image(100, 90, image.GRAYSCALE, buffer=memoryview(memory)[:9000])
how = {"roi": (31, 7, 201, 181), "x_scale": 0.5, "y_scale": 0.5, "hint": image.AREA}
same = part.draw_image(img, 0, 0, **how) is part
copy = img.copy(**how)
print(same, bytes(copy) == bytes(part) == bytes(memory[:9000]), memory[9000:] == bytes(31000))
part.histeq()
copy.histeq()
print(bytes(part) == bytes(memory[:9000]) == bytes(copy), part.bytearray() == memory[:9000])
KEY = {"scale" if V5 else "scale_factor": 1.25}
cascade = load_cascade()
print(part.find_features(cascade, threshold=0.75, **KEY) == copy.find_features(cascade, threshold=0.75, **KEY))
other = image.Image(50, 45, image.GRAYSCALE)
other.draw_image(part, 0, 0, x_scale=0.5, y_scale=0.5, hint=image.AREA)
print(bytes(other) == bytes(part.copy(x_scale=0.5, y_scale=0.5, hint=image.AREA)), other)
img.draw_image(other, 300, 230)
snapshot()
"""
)


def test_what_is_drawn_is_in_the_programs_memory(play, firmware):
    played = play(DRAWN, firmware=firmware)
    size = '{"w":50, "h":45, "type":"grayscale", "size":2250}'
    assert played.lines == ["True True True", "True True", "True", f"True {size}"], played.ended
    small = played.shown[0][230:, 300:]
    assert small.shape == (10, 20)
    assert (small != played.shown[1][230:, 300:]).any()


@pytest.mark.parametrize("python", ["micropython", "cpython"])
def test_memory_made_once_is_drawn_into_again_and_again(play, python):
    """On a heap with no room for one copy more, a program that has its memory goes on."""
    program = (
        START
        + """
memory = bytearray(36465)
for i in range(8):
    part = image.Image(221, 165, image.GRAYSCALE, buffer=memory)
    part.draw_image(snapshot(), 0, 0, roi=(4, 4, 316, 236), x_scale=0.7, y_scale=0.7, hint=image.AREA)
try:
    img.copy(x_scale=0.7, y_scale=0.7)
except MemoryError as error:
    print(error)
print(i, max(memory) > 0)
"""
    )
    played = play(program, python=python, heap=60_000)
    assert played.lines[-1] == "7 True", played.ended
    if python == "micropython":
        assert played.lines[0] == "memory allocation failed, allocating 37279 bytes"  # 223 x 167 in lines of 32, and 31


WRONG = {
    "image.Image(0, 5, image.GRAYSCALE)": "OSError: Image width must be > 0",
    "image.Image(5, 0, image.GRAYSCALE)": "OSError: Image height must be > 0",
    "image.Image(5, 5)": "OSError: Pixel format is not set or unsupported",
    "image.Image(5.0, 5, image.GRAYSCALE)": "TypeError: can't convert float to int",
    "image.Image(5, 5, image.GRAYSCALE, buffer=bytearray(24))": "ValueError: Buffer is too small",
    "img.draw_image(5, 0, 0)": "NotImplementedError: the simulator draws pictures only, no single colour",
    "img.draw_image(img, 0, 0, alpha=9)": "NotImplementedError: the simulator plays draw_image with a scale, roi and hint only",
    "img.draw_image(img, 0, 0, roi=(400, 0, 5, 5))": "OSError: ROI does not overlap on the image!",
}  # fmt: skip


def test_wrong_pictures(play, firmware):
    program = START + "".join(
        f"try:\n    {call}\nexcept Exception as error:\n    print('%s: %s' % (type(error).__name__, error))\n"
        for call in WRONG
    )
    assert play(program, firmware=firmware).lines == list(WRONG.values())


def test_unknown_keywords_of_draw_image(play, firmware):
    """v4.5.5 ignores them; later generations do not."""
    program = (
        START + "try:\n    print(img.draw_image(img, 0, 0, foo=1) is img)\nexcept TypeError as error:\n    print(error)"
    )
    words = "True" if firmware == "v4.5.5" else "extra keyword arguments given"
    assert play(program, firmware=firmware).lines == [words]


def test_drawing_cuts_off_what_is_outside():
    picture, other = Picture(np.zeros((4, 4), np.uint8)), Picture(np.arange(1, 10, dtype=np.uint8).reshape(3, 3))
    draw_image(picture, other, -1, 2, None, None, None, 0)
    assert picture.pixels.tolist() == [[0] * 4, [0] * 4, [2, 3, 0, 0], [5, 6, 0, 0]]
    draw_image(picture, other, 9, 9, None, None, None, 0)
    assert picture.pixels.sum() == 16


def test_drawn_as_copied():
    pixels = np.random.default_rng(1).integers(0, 256, (60, 80), np.uint8)
    for roi, scale in (((3, 5, 50, 40), 0.37), ((11, 0, 64, 60), 0.5), ((0, 0, 80, 60), 0.7)):
        copy = transform(Picture(pixels), scale, scale, roi, HINTS["AREA"], True)
        assert copy is not None
        drawn = Picture(np.zeros_like(copy.pixels))
        draw_image(drawn, Picture(pixels), 0, 0, scale, scale, roi, HINTS["AREA"])
        assert (drawn.pixels == copy.pixels).all()


def test_colours_are_drawn_as_gray_levels():
    picture = Picture(np.zeros((2, 2), np.uint8))
    draw_image(picture, Picture(np.full((2, 2, 3), 200, np.uint8)), 0, 0, None, None, None, 0)
    assert (picture.pixels == 200).all()


def test_a_single_colour_is_not_played():
    with pytest.raises(CameraError, match="pictures only"):
        draw_image(Picture(np.zeros((2, 2), np.uint8)), 7, 0, 0, None, None, None, 0)


# Width, height and what a copy takes of the camera's heap as recorded, bytes: 64 of it for the picture itself.
RECORDED_HEAP = [(48, 48, 2_400), (100, 50, 5_120), (128, 96, 12_384), (160, 120, 19_296), (200, 40, 8_096)]
BLOCK = 16  # bytes of which the camera's heap is made


@pytest.mark.parametrize(("width", "height", "recorded"), RECORDED_HEAP)
def test_a_copy_asks_for_as_much_heap_as_on_the_camera(play, width, height, recorded):
    """The size is told by the exception where there is no room for it."""
    program = START + f"img.copy(roi=(0, 0, {width}, {height}))\n"
    program = program.replace(
        "img.copy",
        "junk = []\ntry:\n    while True:\n        junk.append(bytearray(1000))\nexcept MemoryError:\n    pass\nimg.copy",
    )
    message = play(program, heap=60_000).ended.message
    size = int(message.split()[-2])
    assert message == f"MemoryError: memory allocation failed, allocating {size} bytes"
    assert -(-size // BLOCK) * BLOCK + 64 == recorded
