"""The camera program on each board that runs it, with the newest firmware: the board's frame, heap and scratch memory."""

import json

import pytest
from camera_runs import MODEL, Played, micropython, scene
from emotion_camera.boards import find_board
from emotion_camera.model.tflm import arena_bytes
from emotion_camera.simulator import Line, run
from emotion_camera.simulator.program import program_for
from small_models import model

pytestmark = micropython

BOARDS = ("h7", "h7plus", "purethermal", "rt1062", "nicla", "portenta", "giga", "ae3")


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


@pytest.mark.parametrize("firmware", ["v4.8", "v5.0"])  # they keep the cascade in the heap
@pytest.mark.parametrize(("board", "filters"), [("h7", 64), ("h7", 32), ("nicla", 64)])
def test_a_model_that_takes_all_the_memory_that_it_may_runs(firmware, board, filters):
    """File and arena together, a large one of either: `model_memory` of boards.py is no larger than what the program leaves."""
    limits, data = find_board(board).limits, model(filters=filters, stride=1)
    data += bytes(limits.memory - len(data) - (arena_bytes(data) or 0))
    files = {"emotion.tflite": data, "emotion.txt": b"a\nb\nc\n"}
    given = program_for(board, MODEL)
    card = {"sdcard": {**given.pop("flash"), **files}}  # an H7's own flash may be too small for it
    played = [
        event.text
        for event in run(source=scene(frames=20), board=board, firmware=firmware, **given, **card)
        if isinstance(event, Line)
    ]
    reports = [json.loads(text) for text in played if text.startswith("{")]
    assert [it["event"] for it in reports if "event" in it] == ["ready"]
    assert len([it for it in reports if it.get("faces")]) >= 15
