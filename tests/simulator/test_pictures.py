"""What the firmware's image methods do to pixels, on the host and through a program."""

import numpy as np
import pytest
from camera_programs import START
from emotion_camera.simulator.host.firmware import HINTS, CameraError, bind, find_firmware
from emotion_camera.simulator.host.pictures import METHODS, Picture, pack, to_rgb565, unpack

V5 = find_firmware("v5.0")


def call(picture: Picture, name: str, *args: object, **kwargs: object) -> object:
    """A method as a v5 program calls it."""
    plain = [list(value) if isinstance(value, tuple) else value for value in args]
    kwargs = {key: list(value) if isinstance(value, tuple) else value for key, value in kwargs.items()}
    return METHODS[name](picture, **bind(V5, f"Image.{name}", plain, kwargs))


@pytest.fixture
def black() -> Picture:
    return Picture(np.zeros((240, 320), np.uint8))


@pytest.fixture
def ramp() -> Picture:
    return Picture(np.arange(320 * 240, dtype=np.uint32).astype(np.uint8).reshape(240, 320))


def test_rectangle_has_its_size_and_thickness(black):
    call(black, "draw_rectangle", (10, 20, 30, 40), color=200)
    rows, columns = np.nonzero(black.pixels)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (10, 39, 20, 59)
    assert len(rows) == 2 * 30 + 2 * 38
    assert set(black.pixels[rows, columns]) == {200}
    call(black, "draw_rectangle", (10, 20, 30, 40), color=255, fill=True)
    assert (black.pixels[20:60, 10:40] == 255).all()


def test_drawing_outside_is_cut_off(black):
    call(black, "draw_rectangle", (-50, -50, 1000, 1000), thickness=3)
    call(black, "draw_circle", (0, 0, 20))
    call(black, "draw_line", (-5, -5, 400, 400))
    call(black, "draw_cross", (319, 239))
    for x, y in ((-20, -4), (310, 235), (400, 10), (10, 400), (-500, 0)):
        call(black, "draw_string", (x, y), "text")
    assert black.pixels.shape == (240, 320)
    assert black.pixels.any()


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_letters_stand_in_cells_of_8_by_10(black, scale):
    call(black, "draw_string", (16, 20), "WW", scale=scale)
    rows, columns = np.nonzero(black.pixels)
    assert columns.min() >= 16
    assert columns.max() < 16 + 2 * 8 * scale
    assert rows.min() >= 20
    assert rows.max() < 20 + 10 * scale
    first, second = (black.pixels[20 : 20 + 10 * scale, 16 + i * 8 * scale :][:, : 8 * scale] for i in (0, 1))
    assert (first == second).all()


def test_every_printable_letter_differs_from_the_others(black):
    seen = set()
    for code in range(33, 127):
        black.pixels[...] = 0
        call(black, "draw_string", (0, 0), chr(code))
        seen.add(black.pixels.tobytes())
    assert len(seen) == 94


def test_a_new_line_begins_below(black):
    call(black, "draw_string", (0, 0), "a\nb")
    assert black.pixels[:10].any()
    assert black.pixels[10:20].any()
    assert not black.pixels[:, 8:].any()


def test_text_of_no_size_is_refused(black):
    with pytest.raises(CameraError, match="0 < scale"):
        call(black, "draw_string", (0, 0), "a", scale=0)


def test_pixels_are_read_and_set(black):
    call(black, "set_pixel", (3, 4), 99)
    call(black, "set_pixel", (999, 4), 99)
    assert call(black, "get_pixel", (3, 4)) == 99
    assert call(black, "get_pixel", (3, 4), rgbtuple=True) == (99, 99, 99)
    assert np.count_nonzero(black.pixels) == 1


def test_crop_and_scale_change_the_picture_itself(ramp):
    whole = ramp.pixels.copy()
    copy = call(ramp, "crop", roi=(10, 20, 100, 50), copy=True)
    assert isinstance(copy, Picture)
    assert (ramp.width, ramp.height) == (320, 240)
    assert call(ramp, "crop", roi=(10, 20, 100, 50)) is None
    assert (ramp.pixels == whole[20:70, 10:110]).all()
    assert (copy.pixels == ramp.pixels).all()
    call(ramp, "scale", x_scale=0.5, y_scale=0.5)
    assert (ramp.width, ramp.height) == (50, 25)


def test_copy_copies(ramp):
    copy = call(ramp, "copy")
    assert isinstance(copy, Picture)
    call(copy, "clear")
    assert ramp.pixels.any()


def test_scaling_by_area_takes_means():
    picture = Picture(np.array([[0, 100], [50, 250]], np.uint8))
    call(picture, "scale", x_scale=0.5, y_scale=0.5, hint=HINTS["AREA"])
    assert picture.pixels.tolist() == [[100]]


def test_mirror_and_flip_hints(ramp):
    whole = ramp.pixels.copy()
    call(ramp, "crop", hint=HINTS["HMIRROR"] | HINTS["VFLIP"])
    assert (ramp.pixels == whole[::-1, ::-1]).all()


def test_a_picture_does_not_grow_in_place(ramp):
    with pytest.raises(CameraError, match="doesn't fit in the frame buffer"):
        call(ramp, "scale", x_scale=2, y_scale=2)
    larger = call(ramp, "scale", x_scale=2, y_scale=2, copy=True)
    assert isinstance(larger, Picture)
    assert larger.width == 640


def test_a_region_outside_is_refused(ramp):
    with pytest.raises(CameraError, match="does not overlap"):
        call(ramp, "crop", roi=(400, 0, 10, 10))
    with pytest.raises(CameraError, match="Invalid ROI"):
        call(ramp, "crop", roi=(0, 0, 0, 10))


def test_histogram_equalisation_spreads_the_levels():
    picture = Picture(np.repeat(np.array([100, 110, 120, 130], np.uint8), 64).reshape(16, 16))
    call(picture, "histeq")
    assert sorted(set(picture.pixels.ravel().tolist())) == [63, 127, 191, 255]
    call(picture, "histeq", adaptive=True)
    assert picture.pixels.shape == (16, 16)


def test_statistics_are_those_of_the_region():
    picture = Picture(np.zeros((100, 100), np.uint8))
    picture.pixels[:10, :10] = np.arange(100).reshape(10, 10)
    values = call(picture, "get_statistics", roi=(0, 0, 10, 10)).values
    assert (values["min"], values["max"], values["median"], values["mean"]) == (0, 99, 49, 50)


def test_rgb565_pixels_survive_the_way_to_the_heap_and_back():
    colours = to_rgb565(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))
    assert len(pack(colours)) == 24 * 32 * 2
    assert (unpack(pack(colours), 32, 24, gray=False) == colours).all()


# Through a program


def test_frame_is_shown_with_what_was_drawn_when_the_next_is_taken(play, scene, firmware):
    draw = "img.draw_rectangle((5, 5, 20, 20))" if firmware in ("v4.8", "v5.0") else "img.draw_rectangle(5, 5, 20, 20)"
    played = play(START + draw + "\nsnapshot()\nsnapshot()", firmware=firmware)
    assert len(played.shown) == 3
    assert played.shown[0][5, 5] == 255
    assert (played.shown[1] == scene).all()


def test_flush_shows_at_once(play):
    played = play(START + "img.flush()\nsnapshot()")
    assert len(played.shown) == 2


def test_copies_live_apart_from_the_frame(play, firmware):
    program = (
        START
        + """
copy = img.copy(roi=(100, 50, 120, 120))
copy.scale(x_scale=0.5, y_scale=0.5)
print(copy.width(), copy.height(), copy.size(), len(copy.bytearray()), img.width())
copy.histeq()
small = copy.crop(roi=(0, 0, 10, 20), copy=True)
print(small.width(), small.height(), copy.width())
img.crop(roi=(0, 0, 50, 60))
print(img.width(), img.height(), snapshot().width())
print(bytes(copy.bytearray()) == bytes(copy.copy().bytearray()), max(copy.bytearray()))
"""
    )
    played = play(program, firmware=firmware)
    assert played.lines == ["60 60 3600 3600 320", "10 20 60", "50 60 320", "True 255"]


def test_an_old_handle_sees_the_new_frame(play):
    """There is one frame buffer: the next snapshot overwrites it, under every handle."""
    frames = [np.full((240, 320), level, np.uint8) for level in (10, 20)]
    from emotion_camera.simulator.host.sources import Source

    program = START + "old = img\nsnapshot()\nprint(old.get_pixel((0, 0)))"
    assert play(program, source=Source("two", 10, lambda: iter(frames))).lines == ["20"]


def test_colour_frames(play):
    program = (
        START.replace("GRAYSCALE", "RGB565")
        + "print(img.format() == image.RGB565, img.size(), img.get_pixel((0, 0)))\nimg.to_grayscale()\nprint(img.size())"
    )
    assert play(program).lines == ["True 153600 (128, 128, 128)", "76800"]


def test_saved_pictures_are_on_the_disk(play):
    program = START + "img.save('face.pgm')\nprint('face.pgm' in os.listdir(), os.stat('face.pgm')[6] > 76800)"
    assert play(program).lines == ["True True"]


def test_windowing_mirror_and_flip(play, scene):
    program = (
        START
        + "import csi\nc = csi.CSI()\nc.window((100, 80))\nc.hmirror(True)\nc.vflip(True)\nimg = c.snapshot()\nprint(img.width(), img.height(), c.width(), c.height())"
    )
    played = play(program)
    assert played.lines == ["100 80 100 80"]
    assert (played.shown[-1] == scene[80:160, 110:210][::-1, ::-1]).all()
