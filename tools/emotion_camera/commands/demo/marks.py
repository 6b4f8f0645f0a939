"""Faces marked on a picture: a box in the emotion's colour, its name and score."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from emotion_camera.model.labels import emotion_of
from emotion_camera.reports.parse import Face

COLOURS = Path(__file__).parents[2] / "web" / "emotions.js"  # the pages' colours, and the ink that is legible on each
INKS = {"DARK": "#101418", "LIGHT": "#ffffff"}
UNKNOWN = "#ffffff", INKS["DARK"]
SMALLEST_WIDTH = 640  # pixels; letters on a smaller picture are hard to read, so it is enlarged
LETTERS = 14  # pixels high at least
PAPER, CARD, INK, SOFT = "#0f1216", "#20262d", "#e9edf1", "#a3adb9"
CAPTION, INDENT = 50, 8  # pixels
SHEET_WIDTH, GAP = 2000, 16  # pixels
WIDEST, NARROWEST = 480, 160  # pixels, of a picture on the sheet


def mark(picture: Image.Image, faces: Sequence[Face], scale: float = 1) -> Image.Image:
    """The picture in colour with its faces marked; it was scaled by `scale` since the faces were found. A small one is enlarged."""
    zoom = math.ceil(SMALLEST_WIDTH / picture.width) if scale == 1 and picture.width < SMALLEST_WIDTH else 1
    marked = picture.convert("RGB").resize((picture.width * zoom, picture.height * zoom), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(marked)
    for face in sorted(faces, key=lambda face: -face.box[3]):
        _mark_face(draw, [value * zoom * scale for value in face.box], face, marked.size)
    return marked


def _mark_face(draw: ImageDraw.ImageDraw, box: list[float], face: Face, size: tuple[int, int]) -> None:
    colour, ink = colours().get(emotion_of(face.emotion or ""), UNKNOWN)
    x, y, w, h = box
    line = max(2, round(h / 50))
    draw.rectangle((x - 1, y - 1, x + w + 1, y + h + 1), outline=INKS["DARK"], width=line + 2)  # seen on any background
    draw.rectangle((x, y, x + w, y + h), outline=colour, width=line)
    text = f"{face.emotion} {100 * face.score:.0f} %" if face.emotion else face.word
    font = _font(max(LETTERS, round(h / 8)))
    left, _, right, _ = draw.textbbox((0, 0), text, font)
    pad = max(3, font.size // 4)
    width, height = right - left + 2 * pad, font.size + pad
    at_x = min(max(x, 0), max(size[0] - width, 0))
    at_y = y - height if y >= height else min(y + h, size[1] - height)  # above the face, or below it
    draw.rectangle((at_x, at_y, at_x + width, at_y + height), fill=colour)
    draw.text((at_x + pad - left, at_y + height / 2), text, ink, font, anchor="lm")


def sheet(pictures: Sequence[tuple[Image.Image, int, str, Sequence[Face]]]) -> Image.Image:
    """All pictures on one page, each with its name and the emotions in it; of each a small copy and the width of the full one."""
    columns = math.ceil(math.sqrt(len(pictures)))
    width = min(max((SHEET_WIDTH - GAP) // columns - GAP, NARROWEST), WIDEST)
    height = width * 3 // 4
    rows = math.ceil(len(pictures) / columns)
    size = columns * (width + GAP) + GAP, rows * (height + CAPTION + GAP) + GAP
    page = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(page), _font(LETTERS)
    for number, (picture, full_width, name, faces) in enumerate(pictures):
        x, y = GAP + number % columns * (width + GAP), GAP + number // columns * (height + CAPTION + GAP)
        draw.rectangle((x, y, x + width - 1, y + height + CAPTION - 1), fill=CARD)
        shown = ImageOps.contain(picture, (width, height))
        marked = mark(shown, faces, shown.width / full_width)
        page.paste(marked, (x + (width - shown.width) // 2, y + (height - shown.height) // 2))
        emotions = ", ".join(face.word for face in faces) or "no face found"
        for line, text, ink in ((7, name, INK), (26, emotions, SOFT)):
            draw.text((x + INDENT, y + height + line), _shortened(text, font, width - 2 * INDENT), ink, font)
    return page


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The text, cut to so many pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels have FreeType
    return font


@cache
def colours() -> dict[str, tuple[str, str]]:
    """Colour and ink of each emotion."""
    found = re.findall(r'(\w+): \{ colour: "(#\w+)", ink: (DARK|LIGHT)', COLOURS.read_text(encoding="utf-8"))
    return {emotion: (colour, INKS[ink]) for emotion, colour, ink in found}
