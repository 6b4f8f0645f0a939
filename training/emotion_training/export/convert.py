"""Convert a trained network to an int8 TensorFlow Lite file by the model contract (full integer quantization)."""

import io
import json
import os
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from emotion_camera.boards import SMALL_HEAP, Limits
from emotion_camera.errors import ModelError, UserError
from emotion_camera.files import whole_files
from emotion_camera.model.contract import EMOTIONS, Model, check, over
from emotion_camera.model.interpreter import scores
from emotion_camera.model.metadata import DESCRIPTION, Metadata, encode, self_test_picture
from emotion_camera.model.tflite import operators, pack, unpack
from numpy.typing import NDArray

from emotion_training.data.fer2013 import SIZE, Faces

if TYPE_CHECKING:
    import keras

# Faces for post-training calibration. More of them bring rarer extremes, whose wider ranges reduce the resolution: with 2,000 the
# scores differ from the float network's by 0.0037 on average, with 500 by 0.0035, with 50 by 0.0033; 50 also had the best accuracy
# on PublicTest, as a mean of two draws.
CALIBRATION_FACES = 50
CALIBRATION_SEED = 20130
# Extra temperature of the softmax in the file, which the camera reverts, so that small scores are not quantized to 0 (steps of
# 1/256): a score of 0 cannot be corrected by a prior or a calibration. At 1, 19 % of the scores on PublicTest are 0 and the log
# scores differ from the float network's by 0.38 on average; at 2, 0.1 % and 0.07; at 3, none and 0.06.
SOFTMAX_TEMPERATURE = 3.0


def choose_calibration(faces: Faces, which: NDArray[np.int64]) -> list[int]:
    """A sample of the training rows `which` for post-training calibration; deterministic.

    It contains rows with pixels of 0 and of 255, since otherwise the input range would be narrower than the camera's. Raises
    UserError if there is no usable training row.
    """
    if not len(which):
        raise UserError("the data has no usable training rows to calibrate with; give the data of the training")
    rng = np.random.default_rng(CALIBRATION_SEED)
    chosen = rng.choice(which, min(CALIBRATION_FACES, len(which)), replace=False)
    pictures = faces.images[which].reshape(len(which), -1)
    extremes = [which[pictures.min(axis=1).argmin()], which[pictures.max(axis=1).argmax()]]
    return sorted({int(row) for row in (*chosen, *extremes)})


def convert(network: "keras.Model", calibration: NDArray[np.uint8], metadata: Metadata | None = None) -> bytes:
    """The int8 TensorFlow Lite file of a network, calibrated with faces uint8 [n, size, size], with metadata for the camera.

    The network's scores are those that the camera reports; the softmax in the file has the temperature of the metadata on top.
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
    # The firmware's TFLM (v4.6 to v5) rejects per-channel scales in a dense layer; convolutions keep theirs.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    try:
        data = slim(_convert_quietly(converter))
    finally:
        scale_temperature(network, 1 / metadata.temperature)
    return with_metadata(data, metadata, calibration.shape[1])


def scale_temperature(network: "keras.Model", temperature: float) -> None:
    """Divide the logits by a temperature in the last layer: the confidence changes, the top class does not."""
    if temperature != 1:
        layer = network.get_layer("emotion")
        layer.set_weights([weights / temperature for weights in layer.get_weights()])


def convert_float(network: "keras.Model") -> bytes:
    """The float32 TensorFlow Lite file of a network."""
    import tensorflow as tf

    return _convert_quietly(tf.lite.TFLiteConverter.from_keras_model(network))


def _convert_quietly(converter: Any) -> bytes:
    # The exporter prints the network's tensors and warns about missing input statistics, which calibration replaces.
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return converter.convert()


def slim(data: bytes) -> bytes:
    """The same model without what TFLM does not read: 9 of 114 KB.

    That is tensor names, the converter's metadata, and the bias scales of convolutions, which always equal input scale x weight
    scale. (TFLM checks those of a dense layer, so they stay.)
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
    """Append metadata for the camera to a model, replacing any; for 48 x 48 pixels with the expected scores of the self-test image."""
    model = unpack(data)
    model.description = DESCRIPTION.decode()
    data = pack(model)
    if size == SIZE:
        answer = np.rint(scores(data, np.array([self_test_picture()], np.uint8))[0] * 256)
        metadata = replace(metadata, selftest=tuple(np.clip(answer, 0, 255).astype(int).tolist()))
    return data + encode(metadata)


def check_place(path: Path) -> None:
    """Raise UserError if `write_model` could not write `path`, or the camera could not use its name. Creates nothing."""
    if path.suffix != ".tflite":
        raise UserError(f"{path}: the model's name must end in .tflite; choose another --model")
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
    """Write `<name>.tflite`, `<name>.txt` and `<name>.calibration.json` if the model passes the contract.

    calibration: the rows of FER2013, or the files, that it was calibrated with; limits: the memory of the model's boards.
    """
    check_place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_files(path.parent, [file.name for file in _files(path)]) as beside:
        rows, model, names = (beside / file.name for file in _files(path))
        rows.write_text(json.dumps(calibration) + "\n", encoding="utf-8")
        model.write_bytes(data)
        names.write_text("".join(label + "\n" for label in labels), encoding="utf-8")
        try:
            checked = check(model, limits=limits)
        except ModelError as error:
            raise ModelError(str(error).replace(str(beside), str(path.parent))) from error
        trouble = over(checked, limits)
        if trouble:
            raise ModelError(f"{path}: {trouble}")
    return replace(checked, path=path)
