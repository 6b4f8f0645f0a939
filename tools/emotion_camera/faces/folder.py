"""The folder of labelled faces: LABEL/0001.png and on, and manifest.jsonl with a line for each picture."""

from __future__ import annotations

import contextlib
import json
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_camera.errors import UserError
from emotion_camera.files import write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MANIFEST = "manifest.jsonl"
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,19}")  # a folder's name everywhere, and a label on the camera's frame
NUMBERED = re.compile(r"\d{4,}\.png")
UNFINISHED = ".*.part"  # what a crash leaves of a file that was being written

Entry = dict[str, Any]  # a line of the manifest; "file" is the picture's path below the folder, with /


class FacesFolder:
    """Pictures by label in `path`, which is made if need be; what is there already is kept.

    Each change is whole at any moment: a line is written before its picture and goes after it, so that a picture
    without the consent that was given for it is never left by a crash, and `mend` drops lines without a picture.
    Raises UserError where the folder can't be used or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mended: list[str] = []  # what was put right, as sentences
        try:
            path.mkdir(parents=True, exist_ok=True)
            probe = path / ".probe.part"
            probe.write_bytes(b"")
            probe.unlink()
            self._mend()
        except OSError as error:
            raise _sentence(path, error) from None

    def counts(self, labels: list[str]) -> dict[str, int]:
        """How many pictures each label has."""
        return {label: len(self._numbers(label)) for label in labels}

    def last(self, label: str, most: int) -> list[Path]:
        """The label's newest pictures, at most so many."""
        return [self.path / label / f"{number:04}.png" for number in self._numbers(label)[-most:]]

    def add(self, label: str, picture: NDArray[np.uint8], fields: Entry) -> str:
        """Stores a picture and its line; its name below the folder. UserError when it can't: then nothing is stored."""
        number = max(self._numbers(label), default=0) + 1
        name = f"{label}/{number:04}.png"
        try:
            (self.path / label).mkdir(exist_ok=True)
            lines = self._lines()
            self._write([*lines, {"file": name, "label": label, **fields}])
            try:
                write_file(self.path / name, _png(picture))
            except OSError:
                with contextlib.suppress(OSError):  # no room even for a shorter file: mended at the next start
                    self._write(lines)
                raise
        except OSError as error:
            raise _sentence(self.path, error) from None
        return name

    def remove(self, name: str) -> None:
        """Takes a picture and its line away."""
        try:
            (self.path / name).unlink(missing_ok=True)
            self._write([line for line in self._lines() if line["file"] != name])
        except OSError as error:
            raise _sentence(self.path, error) from None

    def _numbers(self, label: str) -> list[int]:
        try:
            names = [file.name for file in (self.path / label).iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name[:-4]) for name in names if NUMBERED.fullmatch(name))

    def _lines(self) -> list[Entry]:
        """The manifest; what is no line of it, a last one cut off, is left out."""
        return read_manifest(self.path)

    def _write(self, lines: list[Entry]) -> None:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_file(self.path / MANIFEST, text.encode())

    def _mend(self) -> None:
        """Takes away what a crash has left, and makes manifest and pictures agree."""
        for left in (*self.path.glob(UNFINISHED), *self.path.glob("*/" + UNFINISHED)):
            left.unlink()
        lines = self._lines()
        there = [line for line in lines if (self.path / line["file"]).is_file()]
        known = {line["file"] for line in there}
        found = sorted(file for file in self._pictures() if file not in known)
        if len(there) < len(lines):
            self.mended.append(f"{MANIFEST}: lines without a picture are gone: {len(lines) - len(there)}")
        if found:
            self.mended.append(f"{MANIFEST}: pictures that it did not have are noted, without consent: {len(found)}")
        if there != lines or found:
            unknown = {"person": None, "consent": None}
            self._write(there + [{"file": file, "label": file.split("/")[0], **unknown} for file in found])

    def _pictures(self) -> list[str]:
        files = (file for file in self.path.glob("*/*.png") if not file.name.startswith("."))
        return [file.relative_to(self.path).as_posix() for file in files]


def check_label(text: str) -> str:
    """A label that may name a folder and be drawn on a frame; UserError for another."""
    if not LABEL.fullmatch(text):
        raise UserError(f"--labels: {text!r} can't be a label; give up to 20 plain letters, digits, blanks, - and _")
    return text


def read_manifest(folder: Path) -> list[Entry]:
    """The lines of a folder's manifest, none where it has no such file; what is no line of it is left out."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, IsADirectoryError):
        return []
    return [line for line in map(_line, text.splitlines()) if line]


def _line(text: str) -> Entry | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and isinstance(line.get("file"), str) else None


def _png(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    data = BytesIO()
    Image.fromarray(picture).save(data, format="PNG")
    return data.getvalue()


def _sentence(folder: Path, error: OSError) -> UserError:
    return UserError(f"{folder}: can't be written to ({error.strerror}); make room, or give another folder with --out")
