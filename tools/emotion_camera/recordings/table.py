"""reports.csv: one row a face, for a spreadsheet or pandas.

A European Excel separates columns by semicolons, writes 0,91 for 0.91, and reads UTF-8 only where a byte-order mark says so:
CsvFormat. What a camera or a recording names is no formula in it: see `emotion_camera.terminal.csv_cell`.
"""

from __future__ import annotations

import argparse
import codecs
import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.files import GrowingFile, whole_file, write_file
from emotion_camera.recordings.files import REPORTS, TABLE
from emotion_camera.recordings.reader import Entry, Recording, read_entries
from emotion_camera.reports.parse import Face, FacesReport, labels_of
from emotion_camera.terminal import csv_cell

# "seconds" since the start, "t" by the camera's own clock, the box in pixels of the frame; "why", "valence" and "arousal" are
# empty where the camera does not tell them.
PLACE = ("at", "seconds", "t", "face", "x", "y", "width", "height")
COLUMNS = (*PLACE, "emotion", "score", "why", "valence", "arousal")
DECIMALS = ("seconds", "score", "valence", "arousal")  # and each emotion's score
TAB = "\t"

Row = dict[str, Any]


@dataclass(frozen=True)
class CsvFormat:
    """What separates columns, what stands before decimals, and whether the file begins with a byte-order mark."""

    delimiter: str = ","
    decimal: str = "."
    bom: bool = False


def add_csv_options(add: Callable[..., Any]) -> None:
    """The options of a verb that writes a table; `csv_format` reads them."""
    default = CsvFormat()
    add(
        "--csv-delimiter",
        type=_delimiter,
        default=default.delimiter,
        metavar="CHAR",
        help="between columns: , ; or tab (default: ,)",
    )
    add("--csv-decimal", choices=(".", ","), default=default.decimal, help="before decimals (default: .)")
    add("--csv-bom", action="store_true", help="begin with a byte-order mark, by which Excel knows UTF-8")


def csv_format(arguments: argparse.Namespace) -> CsvFormat:
    """What was asked for; UserError where columns and decimals would look alike."""
    if arguments.csv_delimiter == arguments.csv_decimal:
        raise UserError("--csv-decimal ,: columns are separated by commas, too; add --csv-delimiter ';'")
    return CsvFormat(arguments.csv_delimiter, arguments.csv_decimal, arguments.csv_bom)


def _delimiter(text: str) -> str:
    if text.lower() in ("tab", "\\t"):
        return TAB
    if text not in (",", ";", TAB):
        raise argparse.ArgumentTypeError(f"{text!r}: give , or ; or tab")
    return text


def write_table(recording: Recording, path: Path, style: CsvFormat) -> int:
    """Writes a recording's table, whole or not at all; its rows. UserError when it can't be written."""
    labels, count = recording.first_labels(), 0
    rows = RowMaker(recording.started, labels)
    columns = list(dict.fromkeys(name for entry in recording.entries() for row in rows.of(entry) for name in row))
    columns = columns or list(COLUMNS)
    rows = RowMaker(recording.started, labels)
    try:
        with whole_file(path) as beside, open(beside, "wb") as file:
            file.write(_text([], columns, style, header=True))
            for entry in recording.entries():
                made = rows.of(entry)
                count += len(made)
                file.write(_text(made, columns, style))
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); give another file with --csv") from None
    return count


class RowMaker:
    """Makes rows of one entry after the other. `labels` name the scores until the camera tells its own."""

    def __init__(self, started: datetime, labels: tuple[str, ...] = ()) -> None:
        self._started = started
        self.labels = self.first_labels = labels

    def of(self, entry: Entry) -> list[Row]:
        """A row for each face."""
        self.labels = labels_of(entry.report) or self.labels
        self.first_labels = self.first_labels or self.labels
        if not isinstance(entry.report, FacesReport):
            return []
        return [self._row(entry, entry.report.t, face) for face in entry.report.faces]

    def _row(self, entry: Entry, t: int, face: Face) -> Row:
        at = self._started + timedelta(milliseconds=entry.time_ms)
        place = (at.isoformat(timespec="milliseconds"), f"{entry.time_ms / 1000:.3f}", t, face.id, *face.box)
        told = (csv_cell(face.emotion or ""), face.score, face.why or "", face.valence, face.arousal)
        known = self.labels if len(self.labels) == len(face.scores) else range(1, len(face.scores) + 1)
        scores = {f"score_{csv_cell(str(name))}": score for name, score in zip(known, face.scores, strict=True)}
        return dict(zip(COLUMNS, (*place, *told), strict=True)) | scores


class Table:
    """Grows with the recording. The labels of a camera that was already running come late, with its status; the rows are then rewritten."""

    def __init__(self, folder: Path, started: datetime, style: CsvFormat) -> None:
        self._folder, self._started, self._style = folder, started, style
        self._rows = RowMaker(started)
        self._columns: list[str] = []
        self._file = GrowingFile(folder / TABLE)

    def add(self, entry: Entry) -> None:
        """A line, which is in reports.jsonl already. OSError when there is no room."""
        late = not self._rows.labels and bool(self._columns)
        rows = self._rows.of(entry)
        if (late and self._rows.labels) or (self._columns and any(row.keys() - set(self._columns) for row in rows)):
            return self._write_anew()
        if not rows:
            return
        header = not self._columns
        self._columns = self._columns or list(dict.fromkeys(name for row in rows for name in row))
        self._file.append(_text(rows, self._columns, self._style, header))

    def sync(self) -> None:
        self._file.sync()

    def close(self) -> None:
        self._file.close()

    def _write_anew(self) -> None:
        made = RowMaker(self._started, self._rows.first_labels)
        rows = [row for entry in read_entries(self._folder / REPORTS, self._started) for row in made.of(entry)]
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        self._file.close()  # Windows does not replace an open file
        try:
            write_file(self._folder / TABLE, _text(rows, self._columns, self._style, header=True))
        finally:
            self._file = GrowingFile(self._folder / TABLE)


def _text(rows: Iterable[Row], columns: list[str], style: CsvFormat, header: bool = False) -> bytes:
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", delimiter=style.delimiter)
    if header:
        table.writeheader()
    table.writerows({name: _in_style(name, value, style) for name, value in row.items()} for row in rows)
    return (codecs.BOM_UTF8 if header and style.bom else b"") + text.getvalue().encode("utf-8", "replace")


def _in_style(column: str, value: Any, style: CsvFormat) -> Any:
    has_decimals = column in DECIMALS or column.startswith("score_")
    return str(value).replace(".", style.decimal) if has_decimals and value is not None else value
