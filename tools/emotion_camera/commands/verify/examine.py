"""All of it, in order: the firmware's answers, the model's scores, the program before its scenes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from emotion_camera.camera.repl import About, Camera
from emotion_camera.commands.doctor.camera import COMPILED_ONLY, own_files
from emotion_camera.commands.verify import firmware
from emotion_camera.commands.verify.checks import DIFFERENT, Check, unchecked
from emotion_camera.commands.verify.probe import Probe
from emotion_camera.commands.verify.program import DEPLOY, Played, counted, play
from emotion_camera.model.bundle import DEVICE
from emotion_camera.model.contract import describe
from emotion_camera.model.cost import Layer

SIMULATED = ("linux", "darwin")  # sys.platform of a virtual camera


@dataclass
class Result:
    """What was found out. `files`: SHA-256 by name on the camera; `known`: the repository's file that one is."""

    about: About
    simulated: bool
    files: dict[str, str]
    known: dict[str, str]
    checks: list[Check] = field(default_factory=list)
    played: Played = field(default_factory=Played)

    @property
    def differs(self) -> bool:
        return any(check.level == DIFFERENT for check in self.checks)


def examine(camera: Camera, tell: Callable[[str], None]) -> Result:
    """Look at a camera at its REPL; `tell` gets a few words before each part. Raises UserError when the camera is lost."""
    simulated = camera.exec("import sys\nprint(sys.platform)").strip() in SIMULATED
    files, known = _files(camera)
    result = Result(camera.about, simulated, files, known)
    probe = Probe(camera)
    tell("the firmware's answers")
    result.checks += firmware.firmware_checks(probe)
    tell("the model's scores")
    model = _model(camera, result)
    result.checks.append(_scores(probe, model))
    tell("the program, half a minute")
    listener = play(probe, "main.py" in files)
    result.played = listener.played
    if simulated and camera.board:
        result.played.scenes = counted(listener, camera.board.frames, _layers(model))
    return result


def _files(camera: Camera) -> tuple[dict[str, str], dict[str, str]]:
    there, own = camera.files(), own_files()
    files = {name: camera.sha256(name) or "" for name in own if name in there}
    return files, {name: own[name][value] for name, value in files.items() if value in own[name]}


def _model(camera: Camera, result: Result) -> bytes | None:
    """The model on the camera; the repository's copy of it where it has one, for reading it takes a while."""
    if firmware.MODEL not in result.files:
        return None
    data = camera.read(firmware.MODEL) if firmware.MODEL not in result.known else None
    return data if data is not None else (DEVICE.parent / result.known[firmware.MODEL]).read_bytes()


def _scores(probe: Probe, model: bytes | None) -> Check:
    if COMPILED_ONLY in probe.camera.about.board:
        return unchecked("scores", firmware.COMPILED_ONLY)
    if model is None:
        return unchecked("scores", f"{firmware.MODEL} is not on the camera: {DEPLOY}")
    return firmware.score_check(probe, model)


def _layers(model: bytes | None) -> Mapping[str, Sequence[Layer]]:
    """The layers of the camera's network, by the name of its file; none of one that can't be read."""
    with TemporaryDirectory() as folder:
        path = Path(folder, firmware.MODEL)
        path.write_bytes(model or b"")
        try:
            return {firmware.MODEL: describe(path).layers}
        except ValueError:  # ContractError: it never ran
            return {}
