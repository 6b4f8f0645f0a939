"""A folder of labelled faces (see `emotion_camera.faces`) as arrays to train on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.faces.manifest import Entry
from emotion_camera.faces.reader import Say, find_faces, read_face, say_some
from emotion_camera.model.labels import check_label
from emotion_camera.progress import bar, say
from numpy.typing import NDArray

MIN_FACES = 10  # of a class: two or three of them are for validation


@dataclass(frozen=True)
class CollectedFaces:
    """Labelled faces and what the manifest has of each.

    images: uint8 [n, 48, 48]; classes: int [n], index into `labels`, which are the model's, then new ones by name;
    files: by their path in the folder; entries: their lines of the manifest, or {}.
    """

    images: NDArray[np.uint8]
    classes: NDArray[np.int64]
    labels: tuple[str, ...]
    files: tuple[str, ...]
    entries: tuple[Entry, ...]

    def present(self) -> list[int]:
        """The classes that have faces."""
        return sorted({int(it) for it in self.classes})


def read(folder: Path, known: tuple[str, ...], say: Say = say) -> CollectedFaces:
    """The faces of a folder, for a model with the labels `known`; others become new classes.

    A file that is no usable picture is passed over, and told to `say`. Raises UserError where the folder can't be read,
    holds fewer than two classes, has too few pictures of a class, or a class's name can't be a label.
    """
    faces, wrong = [], []
    files = find_faces(folder, say, known)
    parts = sorted({file.category for file in files if file.category})
    if parts:
        say(f"{folder}: {', '.join(parts)} are taken together; the faces to validate on are chosen among all")
    for place, label in {file.path.parent: file.label for file in files if file.label not in known}.items():
        check_label(label, place)
    with bar(len(files), f"reading {folder.name}", " pictures") as progress:
        for file in files:
            try:
                faces.append((file, read_face(file.path)))
            except UserError as error:
                wrong.append(f"{error}; passed over")
            progress.update()
    say_some(wrong, say)
    if not faces:
        raise UserError(
            f"{folder}: holds no usable pictures; put cropped faces into a folder for each label, as faces/happy"
        )
    labels = (*known, *sorted({file.label for file, _ in faces} - set(known)))
    found = CollectedFaces(
        np.stack([face for _, face in faces]),
        np.array([labels.index(file.label) for file, _ in faces], np.int64),
        labels,
        tuple(file.name for file, _ in faces),
        tuple(file.entry for file, _ in faces),
    )
    _check_enough(folder, found)
    return found


def _check_enough(folder: Path, found: CollectedFaces) -> None:
    present = found.present()
    if len(present) == 1:
        raise UserError(
            f"{folder}: has faces of {found.labels[present[0]]} alone; collect at least one more class to tell it from"
        )
    for it in present:
        count = int((found.classes == it).sum())
        if count < MIN_FACES:
            raise UserError(
                f"{folder / found.labels[it]}: has {count} usable pictures; at least {MIN_FACES} are needed: "
                "collect more, or move the folder away"
            )
