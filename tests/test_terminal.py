"""Text from a camera, a file or the network does nothing to the terminal in which it is shown."""

import io
import subprocess
import sys
import unicodedata

import pytest
from emotion_camera.terminal import LONGEST, first_of, print_line, printable
from hypothesis import given
from hypothesis import strategies as st

anything = st.text(st.characters()) | st.text("\x1b[]0;7\a\x9b\r\n\tab\ud800\u202e", max_size=40)


def console(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding)


@given(anything, st.sampled_from(["ascii", "cp1252", "cp437", "utf-8"]), st.integers(3, 60))
def test_it_is_one_short_line_that_the_console_can_encode_and_that_commands_nothing(text, encoding, longest):
    shown = printable(text, console(encoding), longest)
    assert len(shown) <= longest
    assert shown.encode(encoding).decode(encoding) == shown
    assert not any(unicodedata.category(letter)[0] in "C" for letter in shown)
    assert len(shown.splitlines()) <= 1


@given(anything)
def test_any_text_can_be_printed(text):
    file = console("ascii")
    print_line(text, file)
    assert file.buffer.getvalue().count(b"\n") == 1


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=LONGEST))
def test_what_a_person_can_read_stays_as_it_is(text):
    assert printable(text, console("utf-8")) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone\x07", r"\x1b[2Jgone\x07"),
        ("ok\rWRONG", "ok WRONG"),
        ("a\tb\n c", "a b  c"),
        ("\u202eback", r"\u202eback"),
        ("\x9b31m", r"\x9b31m"),
        ("x" * (LONGEST + 1), "x" * (LONGEST - 3) + "..."),
        (UserWarning("not text"), "not text"),
    ],
)
def test_how_it_is_shown(text, shown):
    assert printable(text, console("utf-8")) == shown


def test_a_console_without_unicode_gets_escapes():
    code = "from emotion_camera.terminal import print_line; print_line('gewöhnlich \\U0001f642')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout.split()) == (0, [rb"gew\xf6hnlich", rb"\U0001f642"])


@pytest.mark.parametrize(
    ("count", "said"), [(0, ""), (1, "0"), (3, "0, 1, 2"), (4, "0, 1, 2 and 1 more"), (5003, "0, 1, 2 and 5,000 more")]
)
def test_of_many_names_the_first_are_told_and_the_number_of_the_others(count, said):
    assert first_of([str(number) for number in range(count)]) == said
