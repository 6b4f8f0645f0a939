"""A recording as EmotionML 1.0 (https://www.w3.org/TR/emotionml/), W3C's format for annotated emotions.

An `emotion` for each face in each report: `start` in ms since 1970, a `category` for each label with its score as the confidence,
valence and arousal, where the camera tells them, as a `dimension`: -1 to 1 there is 0 to 1 here. And in `info`, in our own
namespace, what EmotionML has no word for: the face's number and box, the name that the camera gave it, or why it gave none.
The labels are a vocabulary in the document: W3C's "big6" has other words, and no neutral.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO
from xml.sax.saxutils import escape, quoteattr

from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.recordings.reader import Recording
from emotion_camera.reports.parse import Face, FacesReport, labels_of

NAMESPACE = "http://www.w3.org/2009/10/emotionml"
OURS = "urn:emotion-camera:recording"
DIMENSIONS = "http://www.w3.org/TR/emotion-voc/xml#fsre-dimensions"  # W3C's set with the names valence and arousal
NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # characters that XML 1.0 can't have


def write_emotionml(recording: Recording, path: Path) -> int:
    """Write the file, whole or not at all; the number of emotions in it. UserError when it can't be written."""
    try:
        with whole_file(path) as beside, open(beside, "w", encoding="utf-8", newline="\n") as file:
            return _Writer(file, recording).write()
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); give another file with --emotionml") from None


class Vocabulary(NamedTuple):
    """A set of categories that the document defines."""

    id: str
    names: tuple[str, ...]  # in the order of the labels


class _Writer:
    """Writes one element a line, as the recording is read: it may be longer than the memory."""

    def __init__(self, file: TextIO, recording: Recording) -> None:
        self._file, self._recording = file, recording
        self._vocabularies: dict[tuple[str, ...], Vocabulary] = {}  # by the labels
        self._count = 0

    def write(self) -> int:
        self._line('<?xml version="1.0" encoding="UTF-8"?>')
        with self._element("emotionml", {"version": "1.0", "xmlns": NAMESPACE, "xmlns:camera": OURS}):
            with self._element("info", {}):
                about = {"source": self._recording.source, "started": self._recording.started.isoformat()}
                self._empty("camera:recording", about)
            for time_ms, face, labels in self._faces():
                self._emotion(time_ms, face, self._vocabulary(labels))
        return self._count

    def _faces(self) -> Iterator[tuple[int, Face, tuple[str, ...]]]:
        """Each face with its time, ms since 1970, and its labels; numbers where they are not known."""
        start_ms = round(self._recording.started.timestamp() * 1000)
        labels = next((it for entry in self._recording.entries() if (it := labels_of(entry.report))), ())
        for entry in self._recording.entries():
            labels = labels_of(entry.report) or labels
            if isinstance(entry.report, FacesReport):
                for face in entry.report.faces:
                    fits = len(labels) == len(face.scores)
                    numbers = tuple(str(number + 1) for number in range(len(face.scores)))
                    yield max(0, start_ms + entry.time_ms), face, labels if fits else numbers

    def _vocabulary(self, labels: tuple[str, ...]) -> Vocabulary:
        """The document defines it before its first use."""
        if labels not in self._vocabularies:
            vocabulary = Vocabulary(f"labels-{len(self._vocabularies) + 1}", name_tokens(labels))
            self._vocabularies[labels] = vocabulary
            with self._element("vocabulary", {"type": "category", "id": vocabulary.id}):
                for label, name in zip(labels, vocabulary.names, strict=True):
                    if label == name:
                        self._empty("item", {"name": name})
                    else:
                        self._line(f'<item name="{name}"><info>{escape(_xml(label))}</info></item>')
        return self._vocabularies[labels]

    def _emotion(self, time_ms: int, face: Face, vocabulary: Vocabulary) -> None:
        self._count += 1
        about = {"id": f"e{self._count}", "start": str(time_ms), "category-set": f"#{vocabulary.id}"}
        places = {"valence": face.valence, "arousal": face.arousal}
        dimensions = {name: value for name, value in places.items() if value is not None}
        about |= {"dimension-set": DIMENSIONS} if dimensions else {}
        with self._element("emotion", about | {"expressed-through": "face"}):
            with self._element("info", {}):
                told = {"named": face.emotion, "why": face.why}
                named = {name: text for name, text in told.items() if text is not None}
                self._empty("camera:face", {"id": str(face.id), "box": " ".join(map(str, face.box)), **named})
            for name, score in zip(vocabulary.names, face.scores, strict=True):
                self._empty("category", {"name": name, "confidence": f"{score:g}"})
            for name, value in dimensions.items():
                self._empty("dimension", {"name": name, "value": f"{(value + 1) / 2:g}"})

    @contextmanager
    def _element(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]:
        self._line(f"<{name}{_attributes(attributes)}>")
        yield
        self._line(f"</{name}>")

    def _empty(self, name: str, attributes: Mapping[str, str]) -> None:
        self._line(f"<{name}{_attributes(attributes)}/>")

    def _line(self, text: str) -> None:
        self._file.write(text + "\n")


def name_tokens(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The labels as names that EmotionML takes (XML's NMTOKEN, in ASCII: validators differ on the rest), each another one."""
    names: list[str] = []
    for label in labels:
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", label) or "_"
        name, number = plain, 1
        while name in names:
            number += 1
            name = f"{plain}-{number}"
        names.append(name)
    return tuple(names)


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(_xml(value))}" for name, value in values.items())


def _xml(text: str) -> str:
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
