"""What `emotion-camera deploy` does with a camera, a simulated one with FAT disks, over mpremote."""

import os
import re
import signal
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from emotion_camera.__main__ import main
from emotion_camera.camera.inspection import digest
from emotion_camera.camera.repl import Repl, Unplugged, open_repl
from emotion_camera.commands.deploy.atomic_update import BOOT
from emotion_camera.commands.deploy.command import deploy, roll_back
from emotion_camera.errors import UserError
from emotion_camera.model import metadata, vela
from emotion_camera.model.contract import LARGE_MODEL, check
from emotion_camera.model.tflite import read_description
from emotion_camera.simulator.board.board import SimulatedBoard
from simulated_boards import BROKEN, NEW, OLD, PROGRAM, connected, needs_board, put, read

pytestmark = needs_board
needs_vela = pytest.mark.skipif(vela.version() is None, reason=f"Vela is not installed ({vela.INSTALL})")
ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "emotion.tflite"
SHIPPED = {
    "main.py": (ROOT / "device" / "main.py").read_bytes(),
    "emotion.txt": MODEL.with_suffix(".txt").read_bytes(),
    "emotion.tflite": MODEL.read_bytes(),
}
GOOD = SHIPPED["emotion.tflite"]
READY = "ready: the program runs with this model\n"
SETTINGS = b'{"settings": {"max_faces": 2}}'
THIRD = {**NEW, "emotion.txt": b"third\n"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder; simulated cameras keep their disks in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emotion_camera.commands.deploy.selection.LARGE_MODEL", tmp_path / "none")
    return tmp_path


def flash(board: str = "h7plus") -> dict[str, bytes]:
    return read(Path(".simulated-camera") / board / "flash")


def put_on(camera_files: dict[str, bytes], board: str = "h7plus") -> None:
    put(Path(".simulated-camera") / board / "flash", camera_files)


def model(folder: Path, name: str, data: bytes) -> str:
    put(folder, {f"{name}.tflite": data, f"{name}.txt": SHIPPED["emotion.txt"]})
    return str(folder / f"{name}.tflite")


def pull_at(camera: Repl, name: str) -> None:
    """The cable is pulled when this file is to be written."""
    write = camera.write

    def pulled(path: str, *rest: object) -> None:
        if path == name:
            camera.board.kill()
        write(path, *rest)

    camera.write = pulled


# The command, with the shipped files


@pytest.mark.parametrize(
    ("board", "name"), [("h7plus", "emotion_plus"), ("ae3", "emotion"), ("portenta", "emotion_plus")]
)
def test_each_board_gets_the_model_that_it_runs_in_real_time(board, name, tmp_path, monkeypatch, capsys):
    """An AE3 has megabytes of heap, but no fast kernels for a plain model: the larger one would be slow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vela, "version", lambda: None)
    assert main(["deploy", "--dry-run", "--port", f"simulator:{board}"]) == 0
    size = (MODEL.parent / f"{name}.tflite").stat().st_size
    assert f"emotion.tflite: {size:,} bytes" in capsys.readouterr().out


@needs_vela
def test_an_ae3_gets_the_model_as_vela_compiles_it_and_runs_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["deploy", "--port", "simulator:ae3"]) == 0
    out = (said := capsys.readouterr()).out
    assert "emotion.tflite: compiled for the AE3's neural processor; Vela estimates 0." in out
    assert said.err == "emotion.tflite: Vela compiles it; a large network takes minutes\n"
    assert out.endswith(READY)
    compiled = read(Path(".simulated-camera/ae3/flash"))["emotion.tflite"]
    assert read_description(compiled).compiled

    assert main(["deploy", "--port", "simulator:ae3"]) == 0
    assert "nothing to copy" in capsys.readouterr().out
    given = model(tmp_path, "given", compiled)
    assert main(["deploy", "--port", "simulator:ae3", "--dry-run", "--model", given]) == 0
    assert "nothing to copy" in capsys.readouterr().out
    assert main(["doctor", "--port", "simulator:ae3"]) == 0
    out = capsys.readouterr().out
    assert "emotion.tflite runs on the neural processor" in out
    assert "is models/emotion.tflite, compiled by Vela" in out
    assert main(["deploy", "--port", "simulator:ae3", "--list"]) == 0
    assert re.search(r"  emotion\.tflite .* models/emotion\.tflite, compiled by Vela\n", capsys.readouterr().out)


def test_an_ae3_without_vela_gets_the_small_model_with_a_word_and_never_the_large_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vela, "version", lambda: None)
    assert main(["deploy", "--port", "simulator:ae3", "--model", str(LARGE_MODEL)]) == 1
    assert re.search(r"would take an AE3 about \d+ ms without Vela.* install it: ", capsys.readouterr().err)
    assert main(["deploy", "--port", "simulator:ae3"]) == 0
    assert re.search(r"takes an AE3 about \d+ ms; Vela compiles it", capsys.readouterr().out)
    assert main(["doctor", "--port", "simulator:ae3"]) == 0
    assert re.search(
        r"not compiled for the neural processor: about \d+ ms an inference\n.*-> emotion-camera deploy",
        capsys.readouterr().out,
    )


@needs_vela
def test_what_vela_can_not_compile_goes_to_an_ae3_as_it_is_if_that_is_fast_enough(tmp_path, monkeypatch, capsys):
    def refuse(*_: object) -> None:
        raise UserError("net.tflite: Vela can't compile it (no)")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vela, "compile_model", refuse)
    assert main(["deploy", "--dry-run", "--port", "simulator:ae3"]) == 0
    assert re.search(r"can't compile it \(no\); it goes to the AE3 as it is, where .* \d+ ms", capsys.readouterr().out)
    assert main(["deploy", "--dry-run", "--port", "simulator:ae3", "--model", str(LARGE_MODEL)]) == 1


@needs_vela
def test_what_was_compiled_for_an_ae3_goes_on_no_other_board(here, capsys):
    compiled = vela.compile_model(check(MODEL)).data
    assert main(["deploy", "--port", "simulator:h7plus", "--model", model(here, "compiled", compiled)]) == 1
    assert "was compiled by Vela for an AE3's neural processor and runs there alone" in capsys.readouterr().err


def test_an_empty_camera_gets_the_program_and_the_model_and_a_second_time_nothing(here, capsys):
    assert main(["deploy", "--port", "simulator"]) == 0
    size = len(SHIPPED["emotion.tflite"])
    assert capsys.readouterr().out.endswith(f"  emotion.tflite: {size:,} bytes\n{READY}")
    after = flash()
    assert after.items() >= SHIPPED.items()
    assert set(after) == {*SHIPPED, "boot.py"}

    assert main(["deploy", "--port", "simulator"]) == 0
    assert capsys.readouterr().out.endswith("nothing to copy: the camera holds these files already\n" + READY)
    assert flash() == after

    assert main(["deploy", "--port", "simulator", "--list"]) == 0
    assert f"{digest(SHIPPED['main.py'])[:12]}  device/main.py" in capsys.readouterr().out


def test_a_model_that_fails_its_self_test_is_taken_back(here, capsys):
    put_on({**SHIPPED, "emotion.json": SETTINGS})
    promised = replace(metadata.read(GOOD, 7), selftest=(255, 0, 0, 0, 0, 0, 0))
    wrong = GOOD[: -len(metadata.tail(GOOD))] + metadata.encode(promised)
    assert main(["deploy", "--port", "simulator", "--model", model(here, "mine", wrong), "--wait", "10"]) == 1
    said = capsys.readouterr().err
    assert "the new program does not get ready: emotion.tflite gives a wrong answer to its self-test" in said
    assert said.endswith("the previous files are back and run\n")
    assert flash().items() >= {**SHIPPED, "emotion.json": SETTINGS}.items()


def test_an_h7_with_a_card_gets_the_compact_program_on_its_card(here, capsys):
    Path(".simulated-camera/h7/sdcard").mkdir(parents=True)
    assert main(["deploy", "--port", "simulator:h7"]) == 0
    out = capsys.readouterr().out
    assert "it starts from the SD card that is in it" in out
    assert out.endswith(READY)
    card = read(Path(".simulated-camera/h7/sdcard"))
    assert card["main.py"] == (ROOT / "device" / "compact" / "main.py").read_bytes()
    assert card["emotion.tflite"] == SHIPPED["emotion.tflite"]
    assert flash("h7") == {}


# A deploy, with programs that start at once


def test_the_old_files_are_kept_and_can_be_put_back(tmp_path, capsys):
    put(tmp_path / "flash", {**OLD, "emotion.json": SETTINGS, "other.txt": b"mine"})
    with connected(tmp_path) as camera:
        deploy(camera, NEW, wait_s=20)
    after = read(tmp_path / "flash")
    assert after.items() >= {**NEW, "emotion.json": SETTINGS, "other.txt": b"mine"}.items()
    assert {name: after[f"previous/{name}"] for name in OLD} == OLD

    with connected(tmp_path) as camera:
        roll_back(camera, 20)
    after = read(tmp_path / "flash")
    assert after.items() >= {**OLD, "emotion.json": SETTINGS, "other.txt": b"mine"}.items()
    assert capsys.readouterr().out.endswith("the previous files are back; --rollback again undoes it\n")


def rolled_back(folder: Path) -> dict[str, bytes]:
    """What is on the camera's flash after a rollback."""
    with connected(folder) as camera:
        roll_back(camera, 20)
    return read(folder / "flash")


def test_a_second_rollback_undoes_the_first_and_so_on(tmp_path):
    own = {"emotion.json": SETTINGS, "other.txt": b"mine"}
    put(tmp_path / "flash", {**OLD, **own})
    with connected(tmp_path) as camera:
        deploy(camera, NEW, wait_s=20)
    for expected in (OLD, NEW, OLD):
        assert rolled_back(tmp_path).items() >= {**expected, **own}.items()
    with connected(tmp_path) as camera:
        deploy(camera, THIRD, wait_s=20)
    for expected in (OLD, THIRD):
        assert rolled_back(tmp_path).items() >= {**expected, **own}.items()


def test_a_rollback_to_a_program_of_ones_own_can_be_undone(tmp_path):
    put(tmp_path / "flash", {"main.py": b"print('mine')\n"})
    with connected(tmp_path) as camera:
        deploy(camera, NEW, wait_s=20)
    assert rolled_back(tmp_path)["main.py"] == b"print('mine')\n"
    assert rolled_back(tmp_path).items() >= NEW.items()


def test_without_room_for_a_third_set_the_present_one_is_kept_on_this_computer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "camera/flash", OLD)
    with connected(tmp_path / "camera") as camera:
        deploy(camera, NEW, wait_s=20)
    monkeypatch.setattr(Repl, "free", lambda self: 0)
    for expected in (OLD, NEW, OLD):
        assert rolled_back(tmp_path / "camera").items() >= expected.items()


@pytest.mark.parametrize("step", range(0, 60, 8))
def test_a_rollback_that_is_broken_off_goes_on_or_is_undone(tmp_path, monkeypatch, step):
    """Whatever the camera did last, both sets are there."""
    put(tmp_path / "flash", OLD)
    with connected(tmp_path) as camera:
        deploy(camera, NEW, wait_s=20)
    with connected(tmp_path) as camera:
        pull_after(camera, step)
        with suppress(UserError):
            roll_back(camera, 20)
    broken = read(tmp_path / "flash")
    assert broken.items() >= NEW.items() or broken.items() >= OLD.items()
    first, second = rolled_back(tmp_path), rolled_back(tmp_path)
    both = [first.items() >= wanted.items() for wanted in (OLD, NEW)]
    assert sorted(both) == [False, True]
    assert second.items() >= (NEW if both[0] else OLD).items()


def pull_after(camera: Repl, count: int) -> None:
    """The cable is pulled when the camera has been told so many things."""
    exec_raw, left = camera._transport.exec_raw_no_follow, count

    def pulled(code: object) -> object:
        nonlocal left
        left -= 1
        if left < 0 and camera.board:
            camera.board.kill()
        return exec_raw(code)

    camera._transport.exec_raw_no_follow = pulled


def test_only_what_differs_is_copied(tmp_path):
    put(tmp_path / "flash", OLD)
    new = {**OLD, "emotion.txt": b"happy\n"}
    with connected(tmp_path) as camera:
        written = []
        write = camera.write
        camera.write = lambda name, *rest: (written.append(name), write(name, *rest))[1]
        deploy(camera, new, wait_s=20)
    assert read(tmp_path / "flash").items() >= new.items()
    assert written == ["previous/whole.txt", "new/emotion.txt", "boot.py", "switch.txt"]


def test_a_dry_run_tells_and_changes_nothing(tmp_path, capsys):
    put(tmp_path / "flash", OLD)
    with connected(tmp_path) as camera:
        deploy(camera, NEW, dry_run=True)
    shown = capsys.readouterr().out
    assert "  would copy emotion.tflite: 3,300 bytes\n" in shown
    assert shown.endswith("this was a dry run: nothing on the camera was changed\n")
    assert read(tmp_path / "flash") == OLD


def test_a_list_of_an_empty_camera_says_so(here, capsys):
    Path(".simulated-camera/h7plus/flash").mkdir(parents=True)
    assert main(["deploy", "--port", "simulator", "--list"]) == 0
    assert capsys.readouterr().out.endswith("  no files are on it\n")


def test_a_program_that_does_not_start_is_taken_back(tmp_path):
    put(tmp_path / "flash", OLD)
    with connected(tmp_path) as camera, pytest.raises(UserError) as error:
        deploy(camera, BROKEN, wait_s=20)
    assert str(error.value) == (
        "the new program does not get ready: SyntaxError: invalid syntax; the previous files are back and run"
    )
    assert read(tmp_path / "flash").items() >= OLD.items()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            b'"event":"status","problem":"The lens is \\\\u001b[2Jloose."',
            r"does not get ready: The lens is \x1b[2Jloose",
        ),
        (b'"event":"ready","sha256":"%s","selftest":"ok"', None),
        (b'"event":"status","sha256":"%s","selftest":"ok","problem":"It is dark."', "the camera says: It is dark."),
    ],
)
def test_what_is_wrong_at_the_moment_is_said(tmp_path, capsys, told, said):
    """The error itself was printed before the port was open again."""
    put(tmp_path / "flash", OLD)
    line = b'"event":"ready","sha256":"%s","selftest":"ok"'
    program = NEW["main.py"].replace(line, told)
    program = program if b"%s" in told else program.replace(b" % sha256)", b")")
    with connected(tmp_path) as camera:
        if said and "not get ready" in said:
            with pytest.raises(UserError, match=re.escape(said)):
                deploy(camera, {**NEW, "main.py": program}, wait_s=4)
            return
        deploy(camera, {**NEW, "main.py": program}, wait_s=20)
    shown = capsys.readouterr().out
    assert shown.endswith("ready: the program runs with this model\n")
    assert ("the camera says" in shown) == bool(said)
    assert (said or "") in shown


def test_a_program_of_another_model_is_taken_back(tmp_path):
    put(tmp_path / "flash", OLD)
    liar = {**NEW, "main.py": PROGRAM.replace(b'open("emotion.tflite"', b'open("emotion.txt"')}
    with (
        connected(tmp_path) as camera,
        pytest.raises(UserError, match=r"it runs another model .* the previous files are back"),
    ):
        deploy(camera, liar, wait_s=2)
    assert read(tmp_path / "flash").items() >= OLD.items()


def test_without_a_previous_set_there_is_none_to_put_back(tmp_path):
    with connected(tmp_path) as camera, pytest.raises(UserError, match="there is no previous set to put back"):
        deploy(camera, BROKEN, wait_s=20)


def test_a_previous_set_that_is_damaged_is_not_put_back(tmp_path):
    """A program with a byte missing may run, and do anything."""
    put(tmp_path / "flash", OLD)
    with connected(tmp_path) as camera:
        deploy(camera, NEW, wait_s=20)
    put(tmp_path / "flash", {"previous/main.py": OLD["main.py"][:-1]})
    with connected(tmp_path) as camera, pytest.raises(UserError, match="there is no previous set: deploy keeps one"):
        roll_back(camera, 20)
    assert read(tmp_path / "flash").items() >= NEW.items()


def test_a_boot_py_of_an_older_version_is_replaced(tmp_path):
    """It would end a change by the rules of its own time, or not at all."""
    older = b"# Of the emotion camera: an older one\nprint('nothing is ended')\n"
    put(tmp_path / "flash", {**OLD, "boot.py": older})
    with connected(tmp_path) as camera:
        deploy(camera, NEW, wait_s=20)
    after = read(tmp_path / "flash")
    assert after.items() >= {**NEW, "boot.py": BOOT.read_bytes()}.items()
    put(tmp_path / "flash", {"boot.py": older})
    with connected(tmp_path) as camera:
        roll_back(camera, 20)
    assert read(tmp_path / "flash").items() >= {**OLD, "boot.py": BOOT.read_bytes()}.items()


def test_what_was_broken_off_while_copying_goes_on_where_it_was(tmp_path):
    """The first of the new files is there, whole; the second is half."""
    half = {"new/main.py": NEW["main.py"], "new/emotion.tflite": NEW["emotion.tflite"][:700], "new/strange": b"?"}
    put(tmp_path / "flash", {**OLD, **half})
    with connected(tmp_path) as camera:
        deploy(camera, NEW, wait_s=20)
    after = read(tmp_path / "flash")
    assert after.items() >= NEW.items()
    assert {name: after[f"previous/{name}"] for name in OLD} == OLD


def test_a_full_disk_is_told_before_anything_is_touched(tmp_path):
    put(tmp_path / "flash", {**OLD, "film.bin": bytes(106_000)})
    before = read(tmp_path)
    with connected(tmp_path, board="h7") as camera:
        with pytest.raises(
            UserError, match="bytes too small for the old and the new files: put an SD card in, or use --in-place"
        ):
            deploy(camera, NEW)
        with pytest.raises(
            UserError, match=r"too small for these files; put an SD card in, or delete what else is there \(film.bin\)"
        ):
            deploy(camera, {**NEW, "emotion.tflite": bytes(20_000)}, in_place=True)
    assert read(tmp_path) == before


def test_in_place_the_old_files_are_kept_on_this_computer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "camera/flash", {**OLD, "film.bin": bytes(100_000)})
    with connected(tmp_path / "camera", board="h7") as camera:
        deploy(camera, NEW, in_place=True, wait_s=20)
    assert read(tmp_path / "camera/flash").items() >= NEW.items()
    (kept,) = (tmp_path / ".camera-files").iterdir()
    assert read(kept) == OLD

    with (
        connected(tmp_path / "camera", board="h7") as camera,
        pytest.raises(UserError, match="the previous files are back and run"),
    ):
        deploy(camera, BROKEN, in_place=True, wait_s=20)
    assert read(tmp_path / "camera/flash").items() >= NEW.items()


def test_in_place_a_pulled_cable_is_mended_by_the_next_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "camera/flash", {**OLD, "film.bin": bytes(100_000)})
    with connected(tmp_path / "camera", board="h7") as camera:
        pull_at(camera, "emotion.tflite")
        with pytest.raises(Unplugged, match="it does not work until the same command has gone on to its end"):
            deploy(camera, NEW, in_place=True)
    with connected(tmp_path / "camera", board="h7") as camera:
        deploy(camera, NEW, in_place=True, wait_s=20)
    assert read(tmp_path / "camera/flash").items() >= NEW.items()
    (kept,) = (tmp_path / ".camera-files").iterdir()
    assert read(kept) == OLD


def test_in_place_a_rollback_can_be_undone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "camera/flash", {**OLD, "film.bin": bytes(100_000)})
    with connected(tmp_path / "camera", board="h7") as camera:
        deploy(camera, NEW, in_place=True, wait_s=20)
    for expected in (OLD, NEW, OLD):
        with connected(tmp_path / "camera", board="h7") as camera:
            roll_back(camera, 20)
        after = read(tmp_path / "camera/flash")
        assert after.items() >= expected.items()
        assert "unfinished.txt" not in after


def test_in_place_half_a_file_is_no_set_to_be_kept(tmp_path, monkeypatch):
    """All names are there, but the last file was cut: the set from before stays the one to go back to."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "camera/flash", {**OLD, "film.bin": bytes(100_000)})
    with connected(tmp_path / "camera", board="h7") as camera:
        write = camera.write

        def cut(path: str, data: bytes, *rest: object) -> None:
            if path != "emotion.tflite":
                return write(path, data, *rest)
            camera._raw().fs_writefile(path, data[:1000], 1024)
            raise Unplugged("the cable is out")

        camera.write = cut
        with pytest.raises(Unplugged, match="it does not work until the same command has gone on to its end"):
            deploy(camera, NEW, in_place=True)
    with connected(tmp_path / "camera", board="h7") as camera:
        deploy(camera, NEW, in_place=True, wait_s=20)
    (kept,) = (tmp_path / ".camera-files").iterdir()
    assert read(kept) == OLD
    with connected(tmp_path / "camera", board="h7") as camera:
        roll_back(camera, 20)
    assert read(tmp_path / "camera/flash").items() >= OLD.items()


def test_a_boot_py_of_ones_own_stays(tmp_path):
    put(tmp_path / "flash", {**OLD, "boot.py": b"print('mine')\n"})
    with connected(tmp_path) as camera, pytest.raises(UserError, match=r"boot\.py on the camera is your own"):
        deploy(camera, NEW)
    assert read(tmp_path / "flash") == {**OLD, "boot.py": b"print('mine')\n"}


def test_a_boot_py_of_ones_own_stays_in_place_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "flash", OLD)
    with connected(tmp_path) as camera:
        deploy(camera, NEW, wait_s=20)
    put(tmp_path / "flash", {"boot.py": b"print('mine')\n"})
    with connected(tmp_path) as camera, pytest.raises(UserError, match="the previous files are back and run"):
        deploy(camera, BROKEN, in_place=True, wait_s=20)
    assert read(tmp_path / "flash").items() >= {**NEW, "boot.py": b"print('mine')\n"}.items()


# What can't be


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--port", "/dev/nothing"], "/dev/nothing: there is no such port; plug the camera in, or give another port"),
        (["--port", "simulator:h9"], "board 'h9' is not known: choose one of"),
        (["--port", "simulator:n6"], "an OpenMV N6 runs only networks that ST Edge AI made"),
        (["--port", "simulator:m7"], "the 51 KB of memory of this OpenMV Cam M7 are too few"),
        (["--model", "nothing.tflite"], "nothing.tflite: can't be read (No such file or directory)"),
        (["--model", "."], ".: is a folder; give the .tflite file"),
        (["--port", "simulator", "--model", "bare.tflite"], "bare.txt: no such labels file"),
        (["--port", "simulator", "--rollback"], "there is no previous set"),
    ],
)
def test_a_mistake_gets_one_sentence(words, sentence, here, capsys):
    put(here, {"bare.tflite": SHIPPED["emotion.tflite"]})
    assert main(["deploy", *words]) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_model_too_large_for_an_h7_is_told_before_anything_is_touched(here, capsys):
    put_on(OLD, "h7")
    end = len(metadata.tail(GOOD))
    for more, said in (
        (
            35_000,
            r"large\.tflite: its file takes 125,998 bytes and its arena [\d,]+; the most for OpenMV Cam H7 is 163,872 together",
        ),
        (10_000, r"the camera's disk is [\d,]+ bytes too small"),
    ):
        large = GOOD[:-end] + bytes(more) + GOOD[-end:]
        assert main(["deploy", "--port", "simulator:h7", "--model", model(here, "large", large)]) == 1
        assert re.search(said, capsys.readouterr().err)
        assert flash("h7") == OLD


def test_a_board_of_another_maker(tmp_path):
    with pytest.raises(UserError, match=r"a board with MicroPython \(linux\), but no OpenMV camera; give another port"):
        connected(tmp_path, omv=False)


def test_an_old_firmware(tmp_path, monkeypatch):
    monkeypatch.setattr("emotion_camera.camera.repl.OLDEST", (4, 7, 0))
    with pytest.raises(
        UserError, match=r"its firmware v4\.5\.5 is too old; in OpenMV IDE choose Tools, Install the Latest"
    ):
        connected(tmp_path, firmware="v4.5.5")


def test_what_does_not_answer(plug_in, monkeypatch):
    monkeypatch.setattr("emotion_camera.camera.repl.ANSWER_S", 0.2)
    with pytest.raises(UserError, match="what is there does not answer as MicroPython does"):
        Repl(str(plug_in().path))


def test_a_camera_that_takes_its_time_to_stop_its_program(tmp_path, monkeypatch):
    """Its answer to the first try comes during the second."""
    wait = SimulatedBoard._wait_for_prompt
    monkeypatch.setattr(SimulatedBoard, "_wait_for_prompt", lambda *given: (time.sleep(1.5), wait(*given)))
    monkeypatch.setattr("emotion_camera.camera.repl.ANSWER_S", 1)
    with connected(put(tmp_path / "flash", OLD).parent) as camera:
        assert camera.sha256("main.py") == digest(OLD["main.py"])


def test_a_cable_pulled_meanwhile(tmp_path):
    put(tmp_path / "flash", OLD)
    with connected(tmp_path) as camera:
        pull_at(camera, "new/emotion.txt")
        with pytest.raises(Unplugged) as error:
            deploy(camera, NEW)
    assert "the camera was lost at new/emotion.txt" in str(error.value)
    assert "plug it in and run the same again; it has its old files, or the new ones, whole" in str(error.value)


# Ctrl-C


@pytest.mark.parametrize(
    ("method", "name", "said"),
    [
        ("files", "", "nothing on the camera was changed"),
        ("sha256", "main.py", "nothing on the camera was changed"),
        ("write", "new/emotion.txt", "it has its old files, or the new ones, whole; the same command goes on"),
        ("write", "switch.txt", "it has its old files, or the new ones, whole; the same command goes on"),
        ("reset", None, "it has the new files, and did not get ready yet; emotion-camera deploy --rollback puts the"),
        ("lines", None, "it has the new files, and did not get ready yet; emotion-camera deploy --rollback puts the"),
    ],
)
def test_ctrl_c_says_what_is_on_the_camera_and_what_to_do(here, monkeypatch, capsys, method, name, said):
    put_on(OLD)
    call = getattr(Repl, method)

    def stopped(self: Repl, *given: object, **how: object) -> object:
        if name in (None, *given):
            raise KeyboardInterrupt
        return call(self, *given, **how)

    with monkeypatch.context() as patch:
        patch.setattr(Repl, method, stopped)
        assert main(["deploy", "--port", "simulator"]) == 130
    shown = capsys.readouterr().err.splitlines()
    assert [line for line in shown if line.startswith("stopped: ")] == [shown[-1]]
    assert said in shown[-1]
    assert main(["deploy", "--port", "simulator"]) == 0
    assert flash().items() >= SHIPPED.items()


@pytest.mark.parametrize("words", [["--list"], ["--rollback"], ["--dry-run"], []])
def test_ctrl_c_while_the_camera_is_looked_for(here, monkeypatch, capsys, words):
    def stopped(port: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("emotion_camera.commands.deploy.command.open_repl", stopped)
    assert main(["deploy", *words]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "stopped: nothing on the camera was changed"


@pytest.mark.parametrize(
    ("trouble", "before"),
    [
        (None, []),
        (KeyboardInterrupt(), []),
        (UserError("the disk is full"), ["the disk is full"]),
    ],
)
def test_ctrl_c_while_its_program_is_started_again(here, monkeypatch, capsys, trouble, before):
    """By then all may be done, or another Ctrl-C, or a mistake, has ended it."""
    close, files = Repl.close, Repl.files

    def listed(self: Repl, folder: str = "") -> dict[str, int]:
        if trouble:
            raise trouble
        return files(self, folder)

    def stopped(self: Repl) -> None:
        close(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Repl, "files", listed)
    monkeypatch.setattr(Repl, "close", stopped)
    assert main(["deploy", "--port", "simulator", "--list"]) == 130
    said = [line for line in capsys.readouterr().err.splitlines() if line and not line.startswith("simulated")]
    assert said == [*before, "stopped: its program may stand still; unplug the camera and plug it in again"]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_loses_nothing_of_a_simulated_camera(here, monkeypatch):
    """While its disks are written back, it waits."""
    close = SimulatedBoard.close

    def interrupted(self: SimulatedBoard) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        close(self)

    monkeypatch.setattr(SimulatedBoard, "close", interrupted)
    assert main(["deploy", "--port", "simulator"]) == 0
    assert flash().items() >= SHIPPED.items()


@pytest.mark.parametrize("method", ["write", "lines"])
def test_ctrl_c_during_a_rollback(here, monkeypatch, capsys, method):
    put_on(SHIPPED)
    other = {**SHIPPED, "main.py": SHIPPED["main.py"] + b"\n"}
    with closing(open_repl("simulator")) as camera:
        deploy(camera, other)
    with monkeypatch.context() as patch:
        patch.setattr(Repl, method, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert main(["deploy", "--port", "simulator", "--rollback"]) == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(
        "stopped: " + ("it has the files from before" if method == "write" else "the previous files are on it")
    )
    for _ in range(2):
        assert main(["deploy", "--port", "simulator", "--rollback"]) == 0
    assert flash().items() >= (other if method == "write" else SHIPPED).items()


def test_a_simulated_camera_keeps_its_disk_in_the_current_folder(here):
    put_on(OLD)
    with closing(open_repl("simulator")) as camera:
        assert camera.sha256("main.py") == digest(OLD["main.py"])
        camera.write("note.txt", b"kept")
    assert flash() == {**OLD, "note.txt": b"kept"}
