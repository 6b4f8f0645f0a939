"""The upload log, in the folder of the pictures: a line of JSON for each picture that the service has acknowledged."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from emotion_camera.commands.edge_impulse.samples import Sample
from emotion_camera.errors import UserError
from emotion_camera.files import GrowingFile

LOG = ".edge-impulse.jsonl"


class Uploaded(NamedTuple):
    """An uploaded picture; `sample_id` is its number in the project, None where the service did not return one."""

    project: str
    sha256: str
    label: str
    category: str
    sample_id: int | None


def project_id(address: str, key: str) -> str:
    """Identifies a project without its key: the host, and 8 digits of the key's SHA-256, none without a key."""
    return f"{urlsplit(address).netloc}/{hashlib.sha256(key.encode()).hexdigest()[:8] if key else ''}"


def read_log(folder: Path, project: str) -> dict[str, Uploaded]:
    """The uploaded pictures of a project, by SHA-256; of all projects of a host for an id that ends with /.

    UserError when the log can't be read.
    """
    try:
        text = (folder / LOG).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{folder / LOG}: can't be read ({error.strerror}); make it readable, or delete it") from None
    known = [line for line in map(parse, text.splitlines()) if line]
    return {line.sha256: line for line in known if line.project.startswith(project)}


def parse(text: str) -> Uploaded | None:
    """A line of the log; None for an invalid one, such as one cut off by a power failure."""
    try:
        known = Uploaded(**json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None
    texts, number = known[:-1], known.sample_id
    return known if all(isinstance(text, str) for text in texts) and isinstance(number, int | None) else None


class UploadLog:
    """Appends a line for each picture. UserError when it can't be written."""

    def __init__(self, folder: Path, project: str) -> None:
        self._path, self._project = folder / LOG, project
        self._append(b"\n" if self._ends_within_a_line() else b"")  # shows at once whether it can be written

    def add(self, answered: list[tuple[Sample, int | None]]) -> None:
        """Note uploaded samples with their numbers; on the disk when it returns."""
        lines = [
            Uploaded(self._project, sample.sha256, sample.label, sample.category, number) for sample, number in answered
        ]
        self._append("".join(json.dumps(line._asdict()) + "\n" for line in lines).encode())

    def _append(self, piece: bytes) -> None:
        try:
            with closing(GrowingFile(self._path)) as file:
                file.append(piece)
                file.sync()
        except OSError as error:
            raise UserError(
                f"{self._path}: can't be written ({error.strerror}), and without it every picture would be sent again; make room"
            ) from None

    def _ends_within_a_line(self) -> bool:
        text = self._path.read_bytes() if self._path.is_file() else b""
        return bool(text) and not text.endswith(b"\n")
