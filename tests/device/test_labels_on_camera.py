"""The labels file as people write it: what the camera makes of it, and that the names of an emotion work in any form."""

import pytest
from camera_runs import Played, micropython, scene

NOUNS = ("Anger", "disgust", "Fear", "Happiness", "sadness", "Surprise", "NEUTRAL")  # as FER+ names them, in any case

pytestmark = micropython


def text(*labels: str) -> bytes:
    return "\n".join(labels).encode()


@pytest.mark.parametrize("board", ["h7", "h7plus"])
def test_the_light_and_calibrate_know_an_emotion_by_any_of_its_names(board):
    files = {"emotion.txt": text(*NOUNS)}
    played = Played(scene(), board=board, files=files)
    assert played.named[0]["labels"] == list(NOUNS)
    assert played.faces[0][0]["emotion"] == "Happiness"
    on = {event.way: event.data for event in played.sent if event.way.startswith("led")}
    assert on == {"led LED_RED": b"1", "led LED_GREEN": b"1"}
    learnt = Played(scene("sad", 40), board=board, files=files, typed=[(2500, b"calibrate\n")])
    assert learnt.events == ["ready", "reply", "calibrated"]


def test_a_mark_that_nobody_sees_is_no_part_of_a_label():
    files = {"emotion.txt": text(*NOUNS).decode().encode("utf-8-sig").replace(b"\n", b"\r\n")}
    assert Played(scene(), files=files).named[0]["labels"] == list(NOUNS)
