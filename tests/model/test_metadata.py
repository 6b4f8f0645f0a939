"""What stands at the end of a model's file: read back as it was written, never trusted further than it goes."""

import json
import math

import pytest
from emotion_camera.model.contract import DEFAULT_MODEL, LARGE_MODEL
from emotion_camera.model.metadata import BEGINS, LONGEST, Metadata, encode, log_scores, read, tail
from hypothesis import given
from hypothesis import strategies as st

shares = st.lists(st.floats(0.001, 1), min_size=7, max_size=7)
logs = st.lists(st.floats(-20, 0), min_size=7, max_size=7)


@given(st.binary(max_size=200), st.floats(0.1, 10), shares, logs, st.lists(st.integers(0, 255), min_size=7, max_size=7))
def test_metadata_are_read_as_they_were_written(before, temperature, prior, resting, selftest):
    told = Metadata(
        tuple(selftest), round(temperature, 3), *(tuple(round(it, 3) for it in some) for some in (prior, resting))
    )
    data = before + encode(told)
    assert read(data, 7) == told
    assert before + tail(data) == data
    assert read(data, 6) is None, "of another number of classes"
    assert read(data[:-1], 7) is None, "cut short"


@given(st.binary(max_size=LONGEST))
def test_anything_at_the_end_of_a_file_is_borne(end):
    for data in (end, BEGINS + end, BEGINS + b'"selftest":' + end):
        read(data, 7)


@pytest.mark.parametrize("number", ["9" * 400, "Infinity", "-Infinity", "NaN", "1e999"])
@pytest.mark.parametrize("where", ['"temperature":%s', '"selftest":[%s]', '"prior":[%s]', '"resting":[%s]'])
def test_metadata_with_a_number_that_is_none_are_none(where, number):
    assert read(b'{"notes":1,%s}' % (where % number).encode(), 1) is None


@pytest.mark.parametrize(
    "told",
    [
        {"temperature": 0},
        {"temperature": "x"},
        {"prior": [0.1] * 6 + [0]},
        {"prior": [1]},
        {"resting": "x"},
        {"selftest": 1},
    ],
)
def test_metadata_that_make_no_sense_are_none(told):
    assert read(json.dumps({"notes": 1, **told}, separators=(",", ":")).encode(), 7) is None


def test_a_file_without_metadata_has_none():
    assert read(b"TFL3" * 200, 7) is None
    assert tail(b"TFL3" * 200) == b""


def test_more_classes_than_the_camera_reads_metadata_of_are_refused():
    with pytest.raises(ValueError, match="too many classes"):
        encode(Metadata(selftest=(200,) * 200))


@pytest.mark.parametrize("path", [DEFAULT_MODEL, LARGE_MODEL], ids=lambda path: path.stem)
def test_the_shipped_models_tell_what_the_camera_corrects_by(path):
    told = read(path.read_bytes(), 7)
    assert told is not None
    assert told.prior is not None
    assert told.resting is not None
    assert sum(told.prior) == pytest.approx(1, abs=0.01)
    assert max(told.prior) == told.prior[6], "most faces are neutral"
    assert max(told.resting) == told.resting[6], "a face at rest is neutral"


def test_a_score_that_was_rounded_to_0_is_half_a_step():
    assert log_scores([0, 1], Metadata(temperature=3)) == [3 * math.log(1 / 512), 0]
    assert log_scores([0.5], None) == [math.log(0.5)]
