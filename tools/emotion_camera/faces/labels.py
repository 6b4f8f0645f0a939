"""Names of labels: what may be one, and which names mean one of a model's labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from emotion_camera.errors import UserError

# A folder's name on every computer (Windows drops a blank at its end), drawn by the camera's font, with room on its frame.
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 _-]{0,18}[A-Za-z0-9_-])?")
# What FER+, AffectNet and RAF-DB call the seven emotions of FER2013.
SYNONYMS = {
    "anger": "angry", "disgusted": "disgust", "fearful": "fear", "happiness": "happy", "sadness": "sad", "surprised": "surprise",
}  # fmt: skip


def check_label(text: str, where: object) -> str:
    """The label, if it can name a folder and be drawn on a frame; UserError that begins with `where` if not."""
    if not LABEL.fullmatch(text):
        raise UserError(
            f"{where}: {text!r} can't be a label on the camera; give up to 20 plain letters, digits, blanks, - and _"
        )
    return text


def match_label(name: str, known: Iterable[str]) -> str:
    """Which of the `known` labels a folder's name means, in any case or by a synonym; the name itself if none."""
    name = unicodedata.normalize("NFC", name)  # macOS stores letters and their accents apart
    by_name = {label.casefold(): label for label in known}
    folded = name.casefold()
    return by_name.get(folded) or by_name.get(SYNONYMS.get(folded, ""), name)
