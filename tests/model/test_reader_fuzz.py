"""Whatever the bytes of a model's file, it is read or refused in a sentence: nothing else comes of it, here or in TFLM."""

import random
import struct
from collections.abc import Callable
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema
from emotion_camera.errors import ModelError
from emotion_camera.model.contract import DEFAULT_MODEL, LARGE_MODEL, check
from emotion_camera.model.cost import network_instructions
from emotion_camera.model.tflite import read_description
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small_models import changed, free_batch, model

SHIPPED = [path.read_bytes() for path in (DEFAULT_MODEL, LARGE_MODEL)]
SMALL = [model(), free_batch(), model(kind="float32"), model(finds_objects=True)]


def mutated(data: bytes, seed: int, changes: int) -> bytes:
    """A file after some changes: bytes, whole numbers such as offsets and lengths, pieces taken out, doubled or cut off."""
    chance, after = random.Random(seed), bytearray(data)
    for _ in range(changes):
        if not after:
            break
        at = chance.randrange(len(after))
        kind = chance.randrange(6)
        if kind == 0:
            after[at] = chance.randrange(256)
        elif kind == 1:
            after[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            at -= at % 4
            value = chance.choice(
                [0, 1, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, chance.randrange(1 << 32), chance.randrange(len(data))]
            )
            after[at : at + 4] = struct.pack("<I", value)
        elif kind == 3:
            del after[at : at + chance.choice([1, 4, 64])]
        elif kind == 4:
            after[at:at] = after[at : at + chance.choice([4, 64])]
        else:
            del after[max(at, 8) :]
    return bytes(after)


def refusal(read: Callable[[], object]) -> str | None:
    """Why something is not read, held to be one sentence; None where it is read."""
    try:
        read()
    except ModelError as error:
        said, cause = str(error), error.__cause__
    else:
        return None
    assert not isinstance(cause, (TimeoutError, MemoryError)), "it would take for ever, or all memory"
    assert said
    assert "\n" not in said
    assert len(said) < 2000
    return said


def is_read(data: bytes) -> bool:
    """Whether a file is read, and what it takes of time is counted."""
    return refusal(lambda: network_instructions(read_description(data).layers)) is None


@given(st.binary(max_size=600))
@example(b"")
@example(b"\x00" * 64)
@example(b"\xff" * 64)
def test_any_bytes(data):
    is_read(data)
    is_read(b"\x1c\x00\x00\x00TFL3" + data)
    is_read(b"PK\x03\x04" + data)


@settings(max_examples=400)
@given(st.sampled_from(range(len(SMALL))), st.integers(0, 2**32), st.integers(1, 6))
def test_a_small_model_that_was_changed(which, seed, changes):
    is_read(mutated(SMALL[which], seed, changes))


@settings(max_examples=60)
@given(st.sampled_from(range(len(SHIPPED))), st.integers(0, 2**32), st.integers(1, 6))
def test_a_shipped_model_that_was_changed(which, seed, changes):
    is_read(mutated(SHIPPED[which], seed, changes))


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_the_whole_check_of_a_changed_model_takes_it_or_says_a_sentence(tmp_path, seed, changes):
    """TFLM reads it, too, in its own process, which may end."""
    path = tmp_path / "net.tflite"
    path.write_bytes(mutated(model(), seed, changes))
    path.with_suffix(".txt").write_text("a\nb\nc\n")
    said = refusal(lambda: check(path))
    assert said is None or said.startswith(str(tmp_path))


def test_a_file_whose_lists_name_the_same_table_again_and_again_is_not_counted_up():
    """Unpacked as it says it is, this file of 240 KB would be 900 million operators."""
    count, builder = 30_000, flatbuffers.Builder(1000)
    step = schema.OperatorT().Pack(builder)
    schema.SubGraphStartOperatorsVector(builder, count)
    for _ in range(count):
        builder.PrependUOffsetTRelative(step)
    steps = builder.EndVector()
    schema.SubGraphStart(builder)
    schema.SubGraphAddOperators(builder, steps)
    graph = schema.SubGraphEnd(builder)
    schema.ModelStartSubgraphsVector(builder, count)
    for _ in range(count):
        builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    schema.ModelStart(builder)
    schema.ModelAddSubgraphs(builder, graphs)
    builder.Finish(schema.ModelEnd(builder), b"TFL3")
    assert not is_read(bytes(builder.Output()))


class Once:
    """A table of the schema that a file holds once, however often it is named."""

    def __init__(self, table: Any) -> None:
        self._table, self._at = table, 0

    def Pack(self, builder: Any) -> int:
        self._at = self._at or self._table.Pack(builder)
        return self._at


def with_many_inputs(_, graph):
    step = graph.operators[-1]
    step.inputs = list(step.inputs) * 50_000
    graph.operators = graph.operators[:-1] + [Once(step)] * 8_000


def with_many_scales(_, graph):
    step = graph.operators[-2]
    assert len(step.inputs) == 3, "the dense layer"
    graph.tensors[step.inputs[1]].quantization.scale = [0.01] * 50_000
    graph.operators = graph.operators[:-2] + [Once(step)] * 8_000 + graph.operators[-1:]


def with_many_dimensions(_, graph):
    given = graph.tensors[graph.inputs[0]]
    given.shapeSignature = [1] * 200_000
    graph.inputs = list(graph.inputs) * 3_000


def with_many_names(found, graph):
    graph.name = b"g" * 1_000_000
    found.subgraphs = [Once(graph)] * 40_000


def with_many_custom_operators(found, _):
    code = found.operatorCodes[0]
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = schema.BuiltinOperator.CUSTOM, 32, b"c" * 1_000_000
    found.operatorCodes += [Once(code)] * 40_000


@pytest.mark.parametrize(
    "change",
    [with_many_inputs, with_many_scales, with_many_dimensions, with_many_names, with_many_custom_operators],
    ids=lambda it: it.__name__,
)
def test_a_file_that_names_a_long_list_again_and_again_is_read_in_a_bounded_time(change, patience):
    data = changed(model(), change)
    assert len(data) < 3_000_000
    is_read(data)


def test_what_follows_the_model_is_passed_over():
    assert is_read(SMALL[0] + bytes(1000))
    assert not is_read(SMALL[0][:-1])


@pytest.mark.parametrize("shape", [[8, 0, 3, 1], [8, 3, 3, 0], [8, 3, 3, -1], [8, 3, 3], []])
def test_weights_without_any_numbers_are_damage_though_tflm_runs_them(shape):
    def change(_, graph):
        graph.tensors[graph.operators[0].inputs[1]].shape = shape

    assert not is_read(changed(model(), change))


@pytest.mark.parametrize("shape", [[1, 12, 12, 0], [1, *[2**30] * 40, 8]])
def test_a_result_of_no_size_or_of_forty_dimensions_is_damage(shape):
    def change(_, graph):
        graph.tensors[graph.operators[0].outputs[0]].shape = shape

    assert not is_read(changed(model(), change))
