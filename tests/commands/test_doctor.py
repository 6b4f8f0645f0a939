"""The doctor tells what is so, what is wrong and what to do, and its exit status goes by the worst."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from emotion_camera.commands.doctor import computer
from emotion_camera.commands.doctor.findings import FINE, NOTE, WRONG, Finding, exit_code, page
from emotion_camera.simulator.host.process import find_micropython

ROOT = Path(__file__).parents[2]
on_a_simulated_camera = pytest.mark.skipif(
    sys.platform == "win32" or not find_micropython(), reason="a simulated camera's REPL needs MicroPython and a terminal"
)


def doctor(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "emotion_camera", "doctor", *arguments]
    return subprocess.run(line, cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True)


@pytest.mark.parametrize(("levels", "code"), [([FINE], 0), ([FINE, NOTE], 0), ([NOTE, WRONG, FINE], 1), ([], 0)])
def test_the_exit_status_goes_by_the_worst(levels, code):
    assert exit_code(Finding(level, "it", "is") for level in levels) == code


def test_the_page_has_each_fact_and_what_to_do():
    text = page([Finding(FINE, "Python", "3.12"), Finding(WRONG, "main.py", "is not there", "copy it")])
    assert "ok  Python" in text
    assert "WRONG  main.py" in text
    assert text.endswith("-> copy it")


def test_packages_that_are_missing_or_of_another_version_are_named():
    required = [
        "numpy>=1",
        "no-such-package==1.0",
        "Pillow==0.1",
        'elsewhere==2; sys_platform == "cobol"',
        'more; extra == "vela"',
    ]
    found = list(computer.look(required))
    by_fact = {it.fact: it.level for it in found if it.what.startswith("package")}
    assert by_fact["no-such-package is not installed"] == WRONG
    assert next(level for fact, level in by_fact.items() if "Pillow is" in fact) == NOTE
    assert by_fact["1 of 3 as required"] == FINE


@pytest.mark.parametrize(("now", "level"), [((2025, 12, 31), WRONG), ((1970, 1, 1), WRONG), ((2026, 1, 1), FINE)])
def test_a_computers_clock_before_this_program_was_made_is_wrong(monkeypatch, now, level):
    """A Raspberry Pi without a network starts in the past, and recordings are dated by its clock."""
    monkeypatch.setattr(computer.time, "localtime", lambda: time.struct_time((*now, 12, 0, 0, 0, 1, 0)))
    (found,) = (it for it in computer.look([]) if it.what == "clock")
    assert (found.level, "set this computer's clock" in found.advice) == (level, level == WRONG)


def test_a_damaged_model_of_the_repository_is_named(tmp_path):
    for name in ("emotion.tflite", "emotion.txt"):
        shutil.copyfile(ROOT / "models" / name, tmp_path / name)
    whole = (tmp_path / "emotion.tflite").read_bytes()
    (tmp_path / "emotion.tflite").write_bytes(whole[:-1])
    (found,) = (it for it in computer.look(models=tmp_path) if it.what == "emotion.tflite")
    assert (found.level, "cut short" in found.fact, "git checkout" in found.advice) == (WRONG, True, True)


@pytest.mark.parametrize(
    ("ids", "level", "said"),
    [
        ((0x37C5, 0x1204), FINE, "OpenMV Cam H7 (37c5:1204)"),
        ((0x2341, 0x035F), WRONG, "waits in its bootloader"),
        ((0x1A86, 0x7523), NOTE, "is no OpenMV camera"),
    ],
)
def test_what_is_on_usb_is_told(monkeypatch, ids, level, said):
    port = SimpleNamespace(device="/dev/ttyACM9", vid=ids[0], pid=ids[1], description="USB Serial")
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port, SimpleNamespace(vid=None, pid=None)])
    (found,) = (it for it in computer.look() if it.what == "port")
    assert found.level == level
    assert said in found.fact


@on_a_simulated_camera
def test_a_camera_with_all_its_files_is_well(tmp_path):
    """Its files are the repository's, and the program gets ready with its self-test passed."""
    disk = tmp_path / ".simulated-camera" / "h7plus" / "flash"
    disk.mkdir(parents=True)
    for file in ("device/main.py", "models/emotion.tflite", "models/emotion.txt"):
        shutil.copy(ROOT / file, disk)
    done = doctor(tmp_path, "--port", "simulator")
    assert "main.py               is device/main.py" in done.stdout
    assert "emotion.tflite        is models/emotion.tflite" in done.stdout
    assert "self-test ok" in done.stdout
    assert "v5.0.0" in done.stdout
    assert "-> emotion-camera verify" in done.stdout
    assert (done.returncode, "WRONG" in done.stdout, done.stderr) == (0, False, "")


@on_a_simulated_camera
def test_what_is_missing_or_strange_on_the_camera_is_told(tmp_path):
    disk = tmp_path / ".simulated-camera" / "h7plus" / "flash"
    disk.mkdir(parents=True)
    (disk / "main.py").write_text("print('another program')\n")
    done = doctor(tmp_path, "--port", "simulator", "--wait", "4")
    assert done.returncode == 1
    assert "WRONG  emotion.tflite        is not on the camera" in done.stdout
    assert "note  main.py               is not the repository's" in done.stdout
    assert "did not get ready within 4 s" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_port_that_is_not_there_is_wrong(tmp_path):
    done = doctor(tmp_path, "--port", "/dev/ttyNOWHERE")
    assert (done.returncode, "there is no such port" in done.stdout, done.stderr) == (1, True, "")
