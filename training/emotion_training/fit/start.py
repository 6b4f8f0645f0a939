"""The weights that a training of a camera network may start with: those of an int8 file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Start:
    """An int8 file's layers: kernel float32 [out, h, w, in] or [out, in], and bias [out], each; sha256: of the file."""

    path: Path
    sha256: str
    layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]]
