"""30-bit floats: a program rewritten for them computes as the camera does, and is the same program otherwise."""

import ast
import struct

import pytest
from camera_programs import ROOT
from emotion_camera.errors import UserError
from emotion_camera.simulator import run
from emotion_camera.simulator.host.float_source import with_30_bit_floats
from emotion_camera.simulator.host.floats import camera_float, with_camera_floats

pythons = pytest.mark.parametrize("python", ["micropython", "cpython"])

REWRITTEN = {
    "x = (a + 0.5) * b": "x = _f30((_f30(a + 0.5)) * b)",
    "x = 0.7": "x = 0.6999998092651367",
    "y += x * 2": "y += _f30(x * 2); y = _f30(y)",
    "if a: z[i] -= 1": "if a: z[i] -= 1; z[i] = _f30(z[i])",
    "x = math.exp(-y)": "x = _f30(math.exp(-y))",
    "x = len(y)": "x = len(y)",
    "print(x)": "print(x)",
    "raise Trouble('%s' % x)": "raise Trouble(_f30('%s' % x))",
    "x = a & 3 | b << 2": "x = a & 3 | b << 2",
    "x = [a / b\n     for a in c]": "x = [_f30(a / b)\n     for a in c]",
    "@route(1)\ndef f(a: int = 2) -> list: pass": "@route(1)\ndef f(a: int = 2) -> list: pass",
    "x = 'ä' + f(0.5) + 'ö'": "x = _f30(_f30('ä' + _f30(f(0.5))) + 'ö')",
}  # fmt: skip


@pytest.mark.parametrize("source", REWRITTEN)
def test_each_result_that_may_be_a_float_is_rounded(source):
    assert with_30_bit_floats(source, "main.py") == REWRITTEN[source]


def test_the_program_keeps_its_lines():
    source = (ROOT / "device" / "main.py").read_text()
    rewritten = with_30_bit_floats(source, "main.py")
    ast.parse(rewritten)
    assert len(rewritten.splitlines()) == len(source.splitlines())


COMPUTED = """
import json, math
print(json.dumps([0.4, 0.1 + 0.2, 48 / 99, 1e-5, 100.0, -0.7]))
print(json.dumps([round(0.9340001, 3), round(0.4765, 3), round(2.5), round(7), math.exp(-1)]))
print(int(3.9999999), int((30 + 0.5) / 0.4), 0.7 == 7 / 10, type(0.5 * 2).__name__, 7 // 2)
x = 0.1
x += 0.2
print(x == 0.1 + 0.2, json.loads("[1, {}]"), json.dumps({"a": None, "b": [True, "x"]}))
"""


@pythons
def test_a_program_computes_with_30_bits(play, python):
    played = play(COMPUTED, python=python, floats="30-bit")
    assert played.lines[0] == "[0.4, 0.3, 0.4848485, 1e-05, 100.0, -0.7]"
    assert played.lines[1] == "[0.934, 0.476, 2, 7, 0.3678794]"  # as recorded
    assert played.lines[2] == "4 76 True float 3"
    assert played.lines[3] == 'True [1, {}] {"a": null, "b": [true, "x"]}'


def test_sums_are_rounded_at_each_step(play):
    total = 0.0
    for value in (0.7, 0.1, 12.3) * 40:
        total = float(camera_float(total + float(camera_float(value))))
    assert play("print(sum([0.7, 0.1, 12.3] * 40))", floats="30-bit").lines == [repr(total)]


def test_a_traceback_tells_the_programs_own_lines(play):
    lines = play("import sys\n\nprint(0.1 + 0.2, sys.path[0])\nnone + 1.5", floats="30-bit").lines
    assert lines[1:3] == ["Traceback (most recent call last):", '  File "main.py", line 4, in <module>']


def test_the_disk_has_the_program_as_it_was_given(play):
    program = "import os\nprint(os.stat('main.py')[6], sorted(os.listdir()), 0.5 * 3)"
    assert play(program, floats="30-bit").lines == [f"{len(program)} ['main.py'] 1.5"]


def test_what_crosses_to_the_firmware_and_back_is_rounded(play):
    """Whatever the program computes with: the firmware gets and gives the camera's floats."""
    from camera_programs import START

    program = START + "small = img.copy(roi=(0, 0, 10, 10), x_scale=0.7, y_scale=0.7)\nprint(small.width())"
    assert play(program).lines == ["6"]  # 10 * 0.6999998, where a 64-bit float would give 7


def test_bits_of_a_camera_float():
    for value in (0.1, 0.2, 0.4, 1 / 3, 12345.678, -0.9):
        bits = struct.unpack("<I", struct.pack("<f", camera_float(value)))[0]
        assert bits & 3 == bits >> 2 & 3
        assert camera_float(float(camera_float(value))) == camera_float(value)


def test_floats_within_other_values():
    assert with_camera_floats({"a": [0.4, 1, True, None, "x"]}) == {"a": [0.40000006556510925, 1, True, None, "x"]}


def test_wrong_floats_and_wrong_programs_are_sentences(tmp_path):
    script = tmp_path / "program.py"
    script.write_text("x = = 1")
    with pytest.raises(UserError, match=r"program\.py: line 1 is no Python"):
        run(script, floats="30-bit")
    with pytest.raises(UserError, match="choose 64-bit or 30-bit"):
        run(script, floats="32")
    script.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is no text in UTF-8"):
        run(script, floats="30-bit")
