"""The augmentation of `emotion_training.data.augment`, but for JPEG, of whole batches on the device that trains.

All numbers are drawn on the device of the pictures, by a generator of it: nothing here waits for a GPU.
"""

import torch
from torch import Tensor
from torch.nn import functional

from emotion_training.data.augment import (
    ASPECT,
    BLUR,
    CORRUPTED,
    ERASED,
    ERASED_SIZE,
    GAIN,
    GAMMA,
    LIGHT_GRADIENT,
    LOW_CONTRAST,
    NOISE,
    OFFSET,
    ROLL,
    SCALE,
    SHEAR,
    SHIFT,
)  # fmt: skip


def augment(images: Tensor, draw: torch.Generator, strength: float = 1) -> Tensor:
    """A changed copy of faces uint8 [n, 1, size, size] as the network takes them: float32, 0 to 1.

    Flipped, rotated, scaled, sheared, shifted, relit, corrupted as by a small camera, partly erased; `strength`, 0 to 1, is
    the share of the ranges that is used.
    """
    faces = _corrupt(_relight(_move(images.float(), draw, strength), draw, strength), draw, strength)
    return _erase(faces, draw, strength).clamp(0, 255) / 255


def _uniform(like: Tensor, draw: torch.Generator, limit: float = 1) -> Tensor:
    """A number from -limit to limit for each face, [n, 1, 1, 1]."""
    return (torch.rand((len(like), 1, 1, 1), generator=draw, device=like.device) * 2 - 1) * limit


def _some(like: Tensor, draw: torch.Generator, share: float) -> Tensor:
    """A mask [n, 1, 1, 1] that is true for `share` of the faces."""
    return torch.rand((len(like), 1, 1, 1), generator=draw, device=like.device) < share


def _move(faces: Tensor, draw: torch.Generator, strength: float) -> Tensor:
    """The faces rotated, scaled, sheared, shifted, and flipped in half of the cases; what was outside repeats the edge."""

    def drawn(limit: float) -> Tensor:
        return _uniform(faces, draw, limit * strength).flatten()

    roll = torch.deg2rad(drawn(ROLL))
    size, aspect, shear = 1 + drawn(SCALE), 1 + drawn(ASPECT), drawn(SHEAR)
    mirror = torch.where(_some(faces, draw, 0.5).flatten(), -1.0, 1.0)
    # Where each pixel of the result comes from, in affine_grid's -1 to 1: rolled by `roll`, after scale and shear.
    left, down = size * aspect, size / aspect
    cos, sin = roll.cos(), roll.sin()
    matrix = torch.stack(
        [
            torch.stack([mirror * cos * left, mirror * (shear * cos * left - sin * down), 2 * drawn(SHIFT)], 1),
            torch.stack([sin * left, shear * sin * left + cos * down, 2 * drawn(SHIFT)], 1),
        ],
        1,
    )
    grid = functional.affine_grid(matrix, list(faces.shape), align_corners=False)
    return functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)


def _relight(faces: Tensor, draw: torch.Generator, strength: float) -> Tensor:
    """Other light: gamma, gain and offset; sometimes of low contrast, sometimes lit from one side."""
    power = GAMMA ** _uniform(faces, draw, strength)
    faces = 255 * (faces.clamp(0, 255) / 255) ** power
    gain, offset = 1 + _uniform(faces, draw, GAIN * strength), _uniform(faces, draw, OFFSET * strength)
    low, high = LOW_CONTRAST
    contrast = low + (high - low) * (_uniform(faces, draw) + 1) / 2
    contrast = torch.where(_some(faces, draw, CORRUPTED * strength), contrast, 1.0)
    faces = (faces - 128) * gain * contrast + 128 + offset
    across = torch.linspace(-0.5, 0.5, faces.shape[-1], device=faces.device)
    light = _uniform(faces, draw, LIGHT_GRADIENT) * across + _uniform(faces, draw, LIGHT_GRADIENT) * across[:, None]
    return faces + torch.where(_some(faces, draw, CORRUPTED * strength), light, 0.0)


def _corrupt(faces: Tensor, draw: torch.Generator, strength: float) -> Tensor:
    """What a small camera does to a picture, each sometimes: blur, noise."""
    # One width of blur a batch: a kernel for each face would cost more than the network.
    sigma = BLUR * (0.3 + 0.7 * torch.rand((), generator=draw, device=faces.device))
    place = torch.arange(-2, 3, device=faces.device, dtype=faces.dtype)
    kernel = torch.exp(-(place**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    edge = functional.pad(faces, (2, 2, 2, 2), mode="replicate")
    blurred = functional.conv2d(functional.conv2d(edge, kernel.view(1, 1, 1, 5)), kernel.view(1, 1, 5, 1))
    faces = torch.where(_some(faces, draw, CORRUPTED * strength), blurred, faces)
    width = (_uniform(faces, draw) + 1) / 2 * NOISE
    noise = torch.randn(faces.shape, generator=draw, device=faces.device) * width
    return faces + torch.where(_some(faces, draw, CORRUPTED * strength), noise, 0.0)


def _erase(faces: Tensor, draw: torch.Generator, strength: float) -> Tensor:
    """Sometimes a box of one shade over the face."""
    size = faces.shape[-1]
    smallest, largest = (pixels * size / 48 for pixels in ERASED_SIZE)

    def span() -> tuple[Tensor, Tensor]:
        width = smallest + (largest - smallest) * (_uniform(faces, draw) + 1) / 2
        start = (size - width) * (_uniform(faces, draw) + 1) / 2
        return start, start + width

    place = torch.arange(size, device=faces.device)
    (left, right), (top, bottom) = span(), span()
    columns, rows = place.view(1, 1, 1, -1), place.view(1, 1, -1, 1)
    box = (columns >= left) & (columns < right) & (rows >= top) & (rows < bottom)
    shade = 127.5 + _uniform(faces, draw, 127.5)
    return torch.where(box & _some(faces, draw, ERASED * strength), shade, faces)
