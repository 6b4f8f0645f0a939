"""Average faces: the mean of many similar faces for each emotion, so that a demo needs no photograph of a real person.

From the FER2013 training faces with the highest FER+ agreement, take the group of the most similar ones, warp each onto the
group's mean and average again. At least 15 different images go into an average face.
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

from emotion_training.data.fer2013 import SEVEN, TRAINING, Faces

OUT = 128  # size of an average face in pixels
MIN_FACES = 15  # fewer images could show one person
GROUP = 40  # images in an average face, or a fifth of the candidates if these are few (disgust: 88)
CANDIDATES = 250  # per emotion, those with the highest agreement
WORK = 96  # pixels: faces are aligned at twice FER2013's size of 48
DUPLICATE = 0.8  # correlation of aligned faces above which they are the same photograph
ROUNDS = 6  # iterations; the group hardly changes after these
MAX_FLOW = 5  # limit of the optical flow toward the mean, pixels of WORK

Picture = NDArray[Any]  # floating point


class Pool(NamedTuple):
    """Aligned faces of one emotion and their mirror images."""

    faces: Picture  # [n, WORK, WORK], mean 0 and standard deviation 1 within OVAL
    detail: Picture  # [n, WORK, WORK], the same without shading, for alignment and similarity
    row: NDArray[np.int64]  # [n], index of the source image


def _oval() -> Picture:
    """Weight of each pixel: 1 on the face, 0 in the corners (hair and background)."""
    y, x = np.mgrid[-1 : 1 : WORK * 1j, -1 : 1 : WORK * 1j]
    return np.clip(1.6 - 1.3 * ((x / 0.95) ** 2 + (y / 1.05) ** 2), 0, 1).astype(np.float32)


OVAL = _oval()
ROOT_OVAL = np.sqrt(OVAL / OVAL.sum())


def run(faces: Faces, folder: Path) -> None:
    """Write `<emotion>.png` for each of the seven emotions into `folder`, from FER2013's Training part with FER+ votes.

    Raises UserError without votes, or if an emotion has too few different faces that are similar.
    """
    training = faces.part(TRAINING)
    if training.votes is None:
        raise UserError("average faces need the FER+ votes; give --votes fer2013new.csv")
    average_faces = make_average_faces(training.images, training.votes, training.labels)
    folder.mkdir(parents=True, exist_ok=True)
    for emotion, face in average_faces.items():
        with whole_file(folder / f"{emotion}.png") as beside:
            Image.fromarray(face).save(beside, "PNG", optimize=True)


def make_average_faces(
    images: NDArray[np.uint8], votes: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> dict[str, NDArray[np.uint8]]:
    """An average face, grayscale uint8 [128, 128], for each of the seven emotions; takes minutes.

    `images` uint8 [n, 48, 48] with FER+ `votes` uint8 [n, 10] and FER2013 `labels` uint8 [n]. Raises UserError if an emotion has
    too few different faces that are similar.
    """
    rows = {emotion: _candidates(emotion, votes, labels) for emotion in EMOTIONS}
    for emotion in EMOTIONS:
        check_enough(emotion, len(rows[emotion]) // 5)
    upright = template(images[rows["neutral"]])
    average_faces = {}
    for emotion in EMOTIONS:
        pool, size = align(images[rows[emotion]], upright), min(GROUP, len(rows[emotion]) // 5)
        mean, used = mean_of_group(pool, size, pool.faces[_most_typical(pool, size)])
        check_enough(emotion, used)
        average_faces[emotion] = finish(mean)
        print(f"{emotion}: mean of {used} of {len(rows[emotion])} faces", flush=True)
    return average_faces


def check_enough(emotion: str, count: int) -> None:
    if count < MIN_FACES:
        raise UserError(
            f"{emotion}: only {count} different faces are similar, and an average face needs {MIN_FACES}; "
            "give all of FER2013 with the FER+ votes"
        )


def _candidates(emotion: str, votes: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    which = EMOTIONS.index(emotion)
    share = votes[:, SEVEN[which]] / np.maximum(votes.sum(1), 1)
    rows = np.flatnonzero((share >= 0.5) & (labels == which))
    return rows[np.argsort(-share[rows], kind="stable")][:CANDIDATES]


def template(images: NDArray[np.uint8]) -> Picture:
    """The unaligned mean of faces and their mirror images: blurred, but with eyes and mouth in the right place."""
    mean = np.mean([_normalise(_enlarge(image, WORK)) for image in images], 0)
    return detail(mean + mean[:, ::-1])


def align(images: NDArray[np.uint8], template: Picture) -> Pool:
    """The faces and their mirror images aligned to the template; turned and occluded faces are dropped."""
    faces, rows = [], []
    for row, image in enumerate(images):
        face = _normalise(_enlarge(image, WORK))
        for view in (face, np.ascontiguousarray(face[:, ::-1])):
            moved = _register(template, view)
            if moved is not None:
                faces.append(_normalise(moved))
                rows.append(row)
    return Pool(np.array(faces), np.array([detail(face) for face in faces]), np.array(rows))


def _register(template: Picture, face: Picture) -> Picture | None:
    """`face` warped by the affine transform that fits it to `template`; None if the transform is large or not found."""
    half = WORK // 2
    target, source, oval = (cv2.resize(a, (half, half)) for a in (template, detail(face), OVAL))
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-3)
    mask = (oval > 0.05).astype(np.uint8)
    warp: Picture = np.eye(2, 3, dtype=np.float32)
    try:
        _, warp = cv2.findTransformECC(target, source, warp, cv2.MOTION_AFFINE, stop, mask, 5)
    except cv2.error:  # did not converge
        return None
    warp = np.asarray(warp) * [1, 1, 2]
    linear = warp[:, :2]
    shift = linear @ [half, half] + warp[:, 2] - half
    if not 0.7 < np.linalg.det(linear) < 1.35 or abs(linear[0, 1]) > 0.25 or np.abs(shift).max() > WORK / 10:
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(face, warp, (WORK, WORK), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def mean_of_group(pool: Pool, size: int, mean: Picture, neighbors: int = 6) -> tuple[Picture, int]:
    """The mean of the `size` faces most similar to `mean`, and how many there are. `neighbors` times as many are tried."""
    for _ in range(ROUNDS):
        group = _nearest(pool, detail(mean), size)
        mean = pool.faces[group].mean(0)
    for _ in range(ROUNDS):
        near = np.argsort(-_similarity(pool.detail, detail(mean)))[: neighbors * size]
        warped = warp_to(Pool(pool.faces[near], pool.detail[near], pool.row[near]), detail(mean))
        group = _nearest(warped, detail(mean), size)
        mean = warped.faces[group].mean(0)
    return mean, len(group)


def _most_typical(pool: Pool, size: int) -> int:
    """Index of the face with the most similar `size` neighbors, its own duplicates excluded."""
    flat = (pool.detail * ROOT_OVAL).reshape(len(pool.row), -1)
    similarity = flat @ flat.T
    similarity[(similarity > DUPLICATE) | (pool.row[:, None] == pool.row)] = -1
    return int(np.sort(similarity, 1)[:, -size:].mean(1).argmax())


def _nearest(pool: Pool, reference: Picture, size: int) -> list[int]:
    """Indices of the `size` faces most similar to the reference, without duplicates."""
    chosen: list[int] = []
    for face in np.argsort(-_similarity(pool.detail, reference)):
        if (
            pool.row[face] in pool.row[chosen]
            or _similarity(pool.detail[chosen], pool.detail[face]).max(initial=0) > DUPLICATE
        ):
            continue
        chosen.append(int(face))
        if len(chosen) == size:
            break
    return chosen


def _similarity(faces: Picture, reference: Picture) -> Picture:
    """Correlation within the oval, -1 to 1."""
    return (faces * ROOT_OVAL).reshape(len(faces), WORK * WORK) @ (reference * ROOT_OVAL).ravel()


def warp_to(pool: Pool, reference: Picture) -> Pool:
    """The faces warped to the reference by smoothed optical flow, a few pixels at eyes, brows and mouth."""
    flow_between: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    y, x = np.mgrid[0:WORK, 0:WORK].astype(np.float32)
    faces = np.empty_like(pool.faces)
    for index, (face, fine) in enumerate(zip(pool.faces, pool.detail, strict=True)):
        flow = flow_between.calc(_gray(reference, 40), _gray(fine, 40), None)
        flow = cv2.GaussianBlur(flow, (0, 0), 4).clip(-MAX_FLOW, MAX_FLOW)
        faces[index] = cv2.remap(
            face, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return Pool(faces, np.array([detail(face) for face in faces]), pool.row)


def detail(face: Picture) -> Picture:
    """The face after local contrast normalization, without shading."""
    fine: Picture = face - cv2.GaussianBlur(face, (0, 0), WORK / 10)
    return _normalise(fine / (np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), WORK / 8)) + 0.15))


def _normalise(face: Picture) -> Picture:
    mean = (face * OVAL).sum() / OVAL.sum()
    return (face - mean) / (np.sqrt(((face - mean) ** 2 * OVAL).sum() / OVAL.sum()) + 1e-6)


def _enlarge(picture: NDArray, size: int) -> Picture:
    return cv2.resize(picture.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)


def _gray(face: Picture, contrast: float) -> NDArray[np.uint8]:
    return (128 + contrast * face).clip(0, 255).astype(np.uint8)


def finish(mean: Picture) -> NDArray[np.uint8]:
    """Enlarged, slightly sharpened since means are soft, with a standard deviation above 60 gray levels.

    Below 50 the camera's Haar cascade finds no face.
    """
    large = _enlarge(_normalise(mean), OUT)
    return _gray(large + 0.6 * (large - cv2.GaussianBlur(large, (0, 0), OUT / 50)), 62)
