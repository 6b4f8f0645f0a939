"""What finetuning gains and what it forgets under a domain shift: PublicTest as another camera would show it.

Some of its faces, changed as below, are written as a person's folder of faces; the model adapted to them is measured on the
others, changed alike (what it should learn) and as they are (what it should not forget).
"""

import contextlib
import io
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from emotion_camera.model.interpreter import scores
from numpy.typing import NDArray

from emotion_training.data.fer2013 import PUBLIC_TEST, WHOLE, Faces
from emotion_training.data.protocols import EvalSet, eval_set, main_protocol, measure
from emotion_training.evaluate.evaluate import markdown_table
from emotion_training.finetune.finetune import FinetuneConfig, finetune

Face = NDArray[np.uint8]
COUNTS = (10, 20, 50, 100)  # faces a class, or half of what PublicTest has of it
SEED = 5


def another_camera(images: Face) -> Face:
    """Faces as a camera would show them that stands lower and in poor light, and cuts wider: the same change for all but the noise."""
    rng = np.random.default_rng(SEED)
    size = images.shape[1]
    wider = np.array([[0.9, 0, 0.05 * size], [0, 0.9, 0.125 * size]])
    slope = np.linspace(-20, 20, size)
    changed = []
    for image in images:
        moved = cv2.warpAffine(image, wider, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        grey = (cv2.GaussianBlur(moved, (0, 0), 0.7) - 128.0) * 0.65 + 110 + slope + rng.normal(0, 4, image.shape)
        changed.append(np.clip(np.rint(grey), 0, 255).astype(np.uint8))
    return np.stack(changed)


def trial(faces: Faces, model: Path, average_faces: Path) -> str:
    """A table, in Markdown, of accuracy and balanced accuracy before and after for each of COUNTS. Takes minutes."""
    part = faces.part(PUBLIC_TEST)
    if not len(part):
        raise UserError(f"the data has no rows of PublicTest to try it on; {WHOLE}")
    tested = eval_set(main_protocol(part), part)
    images, targets = part.images[tested.index], tested.targets
    changed = another_camera(images)
    lines = []
    for count in COUNTS:
        print(f"{count} faces a class ...", flush=True)
        lines.append(_one(images, changed, targets, count, model, average_faces))
    head = ["faces a class", "their camera before", "after", "FER2013 before", "after", "minutes", "written"]
    note = "Accuracy / balanced accuracy on the faces of PublicTest that it was not trained on."
    return f"{note}\n\n{markdown_table(head, lines)}"


def _one(
    images: Face, changed: Face, targets: NDArray[np.int64], count: int, model: Path, average_faces: Path
) -> list[str]:
    rng = np.random.default_rng((SEED, count))
    mine = [np.flatnonzero(targets == it) for it in range(len(EMOTIONS))]
    train = np.concatenate([rng.permutation(it)[: min(count, len(it) // 2)] for it in mine])
    rest = np.setdiff1d(np.arange(len(targets)), train)
    with tempfile.TemporaryDirectory(prefix="trial_") as place:
        folder, out = Path(place) / "faces", Path(place) / "emotion.tflite"
        _write(changed[train], targets[train], folder)
        start, output = time.monotonic(), io.StringIO()
        with contextlib.redirect_stdout(output):
            finetune(folder, model, out, average_faces, FinetuneConfig(seed=SEED, anyway=True))
        minutes = (time.monotonic() - start) / 60
        metrics = [_metrics(it, some[rest], targets[rest]) for some in (changed, images) for it in (model, out)]
        better = "although it is not better" not in out.with_suffix(".md").read_text(encoding="utf-8")
    return [str(count), *metrics, f"{minutes:.1f}", "yes" if better else "no"]


def _write(images: Face, targets: NDArray[np.int64], folder: Path) -> None:
    from PIL import Image

    for number, (image, it) in enumerate(zip(images, targets, strict=True)):
        place = folder / EMOTIONS[it]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:04}.png")


def _metrics(model: Path, images: Face, targets: NDArray[np.int64]) -> str:
    found = measure(scores(model, images), EvalSet(np.arange(len(targets)), targets))
    return f"{found.accuracy:.3f} / {found.balanced:.3f}"
