"""The demo clip: five characters with average faces that move and show the seven emotions, with ground truth.

At its end a face turns to the camera and the light goes out, so that the camera says why it can't tell.

Made from the images of `characters.py` alone, so it can be made again without FER2013.
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

from emotion_training.fit.reasons import turn_head

WIDTH, HEIGHT, FPS = 320, 240, 10
SUPERSAMPLING = 2  # drawn twice as large and scaled down, against aliasing
BLEND = 4  # frames from one emotion to the next
QUALITY = 90  # of the WebP file; with it the clip has about 950 KB
ABOUT = (
    "Computer-drawn. Each face is the mean of 15 to 30 pictures of different people among FER2013's training faces that look "
    "alike, and of their mirror images; hair, neck, clothes and rooms are drawn. No real person is shown."
)

Layer = NDArray[Any]  # floating point [height, width], gray levels or shares
AverageFaces = dict[str, Layer]  # by emotion
CharacterFaces = dict[str, AverageFaces]  # by character


@dataclass(frozen=True)
class Person:
    """A character in the clip.

    `path`: key frames (frame, center x, center y, face width). Who leaves does so where the next does not come in: the
    camera would take them for one face. `emotions`: (first frame, emotion), UNEASE among them. `turns`: key frames (frame,
    degrees to the side).
    """

    character: str  # of characters.py
    path: tuple[tuple[int, int, int, int], ...]
    emotions: tuple[tuple[int, str], ...]
    hair: int  # gray level
    shirt: int
    darker: int = 0  # gray levels by which the skin is darker; a lower contrast would hide the face from the cascade
    style: str = "short"  # of the hair, or "long"
    turns: tuple[tuple[int, int], ...] = ((0, 0),)


UNEASE = "unease"  # fear and some disgust: seen from the side nobody could name it
PEOPLE = (
    Person("a", ((0, 152, 112, 100), (20, 132, 114, 118), (40, 128, 116, 126), (54, 104, 112, 92), (74, -130, 116, 92),
                 (146, -130, 116, 92), (166, 140, 112, 98), (180, 152, 112, 100), (200, 152, 340, 100),
                 (249, 152, 340, 100), (269, 152, 112, 100)),
           ((0, "neutral"), (15, "happy"), (38, "surprise"), (100, "happy"), (172, "neutral")),
           hair=26, shirt=70, style="long"),
    Person("b", ((0, 440, 120, 86), (18, 440, 120, 86), (38, 246, 122, 84), (58, 240, 114, 62), (78, 440, 116, 66),
                 (179, 440, 120, 86), (180, -120, 120, 86), (194, -120, 120, 86), (214, 86, 116, 90), (248, 92, 116, 90),
                 (268, -120, 116, 90), (269, 440, 120, 86)),
           ((0, "neutral"), (44, "happy"), (180, "neutral"), (240, "happy")),
           hair=34, shirt=104),
    Person("c", ((0, -100, 128, 76), (84, -100, 128, 76), (102, 80, 126, 84), (116, 92, 120, 94), (134, 84, 124, 88),
                 (150, 84, 330, 88)),
           ((0, "sad"), (114, "surprise")),
           hair=48, shirt=150, style="long"),
    Person("d", ((0, 232, 336, 90), (106, 232, 336, 90), (124, 232, 112, 92), (146, 226, 114, 106), (162, 222, 112, 100),
                 (178, 430, 112, 92), (182, 430, 114, 104), (206, 220, 114, 104), (248, 214, 114, 104),
                 (266, 440, 112, 104)),
           ((0, "disgust"), (142, "fear"), (178, UNEASE), (216, "fear")),
           hair=190, shirt=46, style="long", turns=((0, 0), (180, 0), (182, 48), (212, 48), (217, 0))),
    Person("e", ((0, -130, 116, 100), (62, -130, 116, 100), (80, 130, 116, 112), (92, 206, 114, 122), (104, 222, 116, 114),
                 (120, 470, 116, 104)),
           ((0, "neutral"), (82, "angry")),
           hair=10, shirt=188, darker=34),
)  # fmt: skip
FRAMES = 270  # then it starts again
LIGHT = ((0, 1), (226, 1), (230, 0.07), (242, 0.07), (246, 1))  # key frames (frame, gain)
TURNED, DARK = 25, 0.5  # degrees from which, gain up to which nobody could tell an emotion
ROOM_FRAMES = 45  # of each room but the last, which stays
SWAY = 2  # pixels around the path: WebP drops a frame that equals the one before


def run(characters: Path, clip: Path) -> None:
    """Write the clip (an animated WebP) and a `.json` with the ground truth of each frame beside it.

    `characters`: the folder of their faces. Ground truth: the time in ms and, for each face that is completely in the
    frame, its emotion (null during a transition), where nothing can be told `why`, and its box (x, y, w, h) in pixels, about where the Haar cascade puts it.
    """
    faces = load_characters(characters)
    frames = [Image.fromarray(frame).convert("RGB") for frame in draw(faces)]
    lines = ",\n".join(json.dumps(ground_truth(number), separators=(",", ":")) for number in range(FRAMES))
    about = json.dumps(ABOUT)
    head = f'{{"about":{about},"fps":{FPS},"width":{WIDTH},"height":{HEIGHT},"frames":[\n'
    options: dict[str, Any] = {"duration": 1000 // FPS, "loop": 0, "quality": QUALITY, "method": 6}
    with whole_file(clip) as webp, whole_file(clip.with_suffix(".json")) as truth:
        frames[0].save(webp, "WEBP", save_all=True, append_images=frames[1:], **options)
        truth.write_text(f"{head}{lines}\n]}}\n", encoding="utf-8", newline="\n")


def load_average_faces(folder: Path) -> AverageFaces:
    """The seven average faces by emotion, float32. Raises UserError if one is missing or not an image."""
    return {emotion: _load(folder / f"{emotion}.png") for emotion in EMOTIONS}


def load_characters(folder: Path) -> CharacterFaces:
    """The faces of the clip's people: of each character those that it shows. Raises UserError if one is missing."""
    shown = {person.character: {emotion for _, emotion in person.emotions} for person in PEOPLE}
    faces = {
        name: {it: _load(folder / f"{name}_{it}.png") for it in emotions - {UNEASE}} for name, emotions in shown.items()
    }
    for mine in faces.values():
        if "fear" in mine and "disgust" in mine:
            mine[UNEASE] = 0.78 * mine["fear"] + 0.22 * mine["disgust"]
    return faces


def _load(path: Path) -> Layer:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L"), np.float32)
    except OSError as error:
        raise UserError(
            f"{path}: no average face there; make them with emotion-camera train composites or characters"
        ) from error


def ground_truth(number: int) -> dict[str, Any]:
    """Time and faces of frame `number`."""
    faces = []
    for person in PEOPLE:
        x, y, size = place(person, number)
        box = [round(x - size / 2), round(y - size / 2), round(size), round(size)]
        if box[0] >= 0 and box[0] + box[2] <= WIDTH and box[1] + box[3] <= HEIGHT:
            old, new, share = expression(person, number)
            reason = why(person, number)
            told = not reason and new != UNEASE and (share == 1 or old == new)
            faces.append({"emotion": new if told else None, **({"why": reason} if reason else {}), "box": box})
    return {"t": number * 1000 // FPS, "faces": faces}


def why(person: Person, number: int) -> str:
    """What keeps a face from being told, as the camera reports it; "" for nothing."""
    if at(LIGHT, number) < DARK:
        return "dark"
    return "turned" if at(person.turns, number) > TURNED else ""


def at(stops: Sequence[tuple[float, float]], number: int) -> float:
    """A value between key frames (frame, value)."""
    frames, values = zip(*stops, strict=True)
    return float(np.interp(number, frames, values))


def place(person: Person, number: int) -> tuple[float, float, float]:
    """Center x, center y and width of the face in pixels."""
    x, y, size = on_path(person.path, number)
    turn = 2 * math.pi * 12 * number / FRAMES
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


def draw(faces: CharacterFaces) -> Iterator[NDArray[np.uint8]]:
    """The frames, uint8 [240, 320]."""
    y, x = np.mgrid[0 : HEIGHT * SUPERSAMPLING, 0 : WIDTH * SUPERSAMPLING].astype(np.float32) / SUPERSAMPLING
    rooms = backdrops(x, y)
    for number in range(FRAMES):
        scene = _backdrop(rooms, number)
        for person in sorted(PEOPLE, key=lambda person: place(person, number)[2]):  # the larger is nearer
            scene = _draw_person(scene, person, number, faces, x, y)
        gain = at(LIGHT, number)
        small = cv2.resize(scene * gain, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        if gain < 1:  # the sensor's noise; without it WebP drops frames that are equal
            small = small + np.random.default_rng(number).normal(4, 1, small.shape)
        yield small.round().clip(0, 255).astype(np.uint8)


def _backdrop(rooms: Sequence[Layer], number: int) -> Layer:
    """One room after the other; they dissolve into each other, so that a tracker can follow the faces."""
    room = min(number // ROOM_FRAMES, len(rooms) - 1)
    share = min((number - room * ROOM_FRAMES + 1) / (2 * BLEND + 1), 1.0)
    return blend(rooms[room - 1], rooms[room], np.float32(share))


def backdrops(x: Layer, y: Layer) -> list[Layer]:
    """Rooms out of focus: a wall with a window, bookshelves, a park, curtains."""
    light = 158 - 60 * ((x - 110) / WIDTH) ** 2 - 80 * ((y - 70) / HEIGHT) ** 2
    window = light + 84 * _panes(x, y) - 40 * (y > 196)
    rng = np.random.default_rng(7)
    books = np.full_like(light, 52)
    for shelf in range(4):
        left = -10.0
        while left < WIDTH:
            wide, tall, tone = rng.uniform(7, 17), rng.uniform(38, 52), rng.uniform(40, 190)
            floor = 62 + 62 * shelf
            books[(x >= left) & (x < left + wide) & (y < floor) & (y > floor - tall)] = tone
            left += wide
    park = np.where(y < 150, 190 - 0.3 * y, 120.0).astype(np.float32)
    for _ in range(70):
        center_x, center_y, radius = rng.uniform(0, WIDTH), rng.uniform(10, 120), rng.uniform(10, 30)
        park = blend(
            park, np.float32(rng.uniform(60, 200)), 0.6 * oval(x - center_x, y - center_y, radius, radius, 0.2)
        )
    curtains = 120 + 34 * np.sin(x / 9 + 0.6 * np.sin(x / 31)) - 0.18 * y
    return [
        cv2.GaussianBlur(room.astype(np.float32), (0, 0), soft * SUPERSAMPLING)
        for room, soft in ((window, 2.5), (books, 3.5), (park, 2.0), (curtains, 1.5))
    ]


def _panes(x: Layer, y: Layer) -> Layer:
    """1 in the panes of a window, 0 elsewhere."""
    across, down = np.abs(x - 250), np.abs(y - 70)
    return ((across < 46) & (across > 3) & (down < 54) & (down > 3)).astype(np.float32)


def _draw_person(scene: Layer, person: Person, number: int, faces: CharacterFaces, x: Layer, y: Layer) -> Layer:
    centre_x, centre_y, size = place(person, number)
    if not -1.2 * size < centre_x < WIDTH + 1.2 * size:
        return scene
    old, new, share = expression(person, number)
    mine = faces[person.character]
    degrees = at(person.turns, number)
    turned = turn_head(mine[old] * (1 - share) + mine[new] * share, degrees)
    face = _place_face(turned - person.darker, centre_x, centre_y, size)
    u, v = (x - centre_x) / size, (y - centre_y) / size
    return draw_figure(scene, u, v, size, person.hair, person.shirt, face, person.darker, person.style, degrees)


def draw_figure(
    scene: Layer,
    u: Layer,
    v: Layer,
    size: float,
    hair: int,
    shirt: int,
    face: Layer,
    darker: int = 0,
    style: str = "plain",
    degrees: float = 0,
) -> Layer:
    """The scene with hair, neck, shirt and face over it; u and v are distances from the face's center in face widths.

    `size` is the face's width in pixels, `hair` and `shirt` are gray levels, and `face` is as large as the scene. The neck is
    `darker` by so many gray levels, and the face turned by so many `degrees`. Hair of the `style` "plain" is long without strands, as bench's scenes have it.
    """
    soft = 0.06 + 1.2 / size
    tone = hair + (_sheen(u, v) if style == "plain" else _strands(u, v))
    if style != "short":
        scene = blend(scene, tone, _hair(u, v, soft))
    neck_shadow = 55 * ((0.68 - v) / 0.22).clip(0, 1)
    scene = blend(scene, 132 - darker - neck_shadow, oval(u, v - 0.62, 0.265, 0.40, 0.14))
    cloth = shirt + 34 * np.exp(-(((u + 0.35) / 0.5) ** 2)) - 26 * (v - 0.9).clip(0, 1)
    collar = oval(u, v - 0.62, 0.25, 0.30, 0.10)
    shoulders = oval(u / (0.98 + 0.15 * (v - 1).clip(0, 1)), (v - 1.35).clip(None, 0), 1, 0.62, soft)
    scene = blend(scene, cloth, shoulders * (1 - collar))
    if style == "short":
        ears = oval(np.abs(u) - 0.475, v - 0.02, 0.07, 0.15, 0.3)
        scene = blend(scene, 128 - darker - 60 * (v - 0.02).clip(0, 1), ears)
        scene = blend(scene, tone, oval(u, v + 0.14, 0.52, 0.56, soft) * ((0.02 - v) / 0.1).clip(0, 1))
    side = math.sin(math.radians(degrees))  # what has turned out of sight is hair
    return blend(scene, face, oval(u + 0.2 * side, v + 0.035, 0.465 - 0.14 * side, 0.515, 0.18))


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


def _strands(u: Layer, v: Layer) -> Layer:
    """Hair that is combed from a parting, lighter where it faces the light."""
    angle = np.arctan2(u - 0.08, 0.75 + v)
    fine = np.sin(61 * angle + 3 * np.sin(9 * angle)) + 0.6 * np.sin(137 * angle)
    return 5 * fine + 20 * np.exp(-(((u + 0.2) / 0.25) ** 2) - ((v + 0.5) / 0.16) ** 2)


def _place_face(face: Layer, centre_x: float, centre_y: float, size: float) -> Layer:
    zoom = size * SUPERSAMPLING / len(face)
    corner_x, corner_y = (centre_x - size / 2) * SUPERSAMPLING, (centre_y - size / 2) * SUPERSAMPLING
    move = np.array([[zoom, 0, corner_x], [0, zoom, corner_y]], np.float32)
    shape = (WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING)
    return cv2.warpAffine(face, move, shape, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
