"""A folder of labelled faces as samples for a project: whole PNGs or JPEGs, each once, with metadata that name nobody."""

from __future__ import annotations

import hashlib
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.faces.manifest import Entry
from emotion_camera.faces.reader import TESTING, VALIDATION, FaceFile, find_faces

SPLIT = "split"  # the category of a picture that is still to be assigned to training or testing
FORMATS = {"PNG": "png", "JPEG": "jpg"}  # what the service takes, by Pillow's names
MAX_BYTES = 100_000_000  # of a picture, for the service
# Of a manifest's line, what helps in Studio and does not identify the person. A score would give each picture metadata of
# its own, and so a request of its own: metadata are in a request's header.
METADATA = {"session": "session", "camera": "camera", "emotion": "camera_read"}


@dataclass(frozen=True)
class Sample:
    """One picture; `category` is training, testing or split; `ending` png or jpg; `size` in bytes."""

    path: Path
    label: str
    category: str
    ending: str
    sha256: str
    size: int
    metadata: dict[str, str] = field(default_factory=dict)


def read_samples(folder: Path) -> list[Sample]:
    """The samples of a folder by category, label and name, each only once; what is passed over is said on stderr.

    UserError when there is none or the folder can't be read, or when the same picture has two labels.
    """
    found: dict[str, Sample] = {}
    for file in find_faces(folder, _say):
        try:
            sample = _sample(file)
        except UserError as error:
            _say(f"{file.path} is passed over: {error}")
            continue
        if _is_new(sample, found.get(sample.sha256)):
            found[sample.sha256] = sample
    if not found:
        raise UserError(f"{folder}: there is no picture; put PNGs or JPEGs into {folder}/happy and so on")
    return list(found.values())


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _sample(file: FaceFile) -> Sample:
    """The sample of a file; UserError with the reason why it can't be one."""
    from PIL import Image

    try:
        data = file.path.read_bytes()
    except OSError as error:
        raise UserError(error.strerror) from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{len(data):,} bytes; the service takes {MAX_BYTES:,}")
    try:
        with Image.open(io.BytesIO(data), formats=tuple(FORMATS)) as image:
            image.load()
            ending = FORMATS[str(image.format)]
    except Exception:  # Pillow's decoders raise all kinds for damaged files
        raise UserError("it is no whole PNG or JPEG") from None
    digest = hashlib.sha256(data).hexdigest()
    category = (
        TESTING if file.category == VALIDATION else file.category or SPLIT
    )  # Studio validates on a share of training
    return Sample(file.path, file.label, category, ending, digest, len(data), _metadata(file.entry))


def _is_new(sample: Sample, same: Sample | None) -> bool:
    if same is None:
        return True
    if same.label != sample.label:
        raise UserError(
            f"{same.path} and {sample.path} are the same picture with two labels, {same.label} and {sample.label}: delete the wrong one"
        )
    _say(f"{sample.path} is passed over: the same picture as {same.path}")
    return False


def _metadata(entry: Entry) -> dict[str, str]:
    """The metadata for Studio; the person by a code, because the field may hold a name."""
    metadata = {name: str(entry[field]) for field, name in METADATA.items() if entry.get(field) is not None}
    if entry.get("person"):
        metadata["person"] = hashlib.sha256(str(entry["person"]).encode()).hexdigest()[:8]
    return metadata
