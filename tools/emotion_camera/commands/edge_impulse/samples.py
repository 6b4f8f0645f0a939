"""A folder of labelled faces as samples for a project: whole PNGs or JPEGs, each once, with metadata that name nobody."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.faces.manifest import Entry
from emotion_camera.faces.reader import TESTING, VALIDATION, FaceFile, find_faces, say_some
from emotion_camera.progress import say

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

    Of a picture that has two labels none is taken: in FER2013 there are 57 of them. UserError when there is no picture or the
    folder can't be read.
    """
    alike: dict[str, list[Sample]] = {}
    wrong, twice, doubtful = [], [], []
    for file in find_faces(folder, say):
        try:
            sample = _sample(file)
            alike.setdefault(sample.sha256, []).append(sample)
        except UserError as error:
            wrong.append(f"{file.path} is passed over: {error}")
    for first, *others in alike.values():
        other = next((it for it in others if it.label != first.label), None)
        if other:
            labels = f"{first.label} and {other.label}"
            doubtful.append(
                f"{first.path} and {other.path} are the same picture as {labels}: none is taken; delete the wrong one"
            )
        else:
            twice += [f"{it.path} is passed over: the same picture as {first.path}" for it in others]
    for sentences in (wrong, doubtful, twice):
        say_some(sentences, say)
    found = [each[0] for each in alike.values() if len({it.label for it in each}) == 1]
    if not found:
        raise UserError(f"{folder}: there is no picture; put PNGs or JPEGs into {folder}/happy and so on")
    return found


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


def _metadata(entry: Entry) -> dict[str, str]:
    """The metadata for Studio; the person by a code, because the field may hold a name."""
    metadata = {name: str(entry[field]) for field, name in METADATA.items() if entry.get(field) is not None}
    if entry.get("person"):
        metadata["person"] = hashlib.sha256(str(entry["person"]).encode()).hexdigest()[:8]
    return metadata
