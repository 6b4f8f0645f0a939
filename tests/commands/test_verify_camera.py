"""`verify` on simulated cameras: all is equal there, one answer that differs is named, and whatever goes wrong, the files stay."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.__main__ import main
from emotion_camera.camera.repl import Unplugged
from emotion_camera.commands.verify.checks import DIFFERENT, EQUAL, UNKNOWN
from emotion_camera.commands.verify.examine import examine
from emotion_camera.commands.verify.firmware import firmware_checks
from emotion_camera.commands.verify.probe import Probe
from emotion_camera.commands.verify.stimuli import SCENES
from emotion_camera.errors import UserError
from emotion_camera.model import vela
from emotion_camera.model.bundle import COMPACT, MAIN
from emotion_camera.model.contract import check
from emotion_camera.simulator.board.board import SimulatedBoard
from emotion_camera.simulator.host import haar, networks, pictures, resample, tensor
from simulated_boards import FACE, OLD, PROGRAM, connected, hear, needs_board, put, read

pytestmark = needs_board
needs_vela = pytest.mark.skipif(vela.version() is None, reason=f"Vela is not installed ({vela.INSTALL})")
ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "emotion.tflite"
MODEL_FILES = {"emotion.tflite": MODEL.read_bytes(), "emotion.txt": MODEL.with_suffix(".txt").read_bytes()}
SOURCE = {"main.py": MAIN.read_bytes(), **MODEL_FILES}
SMALL = {
    "main.py": COMPACT.read_bytes(),
    "emotion_camera.mpy": COMPACT.with_name("emotion_camera.mpy").read_bytes(),
    **MODEL_FILES,
}
READY = b'{"v":1,"event":"ready"'
RESETS = b"""
import csi, machine
camera = csi.CSI()
camera.reset()
camera.pixformat(csi.GRAYSCALE)
camera.framesize(csi.QVGA)
print('{"v":1,"event":"ready"}')
for _ in range(3):
    camera.snapshot()
machine.reset()
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def silent(what: str) -> None:
    pass


@pytest.mark.parametrize(("board", "files"), [("h7", SMALL), ("rt1062", SOURCE)])
def test_a_simulated_camera_is_well(board, files, here, capsys):
    """The whole of it, by the command, with the shipped program and model."""
    flash = here / ".simulated-camera" / board / "flash"
    put(flash, files)
    assert main(["verify", "--port", f"simulator:{board}", "--json", "told.json"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("This camera answers as the program expects.\n")
    assert read(flash) == files

    told = json.loads(Path("told.json").read_text())
    assert {check["name"]: (check["level"], check["compared"]) for check in told["checks"]} == {
        "boxes": (EQUAL, 20), "copies": (EQUAL, 36), "inputs": (EQUAL, 15), "scores": (EQUAL, 6)
    }  # fmt: skip
    assert [scene["seen"] for scene in told["scenes"]] == [0, 1, 2]
    none, one, two = (scene["stages"] for scene in told["scenes"])
    assert none["network"] == 0 < one["network"] < two["network"]
    assert one["search"] > 0
    assert told["ready"]["selftest"] == "ok"
    assert told["left"]["heap"] > 20_000
    assert told["left"]["scratch"] > 100_000
    assert told["left"]["own"] < 16_000  # what is sent must leave an H7's program its room
    assert told["simulated"]


@pytest.mark.parametrize("firmware", ["v4.5", "v4.7", "v4.8"])
def test_older_firmware_is_looked_at_too(firmware, tmp_path):
    put(tmp_path / "flash", SOURCE)
    with connected(tmp_path, firmware=firmware) as camera:
        result = examine(camera, silent)
    assert {check.name: check.level for check in result.checks} == dict.fromkeys(
        ("boxes", "copies", "inputs", "scores"), EQUAL
    )
    # What the program sees there is its own tests' business.
    assert [scene.name for scene in result.played.scenes] == list(SCENES)
    assert result.played.ready["selftest"] == "ok"
    assert not result.played.trouble


def test_an_n6_is_looked_at_as_far_as_that_goes(tmp_path):
    put(tmp_path / "flash", SOURCE)
    with connected(tmp_path, board="n6") as camera:
        result = examine(camera, silent)
    levels = {check.name: (check.level, check.fact) for check in result.checks}
    why = "this camera runs only networks that ST Edge AI compiled"
    assert levels == {"boxes": (EQUAL, ""), "copies": (EQUAL, ""), "inputs": (UNKNOWN, why), "scores": (UNKNOWN, why)}
    assert "takes only networks made by ST Edge AI" in result.played.trouble
    assert result.played.is_plain  # what can be timed there is
    assert [scene.seen for scene in result.played.scenes] == [0, 1, 2]


@pytest.mark.parametrize(("board", "why"), [("n6", "ST Edge AI"), ("m7", "51 KB of memory")])
def test_a_board_that_runs_nothing_is_sent_to_no_deploy(board, why, tmp_path):
    with connected(tmp_path, board=board) as camera:
        result = examine(camera, silent)
    assert why in result.played.trouble
    assert why in {check.name: check.fact for check in result.checks}["scores"]
    assert "emotion-camera deploy" not in result.played.trouble + "".join(check.fact for check in result.checks)


@needs_vela
def test_a_model_that_vela_compiled_is_known(tmp_path):
    put(tmp_path / "flash", {**SOURCE, "emotion.tflite": vela.compile_model(check(MODEL)).data})
    with connected(tmp_path, board="ae3") as camera:
        result = examine(camera, silent)
    assert result.known["emotion.tflite"] == "models/emotion.tflite, compiled by Vela"
    assert [check.level for check in result.checks] == [EQUAL] * 4
    assert not result.played.trouble


@pytest.mark.parametrize("firmware", ["v4.5", "v5.0"])
def test_a_camera_without_a_program_is_looked_at_too(firmware, tmp_path):
    with connected(tmp_path, board="h7", firmware=firmware) as camera:
        result = examine(camera, silent)
    assert [check.level for check in result.checks] == [EQUAL, EQUAL, EQUAL, UNKNOWN]
    assert result.played.trouble == "main.py is not on the camera: emotion-camera deploy"
    assert [scene.seen for scene in result.played.scenes] == [0, 1, 2]
    assert read(tmp_path) == {}


# What differs


def checks(folder: Path) -> dict[str, str]:
    """What the simulator's firmware is found to answer, by check."""
    with connected(folder) as camera:
        return {check.name: f"{check.level} {check.fact}" for check in firmware_checks(Probe(camera))}


def test_one_box_that_is_a_pixel_off_is_named(tmp_path, monkeypatch):
    def find(*given, **how):
        found = haar.find_features_counted(*given, **how)
        boxes = [(x + 1, y, w, h) if (x, y) == (84, 38) else (x, y, w, h) for x, y, w, h in found.boxes]
        return found._replace(boxes=boxes)

    monkeypatch.setattr(pictures, "find_features_counted", find)
    told = checks(tmp_path)
    assert told["boxes"].startswith(f"{DIFFERENT} frame 1 at 0.75/1.25")
    assert "(85, 38, 64, 64)" in told["boxes"]
    assert [told[name].split()[0] for name in ("copies", "inputs")] == [EQUAL, EQUAL]


def test_one_pixel_of_a_copy_that_differs_is_named(tmp_path, monkeypatch):
    def make(*given):
        copy = resample.resample(*given)
        copy[0, 0] ^= 1
        return copy

    monkeypatch.setattr(pictures, "resample", make)
    assert checks(tmp_path)["copies"].startswith(f"{DIFFERENT} frame 0, (0, 0, 160, 120) at 0.5: pixels")


def test_one_byte_of_the_networks_input_that_differs_is_named(tmp_path, monkeypatch):
    def make(frame, roi, *rest):
        values = tensor.face_tensor(frame, roi, *rest).copy()
        values[20, 7] ^= roi == (37, 31, 41, 41)
        return values

    monkeypatch.setattr(networks, "face_tensor", make)
    told = checks(tmp_path)["inputs"]
    assert told.startswith(
        f"{DIFFERENT} frame 0, (37, 31, 41, 41): 1 of 2,304 bytes differ, the first at {20 * 48 + 7}: "
    )


@pytest.mark.parametrize(("steps", "level"), [(1, EQUAL), (2, DIFFERENT)])
def test_one_score_that_is_off_by_more_than_a_step_is_named(steps, level, tmp_path, monkeypatch):
    predict = networks.predict

    def off(network, picture, roi, *rest):
        outputs = predict(network, picture, roi, *rest)
        if tuple(roi) == (90, 42, 58, 58):
            outputs[0][0, 3] += np.float32(steps / 256)
        return outputs

    monkeypatch.setattr(networks, "predict", off)
    put(tmp_path / "flash", MODEL_FILES)
    with connected(tmp_path) as camera:
        result = examine(camera, silent)
    check = result.checks[-1]
    assert (check.name, check.level) == ("scores", level)
    if level == DIFFERENT:
        assert check.fact == "frame 1, (90, 42, 58, 58): a score is 2 steps of int8 off"
        assert result.differs


# What goes wrong


def test_a_damaged_model_is_told_and_not_loaded(tmp_path):
    """The firmware would reset."""
    files = {**OLD, "emotion.tflite": MODEL_FILES["emotion.tflite"][:20_000]}
    put(tmp_path / "flash", {**files, "main.py": b"print('nothing')\n"})
    with connected(tmp_path) as camera:
        result = examine(camera, silent)
    assert (result.checks[-1].level, "is no whole network" in result.checks[-1].fact) == (UNKNOWN, True)
    assert "main.py ended by itself" in result.played.trouble
    assert result.played.is_plain


def test_a_camera_that_resets_is_told_in_a_sentence(tmp_path):
    files = {"main.py": RESETS}
    put(tmp_path / "flash", files)
    with connected(tmp_path) as camera, pytest.raises(Unplugged, match="the camera was reset during the check"):
        examine(camera, silent)
    assert read(tmp_path / "flash") == files


def test_a_cable_that_is_pulled_is_told_in_a_sentence(tmp_path):
    put(tmp_path / "flash", OLD)
    with connected(tmp_path) as camera, pytest.raises(Unplugged, match="the camera was lost at"):
        examine(camera, lambda what: camera.board.kill() if what == "the model's scores" else None)
    assert read(tmp_path / "flash") == OLD


def test_a_busy_port_is_told_in_a_sentence(tmp_path, capsys):
    import serial

    put(tmp_path / "flash", OLD)
    with SimulatedBoard(tmp_path, source=FACE) as board, serial.Serial(board.path, exclusive=True):
        assert main(["verify", "--port", board.path]) == 1
    said = capsys.readouterr().err
    assert "has the port open; close it" in said
    assert said.count("\n") == 1
    assert read(tmp_path / "flash") == OLD


def test_firmware_that_is_too_old_is_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("emotion_camera.camera.repl.OLDEST", (4, 7, 0))
    put(tmp_path / "flash", OLD)
    with pytest.raises(UserError, match=r"its firmware v4\.5\.5 is too old"):
        connected(tmp_path, firmware="v4.5.5")
    assert read(tmp_path / "flash") == OLD


def test_what_main_py_would_write_is_not_written_and_no_watchdog_starts(tmp_path):
    """It is told that its disk can't be written to, as a camera's program must be able to bear."""
    writes = PROGRAM.replace(
        b"while True:",
        b"import machine\nwatchdog = type(machine.WDT(timeout=10000000))\n"
        b"try:\n    open('written', 'w').close()\n    written = 'written'\nexcept OSError:\n    written = 'refused'\n"
        b'print(\'{"v":1,"event":"error","message":"%s %s"}\' % (watchdog.__name__, written))\nwhile True:',
    )
    files = {**OLD, "main.py": writes}
    put(tmp_path / "flash", files)
    with connected(tmp_path) as camera:
        assert "written" in camera.files()  # it was not refused when the camera started
        camera.remove("written")
        result = examine(camera, silent)
    assert result.played.error == "Machine refused"
    assert [result.played.is_plain, len(result.played.scenes)] == [False, 3]
    assert read(tmp_path / "flash") == files


def test_a_file_that_cant_be_written_is_told(here, capsys):
    assert main(["verify", "--port", "simulator:h7", "--json", "no/such.json"]) == 1
    assert "no/such.json: there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["the firmware's answers", "the program"])
def test_after_ctrl_c_the_camera_runs_its_program_again(part, tmp_path):
    put(tmp_path / "flash", OLD)
    with SimulatedBoard(tmp_path, source=FACE) as board:
        line = [sys.executable, "-m", "emotion_camera", "verify", "--port", board.path]
        verify = subprocess.Popen(
            line, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
        )
        for said in verify.stderr:
            if part.encode() in said:
                break
        verify.send_signal(signal.SIGINT)
        rest = verify.stderr.read()
        assert (verify.wait(), b"Traceback" in rest) == (130, False)
        assert rest.endswith(b"stopped: the camera starts its program again\n")
        assert READY in hear(board, READY)
    assert read(tmp_path / "flash") == OLD
