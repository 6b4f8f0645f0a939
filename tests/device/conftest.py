"""main.py as a module on this computer, for tests of its own reckoning."""

import importlib.util
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest
from camera_runs import ROOT


@pytest.fixture(scope="package")
def program() -> ModuleType:
    """main.py, with the firmware's modules stood in for."""
    sys.modules["image"] = SimpleNamespace(AREA=32, HMIRROR=1, GRAYSCALE=2)  # type: ignore[assignment]
    sys.modules["omv"] = SimpleNamespace(version_major=5)  # type: ignore[assignment]
    spec = importlib.util.spec_from_file_location("camera_main", ROOT / "device" / "main.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    time.ticks_diff = lambda a, b: ((a - b + 2**29) % 2**30) - 2**29  # type: ignore[attr-defined]  # as MicroPython's
    spec.loader.exec_module(module)
    del sys.modules["image"], sys.modules["omv"]
    return module
