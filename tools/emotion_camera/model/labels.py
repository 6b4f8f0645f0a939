"""Labels: how the camera reads a labels file, which names mean the same emotion, and what can be a label.

`load_labels` and `stem` of device/main.py are the counterparts on the camera. Tests hold both to the same answers: where these
read a file otherwise, a person would see one name here and another on the camera.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from emotion_camera.errors import ModelError, UserError
from emotion_camera.files import foreign_kind

LONGEST = 1024  # characters of a labels file that the camera reads
# Bytes of them as JSON in the event ready: LONGEST_LINE of device/main.py, less what stands round them.
LONGEST_REPORTED = 454
MOST_BYTES = 100_000  # that are looked at here
BLANKS = " \t\n\r\v\f"  # what MicroPython's strip() takes off; Python's takes off more
# What data sets and people call the seven emotions, beside what FER2013 calls them.
SYNONYMS = {
    "angry": ("anger", "angered"),
    "disgust": ("disgusted", "disgusting"),
    "fear": ("fearful", "scared"),
    "happy": ("happiness", "joy"),
    "sad": ("sadness",),
    "surprise": ("surprised", "surprising"),
    "neutral": ("neutrality",),
}
_EMOTION = {name: emotion for emotion, others in SYNONYMS.items() for name in (emotion, *others)}
_NUMBER = re.compile(r"\d+[ ._-]+(?=\D)")  # before a name, as Teachable Machine and some data sets write it: "0 happy"
# A folder's name on every computer (Windows drops a blank at its end), drawn by the camera's font, with room on its frame.
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 _-]{0,18}[A-Za-z0-9_-])?")


def beside(model: Path) -> Path:
    """The labels file of a model: of its name with .txt, beside it or beside the file that it is a link to, else labels.txt.

    Edge Impulse Studio and Teachable Machine give theirs as labels.txt. The first of these where there is none.
    """
    places = [
        place
        for at in dict.fromkeys((model, model.resolve()))
        for place in (at.with_suffix(".txt"), at.with_name("labels.txt"))
    ]
    return next((place for place in places if place.is_file()), places[0])


def read_labels(path: Path, classes: int | None = None) -> tuple[str, ...]:
    """The labels in a file, one a line, in output order, as the camera reads them.

    ModelError where it can't be read, a label is blank, invisible or twice there, or there are not `classes`.
    """
    path = Path(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # reading a pipe would wait for ever
            raise ModelError(f"{path}: is no file; it must hold one label a line")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such labels file; it must hold one label a line, in output order") from None
    except OSError as error:
        raise ModelError(f"{path}: can't be read ({error.strerror}); it must hold one label a line") from None
    try:
        labels = parse(data)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    if classes is not None and len(labels) != classes:
        raise ModelError(
            f"{path}: has {len(labels)} label{'s'[: len(labels) != 1]}, but the model has {classes} outputs; give one a line, "
            "in output order"
        )
    return labels


def parse(data: bytes) -> tuple[str, ...]:
    """The labels in a file's bytes; ModelError with what is wrong, to follow the file's name."""
    kind = foreign_kind(data)
    if kind:
        raise ModelError(kind)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ModelError("is not a text file in UTF-8; save it as UTF-8, one label a line") from None
    if text[LONGEST:].strip(BLANKS):
        raise ModelError(f"is longer than the {LONGEST:,} characters that the camera reads; shorten the labels")
    lines = [line.strip(BLANKS) for line in text[:LONGEST].replace("\ufeff", "").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        _check_line(number, line, lines[: number - 1])
    return tuple(lines)


def _check_line(number: int, line: str, before: Sequence[str]) -> None:
    if not line:
        raise ModelError(f"line {number} is blank; write one label a line")
    if "\r" in line:
        raise ModelError(
            "ends its lines as old Macs did, and the camera takes them for one; save it with Unix's line ends"
        )
    hidden = next((letter for letter in line if not letter.isprintable()), None)
    if hidden:
        name = unicodedata.name(hidden, f"U+{ord(hidden):04X}")
        raise ModelError(f"line {number} holds a character that nobody sees ({name}); write the label anew")
    if line in before:
        raise ModelError(f"the label {line!r} stands there twice; each class needs a name of its own")


def notes(labels: Sequence[str]) -> list[str]:
    """What the camera does with these labels otherwise than one may expect, in sentences to follow a model's name."""
    found = []
    foreign = [label for label in labels if not label.isascii()]
    if foreign:
        found.append(
            f"the camera's font has plain letters only: on its frames {', '.join(foreign)} will lack the others; reports have them"
        )
    if len(labels) > 1 and all(_NUMBER.match(label) for label in labels):
        found.append(f"its labels begin with numbers, which the camera shows, too, as {labels[0]!r}: take them away")
    if any(re.search(r"""^["'\[]|["',;\]]$""", label) for label in labels):
        found.append("its labels have quotation marks or commas, which the camera shows, too: write bare names")
    if len(json.dumps(labels, ensure_ascii=False).encode()) > LONGEST_REPORTED:
        found.append(
            f"its labels take more than the {LONGEST_REPORTED} bytes that a line of the camera's reports has for them: from an "
            "OpenMV Cam H7 or a Nicla Vision with firmware v5 their names do not arrive; shorten them"
        )
    return found


def emotion_of(name: str) -> str:
    """The emotion of FER2013's seven that a name means, in any case and form; another name in small letters."""
    folded = unicodedata.normalize("NFC", name).strip().casefold()  # macOS stores letters and their accents apart
    return _EMOTION.get(_NUMBER.sub("", folded, 1) if _NUMBER.match(folded) else folded, folded)


def match_label(name: str, known: Iterable[str]) -> str:
    """Which of the `known` labels a name means, in any case or by a synonym; the name itself if none."""
    known = tuple(known)
    if name in known:
        return name
    return {emotion_of(label): label for label in known}.get(emotion_of(name), unicodedata.normalize("NFC", name))


def check_label(text: str, where: object) -> str:
    """The label, if it can name a folder and be drawn on a frame; UserError that begins with `where` if not."""
    if not _LABEL.fullmatch(text):
        raise UserError(
            f"{where}: {text!r} can't be a label on the camera; give up to 20 plain letters, digits, blanks, - and _"
        )
    return text
