"""Reports to test with, as dicts, and the line that the camera sends for each."""

import json

from emotion_camera.reports.parse import EventReport, Face, FacesReport


def frame(*faces: tuple[int, str | None], t: int = 2300) -> dict:
    """A frame with faces of these ids and emotions."""
    scores = [0.004, 0.0, 0.02, 0.8, 0.168, 0.008, 0.0]
    found = [{"id": i, "box": [98, 59, 100, 100], "emotion": e, "score": 0.8, "scores": scores} for i, e in faces]
    return {"v": 1, "t": t, "fps": 10.0, "faces": found}


READY = {
    "v": 1,
    "event": "ready",
    "board": "H7",
    "firmware": "5.0.0",
    "model": "emotion.tflite",
    "sha256": "6adb0a7310034e3fe89088999dc29f3fa3df9833f99f02e24a8fd85d7c4450d4",
    "labels": ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"],
}
ERROR = {"v": 1, "event": "error", "message": "The camera gives no picture."}


def as_line(report: dict) -> bytes:
    """As the camera sends it."""
    return json.dumps(report).encode() + b"\r\n"


def as_dict(report: FacesReport | EventReport) -> dict:
    """The fields of the line that a report came from."""
    if isinstance(report, EventReport):
        message = {} if report.message is None else {"message": report.message}
        return report.fields | message | {"v": 1, "event": report.event}
    found = [face_fields(face) for face in report.faces]
    return {"v": 1, "t": report.t, "fps": report.fps, "faces": found}


def face_fields(face: Face) -> dict:
    """The fields of a face as they stand in a line, in which those that a face has not are left out."""
    fields = vars(face) | {"box": list(face.box), "scores": list(face.scores)}
    return {name: value for name, value in fields.items() if value is not None or name == "emotion"}
