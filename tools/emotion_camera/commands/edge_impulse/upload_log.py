"""What a project is known to have: a line for each picture that the service has acknowledged, kept beside the pictures."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from emotion_camera.commands.edge_impulse.samples import Sample
from emotion_camera.errors import UserError
from emotion_camera.files import GrowingFile

LEDGER = ".edge-impulse.jsonl"


class Known(NamedTuple):
    """A picture that a project has: as what it was sent, and its number there (None: the service did not say)."""

    project: str
    sha256: str
    label: str
    category: str
    sample_id: int | None


def project_id(address: str, key: str) -> str:
    """What tells projects apart without showing a key: the host, and the beginning of the key's SHA-256; with no key that
    beginning is left out."""
    return f"{urlsplit(address).netloc}/{hashlib.sha256(key.encode()).hexdigest()[:8] if key else ''}"


def read_ledger(folder: Path, project: str) -> dict[str, Known]:
    """What a project, or with an identity that ends with / any project of that host, is known to have, by SHA-256.

    UserError when the ledger can't be read.
    """
    try:
        text = (folder / LEDGER).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(
            f"{folder / LEDGER}: can't be read ({error.strerror}); make it readable, or delete it"
        ) from None
    known = [line for line in map(parse, text.splitlines()) if line]
    return {line.sha256: line for line in known if line.project.startswith(project)}


def parse(text: str) -> Known | None:
    """A line of the ledger; None for what is none, such as one that was being written when the power failed."""
    try:
        known = Known(**json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None
    texts, number = known[:-1], known.sample_id
    return known if all(isinstance(text, str) for text in texts) and isinstance(number, int | None) else None


class Ledger:
    """Grows by a line for each picture. UserError when it can't be written."""

    def __init__(self, folder: Path, project: str) -> None:
        self._path, self._project = folder / LEDGER, project
        self._say(b"\n" if self._ends_within_a_line() else b"")  # and so finds out whether it can

    def add(self, answered: list[tuple[Sample, int | None]]) -> None:
        """These the project has; on the disk when it returns."""
        lines = [
            Known(self._project, sample.sha256, sample.label, sample.category, number) for sample, number in answered
        ]
        self._say("".join(json.dumps(line._asdict()) + "\n" for line in lines).encode())

    def _say(self, piece: bytes) -> None:
        try:
            file = GrowingFile(self._path)
            try:
                file.append(piece)
                file.sync()
            finally:
                file.close()
        except OSError as error:
            raise UserError(
                f"{self._path}: can't be written ({error.strerror}), and without it every picture would be sent again; make room"
            ) from None

    def _ends_within_a_line(self) -> bool:
        text = self._path.read_bytes() if self._path.is_file() else b""
        return bool(text) and not text.endswith(b"\n")
