"""Recordings made by hand, and what `emotion-camera` does with them."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LABELS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone(timedelta(hours=1)))
READY = {
    "event": "ready",
    "board": "H7",
    "firmware": "5.0.0",
    "model": "emotion.tflite",
    "sha256": "6a" * 32,
    "labels": LABELS,
}

Face = tuple[int, str | None, float]  # number, emotion, score


def faces(*shown: Face, t: int = 0, fps: float = 10.0, count: int = 7, **told: object) -> dict:
    """A frame with these faces. `told`: further fields of each."""
    found = [
        {"id": number, "box": [98, 59, 100, 100], "emotion": emotion, "score": score, "scores": [score] + [0] * (count - 1), **told}
        for number, emotion, score in shown
    ]  # fmt: skip
    return {"t": t, "fps": fps, "faces": found}


def by_hand(
    folder: Path, lines: list[tuple[int, dict]], duration_ms: int | None = None, source: str = "a camera"
) -> Path:
    """A recording with these lines: ms since the start, and what was reported."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = [json.dumps({"v": 1, **fields, "at": _at(ms)}) + "\n" for ms, fields in lines]
    (folder / "reports.jsonl").write_text("".join(texts))
    about = {"format": "emotion camera recording", "v": 1, "source": source, "started": START.isoformat()}
    ended = {} if duration_ms is None else {"duration_ms": duration_ms}
    (folder / "recording.json").write_text(json.dumps(about | ended))
    return folder


def _at(ms: int) -> str:
    return (START + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "emotion_camera", *map(str, words)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}


def tools(*words: object, cwd: Path, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), cwd=cwd, env=environment(), capture_output=True, text=True, encoding="utf-8", timeout=60, **how
    )
