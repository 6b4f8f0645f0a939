"""The networks in PyTorch: the teachers, which no camera has room for, and the shapes of `emotion_training.fit.network`."""

from collections.abc import Iterator

from emotion_camera.model.contract import EMOTIONS
from torch import Tensor, nn
from torch.nn import functional

from emotion_training.fit.network import Shape
from emotion_training.fit.recipes import Teacher


class Convolution(nn.Sequential):
    """A convolution, batch norm and ReLU, padded as Keras pads ("same": what is odd goes to the right and the bottom).

    That holds where the stride divides the picture's sides: at 48 pixels, for four halvings.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1):
        around = kernel - stride
        before = around // 2
        pad = [nn.ZeroPad2d((before, around - before, before, around - before))] if around % 2 else []
        padding = 0 if pad else before
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=padding, bias=False)
        super().__init__(*pad, convolution, nn.BatchNorm2d(outputs, eps=1e-3), nn.ReLU(inplace=True))


class Skip(nn.Module):
    """A convolution with a skip, as the camera's networks have them."""

    def __init__(self, channels: int):
        super().__init__()
        self.convolution = Convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """x [n, channels, h, w] and what the convolution makes of it, added up."""
        return x + self.convolution(x)


class Residual(nn.Module):
    """The basic block of a ResNet (He et al. 2015): two convolutions, a skip, ReLU."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = Convolution(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x [n, channels, h, w], changed by the block."""
        return functional.relu(x + self.norm(self.second(self.first(x))))


def _head(features: int, dropout: float) -> list[nn.Module]:
    """From feature maps to seven logits."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(features, len(EMOTIONS))]


def vgg(widths: tuple[int, ...] = (32, 64, 128, 256), dropout: float = 0.3) -> nn.Sequential:
    """Barsoum et al. 2016's kind for FER+: two, two, three, three 3x3 convolutions, max pooling between."""
    layers: list[nn.Module] = []
    channels = 1
    for stage, (width, depth) in enumerate(zip(widths, (2, 2, 3, 3), strict=True)):
        layers += [nn.MaxPool2d(2)] if stage else []
        for _ in range(depth):
            layers.append(Convolution(channels, width))
            channels = width
    return nn.Sequential(*layers, *_head(channels, dropout))


def resnet(widths: tuple[int, ...] = (64, 128, 256), blocks: int = 2, dropout: float = 0.3) -> nn.Sequential:
    """Basic blocks after a strided stem, at 24, 12 and 6 pixels."""
    layers: list[nn.Module] = [Convolution(1, widths[0], 4, 2)]
    channels = widths[0]
    for width in widths:
        layers += [] if width == channels else [Convolution(channels, width, 3, 2)]
        channels = width
        layers += [Residual(channels) for _ in range(blocks)]
    return nn.Sequential(*layers, *_head(channels, dropout))


def teacher(given: Teacher) -> nn.Sequential:
    """A teacher's network, untrained."""
    if given.network == "vgg":
        return vgg(given.widths, given.dropout)
    return resnet(given.widths, given.blocks, given.dropout)


def camera(shape: Shape) -> nn.Sequential:
    """A network of `emotion_training.fit.network.build`, layer for layer."""
    layers: list[nn.Module] = [Convolution(1, shape.stem, shape.kernel, shape.stride)]
    layers += [Skip(shape.stem) for _ in range(shape.stem_blocks)]
    channels = shape.stem
    for width, blocks in zip(shape.stages, shape.depths, strict=True):
        layers.append(Convolution(channels, width, 3, 2))
        layers += [Skip(width) for _ in range(blocks - 1)]
        channels = width
    if shape.head:
        layers.append(Convolution(channels, shape.head, 1))
        channels = shape.head
    return nn.Sequential(*layers, *_head(channels, shape.dropout))


def keras_weights(network: nn.Module) -> Iterator[Tensor]:
    """The arrays of a `camera` network in the order and layout of `get_weights` of the same network in Keras."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            yield layer.weight.detach().permute(2, 3, 1, 0)
        elif isinstance(layer, nn.BatchNorm2d):
            statistics = layer.state_dict()
            yield from (statistics[name] for name in ("weight", "bias", "running_mean", "running_var"))
        elif isinstance(layer, nn.Linear):
            yield layer.weight.detach().T
            yield layer.bias.detach()
