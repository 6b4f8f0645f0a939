"""Which program and model a camera gets; for an AE3 the model as Vela compiles it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emotion_camera.boards import AE3_SLOWER, board_by_arch, is_small_heap, limits_of, why_not
from emotion_camera.camera.repl import CameraInfo, Repl
from emotion_camera.errors import UserError
from emotion_camera.files import Files
from emotion_camera.model import vela
from emotion_camera.model.bundle import camera_files
from emotion_camera.model.contract import DEFAULT_MODEL, LARGE_MODEL, Model, check
from emotion_camera.model.cost import milliseconds
from emotion_camera.progress import say
from emotion_camera.terminal import print_line, print_notes

SLOWEST_MS = 250  # of a plain model on an AE3


def board_name(info: CameraInfo) -> str:
    """What a person calls the board."""
    board = board_by_arch(info.arch)
    return board.name if board else info.arch


def files_for(camera: Repl, model: Path | None) -> Files:
    """What the camera is to hold; UserError for a board or a model that can't be."""
    info = camera.info
    board = board_by_arch(info.arch)
    trouble = why_not(board, info.heap)
    if trouble:
        raise UserError(trouble)
    small = is_small_heap(info.heap)
    npu = bool(board and board.neural_processor)
    if model is None:
        model = LARGE_MODEL if not small and not npu and LARGE_MODEL.is_file() else DEFAULT_MODEL
    limits = board.limits if board else limits_of(info.arch, info.heap)
    if info.has_card:
        limits = replace(limits, file=limits.memory)
    checked = check(model, limits=limits, firmware=info.version)
    print_notes(model.name, checked.notes)
    files = {name: path.read_bytes() for name, path in camera_files(small, model).items()}
    if npu and not checked.compiled:
        files["emotion.tflite"] = _for_neural_processor(
            checked, files["emotion.tflite"], simulated=camera.board is not None
        )
    return files


def _for_neural_processor(model: Model, plain: bytes, simulated: bool) -> bytes:
    """A model as it goes to an AE3: compiled by Vela, or as it is where that can't be and it is small enough to run so."""
    slow_ms = milliseconds(AE3_SLOWER * model.instructions)
    if simulated and model.path not in (DEFAULT_MODEL, LARGE_MODEL):
        print_line(
            f"{model.path.name}: goes to the simulated AE3 as it is, which runs what Vela made of the shipped models only"
        )
        return plain
    if vela.version() is None:
        if slow_ms > SLOWEST_MS:
            raise UserError(
                f"{model.path}: an inference would take an AE3 about {slow_ms:,.0f} ms without Vela, which compiles it for the neural "
                f"processor; install it: {vela.INSTALL}"
            )
        print_line(
            f"{model.path.name}: an inference takes an AE3 about {slow_ms:,.0f} ms; Vela compiles it for the neural processor: {vela.INSTALL}"
        )
        return plain
    say(f"{model.path.name}: {vela.COMPILES}")
    try:
        compiled = vela.compile_model(model)
    except UserError as error:
        if slow_ms > SLOWEST_MS:
            raise
        print_line(f"{error}; it goes to the AE3 as it is, where an inference takes about {slow_ms:,.0f} ms")
        return plain
    print_line(f"{model.path.name}: compiled for the AE3's neural processor; Vela estimates {compiled.pace}")
    return compiled.data
