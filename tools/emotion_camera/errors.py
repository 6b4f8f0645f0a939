"""The errors that a person is meant to read."""

from __future__ import annotations

import platform
import re

DISTRIBUTIONS = {  # where a module's name is not its package's
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "edgeimpulse_api": "edgeimpulse",
    "ethosu": "ethos-u-vela",
    "paho": "paho-mqtt",
    "pythonosc": "python-osc",
    "serial": "pyserial",
}


class UserError(ValueError):
    """A mistake in what the person gave: one sentence that says what is wrong, with what, and what to do.

    The command line prints it without a traceback and exits with status 1.
    """


class ModelError(UserError):
    """Why a model or labels file does not run on the camera, and what to do, in one sentence."""


def install_line(extra: str = "") -> str:
    """The command that installs this package with one of its extras."""
    return f'python -m pip install "emotion-camera[{extra}]"' if extra else "python -m pip install emotion-camera"


def missing_package(module: str) -> UserError | None:
    """What to do where `module` can't be imported: the command that installs it, or that it has no release for this computer.

    None for a module that is not among this package's requirements: that is a bug, not a person's mistake.
    """
    from importlib.metadata import PackageNotFoundError, requires

    name = module.split(".")[0]
    name = DISTRIBUTIONS.get(name, name.replace("_", "-"))
    try:
        lines = [it for it in requires("emotion-camera") or [] if re.match(rf"{re.escape(name)}\b(?!-)", it)]
    except PackageNotFoundError:
        return UserError(f"{name} is not installed: {install_line()}")
    if not lines:
        return None
    line = lines[-1]  # extras are in the order of the alphabet, and `sweep` repeats what `training` has
    extra = re.search(r"extra == ['\"](.+?)['\"]", line)
    if not _is_for_this_computer(line, extra[1] if extra else ""):
        here = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
        return UserError(f"{name} has no release for {here}; requirements.txt says which ones it is for")
    return UserError(f"{name} is not installed: {install_line(extra[1] if extra else '')}")


def _is_for_this_computer(requirement: str, extra: str) -> bool:
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:  # itself among what is missing
        return True
    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate({"extra": extra})
