"""main.py as a module on this computer."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from emotion_camera.model.main_module import load_program


@pytest.fixture(scope="package")
def program() -> ModuleType:
    """main.py, with stand-ins for the firmware's modules."""
    return load_program()


@pytest.fixture(scope="package")
def compact() -> ModuleType:
    """tools/compact.py, which compiles main.py for small boards."""
    spec = importlib.util.spec_from_file_location("compact", Path(__file__).parents[2] / "tools" / "compact.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
