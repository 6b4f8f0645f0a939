"""Write the frames of this folder and what our model of the firmware says of them: `python tests/golden/frames/make.py`.

Run it again only after the golden vectors pass: these answers catch a change, they do not prove the model right.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from emotion_camera.simulator.host.haar import find_features, load_cascade
from emotion_camera.simulator.host.tensor import face_tensor
from numpy.typing import NDArray
from PIL import Image

HERE = Path(__file__).parent
CLIP = HERE.parents[2] / "tools" / "emotion_camera" / "simulator" / "assets" / "clip.webp"
SETTINGS = ((0.75, 1.25), (0.85, 1.10), (0.5, 1.5))
ROI = (60, 40, 160, 140)
SQUARES = ((0, 0, 48, 48), (57, 31, 106, 106), (200, 120, 120, 120))


def frames() -> dict[str, NDArray[np.uint8]]:
    """One face, two faces, a face too dim to be found, and noise, in which the cascade sees a face."""
    with Image.open(CLIP) as clip:
        seen = []
        for number in (30, 108):
            clip.seek(number)
            seen.append(np.asarray(clip.convert("L")))
    noise = np.random.default_rng(1).integers(0, 256, (30, 40), np.uint8)
    blocks = np.kron(noise, np.ones((8, 8), np.uint8))
    return {"one": seen[0], "two": seen[1], "dim": (seen[0] // 2 + 40).astype(np.uint8), "noise": blocks}


def answers(frame: NDArray[np.uint8]) -> dict[str, object]:
    """The boxes at each setting and in a region, and the hash of each square's tensor."""
    cascade = load_cascade()
    return {
        "boxes": {f"{t}/{s}": find_features(frame, cascade, t, s) for t, s in SETTINGS},
        "boxes_in_roi": find_features(frame, cascade, 0.75, 1.25, ROI),
        "tensor_sha256": {
            ",".join(map(str, roi)): hashlib.sha256(face_tensor(frame, roi).tobytes()).hexdigest() for roi in SQUARES
        },
    }


def main() -> None:
    """Write the four pictures and expected.json."""
    expected = {}
    for name, frame in frames().items():
        Image.fromarray(frame).save(HERE / f"{name}.png", optimize=True)
        expected[name] = answers(frame)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in expected.items())
    (HERE / "expected.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
