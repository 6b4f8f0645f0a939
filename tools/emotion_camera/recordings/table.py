"""reports.csv: one row a face, for a spreadsheet or pandas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from emotion_camera.files import GrowingFile, write_file
from emotion_camera.recordings.files import REPORTS, TABLE
from emotion_camera.recordings.reader import Entry, read_entries
from emotion_camera.reports.parse import Face, FacesReport, labels_of

# "seconds" since the start, "t" by the camera's own clock, the box in pixels of the frame.
COLUMNS = ("at", "seconds", "t", "face", "x", "y", "width", "height", "emotion", "score")


class Table:
    """Grows with the recording. The labels of a camera that was already running come late, with its status; the rows are then rewritten."""

    def __init__(self, folder: Path, started: datetime) -> None:
        self._folder = folder
        self._started = started
        self._first_labels: tuple[str, ...] = ()  # for the rows before any labels came
        self._labels: tuple[str, ...] = ()
        self._columns: list[str] = []
        self._file = GrowingFile(folder / TABLE)

    def add(self, entry: Entry) -> None:
        """A line, which is in reports.jsonl already. OSError when there is no room."""
        late = not self._labels and bool(self._columns)
        self._labels = labels_of(entry.report) or self._labels
        self._first_labels = self._first_labels or self._labels
        rows = self._rows([entry], self._labels)
        if (late and self._labels) or (self._columns and any(row.keys() - set(self._columns) for row in rows)):
            return self._write_anew()
        if not rows:
            return
        header = not self._columns
        self._columns = self._columns or list(rows[0])
        self._file.append(self._text(rows, header))

    def sync(self) -> None:
        self._file.sync()

    def close(self) -> None:
        self._file.close()

    def _rows(self, entries: Iterable[Entry], labels: tuple[str, ...]) -> list[dict[str, Any]]:
        rows = []
        for entry in entries:
            labels = labels_of(entry.report) or labels
            if isinstance(entry.report, FacesReport):
                rows += [self._row(entry, entry.report.t, face, labels) for face in entry.report.faces]
        return rows

    def _row(self, entry: Entry, t: int, face: Face, labels: tuple[str, ...]) -> dict[str, Any]:
        at = self._started + timedelta(milliseconds=entry.time_ms)
        values = (at.isoformat(timespec="milliseconds"), f"{entry.time_ms / 1000:.3f}", t, face.id, *face.box)
        names = labels if len(labels) == len(face.scores) else tuple(map(str, range(1, len(face.scores) + 1)))
        scores = {f"score_{name}": score for name, score in zip(names, face.scores, strict=True)}
        return dict(zip(COLUMNS, (*values, face.emotion or "", face.score), strict=True)) | scores

    def _text(self, rows: Iterable[dict[str, Any]], header: bool) -> bytes:
        text = io.StringIO()
        table = csv.DictWriter(text, self._columns, restval="")
        if header:
            table.writeheader()
        table.writerows(rows)
        return text.getvalue().encode("utf-8", "replace")

    def _write_anew(self) -> None:
        rows = self._rows(read_entries(self._folder / REPORTS, self._started), self._first_labels)
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        self._file.close()  # Windows does not replace an open file
        try:
            write_file(self._folder / TABLE, self._text(rows, header=True))
        finally:
            self._file = GrowingFile(self._folder / TABLE)
