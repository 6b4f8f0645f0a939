"""The camera: board, firmware, memory, the files on it against the repository's, and whether its program runs."""

from collections.abc import Iterator

from emotion_camera.boards import LEAST_HEAP, is_small_heap
from emotion_camera.camera.inspection import DEPLOY, known_files, needs_compiled_model
from emotion_camera.camera.repl import CameraInfo, Repl
from emotion_camera.commands.doctor.findings import FINE, NOTE, WRONG, Finding
from emotion_camera.reports.parse import EventReport, labels_of, parse


def look(camera: Repl, wait_s: float) -> Iterator[Finding]:
    """All findings of the camera at its REPL. Then it is restarted, and its program has `wait_s` seconds to get ready."""
    info = camera.info
    yield _board(info)
    yield Finding(FINE, "firmware", f"{info.firmware} (v4.5.5 and later are supported)")
    yield Finding(FINE if info.heap >= LEAST_HEAP else WRONG, "memory", f"{info.heap:,} bytes of heap")
    card = ": the card in the camera goes before its own flash" if info.has_card else ""
    yield Finding(FINE, "disk", f"starts from {info.disk}, {info.free:,} bytes free{card}")
    there = camera.files()
    yield from _files(camera, there)
    camera.reset()
    if "main.py" in there:
        yield _alive(camera, wait_s)
    yield Finding(
        FINE, "more", "how fast it is, and whether its firmware answers as it should", "emotion-camera verify"
    )


def _board(info: CameraInfo) -> Finding:
    if needs_compiled_model(info):
        return Finding(WRONG, "board", info.board, "it runs only models made by ST Edge AI; take another board")
    if info.heap < LEAST_HEAP:
        return Finding(WRONG, "board", info.board, "it has too little memory for the model; take another board")
    return Finding(FINE, "board", f"{info.board}, {info.arch}")


def _files(camera: Repl, there: dict[str, int]) -> Iterator[Finding]:
    for name, known in known_files().items():
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
    printed = ""
    for line in camera.lines(wait_s):
        report = parse(line) if line else None
        if isinstance(report, EventReport):
            if report.event in ("ready", "status") and "sha256" in report.fields:
                return _ready(report)
            printed = report.message or printed
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
    return Finding(FINE if test == "ok" else NOTE, "program", fact)
