"""Convert a trained network to the camera's form: int8 throughout, by the model contract."""

import io
import json
import os
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from emotion_camera.boards import SMALL_HEAP, Limits
from emotion_camera.errors import ModelError, UserError
from emotion_camera.model.contract import EMOTIONS, Model, check
from emotion_camera.model.interpreter import scores
from emotion_camera.model.metadata import DESCRIPTION, Metadata, encode, self_test_picture
from emotion_camera.model.tflite import operators, pack, unpack
from numpy.typing import NDArray

from emotion_training.data.fer2013 import SIZE, Faces

if TYPE_CHECKING:
    import keras

# More faces bring rarer extremes, whose wider ranges cost all others resolution: with 2,000 the scores are off the float network's
# by 0.0037 on average, with 500 by 0.0035, with 50 by 0.0033, and on PublicTest 50 were best, the mean of two draws.
CALIBRATION_FACES = 50
CALIBRATION_SEED = 20130
# The file's own softmax is so much warmer than the scores that the camera shows, lest small ones be rounded to 0 (steps of
# 1/256): what is 0 can't be corrected by a prior or a calibration. At 1, 19 % of the scores of PublicTest's faces are 0 and
# their logs are off the float network's by 0.38 on average; at 2, 0.1 % and 0.07; at 3 none and 0.06.
SOFTMAX_TEMPERATURE = 3.0


def choose_calibration(faces: Faces, which: NDArray[np.int64]) -> list[int]:
    """Some of the training rows `which` to calibrate the conversion on, always the same for the same data.

    Among them are rows that hold pixels of 0 and of 255: else the input's range would come out narrower than the camera's.
    Raises UserError where there is no usable training row.
    """
    if not len(which):
        raise UserError(
            "the data has no usable training rows to calibrate on; give the data that the network learnt from"
        )
    rng = np.random.default_rng(CALIBRATION_SEED)
    chosen = rng.choice(which, min(CALIBRATION_FACES, len(which)), replace=False)
    pictures = faces.images[which].reshape(len(which), -1)
    extremes = [which[pictures.min(axis=1).argmin()], which[pictures.max(axis=1).argmax()]]
    return sorted({int(row) for row in (*chosen, *extremes)})


def convert(network: "keras.Model", calibration: NDArray[np.uint8], metadata: Metadata | None = None) -> bytes:
    """The int8 TensorFlow Lite file of a network, calibrated on faces uint8 [n, size, size], with metadata for the camera.

    The network's scores are those that the camera is to show: the file's are warmer by the temperature of the metadata.
    """
    import tensorflow as tf

    metadata = metadata or Metadata()
    scale_temperature(network, metadata.temperature)

    pictures = calibration[..., np.newaxis].astype(np.float32) / 255
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[np.newaxis]] for picture in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    # The firmware's TFLM (v4.6 to v5) refuses a Dense layer with a scale for each channel; convolutions keep theirs.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    try:
        data = slim(_quietly(converter))
    finally:
        scale_temperature(network, 1 / metadata.temperature)
    return with_metadata(data, metadata, calibration.shape[1])


def scale_temperature(network: "keras.Model", temperature: float) -> None:
    """Divide the logits by a temperature, in the last layer: no answer changes, only how sure it sounds."""
    if temperature != 1:
        layer = network.get_layer("emotion")
        layer.set_weights([weights / temperature for weights in layer.get_weights()])


def convert_float(network: "keras.Model") -> bytes:
    """The float32 TensorFlow Lite file of a network."""
    import tensorflow as tf

    return _quietly(tf.lite.TFLiteConverter.from_keras_model(network))


def _quietly(converter: Any) -> bytes:
    # The exporter prints the network's tensors, and warns of input statistics, which calibration stands in for.
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return converter.convert()


def slim(data: bytes) -> bytes:
    """The same model without what TFLM does not read: 9 of an H7's 114 KB.

    That is the tensors' names, the converter's metadata, and the scales of the convolutions' biases, which are always
    input scale x weight scale. (A Dense layer's are checked, so they stay.)
    """
    model = unpack(data)
    model.description = model.metadata = model.metadataBuffer = model.signatureDefs = None
    for graph in model.subgraphs:
        graph.name = None
        for tensor in graph.tensors:
            tensor.name = tensor.shapeSignature = None
    for name, operator in operators(model):
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            model.subgraphs[0].tensors[operator.inputs[2]].quantization = None
    return pack(model)


def with_metadata(data: bytes, metadata: Metadata, size: int = SIZE) -> bytes:
    """A model with metadata for the camera at its end; of 48 x 48 pixels, with what it answers to the self-test's picture.

    Metadata that is there already is replaced.
    """
    model = unpack(data)
    model.description = DESCRIPTION.decode()
    data = pack(model)
    if size == SIZE:
        answer = np.rint(scores(data, np.array([self_test_picture()], np.uint8))[0] * 256)
        metadata = replace(metadata, selftest=tuple(np.clip(answer, 0, 255).astype(int).tolist()))
    return data + encode(metadata)


def check_place(path: Path) -> None:
    """UserError where `write_model` could not write `path`, or the camera could not use the name; nothing is made."""
    if path.suffix != ".tflite" or "." in path.stem:
        raise UserError(f"{path}: the model's name must end in .tflite and have no other dot; choose another --model")
    for target in _files(path):
        if target.is_dir():
            raise UserError(f"{target}: is a folder, but a file is to be written there; choose another --model")
    folder = path.absolute().parent
    there = next((it for it in (folder, *folder.parents) if it.exists()), folder)
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(f"{path}: {there} is not a folder that can be written to; choose another --model")


def _files(path: Path) -> tuple[Path, Path, Path]:
    return path.with_suffix(".calibration.json"), path, path.with_suffix(".txt")


def write_model(
    data: bytes,
    path: Path,
    calibration: list[int] | list[str],
    limits: Limits = SMALL_HEAP,
    labels: Sequence[str] = EMOTIONS,
) -> Model:
    """Write `<name>.tflite`, `<name>.txt` and `<name>.calibration.json`, checked by the contract before any is in place.

    calibration: the rows of FER2013, or the files, that it was calibrated on; limits: what the model's boards have room for.
    """
    check_place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part.", dir=path.parent) as beside:
        rows, model, names = (Path(beside) / file.name for file in _files(path))
        rows.write_text(json.dumps(calibration) + "\n", encoding="utf-8")
        model.write_bytes(data)
        names.write_text("".join(label + "\n" for label in labels), encoding="utf-8")
        try:
            check(model, limits=limits)
        except ModelError as error:
            raise ModelError(str(error).replace(beside, str(path.parent))) from error
        for file in (rows, model, names):
            file.replace(path.parent / file.name)
    return check(path, limits=limits)
