"""Labels: the tools read a labels file as the camera does, and know an emotion by each of its names."""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from emotion_camera.errors import ModelError
from emotion_camera.model.contract import EMOTIONS
from emotion_camera.model.labels import SYNONYMS, emotion_of, match_label, notes, parse, read_labels
from emotion_camera.model.main_module import load_program
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

MICROPYTHON = shutil.which("micropython", path=str(Path(sys.executable).parent))
SCRIPTS = Path(__file__).parents[2] / "tools" / "emotion_camera" / "web" / "emotions.js"

# What a file of labels may be, its bytes, and what they mean: the labels, or why not.
FILES: list[tuple[str, bytes, tuple[str, ...] | str]] = [
    ("as it should be", b"angry\nhappy\n", ("angry", "happy")),
    ("no line feed at its end", b"angry\nhappy", ("angry", "happy")),
    ("Windows' line ends", b"angry\r\nhappy\r\n", ("angry", "happy")),
    ("blank lines at its end", b"angry\nhappy\n\n \n\t\n", ("angry", "happy")),
    ("so many that the camera does not see them all", b"angry\nhappy" + b"\n" * 5000, ("angry", "happy")),
    ("blanks round a label", b" angry\t\nhappy \x0c\n", ("angry", "happy")),
    ("Notepad's mark", b"\xef\xbb\xbfangry\nhappy\n", ("angry", "happy")),
    ("two such files put together", b"\xef\xbb\xbfangry\n\xef\xbb\xbfhappy\n", ("angry", "happy")),
    ("capitals, numbers, commas", b"Angry\n0 happy\nsad, or so\n", ("Angry", "0 happy", "sad, or so")),
    ("letters that the font lacks", "愤怒\n开心\n".encode(), ("愤怒", "开心")),
    ("nothing", b"", ()),
    ("a blank line within", b"angry\n\nhappy\n", "line 2 is blank"),
    ("a label twice", b"angry\nhappy\nangry\n", "'angry' stands there twice"),
    ("old Macs' line ends", b"angry\rhappy\r", "as old Macs did"),
    ("a line separator", "angry\u2028happy\n".encode(), "line 1 holds a character that nobody sees (LINE SEPARATOR)"),
    ("a blank that is not taken off", "angry\nhappy\u00a0\n".encode(), "line 2 holds .* (NO-BREAK SPACE)"),
    ("a colour of a terminal", b"\x1b[31mangry\n", r"(U+001B)"),
    ("UTF-16", "angry\n".encode("utf-16"), "not a text file in UTF-8; save it as UTF-8"),
    ("UTF-16 without its mark", "angry\n".encode("utf-16-le"), "(U+0000)"),
    ("Latin-1", "wütend\n".encode("latin-1"), "not a text file in UTF-8"),
    ("more than is read", b"".join(b"%0200d\n" % number for number in range(7)), "longer than the 1,024 characters"),
    ("a Git LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "run git lfs pull"),
    ("a web page", b"<!DOCTYPE html><html>\nlog in\n", "is a web page"),
    ("a model", b"\x1c\0\0\0TFL3" + bytes(40), "is a TensorFlow Lite model"),
]
NAMES = [(name, emotion) for emotion, others in SYNONYMS.items() for name in (emotion, *others)]


@pytest.mark.parametrize(("data", "answer"), [file[1:] for file in FILES], ids=[file[0] for file in FILES])
def test_a_file_of_labels(tmp_path, data, answer):
    path = tmp_path / "net.txt"
    path.write_bytes(data)
    if isinstance(answer, tuple):
        assert read_labels(path) == answer
    else:
        pattern = re.escape(answer).replace(r"\.\*", ".*")
        with pytest.raises(ModelError, match=rf"net\.txt: .*{pattern}"):
            read_labels(path)


def test_a_file_of_labels_that_is_not_there_or_no_file(tmp_path):
    with pytest.raises(ModelError, match=r"net\.txt: no such labels file"):
        read_labels(tmp_path / "net.txt")
    with pytest.raises(ModelError, match=f"{tmp_path.name}: can't be read"):
        read_labels(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_in_place_of_a_labels_file_is_not_waited_for(tmp_path, patience):
    os.mkfifo(tmp_path / "net.txt")
    with pytest.raises(ModelError, match=r"net\.txt: is no file; it must hold one label a line"):
        read_labels(tmp_path / "net.txt")


def test_too_few_or_too_many_labels_are_counted(tmp_path):
    (tmp_path / "net.txt").write_text("angry\nhappy\n")
    for classes in (1, 3):
        with pytest.raises(ModelError, match=f"has 2 labels, but the model has {classes} outputs"):
            read_labels(tmp_path / "net.txt", classes)


Camera = Callable[[bytes], tuple[str, ...] | None]


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Camera]:
    """What the camera program reads in a file, None where it refuses it: `load_labels` of main.py in MicroPython."""
    if MICROPYTHON is None:
        pytest.skip("no micropython for this machine")
    program = load_program()
    folder = tmp_path_factory.mktemp("camera")
    file = folder / "labels.txt"
    asked = """
import json, sys
class UserError(Exception):
    pass
while sys.stdin.readline():
    try:
        print(json.dumps(load_labels(FILE)))
    except UserError:
        print("null")
"""
    script = folder / "ask.py"
    script.write_text(f"FILE = {str(file)!r}\nMISSING = '%s'\n{inspect.getsource(program.load_labels)}{asked}", "utf-8")
    how = {"text": True, "encoding": "utf-8", "errors": "replace"}
    with subprocess.Popen([MICROPYTHON, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how) as process:

        def ask(data: bytes) -> tuple[str, ...] | None:
            file.write_bytes(data)
            print(file=process.stdin, flush=True)
            found = json.loads(process.stdout.readline())
            return None if found is None else tuple(found)

        yield ask
        process.stdin.close()


def agree(camera: Camera, data: bytes) -> None:
    """What the tools accept the camera reads as they do; what is too strange for it is so for them. They are stricter."""
    seen = camera(data)
    try:
        labels = parse(data)
    except ModelError:
        return
    assert seen == (labels or None)


@pytest.mark.parametrize("data", [file[1] for file in FILES], ids=[file[0] for file in FILES])
def test_the_camera_reads_the_same(camera, data):
    agree(camera, data)


ODD = [
    "\n",
    "\r",
    "\r\n",
    " ",
    "\t",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\xa0",
    "\u2028",
    "\ufeff",
    "\u200b",
    "é",
    "怒",
    "a",
    "Happy",
]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.binary(max_size=80), st.lists(st.sampled_from(ODD), max_size=40).map(lambda it: "".join(it).encode()))
)
@example(b"a" * 1023 + "é".encode())
@example(b"a\n" + b" " * 2000 + b"b")
def test_whatever_the_file_the_camera_reads_the_same(camera, data):
    agree(camera, data)


@pytest.mark.parametrize(("name", "emotion"), NAMES)
def test_an_emotion_is_known_by_each_of_its_names_here_and_on_the_camera(name, emotion):
    program = load_program()
    for form in (name, name.upper(), name.title()):
        assert emotion_of(form) == emotion
        assert match_label(form, EMOTIONS) == emotion
        assert match_label(emotion, [form, "tired"]) == form
        assert program.EMOTIONS[program.stem(form)] == program.EMOTIONS[program.stem(emotion)]
    assert (program.stem(name) == "neut") is (emotion == "neutral")


@pytest.mark.parametrize("name", ["tired", "distracted", "neuron", "contempt", "surly", "0", "7", ""])
def test_another_name_means_no_emotion(name):
    program = load_program()
    assert emotion_of(name) == name
    assert program.stem(name) not in program.EMOTIONS


@pytest.mark.parametrize("name", ["0 happy", "3_Happiness", "04.HAPPY", "1 - joy", " happy "])
def test_a_number_before_a_name_does_not_count(name):
    assert emotion_of(name) == "happy"


def test_the_pages_know_the_same_names():
    found = re.search(r"const SYNONYMS = (\{.*?\n  \});", SCRIPTS.read_text("utf-8"), re.DOTALL)
    assert found
    text = re.sub(r"(\w+):", r'"\1":', re.sub(r",(\s*\})", r"\1", found[1]))
    assert {emotion: tuple(names) for emotion, names in json.loads(text).items()} == SYNONYMS


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js to run the pages' script")
def test_an_emotion_looks_alike_by_each_of_its_names():
    """And a class of one's own has none of these looks."""
    pairs = [*NAMES, *((name.upper(), emotion) for name, emotion in NAMES)]
    script = f"""
const emotions = require({json.dumps(str(SCRIPTS))}), same = JSON.stringify;
const wrong = {json.dumps(pairs)}.filter(([name, emotion]) => same(emotions.look(name)) !== same(emotions.look(emotion)));
const own = ["Joy", "tired", "bored"], looks = own.map((label) => emotions.look(label, own).colour);
console.log(same([wrong, new Set([...looks, emotions.look("happy").colour]).size]));
"""
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], 3]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["angry", "happy"], []),
        (["Angry", "not sure", "7"], []),
        (["1", "2"], []),
        (["愤怒", "happy", "wütend"], ["on its frames 愤怒, wütend will lack the others"]),
        (["0 angry", "1 happy"], ["begin with numbers, which the camera shows, too, as '0 angry'"]),
        (['"angry",', '"happy"'], ["quotation marks or commas"]),
        ([f"{number:060}" for number in range(7)], []),
        ([f"{number:061}" for number in range(7)], ["their names do not arrive"]),
    ],
)
def test_what_a_person_should_know_of_labels(labels, said):
    told = notes(labels)
    program = load_program()
    line = '{"v":1,"event":"ready","labels":' + json.dumps(labels, ensure_ascii=False) + ',"more":true}'
    assert (len(line.encode()) < program.LONGEST_LINE) is not any("do not arrive" in it for it in told)
    assert len(told) == len(said)
    assert all(part in sentence for part, sentence in zip(said, told, strict=True))
