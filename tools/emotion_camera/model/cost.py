"""What a network takes of a Cortex-M7's time, by its layers' shapes: in instructions, and in milliseconds on an OpenMV Cam H7.

Multiply-accumulates mislead: a 3x3 convolution of the grey picture takes 8 to 14 instructions for each, one of 32 or more
channels under 2. The figures here were counted instruction by instruction on CMSIS-NN's int8 kernels, which the firmware
runs (2026 head, gcc 12 -Ofast), and on whole calls of `predict` in the emulated firmware. Nothing is measured here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

# Instructions a millisecond: an H7 at 480 MHz that runs 1.17 instructions a cycle. MobileNetV1-0.25 at 128 pixels, 43.2 M
# instructions by this count, was measured at 77 ms.
PER_MS = 560_000
DEPTHWISE = 8.5  # instructions a multiply-accumulate, 8.0 to 9.0 whatever the width
DENSE = 4.9  # the same of a dense layer, 576 to 64
ELEMENTWISE = 94  # an element of ADD's output; with PREDICT solved from the two shipped models' recorded calls
PREDICT = 304_000  # a call of `predict` beyond its layers: 48 x 48 pixels to the input, and Python

ELEMENTWISE_OPERATORS = ("ADD", "SUB", "MUL", "LEAKY_RELU", "LOGISTIC")  # only ADD was measured


@dataclass(frozen=True)
class Layer:
    """One operator of a network: TFLite's name of it, its output's pixels and channels, and what it has of weights.

    `inputs`: channels of the input that each output sees; `kernel`: positions that it sees, 9 for 3x3. Both are 0 where
    there are no weights. A dense layer has one pixel.
    """

    operator: str
    pixels: int
    outputs: int
    inputs: int = 0
    kernel: int = 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one answer."""
        return self.pixels * self.outputs * self.inputs * self.kernel


def layer_instructions(layer: Layer) -> float:
    """M7 instructions of one layer.

    Pooling, MEAN and SOFTMAX were not measured and count as nothing: in the shipped models they see few elements.
    """
    if layer.operator in ELEMENTWISE_OPERATORS:
        return ELEMENTWISE * layer.pixels * layer.outputs
    if layer.operator == "DEPTHWISE_CONV_2D":
        return DEPTHWISE * layer.macs
    if layer.operator == "FULLY_CONNECTED":
        return DENSE * layer.macs
    if layer.operator == "CONV_2D":
        return convolution(layer.inputs, layer.outputs, layer.kernel) * layer.macs
    return 0


def convolution(inputs: int, outputs: int, kernel: int) -> float:
    """Instructions a multiply-accumulate of a convolution, by its channels and the positions of its kernel (9 for 3x3).

    Two curves through the recorded shapes, with a term for each part of the kernel: the products themselves, gathering the
    pixels for all outputs (by position and channel), and rounding each output. They are 0.9 % off on average over 30 shapes of 8 to 96
    channels and 3.5 % at worst: channels that are no multiple of 4 cost up to so much more. The stride does not matter.
    """
    if kernel == 1:
        return 1.456 + 0.715 / outputs + 42.23 / inputs
    seen = kernel * inputs
    return 1.601 + 4.068 / outputs + 32.27 / (inputs * outputs) + 47.25 / seen + 192.96 / (seen * outputs)


def network_instructions(layers: Iterable[Layer]) -> float:
    """M7 instructions of all layers, for one answer."""
    return sum(map(layer_instructions, layers))


def predict_instructions(layers: Iterable[Layer]) -> float:
    """M7 instructions of one call of `predict` with these layers: what a face that is read costs, once its 48 x 48 pixels are cut out."""
    return network_instructions(layers) + PREDICT


def milliseconds(instructions: float) -> float:
    """Milliseconds that so many M7 instructions take on an OpenMV Cam H7 (480 MHz)."""
    return instructions / PER_MS
