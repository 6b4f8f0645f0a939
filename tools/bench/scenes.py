"""Scenes with ground truth: the bundled clip, and drawn people whose faces are blends of the seven average faces.

Hair and shoulders are drawn around a face, as in the clip, so that the cascade finds it. The same seed gives the same frames.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from emotion_camera.files import ASSETS
from emotion_camera.model.contract import EMOTIONS
from emotion_camera.simulator.host.sources import CLIP, Pixels, Source, open_source
from emotion_training.assets.clip import (
    FPS,
    HEIGHT,
    WIDTH,
    AverageFaces,
    Layer,
    blend,
    draw_figure,
    load_average_faces,
    on_path,
    oval,
)

from bench.backgrounds import MARGIN, curtains, foliage, furnished, plain_wall

AVERAGE_FACES = ASSETS / "average_faces"
BLEND = 3  # frames from one expression to the next
OPEN_MOUTH = "open mouth"  # of a face that is neutral otherwise
CLEAR = 0.9  # the part of a face that must be in sight for it to count as missed when it is not found
DIM_GAIN, DIM_BLACK = 0.35, 12  # a room in the evening: the clip's faces then have a standard deviation of about 20


Rectangle = tuple[float, float, float, float]  # x, y, width, height in pixels
Place = tuple[float, float, float]  # centre x, centre y and width of a face, pixels
Expression = dict[str, float]  # how much of each average face is in a face; the shares add up to 1
Stop = tuple[float, float, float, float]  # second, and the place there


@dataclass(frozen=True)
class TrueFace:
    """One face in a frame. `emotion` is None where it is ambiguous. A face that is not `clear` is partly hidden, turned away or in
    the dark: it counts neither as missed nor as a false positive."""

    person: int
    emotion: str | None
    box: Rectangle
    clear: bool = True


@dataclass(frozen=True)
class Scene:
    """Frames, and the faces in each."""

    name: str
    source: Source
    truth: tuple[tuple[TrueFace, ...], ...]


@dataclass(frozen=True)
class Actor:
    """A person: place, expression and true emotion in each frame."""

    places: Sequence[Place]
    expressions: Sequence[Expression]
    emotions: Sequence[str]  # the truth
    hair: int  # grey level
    shirt: int
    mirrored: bool = False
    hidden: frozenset[int] = frozenset()  # frames in which a hand is before the face


@dataclass(frozen=True)
class Light:
    """Of the sensor: standard deviation of the noise in grey levels, gain, and the share by which the gain varies."""

    noise: float = 3
    gain: float = 1
    drift: float = 0


def clip() -> Scene:
    """The bundled clip with the truth beside it; a face's place in the list is its person."""
    frames = json.loads(CLIP.read_text(encoding="utf-8"))["frames"]
    truth = tuple(
        tuple(
            TrueFace(person, face["emotion"], tuple(face["box"]), clear="why" not in face)
            for person, face in enumerate(frame["faces"])
        )
        for frame in frames
    )
    return Scene("clip", open_source(), truth)


def dim_clip() -> Scene:
    """The bundled clip in a dim room."""
    bright = clip()

    def frames() -> Iterator[Pixels]:
        for frame in bright.source.frames():
            yield np.rint(frame * DIM_GAIN + DIM_BLACK).astype(np.uint8)

    return Scene("dim clip", Source("the clip, dimmed", bright.source.fps, frames), bright.truth)


@cache
def seated(seconds: int = 60, seed: int = 1, light: Light = Light(noise=8, drift=0.12), jitter: float = 0.03) -> Scene:
    """Two seated people who change from one emotion to the next, mild ones too, before a noisy sensor.

    `jitter`: random motion from frame to frame, as a share of the face's width.
    """
    random = np.random.default_rng(seed)
    actors = []
    for x, size, hair, mirrored in ((92, 100, 30, False), (228, 92, 44, True)):
        expressions, emotions = _expressions(random, seconds * FPS, mild=0.4)
        places = _jitter(random, [(x, 116, size)] * (seconds * FPS), jitter)
        actors.append(Actor(places, expressions, emotions, hair, shirt=60, mirrored=mirrored))
    return _scene("seated", actors, light, seed)


@cache
def two_people(seed: int = 1) -> Scene:
    """Two people who cross, slowly and fast; one leaves the picture for 0.8 s, one hides behind a hand for 0.6 s."""
    near = [(0, 84, 118, 96), (2, 84, 118, 96), (5, 236, 118, 96), (12, 236, 118, 96), (14, 84, 116, 96), (20, 84, 116, 96),
            (24, 150, 124, 110), (30, 150, 124, 110)]  # fmt: skip
    far = [(0, 236, 104, 74), (2, 236, 104, 74), (5, 70, 104, 74), (8, 60, 104, 74), *_out_and_back(8, 60, 104, 74, -1),
           (9.5, 70, 104, 74), (12, 70, 104, 74), (14, 240, 100, 74), (18, 250, 100, 80), *_out_and_back(18, 250, 100, 80, 1),
           (20, 250, 100, 80), (24, 40, 90, 64), (27, 264, 90, 64), (30, 264, 90, 64)]  # fmt: skip
    return _people("two people", (near, far), hidden=([(16, 0.6)], [(10.5, 0.6)]), seed=seed)


@cache
def three_people(seed: int = 2) -> Scene:
    """Three people who do the same."""
    first = [(0, 60, 124, 86), (3, 60, 124, 86), (7, 262, 128, 86), (14, 262, 128, 86), *_out_and_back(14, 262, 128, 86, 1),
             (18, 262, 128, 86), (21, 60, 128, 86), (30, 60, 128, 86)]  # fmt: skip
    second = [(0, 162, 108, 72), (4, 162, 108, 72), (7, 70, 108, 72), (18, 70, 108, 72), (21, 160, 108, 72),
              (25, 160, 108, 72), (27, 254, 106, 72), (30, 254, 106, 72)]  # fmt: skip
    third = [(0, 254, 96, 62), (4, 254, 96, 62), (7, 166, 96, 62), (18, 166, 96, 62), (21, 256, 96, 62),
             (23, 256, 96, 62), *_out_and_back(23, 256, 96, 62, 1), (25, 256, 96, 62), (27, 160, 96, 62), (30, 160, 96, 62)]  # fmt: skip
    hidden = ([(9, 0.6)], [(11, 0.6), (28, 0.6)], [(16.5, 0.6)])
    return _people("three people", (first, second, third), hidden=hidden, seed=seed)


TALK_S, SURPRISE_S = (6.0, 9.0), (1.5, 2.5)


@cache
def talking(seed: int = 9, seconds: int = 60) -> Scene:
    """Two people who talk: their mouths open and close 2 to 6 times a second. Now and then they are surprised for 1.5 to 2.5 s.

    One of them moves the mouth alone, in the other the whole face blends between neutral and surprise.
    """
    random = np.random.default_rng(seed)
    actors = []
    for x, hair, opened, mirrored in ((92, 30, OPEN_MOUTH, False), (228, 44, "surprise", True)):
        expressions, emotions = _talk(random, seconds * FPS, opened)
        places = _jitter(random, [(x, 116, 98)] * len(expressions), 0.01)
        actors.append(Actor(places, expressions, emotions, hair, shirt=60, mirrored=mirrored))
    return _scene("talking", actors, Light(), seed)


def _talk(random: np.random.Generator, frames: int, opened: str) -> tuple[list[Expression], list[str]]:
    """Expressions and truth of somebody who talks, `opened` being the face with the mouth open; syllables differ in length."""
    expressions: list[Expression] = []
    emotions: list[str] = []
    while len(expressions) < frames:
        phase = 0.0
        for _ in range(round(random.uniform(*TALK_S) * FPS)):
            phase += random.uniform(2, 6) / FPS
            share = 0.5 - 0.5 * math.cos(2 * math.pi * phase)
            expressions.append({"neutral": 1 - share, opened: share})
            emotions.append("neutral")
        surprised = round(random.uniform(*SURPRISE_S) * FPS)
        expressions += [{"surprise": 1.0}] * surprised
        emotions += ["surprise"] * surprised
    return expressions[:frames], emotions[:frames]


REST_S, EXPRESSION_S, START_S = 1.5, 1.5, 5.0
RESTING = (
    # emotion in the resting face, its share, mirrored, width of the face, gain
    ("sad", 0.55, False, 104, 1.0),
    ("angry", 0.70, True, 96, 1.0),
    ("sad", 0.50, True, 120, 0.85),
    ("angry", 0.65, False, 112, 1.1),
    ("sad", 0.45, False, 90, 1.05),
    ("angry", 0.60, True, 124, 0.9),
)  # fmt: skip


@cache
def resting(number: int) -> Scene:
    """A person whose resting face looks sad or angry: five seconds at rest, then expressions and rest in turn.

    An expression covers nearly all of the resting face.
    """
    tinge, share, mirrored, size, gain = RESTING[number]
    random = np.random.default_rng(100 + number)
    rest = {"neutral": 1 - share, tinge: share}
    plan: list[tuple[str, Expression, float]] = [("neutral", rest, START_S)]
    for emotion in random.permutation([name for name in EMOTIONS if name != "neutral"]).tolist():
        cover = random.uniform(0.8, 1.0)
        expression = _mix(rest, {emotion: 1.0}, cover)
        plan += [(emotion, expression, EXPRESSION_S), ("neutral", rest, REST_S)]
    expressions, emotions = _act(plan)
    places = _jitter(random, [(160, 118, size)] * len(expressions), 0.02)
    actor = Actor(places, expressions, emotions, hair=36, shirt=64, mirrored=mirrored)
    return _scene(f"{tinge} at rest, {share:.0%}", [actor], Light(noise=4, gain=gain), 100 + number)


def still(frames: int) -> Scene:
    """One happy face that does nothing, for as many frames as asked for."""
    one = _scene("still", [Actor([(160, 118, 110)], [{"happy": 1.0}], ["happy"], 36, 64)], Light(), 5)
    frame = next(one.source.frames())
    return Scene("still", Source("still", FPS, lambda: (frame for _ in range(frames))), one.truth * frames)


@cache
def one_person(seed: int = 3) -> Scene:
    """One person who sways before the camera, comes nearer and goes back, and shows one emotion after the other."""
    path = [(0, 150, 118, 92), (3, 150, 118, 92), (6, 176, 114, 92), (9, 170, 120, 112), (13, 170, 120, 112),
            (17, 140, 116, 84), (22, 140, 116, 84), (26, 164, 112, 78), (30, 164, 112, 78)]  # fmt: skip
    return _people("one person", (path,), hidden=([],), seed=seed)


ARRIVALS = (
    # second, centre x and y, width of the face, side from which it comes, how long it stays
    (2.0, 90, 120, 96, -1, 3.0),
    (7.0, 236, 110, 80, 1, 3.0),
    (12.0, 84, 104, 66, -1, 3.0),
    (17.0, 240, 122, 110, 1, 3.0),
    (22.0, 70, 100, 58, -1, 3.0),
    (27.0, 244, 108, 72, 1, 3.0),
)  # fmt: skip


@cache
def newcomers(beside: bool = False, seed: int = 4) -> Scene:
    """People who step in from the sides one by one, each 3 s in sight; with `beside`, while another stands in the middle."""
    frames = round((ARRIVALS[-1][0] + ARRIVALS[-1][5] + 2) * FPS)
    random = np.random.default_rng(seed)
    actors = []
    for number, (second, x, y, size, side, stay) in enumerate(ARRIVALS):
        gone = -1.3 * size if side < 0 else WIDTH + 1.3 * size  # the shoulders, too
        path = [(0, gone, y, size), (second - 0.4, gone, y, size), (second, x, y, size), (second + stay, x, y, size),
                (second + stay + 0.4, gone, y, size), (99, gone, y, size)]  # fmt: skip
        actors.append(_actor(random, path, frames, hair=30 + 6 * number, mirrored=number % 2 == 1))
    if beside:
        actors.append(_actor(random, [(0, 160, 118, 70), (99, 160, 118, 70)], frames, hair=40, mirrored=False))
    return _scene("newcomers" + " beside one" * beside, actors, Light(), seed)


@cache
def nobody(seed: int = 6) -> Scene:
    """Three rooms without people, 8 s each: a bare wall, furniture, curtains."""
    return _empty("nobody", (plain_wall, furnished, curtains), seed)


@cache
def leaves(seed: int = 7) -> Scene:
    """Nobody, before leaves: high contrast at all sizes, the cascade's worst case, 8 s."""
    return _empty("leaves", (foliage,), seed)


PORTRAIT_FRAMES = 60
TURNED = 0.5  # width of a face that is turned away so far that the cascade finds it in some frames and not in others


@cache
def still_portrait(size: int, number: int = 0, turned: bool = False) -> Scene:
    """A face `size` pixels tall that does not move, evenly lit, before a sensor with its usual noise.

    `number` picks who; with `turned` the face is half turned away, as narrow as that makes it.
    """
    random = np.random.default_rng((size, number))
    x, y = 160 + random.uniform(-12, 12), 112 + random.uniform(-8, 8)
    emotion = EMOTIONS[(number + 6) % len(EMOTIONS)]  # neutral first
    hair, shirt = (int(tone) for tone in random.integers((26, 56), (60, 90)))
    actor = Actor([(x, y, float(size))], [{emotion: 1.0}], [emotion], hair, shirt, mirrored=number % 2 == 1)
    clean = next(_draw([actor], Light(noise=0), random)).astype(np.float32)
    frames = [_noisy(_narrow(clean, x) if turned else clean, random) for _ in range(PORTRAIT_FRAMES)]
    name = f"still, {size} pixels" + ", half turned" * turned
    return Scene(name, Source(name, FPS, lambda: iter(frames)), (_true_faces([actor], 0),) * PORTRAIT_FRAMES)


def _narrow(frame: Layer, x: float) -> Layer:
    """A frame made narrower about the column `x`."""
    import cv2

    squeeze = np.array([[TURNED, 0, x * (1 - TURNED)], [0, 1, 0]], np.float32)
    return cv2.warpAffine(frame, squeeze, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _noisy(frame: Layer, random: np.random.Generator) -> Pixels:
    noise = random.normal(0, Light().noise, frame.shape).astype(np.float32)
    return (frame + noise).round().clip(0, 255).astype(np.uint8)


def _empty(name: str, rooms: Sequence[Callable[..., Layer]], seed: int) -> Scene:
    """8 s of each room, before a camera that sways a little."""
    random, frames = np.random.default_rng(seed), []
    for draw in rooms:
        room = draw(random, WIDTH, HEIGHT)
        for number in range(8 * FPS):
            x, y = (round(MARGIN * (1 + math.sin(number / FPS / slow))) for slow in (1.3, 1.9))
            frames.append(_noisy(room[y : y + HEIGHT, x : x + WIDTH], random))
    return Scene(name, Source(name, FPS, lambda: iter(frames)), ((),) * len(frames))


def _actor(random: np.random.Generator, path: Sequence[Stop], frames: int, hair: int, mirrored: bool) -> Actor:
    """Somebody on a path, with one emotion after the other."""
    expressions, emotions = _expressions(random, frames, mild=0)
    places = _jitter(random, [on_path(path, frame / FPS) for frame in range(frames)], 0.01)
    return Actor(places, expressions, emotions, hair, shirt=70, mirrored=mirrored)


def _people(
    name: str, paths: Sequence[Sequence[Stop]], hidden: Sequence[Sequence[tuple[float, float]]], seed: int
) -> Scene:
    random = np.random.default_rng(seed)
    count = int(paths[0][-1][0] * FPS)
    actors = []
    for number, (path, hands) in enumerate(zip(paths, hidden, strict=True)):
        expressions, emotions = _expressions(random, count, mild=0)
        places = _jitter(random, [on_path(path, frame / FPS) for frame in range(count)], 0.01)
        covered = frozenset(
            frame for start, length in hands for frame in range(round(start * FPS), round((start + length) * FPS))
        )
        tones = ((30, 76), (44, 52), (58, 90))[number]
        actors.append(Actor(places, expressions, emotions, *tones, mirrored=number == 1, hidden=covered))
    return _scene(name, actors, Light(), seed)


def _out_and_back(second: float, x: float, y: float, size: float, side: int) -> list[Stop]:
    """Out of the picture to one side and back: no longer wholly in it for 0.8 s."""
    edge = size / 2 + 4 if side < 0 else WIDTH - size / 2 - 4
    gone = -0.7 * size if side < 0 else WIDTH + 0.7 * size
    path = [(0.3, edge), (0.5, gone), (0.95, gone), (1.15, edge), (1.45, x)]
    return [(second + after, place, y, size) for after, place in path]


def _jitter(random: np.random.Generator, places: Sequence[Place], part: float) -> list[Place]:
    """Each place a little off, by up to `part` of the face's width."""
    shifts = random.uniform(-part, part, (len(places), 3))
    return [
        (x + size * dx, y + size * dy, size * (1 + ds))
        for (x, y, size), (dx, dy, ds) in zip(places, shifts.tolist(), strict=True)
    ]


def _expressions(random: np.random.Generator, frames: int, mild: float) -> tuple[list[Expression], list[str]]:
    """Expressions and true emotions: each is held for 2 to 4 s, and a share `mild` of them is half neutral."""
    plan: list[tuple[str, Expression, float]] = []
    while sum(round(seconds * FPS) for *_, seconds in plan) < frames:
        others = [name for name in EMOTIONS if not plan or name != plan[-1][0]]
        emotion = str(random.choice(others))
        share = random.uniform(0.52, 0.70) if random.random() < mild else 1.0
        plan.append((emotion, _mix({"neutral": 1.0}, {emotion: 1.0}, share), random.uniform(2, 4)))
    expressions, emotions = _act(plan)
    return expressions[:frames], emotions[:frames]


def _act(plan: Sequence[tuple[str, Expression, float]]) -> tuple[list[Expression], list[str]]:
    """A plan of (emotion, expression, seconds), frame by frame. Expressions blend; the truth changes at half of a blend."""
    expressions: list[Expression] = []
    emotions: list[str] = []
    old, was = plan[0][1], plan[0][0]
    for emotion, expression, seconds in plan:
        for frame in range(round(seconds * FPS)):
            share = min((frame + 1) / (BLEND + 1), 1)
            expressions.append(_mix(old, expression, share))
            emotions.append(emotion if share >= 0.5 else was)
        old, was = expression, emotion
    return expressions, emotions


def _mix(old: Expression, new: Expression, share: float) -> Expression:
    return {
        name: old.get(name, 0) * (1 - share) + new.get(name, 0) * share
        for name in EMOTIONS
        if name in old or name in new
    }


def _scene(name: str, actors: Sequence[Actor], light: Light, seed: int) -> Scene:
    frames = list(_draw(actors, light, np.random.default_rng(seed)))
    truth = tuple(_true_faces(actors, number) for number in range(len(frames)))
    return Scene(name, Source(name, FPS, lambda: iter(frames)), truth)


def _true_faces(actors: Sequence[Actor], number: int) -> tuple[TrueFace, ...]:
    """All faces of which any part is in the picture."""
    faces = []
    for person, actor in enumerate(actors):
        x, y, size = actor.places[number]
        box = (x - size / 2, y - size / 2, size, size)
        seen = _visible_part(box, actors, number)
        if seen > 0:
            clear = seen >= CLEAR and number not in actor.hidden
            faces.append(TrueFace(person, actor.emotions[number], box, clear))
    return tuple(faces)


def _visible_part(box: Rectangle, actors: Sequence[Actor], number: int) -> float:
    """The part of a face's box that is in the picture and that no nearer head covers."""
    whole = box[2] * box[3]
    seen = _overlap(box, (0, 0, WIDTH, HEIGHT)) / whole
    for other in actors:
        x, y, size = other.places[number]
        if size > box[2]:
            seen -= _overlap(box, (x - 0.6 * size, y - 0.7 * size, 1.2 * size, HEIGHT)) / whole
    return seen


def _overlap(a: Rectangle, b: Rectangle) -> float:
    """Pixels that two boxes share."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


# Drawing, as of the bundled clip ---------------------------------------------------------------------------------------


def _draw(actors: Sequence[Actor], light: Light, random: np.random.Generator) -> Iterator[Pixels]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    wall = 158 - 60 * ((x - 110) / WIDTH) ** 2 - 80 * ((y - 70) / HEIGHT) ** 2
    for number in range(len(actors[0].places)):
        scene = wall.copy()
        for actor in sorted(actors, key=lambda actor: actor.places[number][2]):  # the larger is nearer
            _draw_actor(scene, actor, number)
        gain = light.gain * (1 + light.drift * math.sin(2 * math.pi * number / FPS / 17))
        noise = random.normal(0, light.noise, scene.shape).astype(np.float32)
        yield (scene * gain + noise).round().clip(0, 255).astype(np.uint8)


def _draw_actor(scene: Layer, actor: Actor, number: int) -> None:
    """Draw a person, and the hand before the face, into the scene."""
    centre_x, centre_y, size = actor.places[number]
    left, right = (min(max(round(centre_x + side * 1.25 * size), 0), WIDTH) for side in (-1, 1))
    top = min(max(round(centre_y - 0.9 * size), 0), HEIGHT)
    if left == right:
        return
    y, x = np.mgrid[top:HEIGHT, left:right].astype(np.float32)
    part = scene[top:, left:right]
    u, v = (x - centre_x) / size, (y - centre_y) / size
    face = _face(actor, number, (left, top), part.shape)
    drawn = draw_figure(part, u, v, size, actor.hair, actor.shirt, face)
    part[:] = blend(drawn, 125 - 18 * u, oval(u, v, 0.55, 0.60, 0.08)) if number in actor.hidden else drawn


@cache
def _average_faces() -> AverageFaces:
    """The seven average faces, and OPEN_MOUTH: the neutral one with the mouth of surprise, joined below the nose."""
    faces = load_average_faces(AVERAGE_FACES)
    rows = np.arange(len(faces["neutral"]), dtype=np.float32)[:, None] / len(faces["neutral"])
    lower = 1 / (1 + np.exp((0.62 - rows) / 0.03))
    return {**faces, OPEN_MOUTH: faces["neutral"] * (1 - lower) + faces["surprise"] * lower}


def _face(actor: Actor, number: int, corner: tuple[int, int], shape: tuple[int, ...]) -> Layer:
    """The blended face at its place in the part of the scene that begins at `corner`."""
    import cv2

    faces = _average_faces()
    face: Layer = np.sum([faces[name] * share for name, share in actor.expressions[number].items()], axis=0)
    if actor.mirrored:
        face = np.ascontiguousarray(face[:, ::-1])
    x, y, size = actor.places[number]
    zoom = size / len(face)
    move = np.array([[zoom, 0, x - size / 2 - corner[0]], [0, zoom, y - size / 2 - corner[1]]], np.float32)
    size_xy = (shape[1], shape[0])
    return cv2.warpAffine(face, move, size_xy, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
