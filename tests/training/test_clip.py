"""The bundled clip matches its ground truth, and the camera's detector finds its faces."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.files import ASSETS
from emotion_camera.model.contract import EMOTIONS
from emotion_camera.simulator.host.haar import find_features, load_cascade
from emotion_training.assets import average_faces, clip
from emotion_training.data.fer2013 import SEVEN, Faces, load
from PIL import Image, ImageSequence

FER2013 = Path(__file__).parents[3] / "shared" / "datasets" / "fer2013" / "fer2013.npz"


@cache
def frames() -> list[np.ndarray]:
    with Image.open(ASSETS / "clip.webp") as pictures:
        return [np.asarray(picture.convert("L")) for picture in ImageSequence.Iterator(pictures)]


@cache
def truth() -> dict[str, Any]:
    return json.loads((ASSETS / "clip.json").read_text(encoding="utf-8"))


def overlap(a: list[int] | tuple[int, ...], b: list[int]) -> float:
    """Intersection over union."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def test_every_frame_has_its_ground_truth() -> None:
    assert (truth()["width"], truth()["height"], truth()["fps"]) == (320, 240, 10)
    assert len(frames()) == len(truth()["frames"])
    assert {frame.shape for frame in frames()} == {(240, 320)}
    assert [frame["t"] for frame in truth()["frames"]] == list(range(0, 100 * len(frames()), 100))


def test_the_clip_is_gray_and_small() -> None:
    with Image.open(ASSETS / "clip.webp") as picture:
        red, green, blue = picture.convert("RGB").split()
    # YUV to RGB rounds each colour for itself.
    assert max(np.abs(np.subtract(a, red, dtype=int)).max() for a in (green, blue)) <= 1
    assert sum(path.stat().st_size for path in [ASSETS / "clip.webp", *ASSETS.glob("*/*.png")]) < 1_100_000


def test_each_emotion_is_held_for_a_second_and_a_half() -> None:
    longest: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for frame in truth()["frames"]:
        now = {face["emotion"] for face in frame["faces"]} - {None}
        held = Counter({emotion: held[emotion] + 1 for emotion in now})
        longest |= held
    assert all(longest[emotion] >= 15 for emotion in EMOTIONS), longest


def test_two_faces_are_seen_at_once_and_at_several_sizes() -> None:
    sizes = [face["box"][2] for frame in truth()["frames"] for face in frame["faces"]]
    assert min(sizes) < 65
    assert max(sizes) > 120
    assert sum(len(frame["faces"]) == 2 for frame in truth()["frames"]) >= 30


def test_the_cameras_detector_finds_the_held_faces() -> None:
    held: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for frame, seen in zip(frames(), truth()["frames"], strict=True):
        boxes = find_features(frame, load_cascade(), 0.75, 1.25)
        for face in seen["faces"]:
            if face["emotion"]:
                held[face["emotion"]] += 1
                found[face["emotion"]] += any(overlap(box, face["box"]) >= 0.5 for box in boxes)
    assert found.total() >= 0.95 * held.total()
    assert all(found[emotion] >= 0.9 * held[emotion] for emotion in EMOTIONS), (found, held)


def test_nobody_jumps() -> None:
    """A tracker can follow: less than a quarter of a face from frame to frame."""
    people = [[clip.place(person, number) for number in range(clip.FRAMES)] for person in clip.PEOPLE]
    for course in people:
        for here, there in zip(course, [*course[1:], course[0]], strict=True):
            if not (out_of_sight(*here) and out_of_sight(*there)):  # then it may come back from another side
                assert np.hypot(there[0] - here[0], there[1] - here[1]) < here[2] / 4


def out_of_sight(x: float, y: float, size: float) -> bool:
    return x < -size or x > clip.WIDTH + size or y > clip.HEIGHT + 0.9 * size


def test_ground_truth_and_clip_are_reproducible() -> None:
    assert [clip.ground_truth(number) for number in range(clip.FRAMES)] == truth()["frames"]
    drawn = next(iter(clip.draw(clip.load_characters(ASSETS / "characters"))))
    assert np.abs(drawn.astype(int) - frames()[0]).mean() < 2  # the WebP file is not lossless


def test_a_missing_average_face_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"angry\.png: no average face"):
        clip.load_average_faces(tmp_path)


@pytest.mark.skipif(not FER2013.exists(), reason="no ../shared/datasets/fer2013")
def test_no_average_face_shows_a_real_person() -> None:
    """If an average face showed one person, one image would stand out; many are about as similar to a mean."""
    images = load(FER2013).images.reshape(-1, 48 * 48).astype(np.float32)
    images -= images.mean(1, keepdims=True)
    images /= np.linalg.norm(images, axis=1, keepdims=True) + 1e-6
    faces = clip.load_average_faces(ASSETS / "average_faces")
    for name, mine in clip.load_characters(ASSETS / "characters").items():
        faces |= {f"{name} {emotion}": face for emotion, face in mine.items()}
    for emotion, average in faces.items():
        small = np.asarray(Image.fromarray(average).resize((48, 48), Image.Resampling.BOX))
        for view in (small, small[:, ::-1]):
            alike = np.sort(images @ (view - view.mean()).ravel() / np.linalg.norm(view - view.mean()))
            assert alike[-1] < 0.95, emotion  # the same photograph with other noise has over 0.98
            # A character is a special look: fewer pictures are like it, and all of them less.
            assert alike[-1] - alike[-3 if " " in emotion else -15] < 0.1, emotion


def test_copies_of_one_face_give_no_average_face() -> None:
    faces = clip.load_average_faces(ASSETS / "average_faces").values()
    images = np.array([np.asarray(Image.fromarray(p).resize((48, 48))) for p in faces]).repeat(80, 0).astype(np.uint8)
    labels = np.arange(7, dtype=np.uint8).repeat(80)
    votes = np.zeros((560, 10), np.uint8)
    votes[range(560), np.array(SEVEN)[labels]] = 10
    with pytest.raises(UserError, match="only 1 different faces are similar"):
        average_faces.make_average_faces(images, votes, labels)


def test_too_few_faces_give_no_average_face() -> None:
    with pytest.raises(UserError, match=r"angry: only 0 .* give all of FER2013"):
        average_faces.make_average_faces(
            np.zeros((9, 48, 48), np.uint8), np.ones((9, 10), np.uint8), np.zeros(9, np.uint8)
        )


def test_average_faces_need_votes(tmp_path: Path) -> None:
    faces = Faces(np.zeros((1, 48, 48), np.uint8), np.zeros(1, np.uint8), np.zeros(1, np.uint8))
    with pytest.raises(UserError, match="votes"):
        average_faces.run(faces, tmp_path)
