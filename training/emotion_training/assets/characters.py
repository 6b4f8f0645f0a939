"""The faces of the clip's five characters: means of FER2013 training faces that look alike, for each emotion they show.

FER2013 has no labels of sex, age or skin. A character is a ranking of the aligned faces by one visible property (dark hair at
the sides, a dark chin, dark skin for the picture's light, ...); the mean of the most similar among the first has it clearly.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray
from PIL import Image

from emotion_training.assets.average_faces import (
    MIN_FACES,
    WORK,
    Picture,
    Pool,
    align,
    check_enough,
    detail,
    finish,
    mean_of_group,
    template,
    warp_to,
)
from emotion_training.data.fer2013 import SEVEN, TRAINING, Faces

CANDIDATES = 1600  # per emotion, those with the highest FER+ agreement
AGREED = {"fear": 0.6, "disgust": 0.3}  # share of the votes, else 0.5: half-clear fear looks surprised, disgust is rare
FIRST = 260  # of the ranking, or a third of the candidates, but at least FEWEST
FEWEST = 70
SIZE = 30  # faces in a mean at most

Y, X = np.mgrid[-1 : 1 : WORK * 1j, -1 : 1 : WORK * 1j]


def _region(left: float, right: float, top: float, bottom: float) -> NDArray[np.bool_]:
    """Both halves of the face between `left` and `right` of its middle, in half widths."""
    return (np.abs(X) >= left) & (np.abs(X) <= right) & (top <= Y) & (bottom >= Y)


CHEEKS = _region(0.25, 0.5, 0, 0.35)
CHIN = _region(0.15, 0.5, 0.72, 0.95) | _region(0, 0.25, 0.85, 0.97)
LIP = _region(0, 0.3, 0.38, 0.48)
SIDES = _region(0.85, 1, -0.3, 0.6)
TOP = _region(0, 0.6, -1, -0.85)
FOREHEAD = _region(0, 0.4, -0.75, -0.5)


def _tone(faces: Picture, region: NDArray[np.bool_]) -> Picture:
    return faces[:, region].mean(1)


def _long_dark_hair(faces: Picture, _: NDArray[np.uint8]) -> Picture:
    return _tone(faces, CHEEKS) - _tone(faces, SIDES) - 0.5 * _tone(faces, TOP)


def _beard(faces: Picture, _: NDArray[np.uint8]) -> Picture:
    return 2 * _tone(faces, CHEEKS) - _tone(faces, CHIN) - _tone(faces, LIP)


def _dark_skin(_: Picture, images: NDArray[np.uint8]) -> Picture:
    """Skin that is dark beside the brightest of its picture, where that is well lit."""
    skin = np.median(images[:, 14:36, 12:36].reshape(len(images), -1), 1)
    light = np.percentile(images.reshape(len(images), -1), 98, axis=1)
    return -skin / np.maximum(light, 1) - 5 * (light < 150)


def _lines(faces: Picture, _: NDArray[np.uint8]) -> Picture:
    fine = np.array([face - cv2.GaussianBlur(face, (0, 0), 1.5) for face in faces])
    return _tone(fine**2, FOREHEAD | CHEEKS)


def _smooth_fair(faces: Picture, _: NDArray[np.uint8]) -> Picture:
    """Little contrast between the brows and the top, and fair hair: mostly children."""
    upper = faces[:, 8:40].reshape(len(faces), -1).std(1)
    return _tone(faces, TOP) + _tone(faces, SIDES) - 2 * _tone(faces, FOREHEAD) - upper


Looks = Callable[[Picture, NDArray[np.uint8]], Picture]  # ranks aligned faces [n, 96, 96] and their images [n, 48, 48]

CHARACTERS: dict[str, dict[str, Looks]] = {
    "a": {"neutral": _long_dark_hair, "happy": _long_dark_hair, "surprise": _long_dark_hair},
    "b": {"neutral": _beard, "happy": _beard},
    "c": {"sad": _smooth_fair, "surprise": _smooth_fair},
    "d": {"disgust": _lines, "fear": _smooth_fair},
    "e": {"neutral": _dark_skin, "angry": _dark_skin},
}


def run(faces: Faces, folder: Path) -> None:
    """Write `<character>_<emotion>.png`, grayscale uint8 [128, 128], into `folder`. Raises UserError without votes."""
    training = faces.part(TRAINING)
    if training.votes is None:
        raise UserError("the characters need the FER+ votes; give --votes fer2013new.csv")
    folder.mkdir(parents=True, exist_ok=True)
    rows = {emotion: _candidates(emotion, training.votes, training.labels) for emotion in EMOTIONS}
    upright = template(training.images[rows["neutral"][:250]])
    for emotion in EMOTIONS:
        pool = align(training.images[rows[emotion]], upright)
        images = training.images[rows[emotion]][pool.row]
        for name, looks in CHARACTERS.items():
            if emotion in looks:
                mean, used = _mean(pool, looks[emotion](pool.faces, images))
                check_enough(emotion, used)
                print(f"{name}, {emotion}: mean of {used} faces", flush=True)
                with whole_file(folder / f"{name}_{emotion}.png") as beside:
                    Image.fromarray(finish(mean)).save(beside, "PNG", optimize=True)


def _candidates(emotion: str, votes: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    which = EMOTIONS.index(emotion)
    share = votes[:, SEVEN[which]] / np.maximum(votes.sum(1), 1)
    rows = np.flatnonzero((share >= AGREED.get(emotion, 0.5)) & ((labels == which) | (share > 0.6)))
    return rows[np.argsort(-share[rows], kind="stable")][:CANDIDATES]


def _mean(pool: Pool, looks: Picture) -> tuple[Picture, int]:
    first = np.argsort(-looks)[: min(FIRST, max(FEWEST, len(looks) // 3))]
    alike = Pool(pool.faces[first], pool.detail[first], pool.row[first])
    size = min(SIZE, max(MIN_FACES, len(first) // 6))
    mean, used = mean_of_group(alike, size, alike.faces.mean(0), neighbors=4)
    return _symmetric(mean), used


def _symmetric(mean: Picture) -> Picture:
    """The mean of a face and its mirror image, warped onto each other: mouths that the flow had torn close again."""
    both = np.array([mean, mean[:, ::-1]])
    views = Pool(both, np.array([detail(view) for view in both]), np.zeros(2, np.int64))
    return warp_to(views, detail(warp_to(views, detail(both.mean(0))).faces.mean(0))).faces.mean(0)
