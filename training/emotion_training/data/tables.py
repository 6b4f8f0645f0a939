"""CSV files as people have them: saved anew by Excel, by an editor in another encoding, with blank lines, or still packed."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from emotion_camera.errors import UserError
from emotion_camera.files import foreign_kind

SEPARATORS = ",;\t|"  # Excel takes the semicolon where numbers have a comma
LONGEST_HEADER = 10_000  # characters


def rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """The line number of each row that is not blank, and what it has in the named columns.

    Columns may be in any order and case, with blanks round their names. UserError where the file can't be read, is none, lacks
    a column, or has a row that is cut short.
    """
    try:
        with path.open(newline="", encoding=_encoding(path), errors="replace") as file:
            header, separator, above = _header(path, file, columns)
            places = [header.index(name.casefold()) for name in columns]
            number = 0
            for row in (reader := csv.reader(file, delimiter=separator)):
                if not any(map(str.strip, row)):
                    continue
                number = above + reader.line_num
                if len(row) < len(header):
                    raise UserError(f"{path}: line {number} is cut short; fetch the file again")
                yield number, [row[place].strip() for place in places]
            if not number:
                raise UserError(f"{path}: has a line of column names but no rows after it; fetch the file again")
    except (OSError, csv.Error) as error:
        said = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: can't be read as a CSV file ({said}); fetch it again") from error


def _encoding(path: Path) -> str:
    """UTF-8 or UTF-16, by the file's first bytes; UserError for what is no CSV file at all."""
    with path.open("rb") as file:
        head = file.read(4096)
    kind = foreign_kind(head)
    if kind:
        raise UserError(f"{path}: {kind}")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in head[:2]:
        return "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    return "utf-8-sig"


def _header(path: Path, file: TextIO, columns: tuple[str, ...]) -> tuple[list[str], str, int]:
    """The names in the first line, in small letters, what separates them, and how many lines were read."""
    above, line = 1, file.readline(LONGEST_HEADER)
    if line.startswith("sep="):  # Excel's
        above, line = 2, file.readline(LONGEST_HEADER)
    missing = columns
    for separator in SEPARATORS:
        names = [name.strip().casefold() for name in next(csv.reader([line], delimiter=separator), [])]
        lacks = tuple(name for name in columns if name.casefold() not in names)
        if not lacks:
            return names, separator, above
        missing = min(missing, lacks, key=len)
    raise UserError(
        f"{path}: its first line names no column {missing[0]!r}; give the file whose first line names {', '.join(columns)}"
    )
