"""The command itself: what it says to somebody new, to a typing mistake, and where a part is missing; and how soon."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from emotion_camera import __main__ as command_line
from emotion_camera import __version__
from emotion_camera.errors import UserError, missing_package
from recorded import READY, by_hand

SHELLS = ("bash", "zsh", "fish")
STARTS_WITHIN_S = 0.3  # 0.06 on an idle machine


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "emotion_camera", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [[], ["--help"], ["help"]])
def test_the_page_has_the_first_steps_and_all_verbs(capsys, words):
    assert command_line.main(words) == 0
    text = capsys.readouterr().out
    assert text.index("emotion-camera demo") < text.index("emotion-camera deploy") < text.index("emotion-camera watch")
    for verb in command_line.VERBS:
        assert f"\n  {verb} " in text
    assert max(map(len, text.splitlines())) <= 100


def test_help_comes_soon_and_imports_no_verb():
    """By processor time: how busy the machine is does not count."""
    before = os.times()
    assert command("--help").returncode == 0
    after = os.times()
    took = after.children_user - before.children_user + after.children_system - before.children_system
    assert took < STARTS_WITHIN_S
    code = "import sys\nfrom emotion_camera.__main__ import main\nmain([])\nprint([m for m in sys.modules if 'commands' in m or m == 'numpy'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.endswith(
        "\n[]\n"
    )


def test_the_version_is_the_installed_ones(capsys):
    assert command_line.main(["--version"]) == 0
    assert capsys.readouterr().out == f"emotion-camera {__version__}\n"
    assert importlib.metadata.version("emotion-camera") == __version__


def stopped(capsys, *words: str) -> tuple[int, str, str]:
    """The exit status, output and errors of a command that argparse ends."""
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(command_line.main(list(words)))
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


@pytest.mark.parametrize("verb", command_line.VERBS)
def test_each_verb_has_its_help(capsys, verb):
    code, by_option, errors = stopped(capsys, verb, "--help")
    assert (code, errors) == (0, "")
    assert by_option.startswith(f"usage: emotion-camera {verb} ")
    assert stopped(capsys, "help", verb) == (0, by_option, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dmeo"], "did you mean demo?"),
        (["trian"], "did you mean train?"),
        (["qqqqq"], "emotion-camera --help lists them all"),
        (["help", "recrod"], "did you mean record?"),
        (["demo", "--bord", "h7"], "did you mean --board?"),
        (["watch", "--prot=COM3"], "did you mean --port?"),
        (["demo", "--boar", "h7"], "did you mean --board?"),
        (["train", "evaluate", "--dat", "x"], "the following arguments are required: --data"),
        (["edge-impulse", "uplod"], "did you mean upload?"),
        (["completion", "bsh"], "did you mean bash?"),
    ],
)
def test_a_mistyped_word_is_wrong_usage_with_a_suggestion(capsys, words, said):
    code, output, errors = stopped(capsys, *words)
    assert (code, output) == (2, "")
    assert errors.rstrip().endswith(said)


def failing(monkeypatch, error: BaseException) -> None:
    def run(arguments: object) -> int:
        raise error

    module = SimpleNamespace(add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr(command_line.importlib, "import_module", lambda name: module)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("x.mp4: is no video"), 1, "demo: x.mp4: is no video\n"),
        (FileNotFoundError(2, "No such file or directory", "faces"), 1, "demo: faces: No such file or directory\n"),
        (OSError("no space"), 1, "demo: no space\n"),
        (
            ModuleNotFoundError("No module named 'cv2'", name="cv2"),
            1,
            "demo: opencv-python-headless is not installed: ",
        ),
        (
            ModuleNotFoundError("No module named 'ray.tune'", name="ray.tune"),
            1,
            'pip install "emotion-camera[sweep]"\n',
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_a_person_can_mend_is_a_sentence(monkeypatch, capsys, error, code, said):
    failing(monkeypatch, error)
    assert command_line.main(["demo"]) == code
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == (said != "")


def test_a_module_of_our_own_that_is_missing_is_a_bug(monkeypatch):
    failing(monkeypatch, ModuleNotFoundError("No module named 'emotion_camera.gone'", name="emotion_camera.gone"))
    with pytest.raises(ModuleNotFoundError):
        command_line.main(["demo"])


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("tensorflow", 'tensorflow is not installed: python -m pip install "emotion-camera[training]"'),
        ("torch", 'torch is not installed: python -m pip install "emotion-camera[pytorch]"'),
        ("ethosu.vela", 'ethos-u-vela is not installed: python -m pip install "emotion-camera[vela]"'),
        ("edgeimpulse", 'edgeimpulse is not installed: python -m pip install "emotion-camera[edge-impulse]"'),
        ("serial", "pyserial is not installed: python -m pip install emotion-camera"),
    ],
)
def test_a_missing_package_is_named_with_what_installs_it(module, told):
    assert str(missing_package(module)) == told


def test_a_package_without_a_release_for_this_computer_is_named(monkeypatch):
    line = 'openmv==1.0.*; python_version < "3.0"'
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: [line])
    assert "openmv has no release for Python 3." in str(missing_package("openmv"))
    assert missing_package("json") is None


def test_all_extras_that_are_named_exist():
    extras = importlib.metadata.metadata("emotion-camera").get_all("Provides-Extra")
    assert {"training", "pytorch", "sweep", "vela", "edge-impulse", "examples"} <= set(extras or ())


def completed(shell: str, line: str) -> str:
    """What a shell offers after `line`."""
    script = command("completion", shell).stdout
    if shell == "fish":
        words = ["fish", "-c", f"{script}\ncomplete -C '{line}'"]
    else:
        ask = f"COMP_WORDS=({line} ''); COMP_CWORD={len(line.split())}; _emotion_camera; echo ${{COMPREPLY[@]}}"
        words = ["bash", "-c", f"{script}\n{ask}"]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_verbs_and_options_are_completed(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    verbs = completed(shell, "emotion-camera " if shell == "fish" else "emotion-camera")
    assert all(verb in verbs for verb in command_line.VERBS)
    options = completed(shell, "emotion-camera watch -" if shell == "fish" else "emotion-camera watch")
    assert "--port" in options


def test_zsh_takes_its_script():
    if shutil.which("zsh") is None:
        pytest.skip("no zsh here")
    script = command("completion", "zsh").stdout
    done = subprocess.run(
        ["zsh", "-fc", f"{script}\necho $_comps[emotion-camera]"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "_bash_complete" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_a_console_that_lacks_letters_ends_no_verb(tmp_path, encoding):
    """A folder's name, for example, as the report's last line has it."""
    by_hand(tmp_path / "Größe 日本", [(0, READY)], 1000)
    done = subprocess.run(
        [sys.executable, "-m", "emotion_camera", "report", "Größe 日本", "--no-browser"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode(encoding).rstrip().endswith("report.html")
    assert b"Traceback" not in done.stdout
