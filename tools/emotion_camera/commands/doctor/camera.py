"""The camera: board, firmware, memory, the files on it against the repository's, and whether its program runs."""

from collections.abc import Iterator
from pathlib import Path

from emotion_camera.camera.repl import About, Camera
from emotion_camera.commands.doctor.findings import FINE, NOTE, WRONG, Finding
from emotion_camera.files import DEVICE, MODELS
from emotion_camera.model.bundle import MAIN, is_small_heap
from emotion_camera.reports.parse import EventReport, parse

DEPLOY = "emotion-camera deploy"
TOO_SMALL, COMPILED_ONLY = "M7", "N6"  # in omv.board_type()
LEAST_HEAP = 250_000  # bytes; an H7 has 335,872, and an M7 51,200


def look(camera: Camera, wait_s: float) -> Iterator[Finding]:
    """All that the camera at its REPL tells; it is started anew then, and its program given `wait_s` seconds to get ready."""
    about = camera.about
    yield _board(about)
    yield Finding(FINE, "firmware", f"{about.firmware} (v4.5.5 and later are supported)")
    yield Finding(FINE if about.heap >= LEAST_HEAP else WRONG, "memory", f"{about.heap:,} bytes of heap")
    card = ": the card in the camera goes before its own flash" if about.has_card else ""
    yield Finding(FINE, "disk", f"starts from {about.disk}, {about.free:,} bytes free{card}")
    there = camera.files()
    yield from _files(camera, there, own_files())
    camera.reset()
    if "main.py" in there:
        yield _alive(camera, wait_s)
    yield Finding(
        FINE, "more", "how fast it is, and whether its firmware answers as it should", "emotion-camera verify"
    )


def _board(about: About) -> Finding:
    if COMPILED_ONLY in about.board:
        return Finding(WRONG, "board", about.board, "it runs only models made by ST Edge AI; take another board")
    if TOO_SMALL in about.board:
        return Finding(WRONG, "board", about.board, "it has too little memory for the model; take another board")
    return Finding(FINE, "board", f"{about.board}, {about.arch}")


def own_files() -> dict[str, dict[str, str]]:
    """What the repository has for each name on the camera: where from, by SHA-256."""
    from hashlib import sha256

    compact = DEVICE / "compact"
    places = {
        "main.py": [MAIN, compact / "main.py"],
        "emotion_camera.mpy": [compact / "emotion_camera.mpy"],
        "emotion.tflite": sorted(MODELS.glob("*.tflite")),
        "emotion.txt": sorted(MODELS.glob("*.txt")),
    }
    return {
        name: {sha256(path.read_bytes()).hexdigest(): f"{path.parent.name}/{path.name}" for path in paths}
        for name, paths in places.items()
    }


def _files(camera: Camera, there: dict[str, int], own: dict[str, dict[str, str]]) -> Iterator[Finding]:
    for name, known in own.items():
        if name not in there:
            if name != "emotion_camera.mpy" or is_small_heap(camera.about.heap):
                yield Finding(WRONG, name, "is not on the camera", DEPLOY)
            continue
        value = camera.sha256(name) or ""
        if value in known:
            yield Finding(FINE, name, f"is {Path(known[value]).as_posix()} ({value[:12]})")
        else:
            yield Finding(
                NOTE, name, f"is not the repository's ({value[:12]})", f"your own, or another version: {DEPLOY}"
            )


def _alive(camera: Camera, wait_s: float) -> Finding:
    """Listen to the camera as it starts: the ready report, or what it says instead."""
    said = ""
    for line in camera.lines(wait_s):
        report = parse(line) if line else None
        if isinstance(report, EventReport):
            if report.event in ("ready", "status") and "sha256" in report.fields:
                return _ready(report)
            said = report.message or said
        elif report is None:
            said = line or said
    advice = f"look at its frame in OpenMV IDE; {DEPLOY} puts a whole program and model there"
    return Finding(WRONG, "program", f"did not get ready within {wait_s:g} s ({said or 'it says nothing'})", advice)


def _ready(report: EventReport) -> Finding:
    fields = report.fields
    labels = fields.get("labels") or []
    test = fields.get("selftest")
    fact = f"runs; {fields.get('model')} {str(fields['sha256'])[:12]}, {len(labels)} labels, self-test {test}"
    return Finding(FINE if test == "ok" else NOTE, "program", fact)
