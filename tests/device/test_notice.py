"""The notice that is drawn at the start: people in view have a right to know."""

import numpy as np
import pytest
from camera_runs import Played, micropython, scene, still
from emotion_camera.model.bundle import MAIN

pytestmark = micropython
WALL = still(np.full((240, 320), 128, np.uint8), 75)
WIDTH = 8 * len("This camera reads facial expressions.")  # pixels


def noticed(played: Played) -> list[tuple[int, bool]]:
    """Of each frame: ms since the first, and whether something as wide as the notice is drawn at its top."""
    first_ms = played.shown[0].time_ms
    return [(it.time_ms - first_ms, bool((it.picture[:12, WIDTH - 16 : WIDTH] != 128).any())) for it in played.shown]


def test_it_is_drawn_for_five_seconds():
    seen = noticed(Played(WALL, board="h7plus"))
    assert all(drawn for ms, drawn in seen if ms < 4500)
    assert not any(drawn for ms, drawn in seen if ms > 5500)
    assert seen[-1][0] > 5500


@pytest.mark.parametrize("command", [b"draw off", b"calibrate"])
def test_it_makes_room(command):
    """For who needs bare frames, and for what the person is to do now."""
    played = Played(scene(frames=50, where=(100, 100)), board="h7plus", typed=[(3500, command + b"\n")])
    seen = noticed(played)
    assert seen[0][1]
    assert not seen[25][1]
    assert seen[25][0] < 4500


def test_it_can_be_left_out(tmp_path):
    text = MAIN.read_text()
    line = 'NOTICE = "This camera reads facial expressions."\n'
    assert line in text
    script = tmp_path / "main.py"
    script.write_text(text.replace(line, 'NOTICE = ""\n'))
    played = Played(WALL, board="h7plus", script=script)
    assert not any(drawn for _, drawn in noticed(played))
    assert played.said("error") == []
