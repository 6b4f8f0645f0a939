"""The network: plain 3x3 convolutions, which train about 7 times faster on a PC than depthwise ones of equal cost,
and which the camera's kernels like too (2.1-2.5 Cortex-M7 instructions per multiply-accumulate against 3.2-3.3).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotion_camera.model.cost import Layer

from emotion_training.data.fer2013 import SIZE

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Shape:
    """What a network is built of.

    stem: channels of the first convolution, with its kernel and stride; stem_blocks: 3x3 convolutions with a skip after it;
    stages: channels after each halving; blocks: 3x3 convolutions of each stage (one number for all, or one a stage), all
    but the first with a skip; head: features of a 1x1 convolution before the mean, 0 for none; dropout: share of those
    features left out while training.
    """

    stem: int
    stages: tuple[int, ...]
    blocks: int | tuple[int, ...]
    head: int
    dropout: float = 0
    kernel: int = 3
    stride: int = 1
    stem_blocks: int = 0

    @property
    def depths(self) -> tuple[int, ...]:
        """The number of convolutions of each stage."""
        return self.blocks if isinstance(self.blocks, tuple) else (self.blocks,) * len(self.stages)


# At 48 x 48 and seven classes. The arena's peak is two layers of stem * 24 * 24 bytes, of stem * 48 * 48 without a stride.
SHAPES = {
    # 83 k weights, 19.6 M Cortex-M7 instructions: a plain H7
    "emotion": Shape(24, (40, 56), 2, 96, kernel=4, stride=2, stem_blocks=1),
    # 226 k weights, 58.7 M: an H7 Plus and all with as much room
    "emotion_plus": Shape(32, (64, 80), (3, 2), 128, kernel=4, stride=2, stem_blocks=2),
}


def build(classes: int, size: int = SIZE, shape: Shape = SHAPES["emotion"]) -> "keras.Model":
    """A Keras model from pixels (0 to 1) [n, size, size, 1] to `classes` probabilities [n, classes].

    Batch norm stands before the activation so that the converter folds it into the convolution. The last layer is
    named "emotion" and gives logits; softmax follows it in float32.
    """
    from keras import Input, Model, layers

    def convolution(x: Any, filters: int, kernel: int = 3, stride: int = 1) -> Any:
        x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    pixels = x = Input((size, size, 1))
    x = convolution(x, shape.stem, shape.kernel, shape.stride)
    for _ in range(shape.stem_blocks):
        x = layers.Add()([x, convolution(x, shape.stem)])
    for filters, blocks in zip(shape.stages, shape.depths, strict=True):
        x = convolution(x, filters, stride=2)
        for _ in range(blocks - 1):
            x = layers.Add()([x, convolution(x, filters)])
    x = layers.GlobalAveragePooling2D()(convolution(x, shape.head, kernel=1) if shape.head else x)
    if shape.dropout:
        x = layers.Dropout(shape.dropout)(x)
    logits = layers.Dense(classes, name="emotion")(x)
    return Model(pixels, layers.Activation("softmax", dtype="float32", name="scores")(logits))


def layers_of(shape: Shape, classes: int = 7, size: int = SIZE) -> list[Layer]:
    """The operators of a network of this shape as the camera runs them, to count its cost by before it is trained."""
    side = size // shape.stride
    found = [Layer("CONV_2D", side * side, shape.stem, 1, shape.kernel**2)]
    found += _skips(side, shape.stem, shape.stem_blocks)
    channels = shape.stem
    for width, blocks in zip(shape.stages, shape.depths, strict=True):
        side = (side + 1) // 2
        found.append(Layer("CONV_2D", side * side, width, channels, 9))
        found += _skips(side, width, blocks - 1)
        channels = width
    if shape.head:
        found.append(Layer("CONV_2D", side * side, shape.head, channels, 1))
        channels = shape.head
    return [*found, Layer("MEAN", 1, channels), Layer("FULLY_CONNECTED", 1, classes, channels, 1)]


def _skips(side: int, channels: int, count: int) -> list[Layer]:
    return [Layer("CONV_2D", side * side, channels, channels, 9), Layer("ADD", side * side, channels)] * count


def weights_of(layers: list[Layer]) -> int:
    """Weights of the layers, which are the bytes of an int8 file but for some 8 KB: biases, scales and the graph."""
    return sum(layer.outputs * layer.inputs * layer.kernel for layer in layers)
