"""A model's metadata for the camera: a line of JSON after the end of the TensorFlow Lite file.

Readers of such files ignore what follows the model. The model's description is `DESCRIPTION` then, so that a file which lost
its end is recognized.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

BEGINS = b'{"notes":1,'  # what device/main.py looks for
LONGEST = 512  # bytes at the end of the file in which it looks
DESCRIPTION = b"notes follow"
LEAST = 1 / 512  # a score that was rounded to 0, of steps of 1/256, counts as this


@dataclass(frozen=True)
class Metadata:
    """All by class, in the order of the outputs; None for what is not known.

    selftest: the scores, in 256ths, of `self_test_picture`; temperature: what the logs of its scores are
    multiplied by before anything else is done with them, which it lowers lest small scores be rounded to 0; prior: how
    frequent it takes each emotion to be (the class prior), adding up to 1; resting: the mean logs of the scores, times temperature, of faces at rest.
    """

    selftest: tuple[int, ...] | None = None
    temperature: float = 1
    prior: tuple[float, ...] | None = None
    resting: tuple[float, ...] | None = None


def self_test_picture() -> list[list[int]]:
    """The picture of the camera's self-test: 48 x 48 pixels, 6 x 6 grey squares, as device/main.py draws it."""
    square = [[(6 * row + column) ** 2 * 7 % 256 for column in range(6)] for row in range(6)]
    return [[square[y // 8][x // 8] for x in range(48)] for y in range(48)]


def encode(metadata: Metadata) -> bytes:
    """The line of JSON that goes to the end of a model's file."""
    known = {name: value for name, value in asdict(metadata).items() if value is not None}
    line = json.dumps({"notes": 1, **known}, separators=(",", ":")).encode()
    if len(line) > LONGEST:
        raise ValueError(
            f"the metadata has {len(line)} bytes; the camera reads {LONGEST}: the model has too many classes"
        )
    return line


def tail(data: bytes) -> bytes:
    """The line at the end of a model's file `data`, b"" where there is none."""
    at = data.rfind(BEGINS, max(0, len(data) - LONGEST))
    return data[at:] if at >= 0 else b""


def of_compiled(plain: bytes, sha256: str) -> bytes:
    """The line for the file that was compiled from the model's file `plain`: with the beginning of its hash, if there is room."""
    before = tail(plain)
    line = (before.removesuffix(b"}") or BEGINS.removesuffix(b",")) + b',"plain":"%s"}' % sha256[:16].encode()
    return line if len(line) <= LONGEST else before


def plain_sha256(data: bytes) -> str | None:
    """The beginning of the hash of the model that a file was compiled from; None where its metadata do not tell."""
    try:
        plain = json.loads(tail(data)).get("plain")
    except (ValueError, AttributeError):
        return None
    return plain if isinstance(plain, str) and len(plain) == 16 else None


def read(data: bytes, classes: int) -> Metadata | None:
    """The metadata of a model's file `data`; None where it has none, or it is damaged or of another number of classes."""
    try:
        fields: dict[str, Any] = json.loads(tail(data))
        found = Metadata(
            _numbers(fields, "selftest", int),
            float(fields.get("temperature", 1)),
            _numbers(fields, "prior", float),
            _numbers(fields, "resting", float),
        )
        lists = [it for it in (found.selftest, found.prior, found.resting) if it is not None]
        fine = all(len(it) == classes and all(map(math.isfinite, it)) for it in lists)
    except (ValueError, TypeError, OverflowError):  # JSON's numbers may be larger than any of Python's floats
        return None
    return found if fine and 0 < found.temperature < math.inf and min(found.prior or (1,)) > 0 else None


def _numbers(fields: dict[str, Any], name: str, kind: type) -> tuple[Any, ...] | None:
    return tuple(map(kind, fields[name])) if name in fields else None


def log_scores(scores: Sequence[float], metadata: Metadata | None) -> list[float]:
    """The logs of a model's scores at its own temperature, as the camera takes them."""
    return [(metadata.temperature if metadata else 1) * math.log(max(score, LEAST)) for score in scores]
