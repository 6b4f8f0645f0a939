"""The doctor tells what is so, what is wrong and what to do, and its exit status goes by the worst."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from emotion_camera.commands.doctor import computer
from emotion_camera.commands.doctor.findings import FINE, NOTE, WRONG, Finding, exit_code, page
from emotion_camera.simulator.host.process import find_micropython
from small_models import model

ROOT = Path(__file__).parents[2]
on_a_simulated_camera = pytest.mark.skipif(
    sys.platform == "win32" or not find_micropython(),
    reason="a simulated camera's REPL needs MicroPython and a terminal",
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


def test_packages_that_are_missing_or_of_another_version_are_named(tmp_path):
    required = ["numpy>=1", "no-such-package==1.0", "Pillow==0.1", 'elsewhere==2; sys_platform == "cobol"']
    found = list(computer.look(required, models=tmp_path))
    by_fact = {it.fact: it for it in found if it.what.startswith("package")}
    missing = by_fact["no-such-package is not installed"]
    assert (missing.level, missing.advice) == (WRONG, "python -m pip install emotion-camera --upgrade")
    assert next(it.level for fact, it in by_fact.items() if "Pillow is" in fact) == NOTE
    assert by_fact["1 of 3 as required"].level == FINE


@pytest.mark.parametrize(
    ("requirements", "level", "fact", "advice"),
    [
        (["numpy"], FINE, "is installed", ""),
        (["no-such-package"], FINE, 'is not installed; python -m pip install "emotion-camera[more]" installs it', ""),
        (
            ["numpy", "no-such-package"],
            NOTE,
            "no-such-package is not installed",
            'to use it: python -m pip install "emotion-camera[more]" --upgrade',
        ),
        (['tool; sys_platform == "cobol"'], NOTE, "has no packages for this Python or system", ""),
    ],
)
def test_an_extra_is_no_fault_but_half_of_one_is_told(requirements, level, fact, advice):
    lines = [f'{it}{" and" if ";" in it else ";"} extra == "more"' for it in requirements]
    found = next(it for it in computer.look(lines) if it.what == "extra more")
    assert found == Finding(level, "extra more", fact, advice)


def test_the_installed_package_tells_all_its_extras_and_pythons(tmp_path):
    found = {it.what: it for it in computer.look(models=tmp_path)}
    assert {"extra training", "extra vela", "extra edge-impulse", "extra sweep"} <= set(found)
    assert found["Python"].level == FINE


@pytest.mark.parametrize(
    ("in_wheel", "advice"), [(False, "git checkout models"), (True, "pip install emotion-camera --force-reinstall")]
)
def test_a_damaged_model_is_named_with_what_restores_it(tmp_path, monkeypatch, in_wheel, advice):
    monkeypatch.setattr(computer, "IN_WHEEL", in_wheel)
    for name in ("emotion.tflite", "emotion.txt"):
        shutil.copyfile(ROOT / "models" / name, tmp_path / name)
    whole = (tmp_path / "emotion.tflite").read_bytes()
    (tmp_path / "emotion.tflite").write_bytes(whole[:-1])
    (found,) = (it for it in computer.look(models=tmp_path) if it.what == "emotion.tflite")
    assert (found.level, "cut short" in found.fact, advice in found.advice) == (WRONG, True, True)


@pytest.mark.parametrize(
    ("ids", "level", "said"),
    [
        ((0x37C5, 0x1204), FINE, "OpenMV Cam H7 (37c5:1204)"),
        ((0x2341, 0x035F), WRONG, "waits in its bootloader"),
        ((0x1A86, 0x7523), NOTE, "is no OpenMV camera"),
    ],
)
def test_what_is_on_usb_is_told(tmp_path, monkeypatch, ids, level, said):
    port = SimpleNamespace(device="/dev/ttyACM9", vid=ids[0], pid=ids[1], description="USB Serial")
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port, SimpleNamespace(vid=None, pid=None)])
    (found,) = (it for it in computer.look(models=tmp_path) if it.what == "port")
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


@on_a_simulated_camera
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (model(kind="float32"), "WRONG  model                 emotion.tflite: input is float32; the camera needs int8"),
        (model()[:900], "WRONG  model                 emotion.tflite: is cut short or damaged"),
        (
            model(scale=0.992 / 255),
            " note  model                 its input was calibrated for 0 to 0.992 instead of 0 to 1",
        ),
    ],
    ids=["float", "cut", "nearly"],
)
def test_a_model_of_ones_own_on_the_camera_is_looked_at(tmp_path, data, said):
    disk = tmp_path / ".simulated-camera" / "h7plus" / "flash"
    disk.mkdir(parents=True)
    shutil.copy(ROOT / "device" / "main.py", disk)
    (disk / "emotion.tflite").write_bytes(data)
    (disk / "emotion.txt").write_text("smile\nfrown\nother\n")
    done = doctor(tmp_path, "--port", "simulator", "--wait", "4")
    assert said in done.stdout
    assert str(tmp_path) not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@on_a_simulated_camera
@pytest.mark.parametrize(("board", "why"), [("n6", "ST Edge AI"), ("m7", "51 KB of memory")])
def test_a_board_that_runs_nothing_gets_one_answer(tmp_path, board, why):
    """Nothing that deploy would refuse is advised."""
    done = doctor(tmp_path, "--port", f"simulator:{board}")
    camera = done.stdout[done.stdout.index("WRONG  board") :]
    assert done.returncode == 1
    assert why in camera
    assert camera.count("WRONG") == camera.count("->") == 1


def test_a_port_that_is_not_there_is_wrong(tmp_path):
    done = doctor(tmp_path, "--port", "/dev/ttyNOWHERE")
    assert (done.returncode, "there is no such port" in done.stdout, done.stderr) == (1, True, "")
