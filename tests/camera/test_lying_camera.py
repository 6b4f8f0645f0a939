"""What a camera answers at its REPL is not trusted: no answer ends in a traceback, in memory without bound, or in a path."""

import os
from contextlib import closing
from pathlib import Path

import pytest
from emotion_camera.__main__ import main
from emotion_camera.camera import repl
from emotion_camera.camera.repl import Repl
from emotion_camera.errors import UserError
from lying_camera import INFO, LyingCamera


@pytest.fixture
def lie(plug_in, monkeypatch):
    """A function that plugs a lying camera in; the port."""
    monkeypatch.setattr(repl, "ANSWER_S", 2)
    cameras = []

    def plug(answer) -> str:
        cable = plug_in()
        cameras.append(LyingCamera(cable.ends[0], answer))
        return str(cable.path)

    yield plug
    for camera in cameras:
        camera.close()


def says(told: str, listed: str = "[]"):
    """Answers to the questions what it is and which files it has; all else is done in silence."""

    def answer(code: str) -> bytes:
        if "unique_id" in code:
            return told.encode() + b"\r\n"
        return listed[1:-1].encode() if "ilistdir" in code else b""

    return answer


TRUE = INFO.format(id="12ab")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("id as a path", INFO.format(id="../../victim")),
        ("id as a path", INFO.format(id="/etc")),
        ("id as a path", INFO.format(id="..")),
        ("id as a path", INFO.format(id="12\\nab")),
        ("id as a path", INFO.format(id="12ab\\n")),
        ("id as a path", INFO.format(id="a" * 5000)),
        ("id as a path", INFO.format(id="")),
        ("id as a path", INFO.replace("'{id}'", "None")),
        ("id as a path", INFO.replace("'{id}'", "['12ab']")),
        ("number", TRUE.replace("4096", "0")),
        ("number", TRUE.replace("4096", "-4096")),
        ("number", TRUE.replace("4096", "'4096'")),
        ("number", TRUE.replace("4000000", "1e999")),
        ("number", TRUE.replace("4000000", "9" * 3000)),
        ("number", TRUE.replace("4000000", "True")),
        ("number", TRUE.replace("(5, 0, 0)", "(5, 'x', 0)")),
        ("number", TRUE.replace("(5, 0, 0)", "5")),
        ("number", TRUE.replace("(5, 0, 0)", "()")),
        ("name", TRUE.replace("'H7PLUS'", "b'H7PLUS'")),
        ("shape", "None"),
        ("shape", "()"),
        ("shape", "(" * 500 + ")" * 500),
        ("shape", "__import__('os').system('touch victim')"),
        ("shape", "\x1b[2J"),
    ],
)
def test_what_it_says_that_it_is(lie, tmp_path, monkeypatch, kind, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        Repl(lie(says(told)))
    assert "plug it in and run the same again" in str(error.value)
    assert [path.name for path in Path(tmp_path).rglob("victim")] == []


@pytest.mark.parametrize(
    ("kind", "listed"),
    [
        ("size", "[('main.py', 32768, 0, -1)]"),
        ("size", "[('main.py', 32768, 0, 'long')]"),
        ("size", "[('main.py', 32768, 0, True)]"),
        ("name", "[(3, 32768, 0, 10)]"),
        ("name", "[(['main.py'], 32768, 0, 10)]"),
        ("shape", "[('main.py', None, 0, 10)]"),
        ("shape", "[('main.py',)]"),
        ("shape", "[3]"),
        ("shape", "[" + "(" * 500 + ")" * 500 + "]"),
        ("shape", "[\x1b[2J]"),
        ("shape", "[\xff]"),
    ],
)
def test_what_it_says_that_is_on_its_disk(lie, kind, listed):
    with closing(Repl(lie(says(TRUE, listed)))) as camera:
        camera.reset = lambda: None
        with pytest.raises(UserError, match="the camera was lost at"):
            camera.files()


def test_names_of_files_are_shown_and_do_nothing(lie, tmp_path, monkeypatch, capsys):
    """The list names them; none is a path here."""
    monkeypatch.chdir(tmp_path)
    listed = "[('../../victim', 32768, 0, 10), ('a\\x1b]0;title\\x07', 32768, 0, 20), ('=cmd', 32768, 0, 30)]"

    def answer(code: str) -> bytes:
        if "h.digest()" in code:
            return repr(b"\x12" * 32).encode()
        return says(TRUE, listed)(code)

    assert main(["deploy", "--list", "--port", lie(answer)]) == 0
    out = capsys.readouterr().out
    assert "../../victim" in out
    assert r"a\x1b]0;title\x07" in out
    assert "\x1b" not in out
    assert os.listdir(tmp_path.parent).count("victim") == 0


def test_an_answer_that_never_ends_is_ended(lie, monkeypatch):
    monkeypatch.setattr(repl, "LONGEST_ANSWER", 20_000)
    port = lie(lambda code: TRUE.encode() if "unique_id" in code else b"x" * 10_000_000 if "7 * 7" in code else b"")
    camera = Repl(port)
    with pytest.raises(UserError, match="its answer never ends"):
        camera.exec("print(7 * 7)")
    camera._disconnect()


def test_a_file_that_never_ends_is_ended(lie, monkeypatch):
    monkeypatch.setattr(repl, "LARGEST_FILE", 5_000)

    def answer(code: str) -> bytes:
        if "os.stat(" in code:
            return b"(32768, 0, 0, 0, 0, 0, 10, 0, 0, 0)"
        return repr(b"x" * 1000).encode() if "r(1024)" in code else says(TRUE)(code)

    with closing(Repl(lie(answer))) as camera:
        camera.reset = lambda: None
        with pytest.raises(UserError, match=r"whole\.txt: is longer than 5,000 bytes on the camera"):
            camera.read("previous/whole.txt")
