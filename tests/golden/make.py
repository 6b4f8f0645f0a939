"""Takes the sample that stays in the repository out of the recordings: python tests/golden/make.py, with ../shared at hand."""

import base64
import json
import math
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "simulator")]

# Cases of copies.json whose region, and what a copy reads left of and above it, shows noise on a plain background: looked at
# one by one. By frame and region.
BACKGROUND = {
    ("f008.png", (77, 137, 33, 30)), ("f002.png", (175, 186, 46, 45)), ("f012.png", (178, 93, 55, 59)),
    ("f016.png", (0, 150, 80, 80)), ("f036.png", (246, 15, 63, 63)), ("f018.png", (134, 130, 98, 98)),
    ("f040.png", (100, 99, 76, 76)), ("f002.png", (147, 76, 102, 60)), ("f018.png", (231, 71, 65, 169)),
    ("f020.png", (18, 0, 100, 100)), ("f032.png", (11, 131, 87, 87)), ("f044.png", (211, 98, 55, 55)),
    ("f016.png", (264, 107, 56, 58)), ("f020.png", (79, 183, 58, 54)), ("f002.png", (146, 78, 90, 90)),
}  # fmt: skip
SIZE = 320, 240


def main() -> None:
    from recordings import GOLDEN, golden_frame

    recorded = {
        name: json.loads((GOLDEN / "firmware" / f"{name}.json").read_text()) for name in ("api", "copies", "scratch")
    }
    copies = recorded["copies"]["cases"]
    sample = {
        "calls": [call(probe) for probe in recorded["api"]["probes"]],
        "copies": [
            copy(case, golden_frame(case["frame"]))
            for case in copies
            if (case["frame"], tuple(case["roi"])) in BACKGROUND
        ],
        "floats": dict(sorted({(case["scale"], case["scale_float32"]) for case in copies})),
        "scratch": scratch(recorded["scratch"]),
    }
    text = json.dumps(sample, separators=(",", ":"), ensure_ascii=False)
    (HERE / "sample.json").write_text(
        text.replace('{"name"', '\n{"name"').replace('{"roi"', '\n{"roi"') + "\n", encoding="utf-8"
    )


def call(probe: dict[str, Any]) -> dict[str, Any]:
    """A call and, unless that depends on what the frame shows or on the recording's stand-ins, what came of it."""
    from test_api import EXPLAINED

    kept = {key: probe[key] for key in ("name", "before", "call") if key in probe}
    if probe.get("of_the_emulation") or probe["name"] in EXPLAINED or of_the_picture(probe):
        return kept
    answers = {firmware: list(probe[firmware].values()) for firmware in ("v4.8.1", "head")}
    return {**kept, "v4.8.1": answers["v4.8.1"]} | ({} if probe["same"] else {"head": answers["head"]})


def of_the_picture(probe: dict[str, Any]) -> bool:
    """Whether the answer tells something of the picture: boxes, scores, levels."""
    of_the_call = ("find_features(cas", "flatten().tolist()]", "get_statistics().mean", "sm[len(sm)]", "m.predict((")
    answered = any("raises" not in probe[firmware] for firmware in ("v4.8.1", "head"))
    return answered and any(words in probe["call"] for words in of_the_call)


def copy(case: dict[str, Any], frame: np.ndarray) -> dict[str, Any]:
    """A copy with the pixels that it is made of: those of the region, and of a pixel of the copy left of and above it."""
    (scale,) = struct.unpack("<f", bytes.fromhex(case["scale_float32"]))
    x, y, w, h = case["roi"]
    left, top = (max(start - math.ceil(1 / scale), 0) for start in (x, y))
    part = frame[top : y + h, left : x + w]
    pixels = base64.b64encode(zlib.compress(part.tobytes(), 9)).decode()
    answer = {key: case[key] for key in ("scale_float32", "size", "sha256", "histeq_sha256")}
    return {"roi": case["roi"], "corner": [left, top], "shape": list(part.shape), "pixels": pixels, **answer}


def scratch(recorded: dict[str, Any]) -> dict[str, Any]:
    strip = "find_features strip, largest width"
    widest = {
        firmware: {number: recorded[firmware]["by_framebuffers"][number][strip]["largest"] for number in numbers}
        for firmware, numbers in (("v4.8.1", "12"), ("head", "123"))
    }
    free = recorded["head"]["free_bytes_by_framebuffers"]
    return {"widest": widest, "free": {"1": free["1"], "2": free["2"], "3": free["3 (default)"]}}


if __name__ == "__main__":
    main()
