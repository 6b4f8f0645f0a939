"""A float network from an int8 file, to train on: the file's own weights, made float again, layer by layer.

The repository ships no float network. What int8 took from the weights is under half a step of 1/127 of each channel's
largest, so the rebuilt network answers as the file does.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.model.metadata import read
from emotion_camera.model.tflite import operators, unpack
from numpy.typing import NDArray

from emotion_training.export.convert import scale_temperature

if TYPE_CHECKING:
    import keras


def tflite_to_keras(path: Path) -> "keras.Model":
    """The network of an int8 file as a Keras model like those of `emotion_training.fit.network.build`, less their batch norm.

    From pixels (0 to 1) [n, size, size, 1] to the scores that the camera shows [n, classes]: the temperature that the file's metadata
    tell of is undone. The last layer is named "emotion" and gives logits.
    Raises UserError where the file is built of something else than such a network is.
    """
    import keras

    model = unpack(Path(path).read_bytes())
    graph = _Graph(path, model)
    given = graph.tensors[graph.inputs[0]]
    values = {graph.inputs[0]: keras.Input(tuple(int(size) for size in given.shape[1:]))}
    pixels = values[graph.inputs[0]]
    for name, operator in graph.steps:
        if name not in _LAYERS:
            raise graph.strange(f"uses {name}")
        values[operator.outputs[0]] = _LAYERS[name](graph, operator, values)
    network = keras.Model(pixels, values[graph.outputs[0]])
    metadata = read(Path(path).read_bytes(), network.output.shape[-1])
    if metadata:
        scale_temperature(network, 1 / metadata.temperature)
    return network


class _Graph:
    """The first graph of a file: tensors, operators by name, and the weights of a tensor as float."""

    def __init__(self, path: Path, model: Any):
        graph = model.subgraphs[0]
        self.path, self.buffers, self.tensors = path, model.buffers, graph.tensors
        self.inputs, self.outputs = list(graph.inputs), list(graph.outputs)
        self.steps = operators(model)

    def strange(self, what: str) -> UserError:
        return UserError(
            f"{self.path}: {what}, so it can't be adapted; give a model that emotion-camera train made, "
            "such as models/emotion.tflite"
        )

    def numbers(self, index: int, dtype: type) -> NDArray:
        tensor = self.tensors[index]
        data = self.buffers[tensor.buffer].data
        if data is None:
            raise self.strange("computes its weights")
        return np.frombuffer(bytes(data), dtype).reshape(tensor.shape)

    def scale(self, index: int) -> NDArray[np.float32]:
        return np.asarray(self.tensors[index].quantization.scale, np.float32)

    def weights(self, operator: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights [out, ...] and bias [out]: a bias counts in steps of input scale x weight scale."""
        given, weights, bias = operator.inputs
        scale = self.scale(weights)
        numbers = self.numbers(weights, np.int8)
        each = scale.reshape(-1, *[1] * (numbers.ndim - 1))
        return numbers * each, self.numbers(bias, np.int32) * (self.scale(given) * scale)


def _convolution(graph: _Graph, operator: Any, values: dict[int, Any]) -> Any:
    from keras import layers

    how = operator.builtinOptions
    if how.dilationWFactor != 1 or how.dilationHFactor != 1:
        raise graph.strange("uses dilated convolutions")
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
        raise graph.strange(f"uses the activation number {number} of TensorFlow Lite")
    return known[number]


def _add(graph: _Graph, operator: Any, values: dict[int, Any]) -> Any:
    from keras import layers

    if operator.builtinOptions.fusedActivationFunction:
        raise graph.strange("has an activation after a sum")
    if not all(index in values for index in operator.inputs):
        raise graph.strange("adds a constant")
    return layers.Add()([values[index] for index in operator.inputs])


def _mean(graph: _Graph, operator: Any, values: dict[int, Any]) -> Any:
    from keras import layers

    if sorted(graph.numbers(operator.inputs[1], np.int32).ravel()) != [1, 2] or operator.builtinOptions.keepDims:
        raise graph.strange("takes a mean over something else than height and width")
    return layers.GlobalAveragePooling2D()(values[operator.inputs[0]])


def _dense(graph: _Graph, operator: Any, values: dict[int, Any]) -> Any:
    from keras import layers

    if operator.outputs[0] != graph.steps[-1][1].inputs[0]:
        raise graph.strange("has a FULLY_CONNECTED that is not its last layer")
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
