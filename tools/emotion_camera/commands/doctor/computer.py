"""This computer: Python, the packages that the tools need, the repository's own files, the serial ports."""

import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from emotion_camera.boards import BOOTLOADERS, USB
from emotion_camera.commands.doctor.findings import FINE, NOTE, WRONG, Finding
from emotion_camera.errors import ModelError
from emotion_camera.files import MODELS
from emotion_camera.model.contract import check

PACKAGE = "emotion-camera"
INSTALL = f"{Path(sys.executable).name} -m pip install --upgrade {PACKAGE}"
OLDEST, NEWEST = (3, 10), (3, 14)
BUILT = (2026, 1)  # year and month: a clock before that is wrong


def look(wanted: list[str] | None = None, models: Path = MODELS) -> Iterator[Finding]:
    """All that can be known without a camera."""
    yield _python()
    yield from _packages(requires(PACKAGE) or [] if wanted is None else wanted)
    yield _micropython()
    yield _clock()
    yield from _models(models)
    yield from _ports()


def _python() -> Finding:
    fact = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return Finding(FINE, "Python", fact)
    wanted = " to ".join(".".join(map(str, it)) for it in (OLDEST, NEWEST))
    return Finding(NOTE, "Python", fact, f"the tools are tested with {wanted}; take one of these if something fails")


def _packages(requirements: list[str]) -> Iterator[Finding]:
    """One finding for all packages that are as required, and one for each that is not."""
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in requirements]
    wanted = [it for it in wanted if it.marker is None or it.marker.evaluate({"extra": ""})]
    fine = 0
    for it in wanted:
        try:
            found = version(it.name)
        except PackageNotFoundError:
            yield Finding(WRONG, "package", f"{it.name} is not installed", INSTALL)
            continue
        if it.specifier.contains(found, prereleases=True):
            fine += 1
        else:
            yield Finding(NOTE, "package", f"{it.name} is {found}, required is {it.specifier}", INSTALL)
    yield Finding(FINE, "packages", f"{fine} of {len(wanted)} as required")


def _micropython() -> Finding:
    from emotion_camera.simulator.host.process import find_micropython

    if find_micropython():
        return Finding(FINE, "virtual camera", "runs under MicroPython")
    return Finding(
        NOTE, "virtual camera", "runs under CPython: no MicroPython here", "its memory limits are not played"
    )


def _clock() -> Finding:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    if time.localtime()[:2] >= BUILT:
        return Finding(FINE, "clock", now)
    return Finding(WRONG, "clock", f"{now} is in the past", "set this computer's clock: recordings are dated by it")


def _models(folder: Path) -> Iterator[Finding]:
    paths = sorted(folder.glob("*.tflite"))
    if not paths:
        yield Finding(WRONG, "models", f"{folder} holds no .tflite", "clone the repository again")
    for path in paths:
        try:
            model = check(path)
        except ModelError as error:
            yield Finding(WRONG, path.name, str(error), "restore it: git checkout models")
            continue
        arena = f", arena {model.arena_bytes:,}" if model.arena_bytes else ""
        yield Finding(FINE, path.name, f"{model.file_bytes:,} bytes{arena}, {len(model.labels)} labels")


def _ports() -> Iterator[Finding]:
    from serial.tools import list_ports

    found = [port for port in list_ports.comports() if port.vid is not None]
    for port in found:
        ids = (port.vid, port.pid)
        name = f"{port.device}: {USB.get(ids) or BOOTLOADERS.get(ids) or port.description} ({ids[0]:04x}:{ids[1]:04x})"
        if ids in USB:
            yield Finding(FINE, "port", name)
        elif ids in BOOTLOADERS:
            yield Finding(WRONG, "port", f"{name} waits in its bootloader", "unplug it, plug it in, wait ten seconds")
        else:
            yield Finding(NOTE, "port", f"{name} is no OpenMV camera")
    if not found:
        yield Finding(
            NOTE, "port", "nothing that could be a camera is on USB", "plug it in with a cable that carries data"
        )
