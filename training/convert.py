"""Convert a trained network to the camera's form: int8 throughout, by the model contract."""

import json
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from models.contract import EMOTIONS, Model, check
from training.data import Faces
from training.targets import training_rows

CALIBRATION_FACES = 500
CALIBRATION_SEED = 20130


def choose_calibration(faces: Faces) -> list[int]:
    """Rows of training pictures to calibrate the conversion on, always the same for the same data.

    Among them are rows that hold pixels of 0 and of 255: else the input's range would come out narrower than the camera's.
    """
    which = training_rows(faces)
    rng = np.random.default_rng(CALIBRATION_SEED)
    chosen = rng.choice(which, min(CALIBRATION_FACES, len(which)), replace=False)
    pictures = faces.images[which].reshape(len(which), -1)
    extremes = [which[pictures.min(axis=1).argmin()], which[pictures.max(axis=1).argmax()]]
    return sorted({int(row) for row in (*chosen, *extremes)})


def convert(network: keras.Model, calibration: NDArray[np.uint8]) -> bytes:
    """The int8 TensorFlow Lite file of a network, calibrated on faces uint8 [n, size, size]."""
    import tensorflow as tf

    pictures = calibration[..., np.newaxis].astype(np.float32) / 255
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[np.newaxis]] for picture in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    # The firmware's TFLM (v4.6 to v5) refuses a Dense layer with a scale for each channel; convolutions keep theirs.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return slim(converter.convert())


def slim(data: bytes) -> bytes:
    """The same model without what TFLM does not read: 9 of an H7's 114 KB.

    That is the tensors' names, the converter's notes, and the scales of the convolutions' biases, which are always
    input scale x weight scale. (A Dense layer's are checked, so they stay.)
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data)
    model.description = model.metadata = model.metadataBuffer = model.signatureDefs = None
    convolutions = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)
    for graph in model.subgraphs:
        graph.name = None
        for tensor in graph.tensors:
            tensor.name = tensor.shapeSignature = None
        for operator in graph.operators:
            if model.operatorCodes[operator.opcodeIndex].builtinCode in convolutions:
                graph.tensors[operator.inputs[2]].quantization = None
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def write_model(data: bytes, path: Path, calibration: list[int]) -> Model:
    """Write `<name>.tflite`, `<name>.txt` and `<name>.calibration.json`, checked by the contract before any is in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name("writing_" + path.name)
    labels = beside.with_suffix(".txt")
    try:
        beside.write_bytes(data)
        labels.write_text("".join(emotion + "\n" for emotion in EMOTIONS), encoding="utf-8")
        check(beside)
        path.with_suffix(".calibration.json").write_text(json.dumps(calibration) + "\n", encoding="utf-8")
        labels.replace(path.with_suffix(".txt"))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
        labels.unlink(missing_ok=True)
    return check(path)
