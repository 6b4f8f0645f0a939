"""manifest.jsonl: a line of JSON for each picture of a folder of faces.

    {"file": "happy/0001.png", "label": "happy", "person": "anna", "session": ..., "time": "2026-01-02T03:04:05+00:00", ...}

Only "file" is required: the picture's path below the folder, with /. Other fields are kept as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from emotion_camera.files import write_file

MANIFEST = "manifest.jsonl"

Entry = dict[str, Any]  # a line of the manifest


def read_manifest(folder: Path, say: Callable[[str], None] = lambda _: None) -> list[Entry]:
    """The lines of a folder's manifest, none where it has no such file; `say` is given a sentence about unusable ones."""
    if not (folder / MANIFEST).is_file():
        return []
    text = (folder / MANIFEST).read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.split("\n") if line.strip()]  # a name may hold what Python also splits at
    entries = [entry for entry in map(_entry, lines) if entry]
    if len(entries) < len(lines):
        bad = len(lines) - len(entries)
        say(f"{folder / MANIFEST}: {bad} of its lines are cut short or name no file; passed over")
    return entries


def write_manifest(folder: Path, entries: list[Entry]) -> None:
    """Replace a folder's manifest as a whole. Raises OSError."""
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    write_file(folder / MANIFEST, text.encode(errors="backslashreplace"))  # half an emoji is JSON's escape then


def time_s(entry: Entry) -> float | None:
    """When a picture was taken, in seconds since 1970; the field is in ISO 8601, or seconds. None where it is neither."""
    time = entry.get("time")
    try:
        if isinstance(time, str):
            return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()  # Python 3.10 does not know "Z"
        return None if time is None else float(time)
    except (ValueError, TypeError, OverflowError, OSError):  # OSError: on Windows, of a time before 1970
        return None


def _entry(text: str) -> Entry | None:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and isinstance(entry.get("file"), str) else None
