"""device/main.py as a module on this computer, for what it computes: no frame, no firmware."""

import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

from emotion_camera.model.bundle import MAIN


def load_program(path: Path = MAIN) -> ModuleType:
    """`main.py` with the firmware's modules stood in for, so far as it looks at them while it is loaded."""
    stands_in = {
        "image": SimpleNamespace(AREA=32, HMIRROR=1, GRAYSCALE=2),
        "omv": SimpleNamespace(version_major=5),
    }
    before = {name: sys.modules.get(name) for name in stands_in}
    sys.modules.update(stands_in)  # type: ignore[arg-type]
    time.ticks_diff = lambda a, b: ((a - b + 2**29) % 2**30) - 2**29  # type: ignore[attr-defined]  # as MicroPython's
    time.ticks_add = lambda ticks, delta: (ticks + delta) % 2**30  # type: ignore[attr-defined]
    spec = importlib.util.spec_from_file_location("camera_main", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old
    return module
