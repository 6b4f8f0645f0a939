"""Rewrites a camera program so that MicroPython with 64-bit floats computes with the camera's 30 bits.

There is no 30-bit MicroPython for a PC. But +, -, *, / and square root of two 32-bit floats, computed with 64 bits and
then rounded to 32, are what a 32-bit unit gives. So each result that may be a float goes through `_f30`
(guest/floats.py), and each literal is written as the camera keeps it. Lines stay where they are, for tracebacks.
"""

import ast
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate

from emotion_camera.errors import UserError
from emotion_camera.simulator.host.floats import camera_float

ROUND = "_f30"
ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)

# Their results are no floats: it saves a call.
NO_FLOATS = {"len", "range", "open", "zip", "any", "all", "int", "str", "bytes", "bytearray", "isinstance", "hasattr"}

Edit = tuple[int, int, int, str]  # where, 0 for an end and 1 for a start, order among those, and what is put there


def with_30_bit_floats(source: str, name: str) -> str:
    """The program `source`, rewritten; UserError where it is no Python. `name` is for that sentence."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise UserError(f"{name}: line {error.lineno} is no Python ({error.msg}); correct it") from None
    data = source.encode()
    inserts = [edit for node, parent in _walk(tree) for edit in _edits(node, parent, _span(node, data))]
    for at, _, _, piece in sorted(inserts, reverse=True):
        data = data[:at] + piece.encode() + data[at:]
    return _with_kept_literals(data)


def _walk(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, ast.AST]]:
    """Each expression and statement that may be changed, with its parent. Not decorators, annotations or f-strings."""
    for parent in ast.walk(tree):
        if isinstance(parent, ast.JoinedStr | ast.FormattedValue):
            continue
        for field, value in ast.iter_fields(parent):
            if field in ("decorator_list", "annotation", "returns"):
                continue
            for node in value if isinstance(value, list) else [value]:
                if isinstance(node, ast.expr | ast.stmt):
                    yield node, parent


def _span(node: ast.expr | ast.stmt, data: bytes) -> tuple[int, int]:
    """Where `node` begins and ends in the source."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    starts = _line_starts(data)
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


@lru_cache(maxsize=2)
def _line_starts(data: bytes) -> list[int]:
    return [0, *accumulate(len(line) for line in data.splitlines(keepends=True))]


def _edits(node: ast.expr | ast.stmt, parent: ast.AST, span: tuple[int, int]) -> list[Edit]:
    start, end = span
    size = end - start
    computes = isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC)
    if computes or (isinstance(node, ast.Call) and _may_be_float(node, parent)):
        return [(start, 1, -size, f"{ROUND}("), (end, 0, size, ")")]  # the longer opens first and closes last
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ARITHMETIC):
        target = ast.unparse(node.target)
        return [(end, 0, size + 1, f"; {target} = {ROUND}({target})")]
    return []


def _may_be_float(call: ast.Call, parent: ast.AST) -> bool:
    """Whether a call's result is used, and not known to be no float."""
    return not isinstance(parent, ast.Expr | ast.ClassDef | ast.Raise) and ast.unparse(call.func) not in NO_FLOATS


def _with_kept_literals(data: bytes) -> str:
    """The source with each float literal as the camera keeps it."""
    spans = {
        _span(node, data): node.value
        for node in ast.walk(ast.parse(data))
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    }
    for (start, end), value in sorted(spans.items(), reverse=True):
        data = data[:start] + repr(float(camera_float(value))).encode() + data[end:]
    return data.decode()
