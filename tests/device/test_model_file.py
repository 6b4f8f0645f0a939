"""The look at a model's file before the firmware gets it: what the firmware would follow out of the file is refused."""

import struct

import pytest
from camera_runs import MODEL
from emotion_camera.model.metadata import tail
from hypothesis import given, settings
from hypothesis import strategies as st

GOOD = MODEL.read_bytes()
PLUS = MODEL.with_name("emotion_plus.tflite").read_bytes()


@pytest.fixture
def is_whole(program, tmp_path):
    def check(data: bytes) -> bool:
        path = tmp_path / "emotion.tflite"
        path.write_bytes(data)
        return refusal(program, path) is None

    return check


def refusal(program, path) -> str | None:
    """What the program says of a model's file that is not whole."""
    try:
        program.check_model(str(path))
    except program.UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize("data", [GOOD, PLUS], ids=["emotion", "emotion_plus"])
def test_the_shipped_models_are_whole_and_cut_ones_are_not(is_whole, data):
    assert is_whole(data)
    plain = data[: -len(tail(data))]
    assert is_whole(plain)  # without its metadata, as others' models
    cuts = range(0, len(plain) - 40, 1000)
    assert [cut for cut in cuts if is_whole(data[:cut])] == []


def test_what_is_no_model_is_refused(is_whole):
    for data in (b"", b"hello", bytes(5000), b"<html>" * 100, GOOD[:4] + b"TFL2" + GOOD[8:], b"\xff" * 20, GOOD[:8]):
        assert not is_whole(data), data[:20]


def test_half_a_file_whose_other_half_is_zeros_yet_is_refused(is_whole):
    """As a copy under way can look: its size is set, its last blocks are not written."""
    assert not is_whole(GOOD[:200] + bytes(len(GOOD) - 200))


@given(at=st.integers(0, 600), value=st.integers(0, 2**32 - 1))
@settings(max_examples=300, deadline=None)
def test_a_changed_offset_never_makes_the_look_itself_fail(program, tmp_path_factory, at, value):
    path = tmp_path_factory.getbasetemp() / "changed.tflite"
    path.write_bytes(GOOD[:at] + struct.pack("<I", value) + GOOD[at + 4 :])
    assert refusal(program, path) in (None, f"{path} is not a complete model: copy it again, then reset.")
