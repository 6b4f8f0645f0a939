"""What a computer on v5's protocol reads of what the program prints, by the size of the board's channel."""

import pytest
from emotion_camera.boards import BOARDS
from emotion_camera.simulator import Line, run
from emotion_camera.simulator.host.stdio import read_lines

SIZES = {
    **dict.fromkeys(("h7", "nicla", "m7"), 512),
    **dict.fromkeys(("h7plus", "purethermal", "rt1062", "portenta", "giga"), 1024),
    **dict.fromkeys(("ae3", "n6"), 2048),
}


def test_each_board_has_its_channel():
    assert {name: board.stdio for name, board in BOARDS.items()} == SIZES


@pytest.mark.parametrize(("length", "whole"), [(509, True), (510, False), (511, False), (512, False), (565, False)])
def test_a_line_that_fills_the_buffer_leaves_its_end_alone(length, whole):
    """509 bytes and CR LF fill the 511 that it holds; of a longer text the end pushes all out."""
    line = "x" * length
    assert read_lines([line], 512) == [line if whole else ""]


def test_of_lines_that_do_not_fit_together_the_last_are_read():
    lines = ["a" * 300, "b" * 300, "c" * 100]
    assert read_lines(lines, 512) == [None, *lines[1:]]
    assert read_lines(lines, 1024) == lines
    assert read_lines(["a" * 300, "b" * 600, "c" * 10], 512) == [None, "", "c" * 10]


def test_bytes_count_and_not_letters():
    assert read_lines(["ä" * 254], 512) == ["ä" * 254]
    assert read_lines(["ä" * 255], 512) == [""]


PROGRAM = "print('x' * 565)\nprint('short')\nimport csi\nc = csi.CSI()\nc.reset()\nprint('y' * 400)"


@pytest.mark.parametrize(
    ("firmware", "board", "read"),
    [
        ("v5.0", "h7", ["", "short", "y" * 400]),
        ("v5.0", "rt1062", ["x" * 565, "short", "y" * 400]),
        ("v4.8", "h7", [None, None, None]),
    ],
)
def test_printed_lines_tell_what_is_read(tmp_path, firmware, board, read):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    lines = [event for event in run(script, firmware=firmware, board=board) if isinstance(event, Line)]
    assert [line.text for line in lines] == ["x" * 565, "short", "y" * 400]
    assert [line.by_protocol for line in lines] == read
