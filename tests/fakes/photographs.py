"""Photographs as people have them, of nobody: average faces of the simulator's assets before a wall with furniture."""

from pathlib import Path

import numpy as np
from camera_programs import FACE
from PIL import Image, ImageDraw, ImageFilter

EMOTIONS = ("happy", "neutral", "surprise", "angry", "sad", "disgust")


def photograph(size: tuple[int, int], *faces: tuple[str, int, int, int]) -> Image.Image:
    """A colour picture of `size` (width, height) with faces: emotion, width, and the middle's x and y, pixels."""
    picture = _room(size)
    for emotion, width, x, y in faces:
        with Image.open(FACE.with_name(f"{emotion}.png")) as opened:
            face = opened.convert("L").resize((width, width), Image.Resampling.BICUBIC)
        mask = Image.new("L", face.size, 0)
        ImageDraw.Draw(mask).ellipse((width * 0.04, 0, width * 0.96, width), fill=255)
        body = (x - width * 0.9, y + width * 0.35, x + width * 0.9, y + width * 3)
        ImageDraw.Draw(picture).rounded_rectangle(body, width // 2, fill=(52, 74, 110))
        picture.paste(face, (x - width // 2, y - width // 2), mask.filter(ImageFilter.GaussianBlur(width / 30)))
    return picture


def group() -> Image.Image:
    """Six people, 4000 x 3000, each face about 330 pixels wide."""
    places = [(700, 1000), (1900, 900), (3200, 1050), (900, 2050), (2050, 2000), (3300, 2100)]
    return photograph((4000, 3000), *((emotion, 420, x, y) for emotion, (x, y) in zip(EMOTIONS, places, strict=True)))


def portrait(emotion: str = "happy") -> Image.Image:
    """One person, upright, 3000 x 4000."""
    return photograph((3000, 4000), (emotion, 1300, 1450, 1500))


def folder(path: Path, count: int = 12) -> Path:
    """A folder of pictures of one or two people, of different sizes and shapes."""
    path.mkdir(parents=True)
    for number in range(count):
        size = ((1600, 1200), (900, 1600), (1920, 1080), (640, 480))[number % 4]
        width, middle = min(size) // 3, size[1] * 2 // 5
        faces = [(EMOTIONS[number % 6], width, size[0] // 3, middle)]
        if number % 3 == 2:
            faces.append((EMOTIONS[(number + 1) % 6], width, size[0] * 4 // 5, middle))
        photograph(size, *faces).save(path / f"{number + 1:02}.jpg")
    return path


def _room(size: tuple[int, int]) -> Image.Image:
    small = np.linspace((205, 196, 184), (150, 141, 132), 64, axis=0)[:, None].repeat(64, 1)
    small += np.random.default_rng(1).normal(0, 3, small.shape)
    room = Image.fromarray(small.clip(0, 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(room)
    width, height = size
    draw.rectangle((width * 0.06, height * 0.05, width * 0.3, height * 0.25), fill=(120, 150, 170))
    draw.rectangle((0, height * 0.85, width, height), fill=(110, 84, 62))
    draw.ellipse((width * 0.8, height * 0.04, width * 0.92, height * 0.04 + width * 0.12), fill=(235, 224, 190))
    return room
