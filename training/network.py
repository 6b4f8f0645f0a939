"""The network: plain 3x3 convolutions, which train about 7 times faster on a PC than depthwise ones of equal cost,
and which the camera's kernels like too (2.1-2.5 Cortex-M7 instructions per multiply-accumulate against 3.2-3.3).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

SIZE = 48


@dataclass(frozen=True)
class Shape:
    """What a network is built of.

    stem: channels at full size; stages: channels after each halving; blocks: 3x3 convolutions of a stage, all but the
    first with a skip; head: features before the mean; dropout: share of those features left out while training.
    """

    stem: int
    stages: tuple[int, ...]
    blocks: int
    head: int
    dropout: float = 0
    weight_decay: float = 1e-4


# At 48 x 48 and seven classes. The arena's peak is stem * 48 * 48 bytes and the next layer's output.
SHAPES = {
    "emotion": Shape(12, (24, 40, 56), 2, 96),  # 86 k weights, 10.0 M multiply-accumulates: a plain H7
    "emotion_plus": Shape(16, (32, 64, 64), 3, 128),  # 237 k, 31.2 M: an H7 Plus and all with as much room
    # 2.0 M, 161 M: too large for a camera; its answers teach the two. Channels in multiples of 32 train fastest.
    "teacher": Shape(32, (64, 128, 256), 3, 256, dropout=0.3, weight_decay=5e-4),
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
    x = convolution(x, shape.stem)
    for filters in shape.stages:
        x = convolution(x, filters, stride=2)
        for _ in range(shape.blocks - 1):
            x = layers.Add()([x, convolution(x, filters)])
    x = layers.GlobalAveragePooling2D()(convolution(x, shape.head, kernel=1))
    if shape.dropout:
        x = layers.Dropout(shape.dropout)(x)
    logits = layers.Dense(classes, name="emotion")(x)
    return Model(pixels, layers.Activation("softmax", dtype="float32", name="scores")(logits))
