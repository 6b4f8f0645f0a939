"""What the project holds, and what was sent to it."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

SPLIT = 5  # one in so many goes to testing, as in a new project of Studio's


class Duplicate(ValueError):
    """The project has these bytes already, with the answer's text."""


@dataclass(frozen=True)
class Sample:
    """One picture; `category` is training or testing."""

    id: int
    name: str
    label: str
    category: str
    metadata: dict[str, str]
    sha256: str
    data: bytes = field(repr=False)


class Project:
    """Holds samples in memory, and as files below `folder` if there is one. `requests` counts those with the right key,
    `transmissions` how often each file's bytes, by SHA-256, came whole."""

    id = 1

    def __init__(self, folder: Path | None = None) -> None:
        self.samples: list[Sample] = []
        self.requests = 0
        self.transmissions: Counter[str] = Counter()
        self._folder = folder

    def add(self, name: str, label: str, category: str, metadata: dict[str, str], data: bytes, unique: bool) -> Sample:
        """Stores a picture; `category` may be split, too. Duplicate when it is there and must not be twice."""
        sha256 = hashlib.sha256(data).hexdigest()
        self.transmissions[sha256] += 1
        same = [str(sample.id) for sample in self.samples if sample.sha256 == sha256]
        if unique and same:
            raise Duplicate(f"An item with this hash already exists (ids: {', '.join(same)})")
        if category == "split":
            category = "training" if int(sha256, 16) % SPLIT else "testing"
        sample = Sample(len(self.samples) + 1, name, label, category, metadata, sha256, data)
        if self._folder:
            self._keep(self._folder / category, sample)
        self.samples.append(sample)
        return sample

    def _keep(self, folder: Path, sample: Sample) -> None:
        """By a name that no client chooses wholly: one with .. in it must not lead elsewhere."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{sample.id:05}.{Path(sample.name.replace(chr(92), '/')).name}").write_bytes(sample.data)
