"""Studio's OpenMV download: read in memory, nothing unpacked to disk; what is something else is named, with what to choose."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from emotion_camera.errors import UserError

MB = 1_000_000
MOST_BYTES = 200 * MB  # of the zip itself: Studio's largest downloads for boards, C++ libraries, have some 10 MB
MOST_MEMBERS = 20_000  # a C++ library brings some thousands of source files
MOST_DIRECTORY = (
    5 * MB
)  # of the zip's table of contents, which is read as a whole: each entry becomes a dozen times as large
MOST_MEMBER = 50 * MB  # of a file in it: what a board can run has 0.3 MB
MOST_UNPACKED = 1_000 * MB
MODEL, LABELS = "trained.tflite", "labels.txt"
CHOOSE = "in Studio: Deployment, OpenMV library, Quantized (int8), Build"


class Export(NamedTuple):
    """What main.py needs of a download: the model's file and its labels file, as they lie in it."""

    model: bytes
    labels: bytes


def read_file(path: Path) -> bytes:
    """The bytes of a download; UserError where it can't be read or can't be one."""
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder; give the .zip as Studio downloads it")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UserError(f"{path}: has {size // MB:,} MB, which no model for a camera has; choose {CHOOSE}")
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path}: can't be read ({error.strerror}); give the .zip that Studio's Deployment page downloads"
        ) from None


def open_export(data: bytes, name: str) -> Export:
    """The model and labels in a download's bytes; UserError with a sentence, which calls it `name`, where they can't be had."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise UserError(f"{name}: {_no_zip(data)}")
    if _directory_bytes(data) > MOST_DIRECTORY:
        raise UserError(f"{name}: holds more files than any model for a camera; choose {CHOOSE}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            trouble = _unsafe(members) or _wrong_kind([member.filename for member in members])
            if trouble:
                raise UserError(f"{name}: {trouble}")
            model = _only(members, MODEL, name)
            labels = _only(members, LABELS, name, PurePosixPath(model.filename).parent)
            return Export(_content(archive, model), _content(archive, labels))
    except UserError:
        raise
    except Exception:  # a damaged file fails anywhere in zipfile and zlib, with a dozen kinds of exception
        raise UserError(f"{name}: is cut short or damaged; download it again") from None


def _directory_bytes(data: bytes) -> int:
    """The size of the zip's table of contents, by the record at its end; what is in 64 bits counts as too large."""
    end = data.rfind(b"PK\x05\x06")
    is_64 = data[max(0, end - 20) : end].startswith(b"PK\x06\x07")
    return MOST_DIRECTORY + 1 if is_64 else int.from_bytes(data[end + 12 : end + 16], "little")


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A file in the zip. It may unpack to more than it says: `ZipFile.read` would unpack up to 2 GB before it cuts."""
    with archive.open(member) as file:
        return file.read(member.file_size + 1)


def _no_zip(data: bytes) -> str:
    if data[:4] == b"\x7fELF" or data[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"):
        return f"looks like an .eim, a program for Linux or macOS; choose {CHOOSE}"
    if data[4:8] == b"TFL3":
        return f"is a model without its labels; give the .zip that holds both, {CHOOSE}"
    if data[:2] == b"PK":
        return "is cut short or damaged; download it again"
    if data[:1] == b"{":
        return f"is JSON, which Studio sends for an error; download it again, {CHOOSE}"
    return f"is not a zip file; give the .zip that Studio downloads, {CHOOSE}"


def _unsafe(members: list[zipfile.ZipInfo]) -> str | None:
    """What Studio's downloads never hold, though nothing is unpacked to disk here; None for none of it."""
    if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > MOST_UNPACKED:
        return f"unpacks to more than any model for a camera; choose {CHOOSE}"
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            return f"holds {member.filename!r}, a path that leads out of it, so it does not come from Studio; download it again"
        if stat.S_ISLNK(member.external_attr >> 16):
            return f"holds {member.filename!r}, a link, so it does not come from Studio; download it again"
        if member.flag_bits & 1:
            return "is encrypted; give it as Studio downloads it"
        if path.name in (MODEL, LABELS) and member.file_size > MOST_MEMBER:
            return f"holds a {path.name} of {member.file_size // MB:,} MB, more than any camera takes; choose {CHOOSE}"
        if path.name in (MODEL, LABELS) and member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return "is packed in a way that Studio does not use; give it as Studio downloads it"
    return None


def _only(
    members: list[zipfile.ZipInfo], wanted: str, name: str, folder: PurePosixPath | None = None
) -> zipfile.ZipInfo:
    """The one file of a name, at the top or one folder deep; UserError where it is not there once."""
    paths = [(member, PurePosixPath(member.filename)) for member in members]
    found = [it for it, path in paths if path.name == wanted and len(path.parts) < 3 and folder in (None, path.parent)]
    if len(found) != 1:
        how_often = f"{len(found)} files {wanted}" if found else f"no {wanted} beside {MODEL}"
        raise UserError(f"{name}: holds {how_often}; download it again, {CHOOSE}")
    return found[0]


def _wrong_kind(names: list[str]) -> str | None:
    """What another download is, by the files in it; None for an OpenMV library of a model that names what it sees."""
    files = {PurePosixPath(name).name.lower() for name in names}
    has_model = any(PurePosixPath(name).name == MODEL and len(PurePosixPath(name).parts) < 3 for name in names)
    if has_model and "ei_object_detection.py" in files:
        return (
            "finds objects in a picture, but the camera needs a model that names one face: in Studio set Dashboard, Labeling "
            "method to 'One label per data item', and in Create impulse choose Classification or Transfer Learning (Images)"
        )
    if has_model:
        return None
    if not names:
        return f"is empty; download it again, {CHOOSE}"
    kind = next((what for what, is_it in _KINDS if is_it(names, files)), None)
    if kind:
        return f"looks like {kind}; choose {CHOOSE}"
    some = "".join(letter for letter in ", ".join(sorted(names)[:3])[:120] if letter.isprintable())
    return f"holds no {MODEL}, but {some}; choose {CHOOSE}"


def _ends(files: Iterable[str], *endings: str) -> bool:
    return any(file.endswith(endings) for file in files)


_KINDS: list[tuple[str, Callable[[list[str], set[str]], bool]]] = [
    ("a data export, pictures and not a model", lambda names, files: "info.labels" in files),
    ("an Arduino library", lambda names, files: "library.properties" in files),
    ("a C++ library", lambda names, files: any("edge-impulse-sdk/" in name or "tflite-model/" in name for name in names)),
    ("an .eim for Linux or macOS", lambda names, files: _ends(files, ".eim")),
    ("a WebAssembly build", lambda names, files: _ends(files, ".wasm")),
    ("an OpenMV firmware, not the library", lambda names, files: "openmv" in " ".join(files) and _ends(files, ".bin", ".dfu")),
    ("a firmware for a board", lambda names, files: _ends(files, ".bin", ".dfu", ".hex", ".uf2")),
    ("a TensorFlow SavedModel", lambda names, files: "saved_model.pb" in files),
]  # fmt: skip
