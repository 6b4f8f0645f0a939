"""A deploy that is cut off: the camera holds the old files or the new ones, whole, at its next start.

Small files here; `python -m bench deploy` does the same with the shipped ones, at every block.
"""

import runpy

import pytest
from bench.deploy import RECORD, Recording, _blocks, cut_everywhere, kill, outcome, record, start
from emotion_camera.commands.deploy import atomic_update
from emotion_camera.commands.deploy.command import deploy, roll_back
from emotion_camera.simulator.board.board import AT_RESET
from simulated_boards import NEW, OLD, connected, needs_board, put, read

pytestmark = needs_board
BOARD = "h7"  # its small disk is soon full


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return record(tmp_path_factory.mktemp("camera"), OLD, NEW, BOARD)


def test_the_power_fails_at_any_block(recording):
    left = cut_everywhere(recording, every=4, twice_every=16)
    assert set(left) == {"old", "new"}
    assert left["old"] > 5
    assert left["new"] >= 2


@pytest.fixture(scope="module")
def way_back(tmp_path_factory):
    """A rollback, block by block: from NEW to OLD."""
    folder = tmp_path_factory.mktemp("back")
    put(folder / "flash", OLD)
    with connected(folder, board=BOARD) as camera:
        deploy(camera, NEW, wait_s=20)
    trace = folder / "trace"
    with connected(folder, board=BOARD, trace=trace) as camera:
        first = trace.stat().st_size // RECORD
        roll_back(camera, 20)
    blocks = list(_blocks(trace.read_bytes()))
    return Recording(dict(blocks[:first]), blocks[first:], NEW, OLD, BOARD)


def test_the_power_fails_at_any_block_of_a_rollback(way_back):
    left = cut_everywhere(way_back, every=4, twice_every=16)
    assert set(left) == {"old", "new"}
    assert left["old"] > 5
    assert left["new"] >= 2


def test_the_first_blocks_leave_the_old_files_and_the_last_the_new_ones(recording):
    assert outcome(start(recording.cut(0), BOARD)[0], recording) == "old"
    assert outcome(start(recording.cut(len(recording.written)), BOARD)[0], recording) == "new"


def test_without_boot_py_some_of_these_cuts_would_leave_neither(tmp_path, monkeypatch):
    """So the cuts can tell a safe deploy from an unsafe one."""
    monkeypatch.setattr(atomic_update, "BOOT", tmp_path / "boot.py")
    once = "import os\nif 'switch.txt' in os.listdir():\n    os.remove('switch.txt')\n"
    once += "    for name in ('main.py', 'emotion.txt', 'emotion.tflite'):\n        os.rename('new/' + name, name)\n"
    (tmp_path / "boot.py").write_text(once)
    unsafe = record(tmp_path / "camera", OLD, NEW, BOARD)
    last = len(unsafe.written)
    left = [outcome(start(unsafe.cut(count), BOARD)[0], unsafe) for count in range(last - 12, last + 1)]
    assert "bricked" in left
    assert left[-1] == "new"


@pytest.mark.parametrize("after", [2_000, 6_000, AT_RESET])
def test_the_cable_is_pulled(tmp_path, monkeypatch, after):
    monkeypatch.setattr("emotion_camera.camera.repl.BACK_S", 1)  # the port does not come back
    assert kill(tmp_path, OLD, NEW, after) in ("old", "new")


# What else ends a change that was broken off


@pytest.mark.parametrize("order", ["new main.py end", "new main.py\nend\n"])
def test_boot_py_ends_a_change_that_was_ordered(tmp_path, monkeypatch, order):
    after = booted(tmp_path, monkeypatch, order)
    assert after == {"main.py": NEW["main.py"], "emotion.txt": OLD["emotion.txt"]}


@pytest.mark.parametrize("order", ["", "new", "new main.py", "new main.py emotion.txt en", "new main.py end emotion.t"])
def test_boot_py_changes_nothing_while_the_order_is_not_written_to_its_end(tmp_path, monkeypatch, order):
    """The power failed before the word "end" was on the disk: the files in `new` may not be whole."""
    after = booted(tmp_path, monkeypatch, order)
    assert after == {
        "main.py": OLD["main.py"],
        "emotion.txt": OLD["emotion.txt"],
        "new/main.py": NEW["main.py"],
        "switch.txt": order.encode(),
    }


def booted(folder, monkeypatch, order: str) -> dict[str, bytes]:
    """The files of a disk with this order for boot.py, after boot.py."""
    old = {name: OLD[name] for name in ("main.py", "emotion.txt")}
    put(folder, {**old, "new/main.py": NEW["main.py"], "switch.txt": order.encode()})
    monkeypatch.chdir(folder)
    runpy.run_path(str(atomic_update.BOOT))
    return read(folder)
