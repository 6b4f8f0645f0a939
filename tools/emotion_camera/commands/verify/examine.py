"""All of it, in order: the firmware's answers, the model's scores, the program before its scenes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from emotion_camera.boards import board_by_arch
from emotion_camera.camera.inspection import compiled_of, hashes, known_files, missing
from emotion_camera.camera.repl import CameraInfo, Repl
from emotion_camera.commands.verify import firmware
from emotion_camera.commands.verify.checks import DIFFERENT, Check, unchecked
from emotion_camera.commands.verify.probe import Probe
from emotion_camera.commands.verify.program import Played, counted, play
from emotion_camera.model.bundle import DEVICE
from emotion_camera.model.cost import Layer
from emotion_camera.model.tflite import read_description
from emotion_camera.model.vela import plain_of

SIMULATED = ("linux", "darwin")  # sys.platform of a simulated camera


@dataclass
class Result:
    """What was found out. `files`: SHA-256 by name on the camera; `known`: the repository's file that one is."""

    info: CameraInfo
    simulated: bool
    files: dict[str, str]
    known: dict[str, str]
    checks: list[Check] = field(default_factory=list)
    played: Played = field(default_factory=Played)

    @property
    def differs(self) -> bool:
        return any(check.level == DIFFERENT for check in self.checks)


def examine(camera: Repl, progress: Callable[[str], None]) -> Result:
    """Run all checks on a camera at its REPL; `progress` gets a few words before each part. UserError when the camera is lost."""
    simulated = camera.exec("import sys\nprint(sys.platform)").strip() in SIMULATED
    files, known = _files(camera)
    result = Result(camera.info, simulated, files, known)
    probe = Probe(camera)
    progress("the firmware's answers")
    result.checks += firmware.firmware_checks(probe)
    progress("the model's scores")
    model = _model(camera, result)
    result.checks.append(_scores(probe, model))
    progress("the program, half a minute")
    listener = play(probe, "main.py" in files)
    result.played = listener.played
    if simulated and camera.board:
        result.played.scenes = counted(listener, camera.board.frames, _layers(model))
    return result


def _files(camera: Repl) -> tuple[dict[str, str], dict[str, str]]:
    known = known_files()
    files = hashes(camera, list(known))
    return files, {name: known[name][value] for name, value in files.items() if value in known[name]}


def _model(camera: Repl, result: Result) -> bytes | None:
    """The model on the camera; the repository's copy of it where it has one, for reading it takes a while."""
    if firmware.MODEL not in result.files:
        return None
    if firmware.MODEL in result.known:
        return (DEVICE.parent / result.known[firmware.MODEL]).read_bytes()
    data = camera.read(firmware.MODEL)
    if compiled := compiled_of(data):
        result.known[firmware.MODEL] = compiled
    return data


def _scores(probe: Probe, model: bytes | None) -> Check:
    board = board_by_arch(probe.camera.info.arch)
    if board and board.compiled_networks_only:
        return unchecked("scores", firmware.COMPILED_ONLY)
    if model is None:
        return unchecked("scores", missing(probe.camera.info, firmware.MODEL))
    return firmware.score_check(probe, model)


def _layers(model: bytes | None) -> Mapping[str, Sequence[Layer]]:
    """The layers of the camera's network, by the name of its file; none of one that can't be read."""
    data = model or b""
    try:
        return {firmware.MODEL: read_description(plain_of(data) or data).layers}
    except ValueError:  # ModelError: it never ran
        return {}
