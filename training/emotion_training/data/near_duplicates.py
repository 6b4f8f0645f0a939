"""Near-duplicate pictures, which stand in two of the parts Training, PublicTest and PrivateTest.

288 of FER2013's PrivateTest and 280 of its PublicTest pictures are pixel-identical to a training picture, and a few
more are nearly so. A model that has seen them looks better than it is.
"""

import numpy as np
from numpy.typing import NDArray

from emotion_training.data.fer2013 import PRIVATE_TEST, PUBLIC_TEST, TRAINING, Faces

NEAR = 0.90  # normalised correlation; above it, looked at, most pairs show the same photograph, some cropped anew
PEERS_NEAR = 0.98  # what other people's models in models/peers.json were measured with


def duplicates_in_training(faces: Faces, near: float = NEAR) -> NDArray[np.bool_]:
    """Mask over all rows [n]: training rows whose normalised correlation with a test row exceeds `near`."""
    return _near_duplicates(faces, faces.usage == TRAINING, near)


def duplicates_in_test(faces: Faces, near: float = NEAR) -> NDArray[np.bool_]:
    """Mask over all rows [n]: test rows whose normalised correlation with a training row exceeds `near`."""
    return _near_duplicates(faces, faces.usage != TRAINING, near)


def duplicates_in_public(faces: Faces, near: float = NEAR) -> NDArray[np.bool_]:
    """Mask over all rows [n]: PublicTest rows whose normalised correlation with a PrivateTest row exceeds `near`."""
    return _near_duplicates(faces, faces.usage == PUBLIC_TEST, near, faces.usage == PRIVATE_TEST)


def _near_duplicates(
    faces: Faces, rows: NDArray[np.bool_], near: float, others: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Mask over all rows [n]: those of `rows` that show nearly the same picture as one of `others`, by default all but `rows`."""
    pictures = normalised(faces.images)
    index, compared = np.flatnonzero(rows), pictures[~rows if others is None else others]
    mask = np.zeros(len(faces), bool)
    if len(compared) == 0:
        return mask
    for chunk in np.array_split(index, max(1, len(index) // 2000)):
        mask[chunk] = (pictures[chunk] @ compared.T).max(axis=1) > near
    return mask


def normalised(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Each picture as a vector of mean 0 and length 1, so that a dot product is the correlation."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    # A picture of one constant value has no direction: it stays 0 and correlates with nothing.
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
