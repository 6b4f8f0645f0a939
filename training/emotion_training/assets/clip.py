"""The demo clip: two average faces that move and show the seven emotions, with ground truth.

Made from the images of `average_faces.py` alone, so it can be made again without FER2013.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT, FPS = 320, 240, 10
SUPERSAMPLING = 2  # drawn twice as large and scaled down, against aliasing
BLEND = 4  # frames from one emotion to the next
QUALITY = 90  # of the WebP file; with it the clip has about 300 KB

Layer = NDArray[Any]  # floating point [height, width], gray levels or shares
AverageFaces = dict[str, Layer]


@dataclass(frozen=True)
class Person:
    """A face in the clip.

    `path`: key frames (frame, center x, center y, face width); `emotions`: (first frame, emotion).
    """

    path: tuple[tuple[int, int, int, int], ...]
    emotions: tuple[tuple[int, str], ...]
    mirrored: bool
    hair: int  # gray level
    shirt: int


PEOPLE = (
    Person(
        path=((0, 152, 112, 100), (32, 132, 116, 126), (64, 184, 112, 104), (94, 104, 118, 80), (124, 84, 108, 58),
              (146, 108, 112, 78), (180, 152, 112, 100)),
        emotions=((0, "neutral"), (18, "happy"), (42, "surprise"), (64, "fear"), (84, "sad"), (104, "disgust"),
                  (124, "angry"), (144, "neutral"), (160, "happy"), (176, "neutral")),
        mirrored=False,
        hair=30,
        shirt=76,
    ),
    Person(
        path=((0, 420, 120, 92), (80, 420, 120, 92), (98, 236, 118, 92), (118, 226, 124, 68), (138, 242, 116, 84),
              (156, 420, 120, 92), (180, 420, 120, 92)),
        emotions=((0, "happy"), (112, "surprise"), (130, "neutral")),
        mirrored=True,
        hair=44,
        shirt=52,
    ),
)  # fmt: skip
FRAMES = 180  # then it starts again
SWAY = 2  # pixels around the path: WebP drops a frame that equals the one before


def run(average_faces: Path, clip: Path) -> None:
    """Write the clip (an animated WebP) and a `.json` with the ground truth of each frame beside it.

    `average_faces`: the folder of the seven images. Ground truth: the time in ms and, for each face that is completely in the
    frame, its emotion (null during a transition) and its box (x, y, w, h) in pixels, about where the Haar cascade puts it.
    """
    faces = load_average_faces(average_faces)
    frames = [Image.fromarray(frame).convert("RGB") for frame in draw(faces)]
    lines = ",\n".join(json.dumps(ground_truth(number), separators=(",", ":")) for number in range(FRAMES))
    head = f'{{"fps":{FPS},"width":{WIDTH},"height":{HEIGHT},"frames":[\n'
    options: dict[str, Any] = {"duration": 1000 // FPS, "loop": 0, "quality": QUALITY, "method": 6}
    with whole_file(clip) as webp, whole_file(clip.with_suffix(".json")) as truth:
        frames[0].save(webp, "WEBP", save_all=True, append_images=frames[1:], **options)
        truth.write_text(f"{head}{lines}\n]}}\n", encoding="utf-8", newline="\n")


def load_average_faces(folder: Path) -> AverageFaces:
    """The seven average faces by emotion, float32. Raises UserError if one is missing or not an image."""
    faces = {}
    for emotion in EMOTIONS:
        path = folder / f"{emotion}.png"
        try:
            with Image.open(path) as picture:
                faces[emotion] = np.asarray(picture.convert("L"), np.float32)
        except OSError as error:
            raise UserError(
                f"{path}: no average face there; make the seven with emotion-camera train composites"
            ) from error
    return faces


def ground_truth(number: int) -> dict[str, Any]:
    """Time and faces of frame `number`."""
    faces = []
    for person in PEOPLE:
        x, y, size = place(person, number)
        box = [round(x - size / 2), round(y - size / 2), round(size), round(size)]
        if box[0] >= 0 and box[0] + box[2] <= WIDTH:
            old, new, share = expression(person, number)
            faces.append({"emotion": new if share == 1 or old == new else None, "box": box})
    return {"t": number * 1000 // FPS, "faces": faces}


def place(person: Person, number: int) -> tuple[float, float, float]:
    """Center x, center y and width of the face in pixels."""
    x, y, size = on_path(person.path, number)
    turn = 2 * math.pi * 8 * number / FRAMES
    return x + SWAY * math.sin(turn), y + SWAY * math.cos(turn), size


def on_path(path: Sequence[tuple[float, float, float, float]], now: float) -> tuple[float, float, float]:
    """Place at a time between key frames (time, center x, center y, face width), with eased motion."""
    later = next((index for index, stop in enumerate(path) if stop[0] > now), len(path) - 1)
    (start, *old), (end, *new) = path[later - 1], path[later]
    share = min(max((now - start) / (end - start), 0), 1)
    ease = share * share * (3 - 2 * share)
    x, y, size = (a + (b - a) * ease for a, b in zip(old, new, strict=True))
    return x, y, size


def expression(person: Person, number: int) -> tuple[str, str, float]:
    """The previous emotion, the next one, and the weight of the next, 0 to 1."""
    begun = [index for index, (first, _) in enumerate(person.emotions) if first <= number]
    first, new = person.emotions[begun[-1]]
    old = person.emotions[max(begun[-1] - 1, 0)][1]
    return old, new, min((number - first + 1) / (BLEND + 1), 1.0)


def draw(faces: AverageFaces) -> Iterator[NDArray[np.uint8]]:
    """The frames, uint8 [240, 320]."""
    y, x = np.mgrid[0 : HEIGHT * SUPERSAMPLING, 0 : WIDTH * SUPERSAMPLING].astype(np.float32) / SUPERSAMPLING
    wall = 158 - 60 * ((x - 110) / WIDTH) ** 2 - 80 * ((y - 70) / HEIGHT) ** 2
    for number in range(FRAMES):
        scene = wall
        for person in sorted(PEOPLE, key=lambda person: place(person, number)[2]):  # the larger is nearer
            scene = _draw_person(scene, person, number, faces, x, y)
        small = cv2.resize(scene, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        yield small.round().clip(0, 255).astype(np.uint8)


def _draw_person(scene: Layer, person: Person, number: int, faces: AverageFaces, x: Layer, y: Layer) -> Layer:
    centre_x, centre_y, size = place(person, number)
    if centre_x - 1.2 * size > WIDTH:
        return scene
    old, new, share = expression(person, number)
    face = _place_face(faces[old] * (1 - share) + faces[new] * share, person, centre_x, centre_y, size)
    return draw_figure(scene, (x - centre_x) / size, (y - centre_y) / size, size, person.hair, person.shirt, face)


def draw_figure(scene: Layer, u: Layer, v: Layer, size: float, hair: int, shirt: int, face: Layer) -> Layer:
    """The scene with hair, neck, shirt and face over it; u and v are distances from the face's center in face widths.

    `size` is the face's width in pixels, `hair` and `shirt` are gray levels, and `face` is as large as the scene.
    """
    soft = 0.06 + 1.2 / size
    scene = blend(scene, hair + _sheen(u, v), _hair(u, v, soft))
    neck_shadow = 55 * ((0.68 - v) / 0.22).clip(0, 1)
    scene = blend(scene, 132 - neck_shadow, oval(u, v - 0.62, 0.265, 0.40, 0.14))
    cloth = shirt + 34 * np.exp(-(((u + 0.35) / 0.5) ** 2)) - 26 * (v - 0.9).clip(0, 1)
    collar = oval(u, v - 0.62, 0.25, 0.30, 0.10)
    shoulders = oval(u / (0.98 + 0.15 * (v - 1).clip(0, 1)), (v - 1.35).clip(None, 0), 1, 0.62, soft)
    scene = blend(scene, cloth, shoulders * (1 - collar))
    return blend(scene, face, oval(u, v + 0.035, 0.465, 0.515, 0.18))


def blend(scene: Layer, tone: Layer, alpha: Layer) -> Layer:
    return scene + (tone - scene) * alpha


def oval(u: Layer, v: Layer, half_width: float, half_height: float, soft: float) -> Layer:
    """1 inside the ellipse around (0, 0), 0 outside, with a soft edge of `soft` times the radius."""
    return ((1 - np.hypot(u / half_width, v / half_height)) / soft + 0.5).clip(0, 1)


def _hair(u: Layer, v: Layer, soft: float) -> Layer:
    """A round cap of hair above the eyes that falls straight to the shoulders."""
    wider = 0.585 + 0.05 * (v + 0.2).clip(0, 1)
    return oval(u / wider, np.where(v < 0, v / 0.70, (v - 0.25).clip(0, None) / 0.62), 1, 1, 1.6 * soft)


def _sheen(u: Layer, v: Layer) -> Layer:
    ring = (np.hypot(u / 0.5, (v + 0.02) / 0.60) - 1) / 0.10
    return 26 * np.exp(-(ring**2)) * (-1.6 * v).clip(0, 1)


def _place_face(face: Layer, person: Person, centre_x: float, centre_y: float, size: float) -> Layer:
    if person.mirrored:
        face = np.ascontiguousarray(face[:, ::-1])
    zoom = size * SUPERSAMPLING / len(face)
    corner_x, corner_y = (centre_x - size / 2) * SUPERSAMPLING, (centre_y - size / 2) * SUPERSAMPLING
    move = np.array([[zoom, 0, corner_x], [0, zoom, corner_y]], np.float32)
    shape = (WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING)
    return cv2.warpAffine(face, move, shape, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
