"""Portraits of nobody: for each emotion the mean of many faces that show it alike, so that a demo needs no photograph.

Of FER2013's training faces on which FER+'s annotators agreed most, take the group that looks most alike, warp each
onto the group's mean and take the mean again. At least 15 different pictures go into a portrait.
"""

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import whole_file
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray
from PIL import Image

from emotion_training.data.fer2013 import TRAINING, Faces
from emotion_training.data.targets import SEVEN

OUT = 128  # pixels of a portrait
LEAST = 15  # fewer pictures could show one person
GROUP = 40  # pictures in a portrait, or a fifth of the candidates where they are few (disgust: 88)
CANDIDATES = 250  # of each emotion, those agreed on most
WORK = 96  # pixels the faces are aligned at: twice FER2013's 48
TWIN = 0.8  # more alike than this once aligned: the same photograph again
ROUNDS = 6  # the group hardly changes after these
BENT = 5  # most a face may be bent toward the mean, pixels of WORK

Picture = NDArray[Any]  # floating point


class Pool(NamedTuple):
    """Faces of one emotion, each as it is and mirrored, aligned."""

    faces: Picture  # [n, WORK, WORK], mean 0 and deviation 1 within OVAL
    detail: Picture  # [n, WORK, WORK], the same with shading taken out: what alignment and likeness look at
    row: NDArray[np.int64]  # [n], which picture it came from


def _oval() -> Picture:
    """Weight of each pixel: 1 on the face, 0 in the corners, where hair and background are."""
    y, x = np.mgrid[-1 : 1 : WORK * 1j, -1 : 1 : WORK * 1j]
    return np.clip(1.6 - 1.3 * ((x / 0.95) ** 2 + (y / 1.05) ** 2), 0, 1).astype(np.float32)


OVAL = _oval()
ROOT_OVAL = np.sqrt(OVAL / OVAL.sum())


def run(faces: Faces, folder: Path) -> None:
    """Write `<emotion>.png` for each of the seven into `folder`, from the training part of FER2013 with FER+'s votes.

    Raises UserError without votes, or where an emotion has too few different faces that look alike.
    """
    training = faces.part(TRAINING)
    if training.votes is None:
        raise UserError("the portraits need FER+'s votes; give --votes fer2013new.csv")
    composites = make_composites(training.images, training.votes, training.labels)
    folder.mkdir(parents=True, exist_ok=True)
    for emotion, portrait in composites.items():
        with whole_file(folder / f"{emotion}.png") as beside:
            Image.fromarray(portrait).save(beside, "PNG", optimize=True)


def make_composites(
    images: NDArray[np.uint8], votes: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> dict[str, NDArray[np.uint8]]:
    """A grayscale portrait, uint8 [128, 128], for each of the seven emotions; takes minutes.

    `images` uint8 [n, 48, 48] with FER+'s `votes` uint8 [n, 10] and FER2013's `labels` uint8 [n] on them. Raises
    UserError where an emotion has too few different faces that look alike.
    """
    rows = {emotion: _candidates(emotion, votes, labels) for emotion in EMOTIONS}
    for emotion in EMOTIONS:
        _check_enough(emotion, len(rows[emotion]) // 5)
    template = _template(images[rows["neutral"]])
    portraits = {}
    for emotion in EMOTIONS:
        mean, used = _mean_of_group(_align(images[rows[emotion]], template), min(GROUP, len(rows[emotion]) // 5))
        _check_enough(emotion, used)
        portraits[emotion] = _finish(mean)
        print(f"{emotion}: mean of {used} of {len(rows[emotion])} faces", flush=True)
    return portraits


def _check_enough(emotion: str, count: int) -> None:
    if count < LEAST:
        raise UserError(
            f"{emotion}: only {count} different faces look alike, and a portrait of nobody needs {LEAST}; "
            "give all of FER2013 with FER+'s votes"
        )


def _candidates(emotion: str, votes: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    which = EMOTIONS.index(emotion)
    share = votes[:, SEVEN[which]] / np.maximum(votes.sum(1), 1)
    rows = np.flatnonzero((share >= 0.5) & (labels == which))
    return rows[np.argsort(-share[rows], kind="stable")][:CANDIDATES]


def _template(images: NDArray[np.uint8]) -> Picture:
    """The plain mean of faces and their mirror images: blurred, but eyes and mouth are in the right place."""
    mean = np.mean([_normalise(_enlarge(image, WORK)) for image in images], 0)
    return _detail(mean + mean[:, ::-1])


def _align(images: NDArray[np.uint8], template: Picture) -> Pool:
    """The faces and their mirror images laid on the template; turned and hidden faces drop out."""
    faces, rows = [], []
    for row, image in enumerate(images):
        face = _normalise(_enlarge(image, WORK))
        for view in (face, np.ascontiguousarray(face[:, ::-1])):
            moved = _lay_on(template, view)
            if moved is not None:
                faces.append(_normalise(moved))
                rows.append(row)
    return Pool(np.array(faces), np.array([_detail(face) for face in faces]), np.array(rows))


def _lay_on(template: Picture, face: Picture) -> Picture | None:
    """`face` under the affine map that lays it best on `template`; None where that is no small change."""
    half = WORK // 2
    target, source, oval = (cv2.resize(a, (half, half)) for a in (template, _detail(face), OVAL))
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-3)
    mask = (oval > 0.05).astype(np.uint8)
    warp: Picture = np.eye(2, 3, dtype=np.float32)
    try:
        _, warp = cv2.findTransformECC(target, source, warp, cv2.MOTION_AFFINE, stop, mask, 5)
    except cv2.error:  # found no map
        return None
    warp = np.asarray(warp) * [1, 1, 2]
    linear = warp[:, :2]
    shift = linear @ [half, half] + warp[:, 2] - half
    if not 0.7 < np.linalg.det(linear) < 1.35 or abs(linear[0, 1]) > 0.25 or np.abs(shift).max() > WORK / 10:
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(face, warp, (WORK, WORK), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _mean_of_group(pool: Pool, size: int) -> tuple[Picture, int]:
    """The mean of the `size` faces that look most alike, and how many there really are."""
    mean = pool.faces[_most_typical(pool, size)]
    for _ in range(ROUNDS):
        group = _nearest(pool, _detail(mean), size)
        mean = pool.faces[group].mean(0)
    for _ in range(ROUNDS):
        near = np.argsort(-_likeness(pool.detail, _detail(mean)))[: 6 * size]
        bent = _bend(Pool(pool.faces[near], pool.detail[near], pool.row[near]), _detail(mean))
        group = _nearest(bent, _detail(mean), size)
        mean = bent.faces[group].mean(0)
    return mean, len(group)


def _most_typical(pool: Pool, size: int) -> int:
    """The face whose `size` nearest are nearest, its own copies aside."""
    flat = (pool.detail * ROOT_OVAL).reshape(len(pool.row), -1)
    alike = flat @ flat.T
    alike[(alike > TWIN) | (pool.row[:, None] == pool.row)] = -1
    return int(np.sort(alike, 1)[:, -size:].mean(1).argmax())


def _nearest(pool: Pool, reference: Picture, size: int) -> list[int]:
    """The `size` faces most like the reference, no picture and no copy of one twice."""
    chosen: list[int] = []
    for face in np.argsort(-_likeness(pool.detail, reference)):
        if (
            pool.row[face] in pool.row[chosen]
            or _likeness(pool.detail[chosen], pool.detail[face]).max(initial=0) > TWIN
        ):
            continue
        chosen.append(int(face))
        if len(chosen) == size:
            break
    return chosen


def _likeness(faces: Picture, reference: Picture) -> Picture:
    """Correlation within the oval, -1 to 1."""
    return (faces * ROOT_OVAL).reshape(len(faces), WORK * WORK) @ (reference * ROOT_OVAL).ravel()


def _bend(pool: Pool, reference: Picture) -> Pool:
    """The faces with eyes, brows and mouth moved a few pixels onto the reference's, by smoothed optical flow."""
    flow_between: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    y, x = np.mgrid[0:WORK, 0:WORK].astype(np.float32)
    faces = np.empty_like(pool.faces)
    for index, (face, detail) in enumerate(zip(pool.faces, pool.detail, strict=True)):
        flow = flow_between.calc(_gray(reference, 40), _gray(detail, 40), None)
        flow = cv2.GaussianBlur(flow, (0, 0), 4).clip(-BENT, BENT)
        faces[index] = cv2.remap(
            face, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return Pool(faces, np.array([_detail(face) for face in faces]), pool.row)


def _detail(face: Picture) -> Picture:
    """The face with shading and lighting evened out."""
    fine: Picture = face - cv2.GaussianBlur(face, (0, 0), WORK / 10)
    return _normalise(fine / (np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), WORK / 8)) + 0.15))


def _normalise(face: Picture) -> Picture:
    mean = (face * OVAL).sum() / OVAL.sum()
    return (face - mean) / (np.sqrt(((face - mean) ** 2 * OVAL).sum() / OVAL.sum()) + 1e-6)


def _enlarge(picture: NDArray, size: int) -> Picture:
    return cv2.resize(picture.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)


def _gray(face: Picture, contrast: float) -> NDArray[np.uint8]:
    return (128 + contrast * face).clip(0, 255).astype(np.uint8)


def _finish(mean: Picture) -> NDArray[np.uint8]:
    """Enlarged, sharpened a little as means are soft, with a standard deviation over 60 gray levels.

    The camera's Haar cascade finds no face under 50.
    """
    large = _enlarge(_normalise(mean), OUT)
    return _gray(large + 0.6 * (large - cv2.GaussianBlur(large, (0, 0), OUT / 50)), 62)
