"""Write the files that Studio reads: a float32 and an int8 TensorFlow Lite file and a zipped SavedModel."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from emotion_camera.boards import LARGE_HEAP, SMALL_HEAP, Limits
from emotion_camera.errors import ModelError
from emotion_camera.model.contract import Model, check, fits
from emotion_camera.model.interpreter import scores
from numpy.typing import NDArray

from emotion_training.export.convert import CALIBRATION_FACES, CALIBRATION_SEED, convert, convert_float
from emotion_training.fit.train import pixels
from emotion_training.learning_block.arrays import Dataset, Split

if TYPE_CHECKING:
    import keras

FLOAT, INT8, SAVED = (
    "model.tflite",
    "model_quantized_int8_io.tflite",
    "saved_model.zip",
)  # the names that Studio looks for
MAX_LOSS = 2  # percentage points of accuracy lost to quantization without a warning


def write(network: "keras.Model", dataset: Dataset, out: Path) -> None:
    """Write the three files into the folder `out` and print their accuracy; the int8 one is checked by the model contract.

    They are built in a temporary folder and moved at the end, so `out` never holds part of a file. Raises ModelError if
    the camera cannot run the network.
    """
    with tempfile.TemporaryDirectory(dir=out, prefix="writing_") as name:
        beside = Path(name)
        print("quantizing to int8 ...", flush=True)
        (beside / INT8).write_bytes(convert(network, calibration(dataset.train.images)))
        model, limits = _checked(beside / INT8, dataset.classes, out)
        _print_accuracy(network, beside / INT8, dataset.test)
        (beside / FLOAT).write_bytes(convert_float(network))
        network.export(beside / "saved_model", verbose=False)
        shutil.make_archive(str(beside / "saved_model"), "zip", beside, "saved_model")
        for file in (FLOAT, SAVED, INT8):
            (beside / file).replace(out / file)
    larger = " and all larger" if limits is SMALL_HEAP else ""
    print(
        f"{out / INT8}: {model.file_bytes:,} bytes, arena {model.arena_bytes}, for {limits.boards}{larger}", flush=True
    )


def calibration(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A sample of the images, and one with a black and a white pixel, which fixes the input range to the camera's 0 to 255."""
    rng = np.random.default_rng(CALIBRATION_SEED)
    chosen = rng.choice(len(images), min(CALIBRATION_FACES, len(images)), replace=False)
    extreme = images[chosen[:1]].copy()
    extreme[0, 0, :2] = 0, 255
    return np.concatenate([images[chosen], extreme])


def _checked(path: Path, classes: int, out: Path) -> tuple[Model, Limits]:
    """The checked model, and the limits of the smallest boards that it fits."""
    path.with_suffix(".txt").write_text("".join(f"{number}\n" for number in range(classes)), encoding="utf-8")
    try:
        model = check(path, limits=LARGE_HEAP)
    except ModelError as error:
        raise ModelError(str(error).replace(str(path.parent), str(out))) from error
    return model, SMALL_HEAP if fits(model, SMALL_HEAP) else LARGE_HEAP


def _print_accuracy(network: "keras.Model", file: Path, test: Split) -> None:
    predictions = network.predict(pixels(test.images), batch_size=256, verbose=0), scores(file, test.images)
    float32, int8 = (100 * float((each.argmax(axis=1) == test.labels).mean()) for each in predictions)
    print(f"accuracy on {len(test.labels)} validation images: float32 {float32:.1f} %, int8 {int8:.1f} %", flush=True)
    if float32 - int8 > MAX_LOSS:
        lost = f"{float32 - int8:.1f} percentage points of accuracy"
        print(f"quantization loses {lost}: add pictures, or train for more cycles", flush=True)
