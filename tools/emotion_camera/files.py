"""Files: those that come with the package, and those that are written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError

_DATA = Path(__file__).with_name("data")  # the wheel has the repository's device/ and models/ in here
IN_WHEEL = _DATA.is_dir()
_SHARED = _DATA if IN_WHEEL else Path(__file__).resolve().parents[2]

DEVICE = _SHARED / "device"
MODELS = _SHARED / "models"
ASSETS = Path(__file__).with_name("simulator") / "assets"  # the clip and the average faces
# A file or folder that is being written. It keeps its suffix, by which some writers choose the format.
UNFINISHED = ".part.{}"

Files = dict[str, bytes]  # contents by name

# What people give in place of a text or a table: the place of its mark in the file, the mark, what it is and what to do.
_UNPACK = "unpack it, and give the file that is in it"
_GIVE = "give the file of text in its place"
_KINDS = (
    (0, b"version https://git-lfs.", "is a Git LFS pointer, not the file itself; run git lfs pull where it comes from"),
    (257, b"ustar", f"is a tar archive; {_UNPACK}"),
    (0, b"PK\x03\x04", f"is a zip archive, or an Excel workbook; {_UNPACK}, or save it as CSV"),
    (0, b"\x1f\x8b", f"is packed by gzip; {_UNPACK}"),
    (0, b"BZh", f"is packed by bzip2; {_UNPACK}"),
    (0, b"\xfd7zXZ", f"is packed by xz; {_UNPACK}"),
    (0, b"7z\xbc\xaf", f"is a 7z archive; {_UNPACK}"),
    (0, b"Rar!", f"is a RAR archive; {_UNPACK}"),
    (0, b"\xd0\xcf\x11\xe0", "is an Excel workbook; save it as CSV"),
    (0, b"%PDF", f"is a PDF; {_GIVE}"),
    (0, b"\x89PNG", f"is a picture; {_GIVE}"),
    (0, b"\xff\xd8\xff", f"is a picture; {_GIVE}"),
    (0, b"PAR1", "is a Parquet table; save it as CSV"),
    (0, b"\x93NUMPY", f"is a NumPy array; {_GIVE}"),
    (4, b"TFL3", f"is a TensorFlow Lite model; {_GIVE}"),
)


def foreign_kind(data: bytes) -> str | None:
    """What a file is in place of a text or a table, by its first thousand bytes or more, and what to do; None where it may be one."""
    if data[:2] == b"\x1f\x8b":
        with contextlib.suppress(zlib.error):
            inside = zlib.decompressobj(wbits=31).decompress(data, 1024)
            data = inside if inside[257:262] == b"ustar" else data
    if re.match(rb"\s*<(!doctype html|html)\b", data[:100], re.IGNORECASE):
        return "is a web page; its address may want a login: download the file itself"
    return next((said for at, mark, said in _KINDS if data[at : at + len(mark)] == mark), None)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to: on the disk and renamed to `path` if all goes well, gone if not, even when the power fails.

    Raises OSError, with the name of `path`, where it can't be written.
    """
    beside = path.with_name(UNFINISHED.format(path.name))
    try:
        beside.unlink(missing_ok=True)  # what a crash has left, or a link, in a folder from elsewhere, to another file
        yield beside
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        if error.filename is not None and str(error.filename) == str(beside):
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to fill: renamed to `path` if all goes well, gone if not. What is at `path` must be an empty folder.

    Raises OSError where it can't be written.
    """
    beside = path.with_name(UNFINISHED.format(path.name))
    shutil.rmtree(beside, ignore_errors=True)  # what a crash has left
    try:
        beside.mkdir(parents=True)
        yield beside
        if path.is_dir():
            path.rmdir()
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def whole_files(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """A folder inside `folder` to write files of these names to: moved to `folder`, in this order, if all goes well.

    If one can't be moved, the previous files are restored. Raises OSError where they can't be written.
    """
    with tempfile.TemporaryDirectory(prefix=UNFINISHED.format(""), dir=folder) as beside:
        yield Path(beside)
        before, placed = Path(beside, "before"), []
        before.mkdir()
        try:
            for name in names:
                if (folder / name).exists():
                    (folder / name).replace(before / name)
                placed.append(name)
                Path(beside, name).replace(folder / name)
        except OSError:
            for name in placed:
                (folder / name).unlink(missing_ok=True)
                if (before / name).exists():
                    (before / name).replace(folder / name)
            raise


def write_file(path: Path, content: bytes) -> None:
    """Write a file as `whole_file` does."""
    with whole_file(path) as beside:
        beside.write_bytes(content)


def write_json(path: Path, fields: dict[str, Any]) -> None:
    """Write an object as JSON as `whole_file` does."""
    write_file(path, (json.dumps(fields, indent=1) + "\n").encode())


def read_json(path: Path, advice: str) -> dict[str, Any]:
    """The object in a JSON file; UserError, ending in `advice`, where the file is missing or is not one."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; {advice}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{path}: is cut short or damaged; {advice}")
    return content


class GrowingFile:
    """Grows by whole pieces: when this program dies all of them are there, when the power fails those before the last
    `sync`. OSError when there is no room; the file then ends with the piece before."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - open for as long as it grows
        self.size = self._file.tell()

    def append(self, piece: bytes) -> int:
        """Writes a piece, and tells where it begins."""
        start, rest = self.size, memoryview(piece)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(start)
            raise
        self.size += len(piece)
        return start

    def sync(self) -> None:
        """What was written is on the disk, not only on its way there."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
