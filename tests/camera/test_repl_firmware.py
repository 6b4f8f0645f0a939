"""The simulator's REPL has the firmware's modules, and the board's memory."""

import pytest
from emotion_camera.errors import UserError
from emotion_camera.simulator.host.haar import find_features, load_cascade
from emotion_camera.simulator.host.sources import fill, open_source
from simulated_boards import FACE, connected, needs_board, put, read

pytestmark = needs_board
MODEL = FACE.parents[5] / "models" / "emotion.tflite"
FIND = """
import csi, image
camera = csi.CSI()
camera.reset()
camera.pixformat(csi.GRAYSCALE)
camera.framesize(csi.QVGA)
frame = camera.snapshot()
cascade = image.HaarCascade("/rom/haarcascade_frontalface.cascade")
"""


def test_it_finds_the_face_before_it(tmp_path):
    with connected(tmp_path) as camera:
        printed = camera.exec(FIND + "print(frame.find_features(cascade, threshold=0.75, scale=1.25))")
    frame = fill(next(open_source(FACE).frames()), (320, 240))
    boxes = find_features(frame, load_cascade(), 0.75, 1.25)
    assert len(boxes) == 1
    assert eval(printed) == boxes


def test_an_h7_has_too_little_scratch_memory_for_it(tmp_path):
    with connected(tmp_path, board="h7") as camera, pytest.raises(UserError, match="MemoryError: Out of memory"):
        camera.exec(FIND + "frame.find_features(cascade, threshold=0.75, scale=1.25)")


def test_its_heap_is_the_boards(tmp_path):
    with connected(tmp_path, board="h7") as camera:
        assert camera.info.heap == (64 + 264) * 1024
        with pytest.raises(UserError, match="MemoryError"):
            camera.exec("bytearray(300_000)")
        assert camera.exec("print(len(bytearray(250_000)))").strip() == "250000"


def test_what_is_written_into_a_frames_bytes_is_in_the_frame(tmp_path):
    with connected(tmp_path) as camera:
        code = "frame.bytearray()[320:323] = b'abc'\nprint([frame.get_pixel((x, 1)) for x in range(3)])"
        assert camera.exec(FIND + code).strip() == "[97, 98, 99]"


def test_a_network_is_loaded_from_its_disks(tmp_path):
    put(tmp_path / "flash", {"emotion.tflite": MODEL.read_bytes()})
    with connected(tmp_path) as camera:
        printed = camera.exec("import ml\nprint(ml.Model('emotion.tflite').output_shape)")
        with pytest.raises(UserError, match="ENOENT"):
            camera.exec("ml.Model('another.tflite')")
    assert printed.strip() == "((1, 7),)"
    assert set(read(tmp_path)) == {"flash/emotion.tflite"}


@pytest.mark.parametrize(
    ("firmware", "there"), [("v4.5", "tf sensor image"), ("v4.7", "ml csi sensor"), ("v5.0", "ml")]
)
def test_it_has_the_modules_of_its_firmware(tmp_path, firmware, there):
    with connected(tmp_path, firmware=firmware) as camera:
        camera.exec("".join(f"import {name}\n" for name in there.split()))
        if firmware == "v4.5":
            with pytest.raises(UserError, match="ImportError"):
                camera.exec("import ml")


def test_after_a_soft_reset_the_heap_is_empty_and_main_py_does_not_run(tmp_path):
    put(tmp_path / "flash", {"boot.py": b"print('booted')\n", "main.py": b"open('ran', 'w').close()\n"})
    with connected(tmp_path) as camera:
        camera.exec("import os\nos.remove('ran')\nkept = bytearray(1_000_000)")
        camera.restart()
        assert camera.exec("import os\nprint('kept' in globals(), 'ran' in os.listdir())").split() == ["False", "False"]


def test_without_a_soft_reset_what_was_left_in_the_heap_goes_all_the_same(tmp_path, monkeypatch):
    from mpremote.transport_serial import SerialTransport, TransportError

    enter = SerialTransport.enter_raw_repl

    def refuse(self, soft_reset=True, **how):
        if soft_reset:
            raise TransportError("could not enter raw repl")
        enter(self, soft_reset=soft_reset, **how)

    with connected(tmp_path, board="h7") as camera:
        camera.exec("kept = bytearray(200_000)")
        monkeypatch.setattr(SerialTransport, "enter_raw_repl", refuse)
        camera.restart()
        assert camera.exec("print(len(bytearray(200_000)))").strip() == "200000"


def test_a_question_that_ctrl_c_broke_off_does_not_spoil_the_next(tmp_path):
    """The answer to the first is still to come when the second is asked."""

    def stop(line):
        raise KeyboardInterrupt

    with connected(tmp_path) as camera:
        camera.exec(FIND)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                camera.follow("while True:\n    print('at it')\n    frame = camera.snapshot()", stop)
            camera.interrupt()
            assert camera.exec("print(frame.width(), camera.snapshot().height())").split() == ["320", "240"]


class WasReset(Exception):
    """The camera says what boot.py prints."""


def test_a_network_that_is_cut_short_resets_the_board(tmp_path):
    def hear(line):
        if "booted" in line:
            raise WasReset

    put(tmp_path / "flash", {"half.tflite": MODEL.read_bytes()[:5000], "boot.py": b"print('booted')\n"})
    with connected(tmp_path) as camera, pytest.raises(WasReset):
        camera.follow("import ml\nml.Model('half.tflite')", hear)
