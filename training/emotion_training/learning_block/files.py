"""Write what Studio takes: a float32 and an int8 TensorFlow Lite file and a zipped SavedModel, each whole."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from emotion_camera.model.contract import ROOMY_BOARD, SMALL_BOARD, ContractError, Limits, Model, check, fits
from emotion_camera.model.interpreter import scores
from numpy.typing import NDArray

from emotion_training.export.convert import CALIBRATION_FACES, CALIBRATION_SEED, convert, convert_float
from emotion_training.fit.train import pixels
from emotion_training.learning_block.arrays import Pictures, Split

if TYPE_CHECKING:
    import keras

FLOAT, INT8, SAVED = "model.tflite", "model_quantized_int8_io.tflite", "saved_model.zip"  # Studio looks for these names
MUCH = 2  # points of accuracy lost by int8 that are told


def write(network: "keras.Model", pictures: Pictures, out: Path) -> None:
    """Put the three files into the folder `out`, the int8 one checked by the camera's contract, and print how good they are.

    They are made in a folder beside and moved at the end, so `out` never holds a part of a file. Raises ContractError where
    the camera could not run the network.
    """
    with tempfile.TemporaryDirectory(dir=out, prefix="writing_") as name:
        beside = Path(name)
        print("making it int8 ...", flush=True)
        (beside / INT8).write_bytes(convert(network, calibration(pictures.train.images)))
        model, limits = _checked(beside / INT8, pictures.count, out)
        _tell_accuracy(network, beside / INT8, pictures.test)
        (beside / FLOAT).write_bytes(convert_float(network))
        network.export(beside / "saved_model", verbose=False)
        shutil.make_archive(str(beside / "saved_model"), "zip", beside, "saved_model")
        for file in (FLOAT, SAVED, INT8):
            (beside / file).replace(out / file)
    larger = " and all larger" if limits is SMALL_BOARD else ""
    print(
        f"{out / INT8}: {model.file_bytes:,} bytes, arena {model.arena_bytes}, for {limits.boards}{larger}", flush=True
    )


def calibration(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Some of the pictures, and one with a black and a white pixel: these make the int8 input range that of the camera."""
    rng = np.random.default_rng(CALIBRATION_SEED)
    chosen = rng.choice(len(images), min(CALIBRATION_FACES, len(images)), replace=False)
    extreme = images[chosen[:1]].copy()
    extreme[0, 0, :2] = 0, 255
    return np.concatenate([images[chosen], extreme])


def _checked(path: Path, classes: int, out: Path) -> tuple[Model, Limits]:
    """The model that passed the contract, and the limits of the smallest boards that it is for."""
    path.with_suffix(".txt").write_text("".join(f"{number}\n" for number in range(classes)), encoding="utf-8")
    try:
        model = check(path, limits=ROOMY_BOARD)
    except ContractError as error:
        raise ContractError(str(error).replace(str(path.parent), str(out))) from error
    return model, SMALL_BOARD if fits(model, SMALL_BOARD) else ROOMY_BOARD


def _tell_accuracy(network: "keras.Model", file: Path, test: Split) -> None:
    answers = network.predict(pixels(test.images), batch_size=256, verbose=0)
    whole, small = (
        100 * float((it.argmax(axis=1) == test.classes).mean()) for it in (answers, scores(file, test.images))
    )
    print(
        f"of {len(test.classes)} test pictures the float network names {whole:.1f} % right, the int8 file {small:.1f} %",
        flush=True,
    )
    if whole - small > MUCH:
        print(
            f"int8 costs {whole - small:.1f} points of accuracy: add pictures, or train for more cycles",
            flush=True,
        )
