"""The simulator on a port, with stock mpremote: what it does there it does on a camera."""

import hashlib
import subprocess
import sys

import pytest
from emotion_camera.camera.repl import NoAnswer, Repl
from emotion_camera.errors import UserError
from simulated_boards import FACE, NEW, OLD, PROGRAM, connected, hear, needs_board, put, read

pytestmark = needs_board
FLASH_OF_H7 = 113_664  # bytes that files can take


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A camera that runs the OLD program."""
    from emotion_camera.simulator.board.board import SimulatedBoard

    folder = tmp_path_factory.mktemp("camera")
    put(folder / "flash", {**OLD, "boot.py": b"print('this is boot.py')\n"})
    with SimulatedBoard(folder, source=FACE) as board:
        yield board


def mpremote(board, *words: str) -> str:
    command = [sys.executable, "-m", "mpremote", "connect", board.path, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def test_main_py_runs_until_mpremote_stops_it_and_again_after_a_reset(board):
    assert b'"event":"ready"' in hear(board, b'"ready"')
    assert "main.py" in mpremote(board, "resume", "fs", "ls")
    assert mpremote(board, "resume", "exec", "print(6 * 7)") == "42\n"  # main.py is not there any more
    mpremote(board, "resume", "reset")
    assert b'"event":"ready"' in hear(board, b'"ready"')


def test_mpremote_copies_and_hashes(board, tmp_path):
    content = bytes(range(256)) * 20
    file = put(tmp_path, {"some.bin": content}) / "some.bin"
    mpremote(board, "resume", "fs", "cp", str(file), ":")
    assert hashlib.sha256(content).hexdigest() in mpremote(board, "resume", "fs", "sha256sum", ":some.bin")
    mpremote(board, "resume", "fs", "cp", ":some.bin", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == content


def test_a_soft_reset_runs_boot_py_but_not_main_py(board):
    """As OpenMV's firmware; mpremote without resume makes one."""
    mpremote(board, "resume", "exec", "remembered = 1")
    assert mpremote(board, "exec", "print('remembered' in globals())") == "False\n"


def test_it_says_which_camera_it_is(board):
    code = "import omv, os; print(omv.board_type(), omv.version_string(), os.getcwd())"
    assert mpremote(board, "resume", "exec", code) == "H7 5.0.0 /flash\n"


def test_an_h7_has_room_for_just_so_much(tmp_path):
    with connected(tmp_path, board="h7") as camera:
        assert camera.info.free == FLASH_OF_H7
        camera.write("most", bytes(FLASH_OF_H7))
        with pytest.raises(UserError, match="more: the camera's disk is full; delete what you don't need"):
            camera.write("more", b"1")
        camera.remove("most")
        camera.write("more", b"1")
    assert read(tmp_path)["flash/more"] == b"1"


def test_with_a_card_in_it_starts_from_there(tmp_path):
    put(tmp_path, {"flash/main.py": b"print('flash')\n", "sdcard/main.py": b"print('card')\n"})
    with connected(tmp_path) as camera:
        assert camera.info.disk == "/sdcard"
        camera.reset()
        assert "card" in camera.lines(10)


def test_what_main_py_writes_and_is_told_is_kept(tmp_path):
    program = PROGRAM.replace(
        b"while True:",
        b"import sys, select\nkeys = select.poll()\nkeys.register(sys.stdin, 1)\nwhile not keys.poll(0):",
    )
    program += b"open('told', 'w').write(sys.stdin.readline())\n"
    put(tmp_path / "flash", {**OLD, "main.py": program})
    with connected(tmp_path) as camera:
        camera.reset()
        next(line for line in camera.lines(10) if line and line.endswith(">>>"))  # it was told "status", and has ended
        camera.reconnect()
        assert camera.read("told").strip() == b"status"
    assert read(tmp_path)["flash/told"].strip() == b"status"


def test_when_the_power_fails_the_files_written_before_are_there(tmp_path):
    put(tmp_path / "flash", OLD)
    with connected(tmp_path, dies_after=20_000) as camera:
        camera.write("0", NEW["emotion.tflite"])
        with pytest.raises(UserError, match="the camera was lost at"):
            camera.write("1", NEW["emotion.tflite"] * 10)
    kept = read(tmp_path / "flash")
    assert kept["0"] == NEW["emotion.tflite"]
    assert kept.items() >= OLD.items()
    assert kept.get("1", b"") != NEW["emotion.tflite"] * 10


def test_the_program_starts_again_though_an_answer_comes_late(tmp_path, monkeypatch):
    """Ctrl-C has left the camera at work, and it does not answer the first keys in time: it is not left stopped."""
    from emotion_camera.simulator.board.board import SimulatedBoard

    put(tmp_path / "flash", OLD)
    with SimulatedBoard(tmp_path, source=FACE) as board:
        camera = Repl(board.path)
        press, late = camera._press_keys, [NoAnswer("late"), NoAnswer("late")]

        def press_late():
            if late:
                raise late.pop()
            press()

        monkeypatch.setattr(camera, "_press_keys", press_late)
        monkeypatch.setattr(camera._raw(), "exec_raw", interrupted)
        with pytest.raises(KeyboardInterrupt):
            camera.exec("1")
        monkeypatch.undo()
        monkeypatch.setattr(camera, "_press_keys", press_late)
        camera.close()
        assert b'"ready"' in hear(board, b'"ready"')


def interrupted(*given, **how):
    raise KeyboardInterrupt


WHO = ("H7", "OMV4 H7 1024", (5, 0, 0))


@pytest.mark.parametrize(
    "printed",
    [
        repr((WHO, "OpenMV4-H7", 335_872, "/flash", 512, 100, "../../home")),
        repr((WHO, "OpenMV4-H7", 335_872, "/flash", 512, 100, "")),
        repr((WHO, "OpenMV4-H7", 335_872, "/flash", 512, 100)),
        repr((WHO, "OpenMV4-H7", 335_872, "/flash", 512, 100, 7)),
        repr((("H7", "OMV4 H7 1024", "5.0"), "OpenMV4-H7", 335_872, "/flash", 512, 100, "12ab")),
        repr(("H7", "OpenMV4-H7", 335_872, "/flash", 512, 100, "12ab")),
        "Traceback",
    ],
)
def test_what_no_camera_says_of_itself_is_not_believed(printed, monkeypatch):
    """The number of a camera becomes the name of a folder on this computer."""
    camera = Repl.__new__(Repl)
    camera.port = "/dev/camera"
    monkeypatch.setattr(camera, "exec", lambda code: printed)
    with pytest.raises(NoAnswer, match="/dev/camera: the camera was lost at"):
        camera._read_info()
