"""`emotion-camera demo`: what a newcomer runs first."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import photographs
import pytest
from camera_programs import FACE, ROOT, children, is_running
from emotion_camera.commands.demo import album as albums
from emotion_camera.commands.demo import command
from emotion_camera.commands.demo.album import Album
from emotion_camera.commands.demo.narration import Narration
from emotion_camera.errors import UserError
from emotion_camera.reports.check import ReportParser
from emotion_camera.simulator.host.process import find_micropython
from PIL import Image


def tools(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "emotion_camera", *map(str, words)]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
    )


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    scene = Image.new("L", (320, 240), 128)
    with Image.open(FACE) as face:
        scene.paste(face.convert("L").resize((120, 120)), (100, 50))
    path = tmp_path_factory.mktemp("scene") / "happy.png"
    scene.save(path)
    return path


@pytest.fixture
def with_micropython():
    if find_micropython() is None:
        pytest.skip("no MicroPython for this computer")


def test_a_picture(tmp_path, picture, with_micropython):
    done = tools("demo", picture, "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "  happy.png: 1 face: happy " in done.stdout
    assert "1 picture, 1 face: happy 1\n" in done.stdout
    with Image.open(tmp_path / "out" / "demo.png") as shown:
        assert shown.size == (640, 480)
        assert shown.mode == "RGB"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["demo.png", "faces.csv"]


def faces_in(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_everybody_of_a_group_photograph_is_found_and_marked_in_its_own_pixels(tmp_path, with_micropython):
    photographs.group().save(tmp_path / "group.jpg")
    done = tools("demo", "--source", tmp_path / "group.jpg", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "group.jpg: 6 faces: happy" in done.stdout
    faces = faces_in(tmp_path / "out" / "faces.csv")
    assert sorted(face["emotion"] for face in faces) == sorted(photographs.EMOTIONS)
    assert [face["face"] for face in faces] == ["1", "2", "3", "4", "5", "6"]
    happy = next(face for face in faces if face["emotion"] == "happy")
    assert abs(int(happy["x"]) + int(happy["w"]) / 2 - 700) < 60
    assert abs(int(happy["y"]) + int(happy["h"]) / 2 - 1000) < 60
    with Image.open(tmp_path / "out" / "demo.png") as shown:
        assert shown.size == (4000, 3000)


def test_a_phones_portrait_is_read(tmp_path, with_micropython):
    photographs.portrait("surprise").save(tmp_path / "portrait.jpg")
    done = tools("demo", tmp_path / "portrait.jpg", "--out", tmp_path / "out")
    assert "portrait.jpg: 1 face: surprise" in done.stdout
    with Image.open(tmp_path / "out" / "demo.png") as shown:
        assert shown.size == (3000, 4000)


def test_the_bundled_clip(tmp_path, with_micropython):
    done = tools("demo", "--out", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    seen = done.stdout.splitlines()[-3]
    assert "with a face" in seen
    assert "happy" in seen
    with Image.open(tmp_path / "demo" / "demo.gif") as clip:
        assert clip.n_frames > 100
    with Image.open(tmp_path / "demo" / "demo.webp") as clip:
        assert clip.n_frames > 100
        red = np.asarray(clip.convert("RGB"), int)[..., 0]
        corner = np.s_[:96, :96]  # where the self-test draws its pattern of grey squares
        assert red[corner].max() - red[corner].min() < 120
        assert red.shape == (480, 640)
    assert (tmp_path / "demo" / "demo.gif").stat().st_size < 12_000_000


def test_json_is_the_cameras_own(tmp_path, picture, with_micropython):
    import json

    done = tools("demo", picture, "--json", "--out", tmp_path, "--frames-as-png")
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert reports[0]["event"] == "ready"
    assert reports[1]["faces"][0]["emotion"] == "happy"
    assert (tmp_path / "frame0007.png").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone.png"], "gone.png: there is no such file or folder"),
        ([""], "the source's name is empty"),
        (["{picture}", "--firmware", "v3"], "firmware 'v3' is not played"),
        (["{picture}", "--board", "uno"], "board 'uno' is not known"),
        (["{picture}", "--model", "gone.tflite"], "gone.tflite: can't be read"),
        (["{picture}", "--out", "{picture}"], "can't be written to"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(tmp_path, picture, words, said):
    before = sorted(picture.parent.iterdir())
    done = tools("demo", *(word.format(picture=picture) for word in words), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    assert sorted(picture.parent.iterdir()) == before


def test_a_bad_model_is_named_before_the_camera_starts(tmp_path, picture):
    (tmp_path / "bad.tflite").write_bytes(b"no model")
    done = tools("demo", picture, "--model", tmp_path / "bad.tflite", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "bad.tflite: is not a TensorFlow Lite model" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_camera_that_never_gets_ready_fails(tmp_path, picture, with_micropython):
    done = tools("demo", picture, "--heap", 120_000, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "the camera program did not become ready" in done.stderr
    assert "memory" in done.stderr
    assert "no face" not in done.stdout
    assert "with a face" not in done.stdout


def test_the_firmware_that_is_played_is_told(tmp_path, picture, with_micropython):
    assert "firmware v4.5.5\n" in tools("demo", picture, "--firmware", "v4.5.4", "--out", tmp_path / "out").stdout


@pytest.mark.slow
def test_each_picture_of_a_folder_is_a_scene_of_its_own(tmp_path, with_micropython):
    folder = photographs.folder(tmp_path / "holiday")
    done = tools("demo", folder, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if ".jpg: " in line]
    assert len(lines) == 12
    assert "01.jpg: 1 face: happy" in lines[0]
    assert "03.jpg: 2 faces: surprise" in lines[2]
    assert "12 pictures, 16 faces" in done.stdout
    saved = {path.name for path in (tmp_path / "out").iterdir()}
    assert saved == {f"{number:02}.png" for number in range(1, 13)} | {"contact_sheet.png", "faces.csv"}
    assert len(faces_in(tmp_path / "out" / "faces.csv")) == 16


@pytest.mark.parametrize(
    ("found", "size", "hint"),
    [
        ([], 0, "a.jpg: no face found: give a picture of faces from the front"),
        ([], 40, "a.jpg: no face found: the largest is"),
        ([], 300, "pixels high, is not clear enough"),
    ],
)
def test_what_is_not_found_gets_a_hint(found, size, hint):
    from emotion_camera.commands.demo.photographs import read_faces

    faces = [("happy", size, 400, 300)] if size else []
    pixels = np.asarray(photographs.photograph((800, 600), *faces))
    photograph = read_faces("a.jpg", pixels, lambda source: (event for event in found), lambda event: None)
    assert hint in photograph.sentence()


def test_a_source_is_given_once(tmp_path, picture):
    done = tools("demo", picture, "--source", "clip", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "give one of them" in done.stderr


@pytest.mark.slow
def test_a_stream_that_breaks_keeps_what_was_seen(tmp_path, with_micropython):
    from mjpeg_stream import MjpegStream

    frame = np.asarray(photographs.photograph((640, 480), ("happy", 240, 320, 200)))[..., ::-1]
    stream = MjpegStream([frame])
    threading.Timer(6, stream.stop).start()
    done = tools("demo", stream.url.replace("//", "//anna:secret@"), "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "face 1 happy" in done.stdout
    assert "gives no picture any more" in done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert (tmp_path / "out" / "demo.gif").exists()


def test_a_folder_of_pictures_is_never_written_to(tmp_path, picture):
    shutil.copy(picture, tmp_path / "a.png")
    done = tools("demo", tmp_path, "--out", tmp_path)
    assert done.returncode == 1
    assert "the folder of the pictures themselves" in done.stderr
    assert (tmp_path / "a.png").read_bytes() == picture.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


# Stopped before its end


@pytest.fixture
def running(tmp_path, with_micropython):
    """The demo with its own temporary folder, when it has said that the camera program is ready."""
    if sys.platform != "linux":
        pytest.skip("finds the camera program's process in /proc")
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "emotion_camera", "demo", "--out", str(tmp_path / "out")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "face 1" in line:
            break
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_demo_that_is_ended_leaves_nothing(tmp_path, running, name):
    started = children(running.pid)  # the camera program, and TFLM where there is one
    assert started
    number = signal.Signals[name]
    running.send_signal(number)
    assert running.wait(30) == 128 + number
    assert not any(map(is_running, started))
    assert list((tmp_path / "temporary").iterdir()) == []


def test_ctrl_c_tells_and_saves_what_was_seen(tmp_path, running):
    running.send_signal(signal.SIGINT)
    text, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "with a face" in text
    assert (tmp_path / "out" / "demo.gif").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_wrong_usage_is_status_2():
    assert tools("dance").returncode == 2


@pytest.mark.parametrize("size", ["much", "0", "-70000", "49999", "64000001"])
def test_a_heap_that_no_camera_has_is_wrong_usage(size):
    done = tools("demo", "--heap", size)
    assert done.returncode == 2
    assert "give 50,000 to 64,000,000 bytes" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_teaches():
    for words in ([], ["--help"]):
        done = tools(*words)
        assert (done.returncode, "demo" in done.stdout) == (0, True)
    assert "emotion-camera demo party.mp4" in tools("demo", "--help").stdout


def test_help_imports_nothing_heavy():
    code = "import sys\nfrom emotion_camera.__main__ import main\ntry:\n    main(['demo', '--help'])\nexcept SystemExit:\n    print(sorted(m for m in ('cv2', 'numpy', 'PIL', 'ai_edge_litert') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith("[]\n")


# The narration


def report(faces: str) -> str:
    return f'{{"v":1,"t":5,"fps":9.9,"faces":[{faces}]}}'


HAPPY = '{"id":1,"box":[1,2,3,4],"emotion":"happy","score":0.913,"scores":[1]}'
UNSURE = '{"id":2,"box":[1,2,3,4],"emotion":null,"score":0.3,"scores":[1]}'
TURNED = (
    '{"id":1,"box":[1,2,3,4],"emotion":null,"why":"turned","score":0.95,"scores":[1],"valence":-0.5,"arousal":0.25}'
)


def test_story_tells_what_changes():
    narration = Narration()
    assert narration.add_line('{"v":1,"event":"ready","model":"m.tflite","firmware":"5.0.0","board":"H7"}').startswith(
        "ready: m.tflite"
    )
    told = []
    for time_ms, faces in ((2300, HAPPY), (2400, HAPPY), (2500, f"{UNSURE},{HAPPY}"), (2600, None), (2700, None)):
        if faces:
            assert narration.add_line(report(faces)) is None
        told.append(narration.add_frame(time_ms))
    assert told == [
        "  0.0 s  face 1 happy 0.91",
        None,
        "  0.2 s  face 1 happy 0.91 · face 2 uncertain",
        "  0.3 s  no face",
        None,
    ]
    assert narration.summary() == "5 frames, 3 with a face: happy 3, uncertain 1"


def test_story_tells_why_a_face_has_no_name():
    narration = Narration()
    narration.add_line('{"v":1,"event":"ready","model":"m.tflite","firmware":"5.0.0","board":"H7"}')
    told = []
    for time_ms, face in ((0, TURNED), (100, TURNED), (200, TURNED.replace("turned", "covered")), (300, HAPPY)):
        narration.add_line(report(face))
        told.append(narration.add_frame(time_ms))
    assert told == ["  0.0 s  face 1 turned", None, "  0.2 s  face 1 covered", "  0.3 s  face 1 happy 0.91"]
    assert narration.summary() == "4 frames, 4 with a face: turned 2, covered 1, happy 1"


def shown(*reports: str) -> list:
    """What the simulated camera tells of a picture: a report and a frame each."""
    from emotion_camera.simulator import Line, Shown

    frame = np.zeros((240, 320), np.uint8)
    return [event for text in reports for event in (Line(0, text), Shown(0, frame, frame))]


def read(name: str, pixels, events: list):
    from emotion_camera.commands.demo.photographs import read_faces

    return read_faces(name, pixels, lambda source: (event for event in events), lambda event: None)


def test_a_picture_says_why_a_face_has_no_name_and_what_to_do():
    found = read("a.jpg", np.zeros((240, 320), np.uint8), shown(report(TURNED)))
    assert found.sentence() == "a.jpg: 1 face: turned; the face is turned away: give a picture from the front"
    both = TURNED.replace('"id":1,"box":[1,', '"id":2,"box":[100,').replace("turned", "far")
    found = read("a.jpg", np.asarray(photographs.photograph((800, 600), ("happy", 40, 400, 300))), shown(report(both)))
    assert "the face has too few pixels: crop closer" in found.hint


def test_a_name_takes_some_frames_of_a_picture():
    """A camera that waits before it says surprise reports the face without a name at first, with a score as high."""
    found = read("a.jpg", np.zeros((240, 320), np.uint8), shown(report(TURNED), report(HAPPY), report(TURNED)))
    assert found.sentence() == "a.jpg: 1 face: happy 0.91"


def test_faces_csv_has_why_valence_and_arousal(tmp_path):
    from emotion_camera.commands.demo.photographs import Results

    pixels = np.zeros((240, 320), np.uint8)
    results = Results(tmp_path, ["a.jpg"])
    results.add(read("a.jpg", pixels, shown(report(TURNED))), pixels)
    results.save()
    (face,) = faces_in(tmp_path / "faces.csv")
    assert [face[name] for name in ("emotion", "score", "why", "valence", "arousal")] == [
        "",
        "0.95",
        "turned",
        "-0.5",
        "0.25",
    ]
    results = Results(tmp_path, ["a.jpg"])
    results.add(read("a.jpg", pixels, shown(report(HAPPY))), pixels)
    results.save()
    (face,) = faces_in(tmp_path / "faces.csv")
    assert [face[name] for name in ("emotion", "why", "valence", "arousal")] == ["happy", "", "", ""]


@pytest.mark.parametrize(("face", "said"), [(TURNED, "turned"), (UNSURE, "uncertain"), (HAPPY, "happy 91 %")])
def test_what_stands_on_the_picture(monkeypatch, face, said):
    from emotion_camera.commands.demo import marks
    from PIL import ImageDraw

    written = []
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda self, place, text, *more, **how: written.append(text))
    faces = ReportParser().parse(report(face)).faces
    marks.mark(Image.new("L", (640, 480)), faces)
    marks.sheet([(Image.new("L", (640, 480)), 640, "a.jpg", faces)])
    assert written == [said, said, "a.jpg", said.partition(" ")[0]]


def test_story_does_not_tell_of_faces_before_the_program_looks():
    narration = Narration()
    narration.add_line('{"v":1,"event":"error","message":"no model"}')
    assert narration.add_frame(0) is None
    assert narration.frames == 0


def test_story_tells_events_and_passes_other_lines_over():
    narration = Narration()
    assert narration.add_line('{"v":1,"event":"error","message":"no lens"}') == "error: no lens"
    assert narration.add_line("Traceback") is None
    assert narration.add_line("[1, 2]") is None
    assert narration.add_line('{"v":1,"event":"recovered"}') == "recovered"
    assert (narration.ready, narration.trouble) == (False, "no lens")


# The album


def test_album_is_as_long_as_the_run(tmp_path):
    album = Album(tmp_path)
    for number in range(4):
        album.add(np.full((24, 32), number * 60, np.uint8), 1000 + number * 150)
    with Image.open(album.save_gif("a.gif")) as clip:
        assert (clip.n_frames, clip.size) == (4, (64, 48))
        assert clip.info["duration"] == 150
        clip.seek(3)
        assert abs(int(np.asarray(clip.convert("L"))[0, 0]) - 180) < 8


def test_album_marks_faces_at_the_size_of_the_picture(tmp_path):
    face = (
        ReportParser()
        .parse(
            '{"v":1,"t":5,"fps":9.9,"faces":[{"id":1,"box":[40,40,80,80],"emotion":"happy","score":0.9,"scores":[1]}]}'
        )
        .faces[0]
    )
    drawn, clean = np.full((240, 320), 255, np.uint8), np.full((240, 320), 100, np.uint8)
    album = Album(tmp_path)
    album.add(drawn, 0, [face], clean)
    with Image.open(album.save_webp("a.webp")) as shown:
        pixels = np.asarray(shown.convert("RGB"), int)
    assert pixels.shape == (480, 640, 3)
    assert abs(pixels[300, 500] - 100).max() < 6  # what the camera drew is not there
    assert (
        pixels[81:84, 150:160, 0].mean() > pixels[81:84, 150:160, 2].mean() + 80
    )  # a yellow line, two pixels wide or more


def test_album_numbers_its_pngs_truly_and_drops_older_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(albums, "KEPT", 3)
    for name in ("frame0000.png", "frame12345.png", "frame.png", "my.png"):
        (tmp_path / name).write_text("")
    album = Album(tmp_path)
    for number in range(5):
        album.add(np.zeros((24, 32), np.uint8), number * 100)
    album.save_pngs()
    saved = sorted(path.name for path in tmp_path.iterdir())
    assert saved == ["frame.png", "frame0002.png", "frame0003.png", "frame0004.png", "my.png"]
    assert (album.count, len(album)) == (5, 3)


def test_album_that_cannot_remove_an_older_frame_is_a_sentence(tmp_path):
    (tmp_path / "frame0001.png").mkdir()
    album = Album(tmp_path)
    album.add(np.zeros((24, 32), np.uint8), 0)
    with pytest.raises(UserError, match="can't be removed"):
        album.save_pngs()


def test_pictures_of_the_same_name_are_saved_apart(tmp_path):
    from emotion_camera.commands.demo.photographs import Photograph, Results

    names = ["a.jpg", "a.png", "contact_sheet.png"]
    results = Results(tmp_path, names)
    saved = [results.add(Photograph(name), np.zeros((24, 32), np.uint8)).name for name in names]
    assert saved == ["a.jpg.png", "a.png.png", "contact_sheet.png.png"]


def test_what_was_not_kept_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(albums, "KEPT", 3)
    album = Album(tmp_path)
    for number in range(5):
        album.add(np.zeros((24, 32), np.uint8), number * 100)
    command._print_summary(Narration(), album)
    assert capsys.readouterr().out == "only the last 3 of 5 frames are saved\n"


def test_album_takes_colour(tmp_path):
    album = Album(tmp_path)
    album.add(np.full((24, 32, 3), (255, 0, 0), np.uint8), 0)
    with Image.open(album.save_gif("a.gif")) as shown:
        assert shown.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


def test_album_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="can't be written to"):
        Album(tmp_path / "file")
