"""This computer: Python, the packages that the tools need, the repository's own files, the serial ports."""

import platform
import re
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from emotion_camera.boards import BOOTLOADERS, USB
from emotion_camera.commands.doctor.findings import FINE, NOTE, WRONG, Finding
from emotion_camera.errors import ModelError, install_line
from emotion_camera.files import IN_WHEEL, MODELS
from emotion_camera.model.contract import check

PACKAGE = "emotion-camera"
TESTED = "Programming Language :: Python :: 3."  # of the package's classifiers: the releases of Python that CI runs
EXTRA = re.compile(r"extra == ['\"]([^'\"]+)")
MISSING = "is not installed"
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
    """Whether this is a Python that the installed package is tested with."""
    fact = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    told = metadata(PACKAGE).get_all("Classifier") or []
    minors = sorted(int(it.removeprefix(TESTED)) for it in told if it.startswith(TESTED))
    if sys.version_info[0] == 3 and sys.version_info[1] in minors:
        return Finding(FINE, "Python", fact)
    tested = f"3.{minors[0]} to 3.{minors[-1]}"
    return Finding(NOTE, "Python", fact, f"the tools are tested with {tested}; take one of these if something fails")


def _packages(requirements: list[str]) -> Iterator[Finding]:
    """One finding for all packages that are as required, and one for each that is not; and one for each extra."""
    parsed = [Requirement(line) for line in requirements]
    wanted = [it for it in parsed if _is_needed(it, "")]
    fine = 0
    for it in wanted:
        state = _state(it)
        fine += not state
        if state:
            level = WRONG if state == MISSING else NOTE
            yield Finding(level, "package", f"{it.name} {state}", f"{install_line()} --upgrade")
    yield Finding(FINE, "packages", f"{fine} of {len(wanted)} as required")
    for extra in sorted({found[1] for line in requirements if (found := EXTRA.search(line))}):
        yield _extra(extra, [it for it in parsed if it not in wanted and _is_needed(it, extra)])


def _extra(name: str, wanted: list[Requirement]) -> Finding:
    """What an extra has, and what it lacks: not to have it is no fault, to have half of it is one."""
    lacking = [f"{it.name} {state}" for it in wanted if (state := _state(it))]
    if not wanted:
        return Finding(NOTE, f"extra {name}", "has no packages for this Python or system")
    if not lacking:
        return Finding(FINE, f"extra {name}", "is installed")
    if all(it.endswith(MISSING) for it in lacking) and len(lacking) == len(wanted):
        return Finding(FINE, f"extra {name}", f"is not installed; {install_line(name)} installs it")
    return Finding(NOTE, f"extra {name}", ", ".join(lacking), f"to use it: {install_line(name)} --upgrade")


def _is_needed(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _state(requirement: Requirement) -> str:
    """What is wrong with a required package; empty where nothing is."""
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return MISSING
    if requirement.specifier.contains(found, prereleases=True):
        return ""
    return f"is {found}, required is {requirement.specifier}"


def _micropython() -> Finding:
    from emotion_camera.simulator.host.process import find_micropython

    if find_micropython():
        return Finding(FINE, "simulator", "runs under MicroPython")
    return Finding(NOTE, "simulator", "runs under CPython: no MicroPython here", "its memory limits are not played")


def _clock() -> Finding:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    if time.localtime()[:2] >= BUILT:
        return Finding(FINE, "clock", now)
    return Finding(WRONG, "clock", f"{now} is in the past", "set this computer's clock: recordings are dated by it")


def _models(folder: Path) -> Iterator[Finding]:
    paths = sorted(folder.glob("*.tflite"))
    if not paths:
        yield Finding(WRONG, "models", f"{folder} holds no .tflite", restore())
    for path in paths:
        try:
            model = check(path)
        except ModelError as error:
            yield Finding(WRONG, path.name, str(error), restore())
            continue
        arena = f", arena {model.arena_bytes:,}" if model.arena_bytes else ""
        yield Finding(FINE, path.name, f"{model.file_bytes:,} bytes{arena}, {len(model.labels)} labels")


def restore() -> str:
    """How the package's own files are had again, in a checkout or where the package is installed."""
    if IN_WHEEL:
        return f"restore it: {install_line()} --force-reinstall --no-deps"
    return "restore it: git checkout models"


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
