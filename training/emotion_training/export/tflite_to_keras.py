"""Convert an int8 file to a float Keras model for fine-tuning, or to the weights that a training starts with, by dequantizing.

The repository ships no float model. The quantization error of a weight is under half a step of 1/127 of its channel's
largest, so the Keras model gives nearly the same scores as the file.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.model.input_range import trained_range
from emotion_camera.model.metadata import read
from emotion_camera.model.tflite import operators, read_description, read_file, unpack
from numpy.typing import NDArray

from emotion_training.export.convert import scale_temperature
from emotion_training.fit.start import Start

if TYPE_CHECKING:
    import keras


def tflite_to_keras(path: Path) -> "keras.Model":
    """The Keras model of an int8 file, like those of `emotion_training.fit.network.build` without batch normalization.

    From pixels (0 to 1) [n, size, size, 1] to the scores that the camera reports [n, classes]: the temperature in the file's
    metadata is reverted. The last layer is named "emotion" and gives logits. Raises UserError for an unsupported architecture.
    """
    import keras

    data = read_file(path)
    graph = _Graph(path, unpack(data))
    if graph.steps[-1][0] != "SOFTMAX":
        raise graph.unsupported("does not end in a softmax")
    given = read_description(data).inputs[0]
    pixels = keras.Input(given.shape[1:])
    low, high = trained_range(given)
    values = {graph.inputs[0]: pixels if (low, high) == (0, 1) else keras.layers.Rescaling(high - low, low)(pixels)}
    for name, operator in graph.steps:
        if name not in _LAYERS:
            raise graph.unsupported(f"uses {name}")
        values[operator.outputs[0]] = _LAYERS[name](graph, operator, values)
    network = keras.Model(pixels, values[graph.outputs[0]])
    metadata = read(data, network.output.shape[-1])
    if metadata:
        scale_temperature(network, 1 / metadata.temperature)
    return network


def read_start(path: Path) -> Start:
    """What a training starts with that goes on from an int8 file: its layers, the temperature in its metadata reverted.

    Raises UserError for a file that is no network of `emotion_training.fit.network`.
    """
    data = read_file(path)
    graph = _Graph(path, unpack(data))
    if trained_range(read_description(data).inputs[0]) != (0, 1):
        raise graph.unsupported("takes pixels of another range than 0 to 1")
    layers = [graph.weights(operator) for name, operator in graph.steps if name in ("CONV_2D", "FULLY_CONNECTED")]
    kernel, bias = layers.pop()
    metadata = read(data, len(bias))
    temperature = np.float32(metadata.temperature if metadata else 1)
    return Start(path, sha256(data).hexdigest(), [*layers, (kernel * temperature, bias * temperature)])


class _Graph:
    """The first subgraph of a file: tensors, operators by name, and dequantized weights."""

    def __init__(self, path: Path, model: Any):
        graph = model.subgraphs[0]
        self.path, self.buffers, self.tensors = path, model.buffers, graph.tensors
        self.inputs, self.outputs = list(graph.inputs), list(graph.outputs)
        self.steps = operators(model)

    def unsupported(self, what: str) -> UserError:
        return UserError(
            f"{self.path}: {what}, so it cannot be fine-tuned; give a model that emotion-camera train made, "
            "such as models/emotion.tflite"
        )

    def numbers(self, index: int, dtype: type) -> NDArray:
        tensor = self.tensors[index]
        data = self.buffers[tensor.buffer].data
        if data is None:
            raise self.unsupported("computes its weights")
        return np.frombuffer(bytes(data), dtype).reshape(tensor.shape)

    def scale(self, index: int) -> NDArray[np.float32]:
        return np.asarray(self.tensors[index].quantization.scale, np.float32)

    def weights(self, operator: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights [out, ...] and bias [out], 0 where there is none; the scale of a bias is input scale x weight scale."""
        given, weights = operator.inputs[:2]
        scale = self.scale(weights)
        numbers = self.numbers(weights, np.int8)
        each = scale.reshape(-1, *[1] * (numbers.ndim - 1))
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return numbers * each, np.zeros(len(numbers), np.float32)
        return numbers * each, self.numbers(operator.inputs[2], np.int32) * (self.scale(given) * scale)


def _convolution(graph: _Graph, operator: Any, values: dict[int, Any]) -> Any:
    from keras import layers

    how = operator.builtinOptions
    if how.dilationWFactor != 1 or how.dilationHFactor != 1:
        raise graph.unsupported("uses dilated convolutions")
    kernel, bias = graph.weights(operator)
    layer = layers.Conv2D(
        len(kernel),
        kernel.shape[1:3],
        strides=(how.strideH, how.strideW),
        padding=("same", "valid")[how.padding],
        activation=_activation(graph, how.fusedActivationFunction),
    )
    result = layer(values[operator.inputs[0]])
    layer.set_weights([kernel.transpose(1, 2, 3, 0), bias])  # TFLite keeps [out, h, w, in], Keras [h, w, in, out]
    return result


def _activation(graph: _Graph, number: int) -> str | None:
    known = {0: None, 1: "relu", 3: "relu6"}
    if number not in known:
        raise graph.unsupported(f"uses the activation number {number} of TensorFlow Lite")
    return known[number]


def _add(graph: _Graph, operator: Any, values: dict[int, Any]) -> Any:
    from keras import layers

    if operator.builtinOptions.fusedActivationFunction:
        raise graph.unsupported("has an activation after a sum")
    if not all(index in values for index in operator.inputs):
        raise graph.unsupported("adds a constant")
    return layers.Add()([values[index] for index in operator.inputs])


def _mean(graph: _Graph, operator: Any, values: dict[int, Any]) -> Any:
    from keras import layers

    if sorted(graph.numbers(operator.inputs[1], np.int32).ravel()) != [1, 2] or operator.builtinOptions.keepDims:
        raise graph.unsupported("takes a mean over something else than height and width")
    return layers.GlobalAveragePooling2D()(values[operator.inputs[0]])


def _dense(graph: _Graph, operator: Any, values: dict[int, Any]) -> Any:
    from keras import layers

    if operator.outputs[0] != graph.steps[-1][1].inputs[0]:
        raise graph.unsupported("has a FULLY_CONNECTED that is not its last layer")
    kernel, bias = graph.weights(operator)
    layer = layers.Dense(
        len(kernel), activation=_activation(graph, operator.builtinOptions.fusedActivationFunction), name="emotion"
    )
    result = layer(values[operator.inputs[0]])
    layer.set_weights([kernel.T, bias])
    return result


def _softmax(graph: _Graph, operator: Any, values: dict[int, Any]) -> Any:
    from keras import layers

    return layers.Activation("softmax", name="scores")(values[operator.inputs[0]])


_LAYERS: dict[str, Callable[[_Graph, Any, dict[int, Any]], Any]] = {
    "CONV_2D": _convolution,
    "ADD": _add,
    "MEAN": _mean,
    "FULLY_CONNECTED": _dense,
    "SOFTMAX": _softmax,
}
