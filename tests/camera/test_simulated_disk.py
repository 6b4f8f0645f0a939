"""The simulated camera as a stream: what happens to its folder while it runs, and from outside meanwhile."""

from pathlib import Path

import pytest
from emotion_camera.camera.stream import open_stream
from emotion_camera.errors import UserError
from emotion_camera.events import Disconnected, Frame, Line
from PIL import Image

START = """
import os, sensor
sensor.reset()
sensor.set_pixformat(sensor.GRAYSCALE)
sensor.set_framesize(sensor.QVGA)
"""
WRITES = (
    START
    + """
with open("log.txt", "w") as file:
    file.write("of the camera")
os.rename("old.txt", "moved.txt")
os.remove("gone.txt")
os.mkdir("folder")
while True:
    sensor.snapshot()
"""
)


@pytest.fixture
def flash(tmp_path, monkeypatch) -> Path:
    """The disk of a simulated H7 that is played from the current folder, with a program that writes."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".simulated-camera" / "h7" / "flash"
    folder.mkdir(parents=True)
    Image.new("L", (320, 240)).save(tmp_path / "dark.png")
    for name, text in (("main.py", WRITES), ("old.txt", "old"), ("gone.txt", "gone"), ("mine.txt", "mine")):
        (folder / name).write_text(text)
    return folder


def after_a_frame(do=lambda: None) -> None:
    """Runs the camera until a frame is there; `do` is called then, and the camera switched off."""
    stream = open_stream("simulator:h7", "dark.png")
    for event in stream.events():
        if isinstance(event, Frame):
            do()
            stream.close()


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file() and path.name != "main.py"}


def test_what_the_program_wrote_is_written_back_and_nothing_else(flash):
    time = (flash / "mine.txt").stat().st_mtime_ns
    after_a_frame()
    assert contents(flash) == {"log.txt": "of the camera", "moved.txt": "old", "mine.txt": "mine"}
    assert (flash / "mine.txt").stat().st_mtime_ns == time


def test_what_is_put_there_meanwhile_stays(flash):
    def edit():
        (flash / "mine.txt").write_text("changed")
        (flash / "new.txt").write_text("new")
        (flash / "what?.txt").write_text("which FAT does not take")

    after_a_frame(edit)
    expected = {"log.txt": "of the camera", "moved.txt": "old", "mine.txt": "changed", "new.txt": "new"}
    assert contents(flash) == {**expected, "what?.txt": "which FAT does not take"}


def test_an_sd_card_that_is_put_in_meanwhile_gets_nothing_of_the_flash(flash):
    card = flash.with_name("sdcard")

    def put_in():
        card.mkdir()
        (card / "gone.txt").write_text("another")

    after_a_frame(put_in)
    assert contents(card) == {"gone.txt": "another"}
    assert "log.txt" in contents(flash)


def test_what_both_have_changed_stays_as_the_person_left_it(flash):
    with pytest.raises(UserError, match=r"log\.txt: was changed while the simulated camera ran"):
        after_a_frame(lambda: (flash / "log.txt").write_text("of the person"))
    assert contents(flash) == {"log.txt": "of the person", "old.txt": "old", "gone.txt": "gone", "mine.txt": "mine"}


def test_what_the_disk_cannot_have_is_named_and_it_goes_on_without(flash):
    """While the camera is on: it starts again when its folder is in order."""
    (flash / "main.py").write_text(START + "print('here')\nraise ValueError('wrong')\n")
    stream = open_stream("simulator:h7", "dark.png")
    told = []
    for event in stream.events():
        if isinstance(event, Disconnected):
            told.append(event.message)
            if len(told) == 1:
                (flash / "film.mp4").write_bytes(bytes(200_000))
            elif len(told) == 2:
                (flash / "film.mp4").unlink()
        if isinstance(event, Line) and event.text == "here" and len(told) == 2:
            stream.close()
    assert "ValueError: wrong" in told[0]
    assert "has room for 113,664" in told[1]


@pytest.mark.parametrize("kind", ["too large", "a link"])
def test_a_folder_that_is_not_in_order_is_a_sentence_and_stays(flash, kind):
    if kind == "too large":
        (flash / "film.mp4").write_bytes(bytes(200_000))
    else:
        (flash / "etc").symlink_to("/etc")
    before = contents(flash)
    with pytest.raises(UserError, match="the simulated camera's disk"):
        open_stream("simulator:h7", "dark.png")
    assert contents(flash) == before


def test_an_empty_folder_with_a_link_in_it_gets_no_program(flash):
    for path in flash.iterdir():
        path.unlink()
    (flash / "main.py").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match="is a link"):
        open_stream("simulator:h7", "dark.png")
    assert [path.name for path in flash.iterdir()] == ["main.py"]
