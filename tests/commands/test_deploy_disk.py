"""`deploy --port simulator` on folders as people leave them: what is listed is not changed, and what can't be on the disk is named."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from emotion_camera.__main__ import main
from emotion_camera.camera.repl import open_repl
from emotion_camera.errors import UserError
from emotion_camera.simulator.board.board import SimulatedBoard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulated_boards import FACE, needs_board, put, read

pytestmark = needs_board

FILES = {"main.py": b"print('here')\n", "emotion.txt": b"sad\nhappy\n", "emotion.tflite": bytes(range(256)) * 10, "lib/a.py": b"A = 1\n"}  # fmt: skip


@pytest.fixture
def flash(tmp_path, monkeypatch) -> Path:
    """The disk of a simulated H7, with FILES on it, from the current folder."""
    monkeypatch.chdir(tmp_path)
    return put(Path(".simulated-camera/h7/flash"), FILES)


def state(folder: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        else:
            found[str(path)] = (path.stat().st_mtime_ns, path.read_bytes()) if path.is_file() else None
    return found


def list_files() -> int:
    return main(["deploy", "--port", "simulator:h7", "--list"])


def many(flash: Path) -> None:
    for number in range(600):
        (flash / f"{number}.txt").write_bytes(b"")


def full(flash: Path) -> None:
    """To the last block by its files; the names in a folder take more."""
    (flash / "rest.bin").write_bytes(bytes(109_000))
    for number in range(5):
        (flash / "lib" / f"a long name takes room in the folder {number}").write_bytes(b"")


REFUSED = {
    "a file that is too large": (lambda flash: put(flash, {"film.bin": bytes(200_000)}), "has room for 113,664"),
    "a name that FAT does not take": (lambda flash: put(flash, {"what?.txt": b""}), "what?.txt: "),
    "a link that leads out": (lambda flash: (flash / "root").symlink_to("/"), "root: is a link"),
    "names that differ by capitals": (lambda flash: put(flash, {"LIB.PY": b"", "lib.py": b""}), "is the same name as"),
    "more files than a FAT disk has places for": (many, "has no room for it"),
    "a folder that takes more than its files": (full, "has no room for it"),
}


@pytest.mark.parametrize(("change", "said"), REFUSED.values(), ids=REFUSED)
def test_what_the_disk_cannot_have_is_named_and_all_stays(flash, capsys, change, said):
    change(flash)
    before = state(Path())
    assert list_files() == 1
    assert said in capsys.readouterr().err
    assert state(Path()) == before


def test_a_list_changes_nothing(flash, capsys):
    (flash / "empty").mkdir()
    put(
        flash,
        {
            "README.TXT": b"a",
            "ü.txt": b"b",
            "日本語": b"c",
            "longfilename.txt": b"d",
            "LONGFI~1.TXT": b"e",
            ".part.x": b"half",
        },
    )
    (flash.parent / "flash.fat").write_bytes(b"what an older release left")
    before = state(Path())
    assert list_files() == 0
    assert state(Path()) == before
    assert "README.TXT" in capsys.readouterr().out


LETTERS = st.text("aA~1. éß日🙂", min_size=1, max_size=12)
PATHS = st.lists(LETTERS, min_size=1, max_size=2).map("/".join)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(PATHS, st.binary(max_size=1200), max_size=5))
def test_a_list_of_any_files_changes_nothing(tmp_path_factory, monkeypatch, files):
    monkeypatch.chdir(tmp_path_factory.mktemp("any"))
    for name, content in {**FILES, **files}.items():
        try:
            put(Path(".simulated-camera/h7/flash"), {name: content})
        except OSError:  # a name that the system doesn't take, or of a folder
            continue
    before = state(Path())
    assert list_files() in (0, 1)  # some can't be on a FAT disk
    assert state(Path()) == before


def test_a_folder_without_a_disk_stays_without_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert list_files() == 0
    assert read(Path(".simulated-camera")) == {}


def test_two_cameras_on_one_folder_are_one_too_many(flash, capsys):
    with SimulatedBoard(flash.parent, board="h7", source=FACE):
        before = state(Path())
        assert list_files() == 1
        assert "another program has this simulated camera open" in capsys.readouterr().err
        assert state(Path()) == before
    assert list_files() == 0


def test_what_is_changed_by_hand_meanwhile_is_kept(flash):
    camera = open_repl("simulator:h7")
    try:
        camera.write("new.txt", b"of the camera")
        camera.write("emotion.txt", b"angry\n")
        put(flash, {"mine.txt": b"of the person", "lib/a.py": b"A = 2\n"})
    finally:
        camera.close()
    assert read(flash) == {**FILES, "new.txt": b"of the camera", "emotion.txt": b"angry\n", "mine.txt": b"of the person", "lib/a.py": b"A = 2\n"}  # fmt: skip


def test_what_both_have_changed_is_as_the_person_left_it(flash):
    camera = open_repl("simulator:h7")
    camera.write("emotion.txt", b"angry\n")
    put(flash, {"emotion.txt": b"fear\n"})
    before = state(Path())
    with pytest.raises(UserError, match=r"emotion\.txt: was changed while the simulated camera ran"):
        camera.close()
    assert state(Path()) == before


def test_a_camera_that_was_killed_leaves_the_folder_as_it_was_and_the_next_one_starts(flash, capsys):
    program = (
        "from emotion_camera.camera.repl import open_repl\n"
        "camera = open_repl('simulator:h7')\n"
        "camera.write('emotion.txt', b'angry')\nprint('written', flush=True)\ncamera.exec('import time; time.sleep(60)')\n"
    )
    before = state(Path())
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"written\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert state(Path()) == before
    put(flash, {"mine.txt": b"of the person"})
    before = state(Path())
    assert list_files() == 0
    assert state(Path()) == before


def test_a_command_that_is_ended_writes_back_what_there_is(flash):
    program = "import sys\nfrom emotion_camera.__main__ import main\nsys.exit(main(['deploy', '--port', 'simulator:h7', '--list']))"
    before = state(Path())
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.5)  # in the middle of whatever it does
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert state(Path()) == before


def test_a_read_only_folder_is_listed_and_cannot_be_deployed_to(flash, monkeypatch, capsys):
    import emotion_camera.files

    def refuse(*given: object) -> None:
        raise PermissionError(13, "Permission denied", str(given[1]))

    monkeypatch.setattr(emotion_camera.files.os, "replace", refuse)
    before = state(Path())
    assert list_files() == 0
    camera = open_repl("simulator:h7")
    camera.write("emotion.txt", b"angry\n")
    with pytest.raises(UserError, match=r"emotion\.txt: .*can't be written \(Permission denied\)"):
        camera.close()
    assert state(Path()) == before
