# mypy: ignore-errors
"""30-bit floats in a program that float_source.py has rewritten: `_f30`, and the builtins whose results depend on it.

MicroPython's floats have 64 bits here. A result is rounded to 32, as the camera's processor computes it, and loses two more
where it is kept: they repeat the two above.
"""

import json
import struct
import sys

_bits = bytearray(4)


def f30(value: object) -> object:
    """`value` as the camera keeps it, where it is a float."""
    if isinstance(value, float):
        struct.pack_into("<f", _bits, 0, value)
        low = _bits[0] & 0xFC
        _bits[0] = low | low >> 2 & 3
        return struct.unpack_from("<f", _bits, 0)[0]
    return value


def single(value: float) -> float:
    """`value` as a 32-bit float: what lies between two steps of one function of the firmware."""
    struct.pack_into("<f", _bits, 0, value)
    return struct.unpack_from("<f", _bits, 0)[0]


def round30(value: object, digits: int | None = None) -> object:
    """MicroPython's round(): times a power of ten, to the nearest whole number, and divided by it again."""
    if digits is None or not isinstance(value, float):
        return round(value) if digits is None else round(value, digits)
    power = single(10.0**digits)
    return f30(single(round(single(value * power)) / power))


def sum30(values: object, start: object = 0) -> object:
    for value in values:
        start = f30(start + value)
    return start


class Json:
    """`json` whose floats are written as the camera writes them."""

    def __getattr__(self, name: str) -> object:
        return getattr(json, name)

    def dumps(self, value: object, **how: object) -> str:
        return text_of(value)

    def dump(self, value: object, stream: object, **how: object) -> None:
        stream.write(text_of(value))


def digits_of(value: float) -> str:
    """As few digits as tell this float from all others."""
    for count in range(1, 9):
        text = "%.*g" % (count, value)
        if f30(float(text)) == value and ("e" not in text or not 0.0001 <= abs(value) < 10000000):
            return text
    return text


def text_of(value: object) -> str:
    if isinstance(value, float):
        text = digits_of(value)
        return text if "." in text or "e" in text or "n" in text else text + ".0"
    if isinstance(value, dict):
        return "{" + ", ".join(text_of(str(key)) + ": " + text_of(value[key]) for key in value) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(text_of(item) for item in value) + "]"
    return json.dumps(value)


def install() -> dict:
    """Puts the module json in its place; what the program's scope has besides."""
    sys.modules["json"] = sys.modules["ujson"] = Json()
    return {"_f30": f30, "round": round30, "sum": sum30}
