"""Writing a folder of labelled faces: LABEL/0001.png and on, and manifest.jsonl with a line for each picture."""

from __future__ import annotations

import contextlib
import os
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.errors import UserError
from emotion_camera.faces.manifest import MANIFEST, Entry, read_manifest, write_manifest
from emotion_camera.files import UNFINISHED, write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUMBERED = re.compile(r"\d{4,}\.png")


class FacesFolder:
    """Pictures by label in `path`, which is made if need be; what is there already is kept.

    Each change is whole at any moment: a line is written before its picture and goes after it, so that a picture
    without the consent that was given for it is never left by a crash, and the next start drops lines without a picture.
    Raises UserError where the folder can't be used or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mended: list[str] = []  # what was put right, as sentences
        try:
            path.mkdir(parents=True, exist_ok=True)
            probe = path / UNFINISHED.format("probe")
            probe.unlink(missing_ok=True)  # a link may lead to another file
            probe.touch()
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
            lines = read_manifest(self.path)
            write_manifest(self.path, [*lines, {"file": name, "label": label, **fields}])
            try:
                write_file(self.path / name, _png(picture))
            except OSError:
                with contextlib.suppress(OSError):  # no room even for a shorter file: mended at the next start
                    write_manifest(self.path, lines)
                raise
        except OSError as error:
            raise _sentence(self.path, error) from None
        return name

    def remove(self, name: str) -> None:
        """Takes a picture and its line away."""
        try:
            (self.path / name).unlink(missing_ok=True)
            write_manifest(self.path, [line for line in read_manifest(self.path) if line["file"] != name])
        except OSError as error:
            raise _sentence(self.path, error) from None

    def _numbers(self, label: str) -> list[int]:
        try:
            names = [file.name for file in (self.path / label).iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _sentence(self.path / label, error) from None
        return sorted(int(name[:-4]) for name in names if NUMBERED.fullmatch(name))

    def _mend(self) -> None:
        """Takes away what a crash has left, and makes manifest and pictures agree."""
        unfinished = UNFINISHED.format("*")
        for left in (*self.path.glob(unfinished), *self.path.glob("*/" + unfinished)):
            left.unlink()
        lines = read_manifest(self.path)
        there = [line for line in lines if os.path.isfile(self.path / line["file"])]  # whatever the name, no error
        known = {line["file"] for line in there}
        found = sorted(file for file in self._pictures() if file not in known)
        if len(there) < len(lines):
            self.mended.append(f"{MANIFEST}: lines without a picture are gone: {len(lines) - len(there)}")
        if found:
            self.mended.append(f"{MANIFEST}: pictures that it did not have are noted, without consent: {len(found)}")
        if there != lines or found:
            unknown = {"person": None, "consent": None}
            write_manifest(
                self.path, there + [{"file": file, "label": file.split("/")[0], **unknown} for file in found]
            )

    def _pictures(self) -> list[str]:
        files = (file for file in self.path.glob("*/*.png") if not file.name.startswith("."))
        return [file.relative_to(self.path).as_posix() for file in files]


def _png(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    data = BytesIO()
    Image.fromarray(picture).save(data, format="PNG")
    return data.getvalue()


def _sentence(folder: Path, error: OSError) -> UserError:
    return UserError(f"{folder}: can't be written to ({error.strerror}); make room, or give another folder with --out")
