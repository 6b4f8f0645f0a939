"""What can stand in front of the camera, and one sentence for what cannot."""

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.simulator.host.sources import (
    PICTURE_FRAMES,
    Source,
    SourceLost,
    fill,
    in_real_time,
    newest,
    open_source,
    read_picture,
    scenes,
    seen_part,
)
from PIL import Image


@pytest.fixture
def gray() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 80), np.uint8)


def frames_of(source: Source) -> list[np.ndarray]:
    return list(source.frames())


# Pictures


def test_a_picture_stands_for_enough_frames(tmp_path, gray):
    Image.fromarray(gray).save(tmp_path / "a.png")
    source = open_source(tmp_path / "a.png")
    frames = frames_of(source)
    assert len(frames) == PICTURE_FRAMES
    assert source.still
    assert all((frame == gray).all() for frame in frames)


def test_a_folder_shows_its_pictures_in_order(tmp_path, gray):
    for name, level in (("b.png", 20), ("a.png", 10), ("c.JPG", 30)):
        Image.new("L", (80, 60), level).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    levels = [int(frame[30, 40]) for frame in frames_of(open_source(tmp_path))]
    assert levels == [10] * PICTURE_FRAMES + [20] * PICTURE_FRAMES + [30] * PICTURE_FRAMES


def test_a_folder_knows_its_pictures_and_passes_over_what_is_none(tmp_path, gray):
    for name in ("b.png", "a.jpg"):
        Image.fromarray(gray).save(tmp_path / name)
    (tmp_path / "._a.jpg").write_bytes(b"of macOS")
    (tmp_path / "more.png").mkdir()
    source = open_source(tmp_path)
    assert [path.name for path in source.pictures] == ["a.jpg", "b.png"]
    assert [each.name for each in scenes(source)] == ["a.jpg", "b.png"]
    assert len(frames_of(source)) == 2 * PICTURE_FRAMES


def test_an_animation_that_is_cut_off_is_played_to_the_cut(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (6, 60, 80), np.uint8)
    first, *rest = map(Image.fromarray, noise)
    path = tmp_path / "a.gif"
    first.save(path, save_all=True, append_images=rest, duration=100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    assert 1 <= len(frames_of(open_source(path))) < 6


def test_an_empty_name_is_not_the_clip():
    with pytest.raises(UserError, match="name is empty"):
        open_source("")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_every_mode_becomes_gray_or_rgb(tmp_path, mode):
    suffix = {"CMYK": "jpg", "YCbCr": "jpg", "I": "tif", "F": "tif"}.get(mode, "png")
    level = {"I;16": 200 * 257, "I": 200 * 257, "F": 200.0}.get(mode)
    picture = Image.new("L", (80, 60), 200)
    picture = (
        Image.new(mode, (80, 60), level)
        if level is not None
        else picture.convert("RGB").convert(mode, palette=Image.Palette.ADAPTIVE)
    )
    if mode == "1":
        picture = Image.new("1", (80, 60), 1)
    picture.save(tmp_path / f"a.{suffix}")
    pixels = read_picture(tmp_path / f"a.{suffix}")
    assert pixels.dtype == np.uint8
    assert pixels.shape[:2] == (60, 80)
    assert pixels.ndim == 2 or pixels.shape[2] == 3
    assert np.abs(pixels.astype(int) - (255 if mode == "1" else 200)).max() <= 3


def test_sixteen_bits_keep_the_upper_eight(tmp_path):
    values = np.linspace(0, 65535, 80 * 60).reshape(60, 80).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert np.abs(read_picture(tmp_path / "a.png").astype(int) - values // 257).max() <= 1


def test_a_phones_picture_is_upright(tmp_path):
    """EXIF orientation 6: the camera was turned, the pixels lie on their side."""
    picture = Image.new("L", (80, 40), 0)
    picture.paste(255, (0, 0, 20, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    pixels = read_picture(tmp_path / "a.jpg")
    assert pixels.shape == (80, 40)
    assert pixels[:15].min() > 200
    assert pixels[30:].max() < 50


def test_transparent_parts_are_white(tmp_path):
    Image.new("RGBA", (80, 60), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").min() == 255


# What cannot be used


def bad(folder, name):
    path = folder / name
    if name == "empty.png":
        path.write_bytes(b"")
    elif name == "text.jpg":
        path.write_text("this is no picture")
    elif name == "half.png":
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:9000])
    elif name == "dot.png":
        Image.new("L", (1, 1)).save(path)
    elif name == "thin.png":
        Image.new("L", (4000, 5)).save(path)
    elif name == "huge.png":
        Image.new("1", (15_000, 10_000)).save(path)
    elif name == "bomb.png":
        Image.new("1", (20_000, 10_000)).save(path)
    elif name in ("empty.mp4", "text.avi", "strange.xyz"):
        path.write_bytes(b"" if "empty" in name else b"this is no video")
    return path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.png", "there is no such file or folder"),
        ("empty.png", "the file is empty"),
        ("text.jpg", "unknown format"),
        ("half.png", "not a picture that can be read"),
        ("dot.png", "is 1x1 pixels, too small for a face; give at least 24x24"),
        ("thin.png", "is 4000x5 pixels, too small"),
        ("huge.png", "is 15000x10000 pixels; give at most 100 megapixels"),
        ("bomb.png", "is too large; give at most 100 megapixels"),
        ("empty.mp4", "the file is empty"),
        ("text.avi", "unknown format or no frames"),
        ("strange.xyz", "unknown format or no frames"),
    ],
)
def test_a_bad_file_is_a_sentence(tmp_path, name, said):
    with pytest.raises(UserError) as raised:
        open_source(bad(tmp_path, name))
    assert said in str(raised.value)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_without_pictures_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="has no pictures in it"):
        open_source(tmp_path)


def test_a_folder_with_a_broken_picture_names_it_and_shows_the_rest(tmp_path):
    for name in ("a.png", "z.png"):
        Image.new("L", (80, 60)).save(tmp_path / name)
    bad(tmp_path, "half.png")
    bad(tmp_path, "dot.png")
    source = open_source(tmp_path)
    assert [path.name for path in source.pictures] == ["a.png", "z.png"]
    assert len(source.left_out) == 2
    assert "dot.png: is 1x1 pixels" in source.left_out[0]
    assert "half.png: is not a picture that can be read" in source.left_out[1]


def test_a_folder_with_broken_pictures_alone_is_a_sentence(tmp_path):
    bad(tmp_path, "half.png")
    with pytest.raises(UserError, match=r"half\.png"):
        open_source(tmp_path)


@pytest.mark.parametrize("name", ["webcam:x", "webcam:-1", "webcam:"])
def test_a_webcam_has_a_number(name):
    with pytest.raises(UserError, match="webcam"):
        open_source(name if name != "webcam:" else "webcam:98")


# Moving pictures


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_an_animation_plays_at_its_rate(tmp_path, suffix):
    frames = [Image.new("L", (80, 60), level) for level in (0, 100, 200)]
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50, lossless=True)
    source = open_source(path)
    assert source.fps == pytest.approx(20)
    assert not source.still
    levels = [int(frame[30, 40].max()) for frame in frames_of(source)]
    assert levels == pytest.approx([0, 100, 200], abs=2)


def test_a_video_plays_at_its_rate(tmp_path):
    import cv2

    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 15, (80, 60))
    for level in (10, 120, 240):
        writer.write(np.full((60, 80, 3), (0, 0, level), np.uint8))
    writer.release()
    source = open_source(path)
    assert source.fps == pytest.approx(15)
    frames = frames_of(source)
    assert [frame.shape for frame in frames] == [(60, 80, 3)] * 3
    red = [int(frame[30, 40, 0]) for frame in frames]
    assert red == pytest.approx([10, 120, 240], abs=12)


def test_the_bundled_clip():
    source = open_source()
    frames = frames_of(source)
    assert source.fps == 10
    assert len(frames) > 100
    assert {frame.shape[:2] for frame in frames} == {(240, 320)}


# Live


@pytest.fixture
def network_camera():
    """A function that starts a camera whose MJPEG stream OpenCV reads; a grey picture with a white left third."""
    from mjpeg_stream import MjpegStream

    streams = []

    def start(**how):
        picture = np.full((480, 640, 3), 60, np.uint8)
        picture[:, :200] = 255
        streams.append(MjpegStream([picture], **how))
        return streams[-1]

    yield start
    for stream in streams:
        stream.stop()


def test_a_stream_is_read_live_and_its_password_is_never_named(network_camera):
    url = network_camera().url.replace("//", "//anna:secret@") + "?key=secret"
    source = open_source(url)
    assert source.live
    assert "secret" not in source.name
    assert "127.0.0.1" in source.name
    frames = source.frames()
    assert next(frames).shape == (480, 640, 3)
    frames.close()


def test_a_frame_of_a_stream_is_never_old(network_camera):
    """A program that takes 100 ms a frame sees every third; from a queue they would come seconds late after a while."""
    import time

    def stamp(frame):
        ms = int(time.monotonic() * 1000) & 0xFFFF
        for bit in range(16):
            frame[:40, bit * 40 : bit * 40 + 40] = 255 * (ms >> bit & 1)
        return frame

    ages = []
    frames = open_source(network_camera(stamp=stamp).url).frames()
    for frame in frames:
        ms = sum(int(frame[20, bit * 40 + 20, 0] > 128) << bit for bit in range(16))
        ages.append((int(time.monotonic() * 1000) - ms) & 0xFFFF)
        time.sleep(0.1)
        if len(ages) == 15:
            break
    frames.close()
    assert sorted(ages)[7] < 100
    assert max(ages[5:]) < 500


def test_a_stream_that_breaks_is_a_sentence_and_can_be_opened_again(network_camera):
    camera = network_camera()
    source = open_source(camera.url.replace("//", "//anna:secret@"))
    frames = source.frames()
    next(frames)
    camera.stop()
    with pytest.raises(SourceLost, match="gives no picture any more") as lost:
        list(frames)
    with pytest.raises(UserError, match="no video can be read from there") as gone:
        source.reopen()
    assert "secret" not in f"{lost.value} {gone.value}"
    camera.start()
    source.reopen()
    assert next(source.frames()).shape == (480, 640, 3)


@pytest.mark.parametrize("url", ["rtsp://anna:secret@127.0.0.1:1/live", "http://anna:secret@127.0.0.1:1/?key=secret"])
def test_a_stream_that_is_not_there_is_a_sentence_without_its_password(url, capfd):
    with pytest.raises(UserError, match="no video can be read from there") as missing:
        open_source(url)
    assert "secret" not in str(missing.value) + "".join(capfd.readouterr())


def test_a_webcam_is_mirrored(network_camera, monkeypatch):
    import cv2

    url, real = network_camera().url, cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: real(url, cv2.CAP_FFMPEG))
    source = open_source("webcam:1")
    frames = source.frames()
    frame = next(frames)
    frames.close()
    assert source.live
    assert frame[:, -150:].min() > 200
    assert frame[:, :350].max() < 100


def test_a_webcam_that_says_nothing_is_lost(monkeypatch):
    import threading

    from emotion_camera.simulator.host import sources

    monkeypatch.setattr(sources, "SILENT_S", 0.1)
    silent = threading.Event()

    def frames():
        yield np.zeros((48, 64), np.uint8)
        silent.wait(5)

    read = newest(frames())
    next(read)
    with pytest.raises(SourceLost, match="no picture for"):
        next(read)
    silent.set()


def test_a_clip_plays_live_at_its_own_pace_over_and_over():
    import time

    source = in_real_time(Source("a clip", 50, lambda: iter([np.full((24, 32), level, np.uint8) for level in (1, 2)])))
    frames, start = source.frames(), time.monotonic()
    levels = [int(next(frames)[0, 0]) for _ in range(10)]
    frames.close()
    assert set(levels) == {1, 2}
    assert time.monotonic() - start > 0.15


def test_clip_is_the_bundled_clip():
    assert open_source("clip").name == open_source().name


# Filling the frame


def test_a_frame_of_the_right_size_is_not_touched(gray):
    assert fill(gray, (80, 60)) is gray


@pytest.mark.parametrize(
    ("size", "part"), [((320, 240), (0, 0, 0.25)), ((160, 60), (0, 15, 0.5)), ((80, 90), (13.3, 0, 0.667))]
)
def test_other_frames_are_cut_not_framed_in_black(size, part):
    gradient = np.tile(np.arange(100, 180, dtype=np.uint8), (60, 1))
    frame = fill(gradient, size)
    assert frame.shape == size[::-1]
    assert seen_part(gradient, size) == pytest.approx(part, abs=0.05)
    assert frame.min() >= 100
    assert frame[0, 0] == pytest.approx(100 + part[0], abs=1)
    assert frame[0, -1] == pytest.approx(179 - part[0], abs=1)


def test_colour_frames_fill_it_too():
    assert fill(np.zeros((480, 640, 3), np.uint8), (320, 240)).shape == (240, 320, 3)
