"""The camera program on each board that runs it, with the newest firmware: the board's frame, heap and scratch memory."""

import pytest
from camera_runs import Played, micropython, scene

pytestmark = micropython

BOARDS = ("h7", "h7plus", "rt1062", "nicla", "ae3")


@pytest.mark.parametrize("board", BOARDS)
def test_a_face_is_found_and_named(board):
    played = Played(scene(frames=12), board=board, firmware="v5.0.1")
    assert played.named[0]["event"] == "ready"
    assert played.named[0]["firmware"] == "5.0.1"
    assert not played.said("error")
    assert {faces[0]["emotion"] for faces in played.faces} == {"happy"}
    height, width = played.shown[0].picture.shape[:2]
    assert (width, height) == ((320, 200) if board == "ae3" else (320, 240))
    for x, y, w, h in (face["box"] for faces in played.faces for face in faces):
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
