"""main.py as a module on this computer, for tests of its own reckoning."""

from types import ModuleType

import pytest
from emotion_camera.model.main_module import load_program


@pytest.fixture(scope="package")
def program() -> ModuleType:
    """main.py, with the firmware's modules stood in for."""
    return load_program()
