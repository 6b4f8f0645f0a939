"""`demo` on files as people bring them, made here: through the command, to the emotions and times that it prints."""

import re

import cv2
import numpy as np
import pytest
from emotion_camera.__main__ import main
from emotion_camera.simulator.host.process import find_micropython
from photographs import photograph
from PIL import Image
from videos import write_mp4

pytestmark = pytest.mark.skipif(find_micropython() is None, reason="no MicroPython for this computer")


@pytest.fixture(autouse=True)
def at_desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def person(emotion: str) -> Image.Image:
    return photograph((640, 480), (emotion, 240, 320, 200))


def test_a_folder_of_all_kinds_of_pictures(tmp_path, capsys):
    folder = tmp_path / "brought"
    folder.mkdir()
    happy, gray = person("happy"), np.asarray(person("happy").convert("L")).astype(np.uint16)
    lying = Image.Exif()
    lying[0x0112] = 6
    happy.transpose(Image.Transpose.ROTATE_90).save(folder / "phone.jfif", format="JPEG", exif=lying)
    happy.save(folder / "plain.avif")
    Image.fromarray(gray * 4).save(folder / "ten_in_sixteen.png")
    cv2.imwrite(str(folder / "twelve.tif"), np.dstack([gray * 16] * 3))
    Image.fromarray((gray / 255).astype(np.float32)).save(folder / "float.tif")
    happy.convert("CMYK").save(folder / "print.jpg")
    happy.save(folder / "no_ending", format="WEBP")
    (folder / "broken.jpg").write_bytes((folder / "print.jpg").read_bytes()[:5000])
    (folder / "notes.txt").write_text("no picture")
    (folder / "inner").mkdir()
    assert main(["demo", "brought"]) == 0
    told = capsys.readouterr()
    found = dict(re.findall(r"^  (\S+): 1 face: (\w+) ", told.out, re.MULTILINE))
    names = {path.name for path in folder.iterdir()} - {"broken.jpg", "notes.txt", "inner"}
    assert found == dict.fromkeys(names, "happy")
    assert "left out, as no pictures: inner/, notes.txt" in told.err
    assert "broken.jpg: is not a picture that can be read" in told.err
    assert all((tmp_path / "demo" / f"{name.partition('.')[0]}.png").is_file() for name in names)


def changes(told: str) -> list[tuple[float, str]]:
    return [(float(time), emotion) for time, emotion in re.findall(r"([\d.]+) s  face 1 (\w+) ", told)]


def test_a_slide_show_changes_when_its_slides_do(tmp_path, capsys):
    slides = [person(emotion) for emotion in ("neutral", "happy", "angry")]
    slides[0].save(tmp_path / "slow_first.gif", save_all=True, append_images=slides[1:], duration=[2450, 700, 500])
    assert main(["demo", "slow_first.gif"]) == 0
    found = changes(capsys.readouterr().out)
    assert [emotion for _, emotion in found] == ["neutral", "happy", "angry"]
    assert [time for time, _ in found] == pytest.approx([0, 2.45, 3.15], abs=0.25)  # a name follows the evidence


def test_a_video_of_unequal_frames_with_a_colon_in_its_name(tmp_path, capsys):
    frames = [np.asarray(person(emotion))[..., ::-1] for emotion in ("neutral", "happy")]
    times = [1 / 30] * 30 + [0.2] * 5
    path = write_mp4(tmp_path / "vfr.mp4", [frames[0]] * 30 + [frames[1]] * 5, times)
    try:
        path.rename(tmp_path / "12:30.mp4")
    except OSError:
        pytest.skip("this system takes no such name")
    assert main(["demo", "--source", "12:30.mp4"]) == 0
    told = capsys.readouterr().out
    found = changes(told)
    assert [emotion for _, emotion in found] == ["neutral", "happy"]
    assert found[1][0] == pytest.approx(1, abs=0.25)
    frames = int(re.search(r"(\d+) frames", told)[1])
    assert frames == pytest.approx(40, abs=2)  # 30, and two for each of the slow ones
