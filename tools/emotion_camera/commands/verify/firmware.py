"""Whether the camera's firmware answers as the one that the program was made for: the checks, one after the other.

What is expected comes from this repository's model of the firmware, which gives the recorded answers of two firmwares byte
for byte, and from TensorFlow Lite Micro on this computer.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from emotion_camera.boards import BOARDS, board_by_arch
from emotion_camera.camera.repl import Unplugged
from emotion_camera.commands.verify import identity
from emotion_camera.commands.verify.checks import Check, compare, compare_inputs, compare_scores, unchecked
from emotion_camera.commands.verify.probe import Probe
from emotion_camera.commands.verify.stimuli import COPIES, FACES, FRAMES, INPUTS, ROI, SEARCHES, Frame, picture
from emotion_camera.errors import UserError
from emotion_camera.simulator.host import networks
from emotion_camera.simulator.host.firmware import HINTS, CameraError
from emotion_camera.simulator.host.haar import find_features, load_cascade
from emotion_camera.simulator.host.pictures import Picture, histeq
from emotion_camera.simulator.host.resample import resample
from emotion_camera.simulator.host.tensor import face_tensor

MODEL = "emotion.tflite"
MEMORY_DISK = "/verify/identity.tflite"
COMPILED_ONLY = "this camera runs only networks that ST Edge AI compiled"
SMALL = FRAMES[:3]  # what is copied, and read by networks


def firmware_checks(probe: Probe) -> Iterator[Check]:
    """Boxes, copies and inputs, in a heap that holds nothing else."""
    probe.begin("probe.py")
    yield _guarded("boxes", lambda: _boxes(probe))
    yield _guarded("copies", lambda: _copies(probe))
    yield _guarded("inputs", lambda: _inputs(probe))


def _guarded(name: str, check: Any) -> Check:
    """The check, or why the camera could not be asked."""
    try:
        result: Check = check()
    except Unplugged:
        raise
    except UserError as error:
        return unchecked(name, _why(str(error)))
    except (ValueError, TypeError, LookupError):  # other values than those that were asked for
        return unchecked(name, "the camera's answer can't be read")
    return result


def _why(message: str) -> str:
    """The camera's exception alone, in words where it is a known one."""
    if "Failed to load network" in message:
        return COMPILED_ONLY
    if "MemoryError" in message:
        return "the camera's memory is too small for it"
    _, _, exception = message.partition("the camera refused (")
    return exception.rstrip(")") or message


def _boxes(probe: Probe) -> Check:
    probe.ask("load_cascade()")
    cascade, answers, too_large = load_cascade(), [], 0
    for number, frame in enumerate(FRAMES):
        try:
            _show(probe, frame)
        except UserError as error:
            if isinstance(error, Unplugged) or "MemoryError" not in str(error):
                raise
            too_large += 1
            continue
        pixels, whole = picture(frame), (0, 0, frame.width, frame.height)
        for threshold, scale, roi in [(*search, whole) for search in SEARCHES] + [(*SEARCHES[0], ROI)]:
            ((given,),) = probe.ask(f"find({threshold}, {scale}, {roi})")
            asked = f"frame {number} at {threshold}/{scale} in {roi}"
            answers.append((asked, find_features(pixels, cascade, threshold, scale, roi), given))
    return compare("boxes", answers)


def _copies(probe: Probe) -> Check:
    answers: list[tuple[str, object, object]] = []
    for number, frame in enumerate(SMALL):
        _show(probe, frame)
        for roi, scale in COPIES:
            (given,) = probe.ask(f"copy({roi}, {scale})")
            expected = _copy(frame, roi, scale)
            asked = f"frame {number}, {roi} at {scale}"
            answers.append((f"{asked}: size", expected[:2], given[:2]))
            answers.append((f"{asked}: pixels", expected[2][:8], given[2][:8]))
            answers.append((f"{asked}: after histeq", expected[3][:8], given[3][:8]))
    return compare("copies", answers)


def _copy(frame: Frame, roi: tuple[int, int, int, int], scale: float) -> tuple[int, int, str, str]:
    small = Picture(resample(picture(frame), roi, (np.float32(scale), np.float32(scale)), HINTS["AREA"]))
    before = hashlib.sha256(small.pixels.tobytes()).hexdigest()
    histeq(small, adaptive=False, clip_limit=-1)
    return small.width, small.height, before, hashlib.sha256(small.pixels.tobytes()).hexdigest()


def _inputs(probe: Probe) -> Check:
    """By a network that gives its input back, from a disk in memory."""
    version = probe.camera.info.version
    probe.ask("mount_memory()")
    data = identity.network(as_row=version < (4, 5, 6))
    probe.send(data, lambda at, text: f"append({MEMORY_DISK!r}, {text!r})")
    probe.ask(f"load_network({MEMORY_DISK!r})")
    answers = []
    for number, frame in enumerate(SMALL):
        _show(probe, frame)
        for roi in INPUTS:
            ((given,),) = probe.ask(f"show_input({roi})")
            # A pixel is its int8 value and 128.
            expected = (face_tensor(picture(frame), roi).astype(np.int16) + 128).astype(np.uint8).tobytes()
            answers.append((f"frame {number}, {roi}", expected, base64.b64decode(given)))
    return compare_inputs(answers)


def _show(probe: Probe, frame: Frame) -> None:
    faces = [tuple(face) for face in frame.faces]
    probe.ask(f"new_frame({frame.width}, {frame.height}, {frame.grey}, {faces!r})")


def score_check(probe: Probe, model: bytes) -> Check:
    """Scores of the model on the camera, which is `model`, beside those that TensorFlow Lite Micro gives here."""
    with TemporaryDirectory() as folder:
        path = Path(folder, MODEL)
        path.write_bytes(model)
        try:
            # An unknown board as one with room: what a file is refused for is the same. A damaged one would reset the camera.
            info = probe.camera.info
            network = networks.load(path, board_by_arch(info.arch) or BOARDS["h7plus"], info.version)
        except CameraError as error:
            return unchecked("scores", f"{MODEL} does not run here ({error})")
        probe.begin("probe.py")
        return _guarded("scores", lambda: _scores(probe, network))


def _scores(probe: Probe, network: networks.Network) -> Check:
    probe.ask(f"load_network({MODEL!r})")
    answers, shown = [], -1
    shape = network.description.inputs[0].shape
    for number, roi in FACES:
        if number != shown:
            _show(probe, FRAMES[number])
            shown = number
        ((given,),) = probe.ask(f"score({roi})")
        tensor = face_tensor(picture(FRAMES[number]), roi, shape[1]).reshape(shape)
        answers.append((f"frame {number}, {roi}", network.run(tensor)[0], given))
    output = network.description.outputs[0]
    return compare_scores(answers, output.scale, output.zero_point)
