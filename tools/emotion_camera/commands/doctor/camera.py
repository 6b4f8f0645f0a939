"""The camera: board, firmware, memory, the files on it against the repository's, and whether its program runs."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from emotion_camera.boards import AE3_SLOWER, Board, board_by_arch, is_small_heap, limits_of, model_memory, why_not
from emotion_camera.camera.inspection import DEPLOY, compiled_of, digest, known_files
from emotion_camera.camera.repl import Repl
from emotion_camera.commands.doctor.findings import FINE, NOTE, WRONG, Finding
from emotion_camera.errors import ModelError, install_line
from emotion_camera.model.contract import check
from emotion_camera.model.cost import milliseconds
from emotion_camera.reports.check import ReportParser
from emotion_camera.reports.parse import EventReport, labels_of

MODEL, LABELS = "emotion.tflite", "emotion.txt"


def look(camera: Repl, wait_s: float) -> Iterator[Finding]:
    """All findings of the camera at its REPL. Then it is restarted, and its program has `wait_s` seconds to get ready."""
    info = camera.info
    board = board_by_arch(info.arch)
    trouble = why_not(board, info.heap)
    name = f"{board.name} ({info.arch})" if board else f"{info.board}, {info.arch}, which is not known here"
    yield Finding(WRONG, "board", name, trouble) if trouble else Finding(FINE if board else NOTE, "board", name)
    yield Finding(FINE, "firmware", f"{info.firmware} (v4.5.5 and later are supported)")
    card = ": the card in the camera goes before its own flash" if info.has_card else ""
    yield Finding(FINE, "disk", f"starts from {info.disk}, {info.free:,} bytes free{card}")
    if trouble:  # nothing that could be put on it would help
        return camera.reset()
    room = f"{info.heap:,} bytes of heap, {model_memory(info.heap):,} of them for a model's file and arena"
    yield Finding(FINE, "memory", room)
    there, known = camera.files(), known_files()
    npu = bool(board and board.neural_processor)
    model = camera.read(MODEL) if MODEL in there and (npu or camera.sha256(MODEL) not in known[MODEL]) else b""
    if compiled := compiled_of(model):
        known[MODEL][digest(model)] = compiled
    yield from _files(camera, there, known)
    if model and LABELS in there:
        yield from _model(camera, board, model)
    camera.reset()
    if "main.py" in there:
        yield _alive(camera, wait_s)
    yield Finding(
        FINE, "more", "how fast it is, and whether its firmware answers as it should", "emotion-camera verify"
    )


def _model(camera: Repl, board: Board | None, data: bytes) -> Iterator[Finding]:
    """Whether a model runs on this board, and on an AE3 whether it is fast."""
    info = camera.info
    limits = board.limits if board else limits_of(info.arch, info.heap)
    with TemporaryDirectory() as folder:
        Path(folder, MODEL).write_bytes(data)
        Path(folder, LABELS).write_bytes(camera.read(LABELS))
        try:
            model = check(Path(folder, MODEL), limits=replace(limits, file=limits.memory), firmware=info.version)
        except ModelError as error:
            yield Finding(WRONG, "model", str(error).replace(f"{folder}{os.sep}", ""), f"a model that runs: {DEPLOY}")
            return
    for note in model.notes:
        yield Finding(NOTE, "model", note)
    if model.compiled:
        yield Finding(FINE, "speed", f"{MODEL} runs on the neural processor")
    elif limits.neural_processor:
        ms = milliseconds(AE3_SLOWER * model.instructions)
        fact = f"{MODEL} is not compiled for the neural processor: about {ms:,.0f} ms an inference"
        yield Finding(NOTE, "speed", fact, f"{DEPLOY} compiles it, where Vela is installed: {install_line('vela')}")


def _files(camera: Repl, there: dict[str, int], known_files: dict[str, dict[str, str]]) -> Iterator[Finding]:
    for name, known in known_files.items():
        if name not in there:
            if name != "emotion_camera.mpy" or is_small_heap(camera.info.heap):
                yield Finding(WRONG, name, "is not on the camera", DEPLOY)
            continue
        value = camera.sha256(name) or ""
        if value in known:
            yield Finding(FINE, name, f"is {known[value]} ({value[:12]})")
        else:
            yield Finding(
                NOTE, name, f"is not the repository's ({value[:12]})", f"your own, or another version: {DEPLOY}"
            )


def _alive(camera: Repl, wait_s: float) -> Finding:
    """Reads what the camera prints as it starts: the ready report, or what came instead."""
    printed, parser = "", ReportParser()
    for line in camera.lines(wait_s):
        report = parser.parse(line) if line else None
        if isinstance(report, EventReport):
            if report.event in ("ready", "status") and "sha256" in report.fields:
                return _ready(report)
            printed = report.message or report.fields.get("problem") or printed
        elif report is None:
            printed = line or printed
    advice = f"look at its frame in OpenMV IDE; {DEPLOY} puts a complete program and model there"
    return Finding(
        WRONG, "program", f"did not get ready within {wait_s:g} s ({printed or 'it prints nothing'})", advice
    )


def _ready(report: EventReport) -> Finding:
    fields = report.fields
    labels = labels_of(report)
    test = fields.get("selftest")
    fact = f"runs; {fields.get('model')} {str(fields['sha256'])[:12]}, {len(labels)} labels, self-test {test}"
    if problem := fields.get("problem"):
        return Finding(WRONG, "program", f"{fact}; it says: {problem}", "look at its frame in OpenMV IDE")
    return Finding(FINE if test == "ok" else NOTE, "program", fact)
