"""main.py as a module on this computer."""

from types import ModuleType

import pytest
from emotion_camera.model.main_module import load_program


@pytest.fixture(scope="package")
def program() -> ModuleType:
    """main.py, with stand-ins for the firmware's modules."""
    return load_program()
