"""Files, names and URLs as people give them for SOURCE: what is shown and when, or the sentence that says why not."""

import os
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.boards import find_board
from emotion_camera.errors import UserError
from emotion_camera.simulator.faults import Faults
from emotion_camera.simulator.host.firmware import FRAME_SIZE_IDS, PIXEL_FORMATS
from emotion_camera.simulator.host.scratch import Scratch
from emotion_camera.simulator.host.sensor import Sensor, SourceEnded
from emotion_camera.simulator.host.sources import (
    STANDS_MOST_S,
    STANDS_S,
    STREAMS,
    Source,
    endless,
    fill,
    in_real_time,
    open_source,
    seen_part,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from videos import shade, write_mp4

LEVELS = (30, 90, 150, 210)


def frames(count):
    return [shade(LEVELS[number % 4]) for number in range(count)]


def changes(source: Source) -> list[float]:
    """When another picture is there, s, and when the last one ends."""
    now, found, before = 0.0, [], None
    for pixels, seconds in source.shown():
        level = int(pixels[20, 20].mean())
        if before is not None and abs(level - before) > 20:
            found.append(round(now, 3))
        now, before = now + seconds, level
    return [*found, round(now, 3)]


def gif(path: Path, times_ms: list[int], **how: object) -> Path:
    first, *rest = (Image.new("L", (64, 48), LEVELS[number % 4]) for number in range(len(times_ms)))
    first.save(path, save_all=True, append_images=rest, duration=times_ms, **how)
    return path


# Every frame at its own time


SECOND = [1 / 30] * 29 + [2 / 30]
PLAYED = {
    "GIF, the first frame longest": (lambda to: gif(to / "a.gif", [2450, 500, 500, 500]), [2.45, 2.95, 3.45, 3.95]),
    "animated WebP": (lambda to: gif(to / "a.webp", [120, 40, 300]), [0.12, 0.16, 0.46]),
    "animated PNG": (lambda to: gif(to / "a.png", [120, 40, 300]), [0.12, 0.16, 0.46]),
    "animated AVIF": (lambda to: gif(to / "a.avif", [120, 40, 300]), [0.12, 0.16, 0.46]),
    "GIF without times": (lambda to: gif(to / "a.gif", [0, 0, 0]), [0.1, 0.2, 0.3]),
    "animated PNG called .mp4": (lambda to: gif(to / "a.png", [120, 40]).rename(to / "a.mp4"), [0.12, 0.16]),
    "25 frames a second": (lambda to: write_mp4(to / "a.mp4", frames(4), 0.04), [0.04, 0.08, 0.12, 0.16]),
    "480 frames a second": (lambda to: write_mp4(to / "a.mp4", frames(4), 1 / 480), [0.002, 0.004, 0.006, 0.008]),
    "a frame each two seconds": (lambda to: write_mp4(to / "a.mp4", frames(3), 2.0), [2.0, 4.0, 6.0]),
    "variable frame rate": (
        lambda to: write_mp4(to / "a.mp4", frames(5), [1 / 30, 0.2, 0.5, 0.04, 0.127]),
        [0.033, 0.233, 0.733, 0.773, 0.953],  # of the last one the mean
    ),
    "a colon in the name": (lambda to: write_mp4(to / "a.mp4", frames(2), 0.1).rename(to / "12:30.mp4"), [0.1, 0.2]),
    "a name like a pattern": (lambda to: write_mp4(to / "a.mp4", frames(2), 0.1).rename(to / "100%d.mp4"), [0.1, 0.2]),
    "a name like a URL's": (lambda to: write_mp4(to / "a.mp4", frames(2), 0.1).rename(to / "http:a.mp4"), [0.1, 0.2]),
    "a video called .jpg": (lambda to: write_mp4(to / "a.mp4", frames(2), 0.1).rename(to / "a.jpg"), [0.1, 0.2]),
    "a video without an ending": (lambda to: write_mp4(to / "a.mp4", frames(2), 0.1).rename(to / "take"), [0.1, 0.2]),
}  # fmt: skip


@pytest.mark.parametrize(("make", "expected"), PLAYED.values(), ids=PLAYED)
def test_each_frame_is_shown_at_its_own_time(tmp_path, monkeypatch, make, expected):
    try:
        path = make(tmp_path)
    except OSError:
        pytest.skip("this system takes no such name")
    monkeypatch.chdir(tmp_path)
    for name in (path, path.name):  # as a full path, and as it is typed in its folder
        assert changes(open_source(name)) == pytest.approx(expected, abs=0.0011)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(st.integers(2, 3000), min_size=2, max_size=8))
def test_frames_of_any_times_play_at_those_times(tmp_path_factory, times_ms):
    path = write_mp4(tmp_path_factory.getbasetemp() / "any.mp4", frames(len(times_ms)), [ms / 1000 for ms in times_ms])
    starts = np.cumsum(times_ms)[:-1] / 1000
    assert changes(open_source(path))[:-1] == pytest.approx(list(starts), abs=0.0011)


def sensor_of(source: Source) -> Sensor:
    sensor = Sensor(source, Faults(), Scratch(find_board("h7"), (5, 0)))
    sensor.set_format(PIXEL_FORMATS["GRAYSCALE"])
    sensor.set_size(FRAME_SIZE_IDS["QVGA"])
    sensor.now_us = 1_000_000
    return sensor


@settings(max_examples=50)
@given(st.lists(st.floats(0.002, 1), min_size=1, max_size=12), st.integers(0, 300_000))
def test_the_sensor_sees_what_is_there_at_the_time(times_s, busy_us):
    """However slow the program is: it misses frames, and sees none early, late or in another order."""
    levels = [number * 20 + 10 for number in range(len(times_s))]
    timed = [(np.full((240, 320), level, np.uint8), seconds) for level, seconds in zip(levels, times_s, strict=True)]
    sensor = sensor_of(Source("made", 10, lambda: iter([]), timed=lambda: iter(timed)))
    starts = np.cumsum([0, *times_s])
    seen, before_s = [], -1.0
    while True:
        try:
            level = int(sensor.snapshot()[0, 0])
        except SourceEnded:
            break
        now_s = (sensor.now_us - 1_000_000) / 1_000_000
        number = levels.index(level)
        assert starts[number] - 2e-6 <= now_s <= starts[number + 1] + 2e-6
        assert now_s - before_s <= max(STANDS_S * 1.5, busy_us / 1_000_000 + STANDS_S * 1.5) + 1e-5 or before_s < 0
        before_s = now_s
        seen.append(number)
        sensor.now_us += busy_us
    assert seen == sorted(seen)
    assert seen[0] == 0
    if busy_us == 0:
        assert set(seen) == set(range(len(levels)))


def test_a_damaged_clock_makes_no_frame_stand_for_ever(tmp_path):
    """A file may say that a frame stands for a hundred years: a list of what is seen of it would fill the memory."""
    seconds = [1, 3_000_000_000.0, 1]
    timed = [(np.full((48, 64), level, np.uint8), each) for level, each in zip(LEVELS, seconds, strict=False)]
    source = Source("made", 10, lambda: iter([]), timed=lambda: iter(timed))
    assert sum(each for _, each in source.shown()) == pytest.approx(2 + STANDS_MOST_S)


def test_an_endless_source_begins_again_when_its_last_frame_was_there_for_its_time(tmp_path):
    source = endless(open_source(gif(tmp_path / "a.gif", [120, 40])))
    assert [round(seconds, 3) for _, seconds in islice(source.shown(), 5)] == [0.12, 0.04, 0.12, 0.04, 0.12]


def test_what_gives_no_frame_any_more_ends_and_does_not_hang():
    assert list(endless(Source("gone", 10, lambda: iter([]))).frames()) == []
    assert list(endless(Source("gone", 10, lambda: iter([]), timed=lambda: iter([]))).shown()) == []


def test_a_slide_show_is_seen_live_all_the_time(tmp_path):
    """A program that waited for the next slide would hang, and the source would count as lost after ten seconds."""
    import time

    shown = in_real_time(open_source(gif(tmp_path / "a.gif", [5000, 5000]))).frames()
    start = time.monotonic()
    assert [int(next(shown)[0, 0].mean()) for _ in range(4)] == [LEVELS[0]] * 4
    shown.close()
    assert time.monotonic() - start < 4


# As it stands upright


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_phones_video_is_upright(tmp_path, degrees):
    frame = shade(40)
    frame[:16, :24] = 250  # a corner, at the top left
    stored = np.ascontiguousarray(np.rot90(frame, degrees // 90))  # counter-clockwise, as the sensor lies
    source = open_source(write_mp4(tmp_path / "a.mov", [stored] * 2, rotated=degrees))
    pixels = next(source.frames())
    assert pixels.shape == (48, 64, 3)
    assert pixels[4, 4].min() > 200
    assert max(pixels[4, -4].max(), pixels[-4, 4].max(), pixels[-4, -4].max()) < 90


def test_pixels_that_are_no_squares_are_made_so_and_a_damaged_shape_of_them_is_passed_over(tmp_path):
    """Television's pixels are up to twice as wide as high. A frame of pixels 65,535 times as wide would fill the memory."""
    shapes = {(16, 11): 93, (2, 1): 128, (1, 2): 32, (65_535, 1): 64, (2**31 - 1, 1): 64, (1, 65_535): 64}
    for shape, width in shapes.items():
        source = open_source(write_mp4(tmp_path / "a.mp4", frames(2), pixel=shape))
        assert [pixels.shape for pixels in source.frames()] == [(48, width, 3)] * 2


def test_a_portrait_video_stays_one(tmp_path):
    source = open_source(write_mp4(tmp_path / "a.mp4", [shade(40, (48, 96))] * 2))
    assert next(source.frames()).shape == (96, 48, 3)


def test_an_upright_picture_is_in_the_frame_as_a_whole():
    """A face fills a phone's upright video; cut to the frame's shape, it would be larger than that."""
    upright = np.repeat(np.arange(100, 196, dtype=np.uint8)[:, None], 54, 1)
    upright[:, :5] = 250
    frame = fill(upright, (320, 240))
    assert frame.shape == (240, 320)
    assert (int(frame[2, 160]), int(frame[-3, 160])) == pytest.approx((101, 194), abs=1)
    left, top, scale = seen_part(upright, (320, 240))
    assert (round(left), top, round(scale, 2)) == (-37, 0, 0.4)
    assert frame[120, 0] == 250  # the edge is repeated
    assert frame[120, round(-left / scale) - 2] == 250


# What cannot be shown


def bad_video(to: Path) -> Path:
    return write_mp4(to / "a.mp4", frames(3), codec=b"zzzz")


def cut_video(to: Path) -> Path:
    path = write_mp4(to / "a.mp4", frames(30))
    path.write_bytes(path.read_bytes()[:600])
    return path


def text(name: str, content: bytes = b"this is no picture\n"):
    def write(to: Path) -> Path:
        (to / name).write_bytes(content)
        return to / name

    return write


def pipe(to: Path) -> Path:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names on this system")
    os.mkfifo(to / "pipe")
    return to / "pipe"


def locked(to: Path) -> Path:
    path = gif(to / "a.gif", [100, 100])
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads any file")
    return path


WAV = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\x08\0\0\0" + bytes([128] * 8)
REFUSED = {
    "a codec that OpenCV lacks": (bad_video, r"a\.mp4: no frame of its video \(zzzz\) can be decoded.*ffmpeg -i a\.mp4 -c:v libx264"),
    "a video that is cut off": (cut_video, "is not a picture or a video.*cut off"),
    "sound alone": (text("a.wav", WAV), "is not a picture or a video.*sound alone"),
    "text called .mp4": (text("a.mp4"), "is not a picture or a video that can be read"),
    "text called .png": (text("a.png"), "is not a picture or a video that can be read"),
    "nothing": (text("a.mp4", b""), "the file is empty"),
    "HEIC": (text("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "HEIC picture.*save it as JPEG"),
    "a list of other files": (text("a.mp4", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), "is not a picture or a video"),
    "a tiny video": (lambda to: write_mp4(to / "a.mp4", [shade(9, (16, 16))] * 2), "is 16x16 pixels, too small"),
    "a tiny animation": (lambda to: (gif(to / "a.gif", [9, 9]) and Image.new("L", (9, 9)).save(to / "a.gif")) or to / "a.gif", "is 9x9 pixels, too small"),
    "a pipe": (pipe, "is neither a file nor a folder"),
    "a file that may not be read": (locked, "Permission denied"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_shown_is_a_sentence(tmp_path, make, said, capfd):
    path = make(tmp_path)
    with pytest.raises(UserError, match=said) as raised:
        open_source(path)
    assert path.name in str(raised.value)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")  # nor does a library write of its own


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
def test_a_name_that_is_no_text_is_a_sentence(tmp_path):
    name = os.fsdecode(b"caf\xe9.mp4")
    write_mp4(tmp_path / "a.mp4", frames(2)).rename(tmp_path / name)
    with pytest.raises(UserError, match="rename it"):
        open_source(tmp_path / name)
    gif(tmp_path / "a.gif", [100, 100]).rename(tmp_path / name)
    assert len(list(open_source(tmp_path / name).frames())) == 2


# Folders


def test_a_folder_names_what_it_leaves_out(tmp_path):
    folder = tmp_path / "holiday"
    (folder / "inner").mkdir(parents=True)
    for name in ("a.jfif", "b.avif", "c.png"):
        Image.new("RGB", (64, 48)).save(folder / name, format="JPEG" if name == "a.jfif" else None)
    (folder / "b.avif").rename(folder / "b")  # no ending
    write_mp4(folder / "party.mp4", frames(2))
    (folder / "notes.txt").write_text("no picture")
    (folder / "truncated.jpg").write_bytes((folder / "a.jfif").read_bytes()[:300])
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    for name in (".DS_Store", "._c.png", "Thumbs.db"):
        (folder / name).write_bytes(b"of the system")
    source = open_source(folder)
    assert [path.name for path in source.pictures] == ["a.jfif", "b", "c.png"]
    others, *broken = source.left_out
    assert others == f"{folder}: left out, as no pictures: inner/, notes.txt, party.mp4"
    assert ["phone.heic: is a HEIC picture" in broken[0], "truncated.jpg: is not a picture" in broken[1]] == [
        True,
        True,
    ]
    assert all(sentence.endswith("; left out") for sentence in broken)


def test_of_many_files_that_are_left_out_the_number_is_told(tmp_path):
    Image.new("L", (64, 48)).save(tmp_path / "a.png")
    for number in range(200):
        (tmp_path / f"{number:04}.txt").write_text("no picture")
    (sentence,) = open_source(tmp_path).left_out
    assert sentence.endswith("0000.txt, 0001.txt, 0002.txt and 197 more")


def test_of_many_broken_pictures_the_number_is_told(tmp_path):
    Image.new("L", (64, 48)).save(tmp_path / "a.png")
    for number in range(200):
        (tmp_path / f"{number:04}.jpg").write_bytes(b"\xff\xd8\xff broken")
    first, *_, last = said = open_source(tmp_path).left_out
    assert [len(said), "0000.jpg" in first] == [4, True]
    assert last == f"{tmp_path}: 197 more pictures can't be shown; left out"


@pytest.mark.parametrize("kind", ["empty", "of text", "of folders", "with a link to nowhere", "with a pipe"])
def test_a_folder_without_pictures_is_a_sentence(tmp_path, kind):
    folder = tmp_path / "folder"
    folder.mkdir()
    if kind == "of text":
        (folder / "notes.txt").write_text("no picture")
    if kind == "of folders":
        (folder / "inner").mkdir()
        Image.new("L", (64, 48)).save(folder / "inner" / "a.png")
    if kind == "with a link to nowhere":
        (folder / "a.png").symlink_to("nowhere.png")
    if kind == "with a pipe":
        pipe(folder)
    with pytest.raises(UserError, match="has no pictures in it") as raised:
        open_source(folder)
    assert ("only" in str(raised.value)) == (kind != "empty")


def test_a_linked_picture_is_shown(tmp_path):
    Image.new("L", (64, 48)).save(tmp_path / "a.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.png").symlink_to(tmp_path / "a.png")
    assert len(open_source(tmp_path / "folder").pictures) == 1


# URLs


@pytest.fixture
def server(tmp_path):
    """A web server of this computer's with the files of tmp_path; its URL."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given: object) -> None:
            super().__init__(*given, directory=str(tmp_path))

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_video_of_the_network_plays_at_its_own_times(tmp_path, server):
    write_mp4(tmp_path / "a.mp4", frames(3), [0.2, 0.05, 0.1])
    source = open_source(f"{server}/a.mp4?key=secret")
    assert "secret" not in source.name
    assert not source.live
    assert changes(source)[:2] == pytest.approx([0.2, 0.25], abs=0.0011)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_a_picture_of_the_network_is_a_sentence(tmp_path, server, name):
    Image.effect_noise((640, 480), 90).save(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}: is a single picture; .* download"):
        open_source(f"{server}/{name}")


@pytest.mark.parametrize("name", ["", "nowhere.mp4", "page.html"])
def test_a_page_of_the_network_is_a_sentence(tmp_path, server, name):
    (tmp_path / "page.html").write_text("<!DOCTYPE html><title>no video</title>")
    with pytest.raises(UserError, match="no video can be read from there"):
        open_source(f"{server}/{name}")


@pytest.mark.parametrize("url", ["ftp://anna:secret@host/a.mp4?key=secret", "ssh://host", "gopher://x"])
def test_a_url_that_cannot_be_opened_is_refused_by_name(url):
    with pytest.raises(UserError, match="is a URL that can't be opened; give one with rtsp://") as raised:
        open_source(url)
    assert "secret" not in str(raised.value)
    assert "no such file" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["RTSP://127.0.0.1:1/live", "rtmp://127.0.0.1:1/live", "tcp://127.0.0.1:1", "https://127.0.0.1:1/a.mp4"]
)
def test_a_stream_that_is_not_there_is_named(url):
    with pytest.raises(UserError, match="no video can be read from there") as raised:
        open_source(url)
    assert "://127.0.0.1:1" in str(raised.value)


@pytest.mark.parametrize("url", ["rtsp:/anna:secret@host", "HTTP:/host/a.mp4"])
def test_a_url_that_has_lost_a_slash_is_refused_by_name(url):
    with pytest.raises(UserError, match="a URL has two slashes") as raised:
        open_source(url)
    assert str(raised.value).startswith(url[:4])
    assert "secret" not in str(raised.value)


def test_a_file_by_its_url(tmp_path):
    path = gif(tmp_path / "a b.gif", [120, 40])
    assert changes(open_source(path.as_uri())) == [0.12, 0.16]
    with pytest.raises(UserError, match="no such file"):
        open_source((tmp_path / "c.gif").as_uri())


@pytest.mark.parametrize("name", ["webcam:1234567890", "webcam:²", "webcam:1.5", "webcam:"])
def test_a_webcam_has_a_number_or_none(name):
    with pytest.raises(UserError, match="give a webcam as webcam or webcam:1"):
        open_source(name)


NAMES = st.text(st.characters(), max_size=30) | st.builds(
    "".join, st.lists(st.sampled_from([":", "/", "//", "file", "ftp", "webcam", "clip", "1", "[", "@", "?", "%00", "%2e", ".", "~", "C", "\0", "\n", "\ud800"]), max_size=8)
)  # fmt: skip


@given(NAMES.filter(lambda name: name not in ("clip", "webcam") and not name.lower().startswith(STREAMS)))
def test_any_name_is_a_source_or_a_sentence(name):
    try:
        open_source(name)
    except UserError as error:
        assert str(error)  # noqa: PT017 - either is right
