"""Start a network from weights without batch norm: from an int8 file, since the repository ships no float model to go on from."""

from collections.abc import Callable, Sequence

import torch
from emotion_camera.errors import UserError
from torch import Tensor, nn

from emotion_training.fit.pytorch.augment import augment
from emotion_training.fit.recipes import Stage
from emotion_training.fit.start import Start
from emotion_training.fit.training_data import TrainingData

# Faces for the first statistics of batch norms; training soon has its own.
PICTURES = 1024


def first_pictures(data: TrainingData, stage: Stage) -> Tensor:
    """PICTURES training faces, or all, float32 [n, 1, size, size], augmented as the stage's first epoch does."""
    draw = torch.Generator().manual_seed(stage.seed)
    chosen = torch.randperm(len(data.train_rows), generator=draw)[:PICTURES]
    return augment(torch.from_numpy(data.images)[chosen].unsqueeze(1), draw, stage.augment)


def start_from(network: nn.Module, start: Start, pictures: Tensor) -> None:
    """Give a `networks.camera` network the weights of an int8 file; it then gives nearly the scores that the file does.

    pictures: see `unfold_batch_norm`. Raises UserError where the file is of another network.
    """
    places = [it for it in network.modules() if isinstance(it, nn.Conv2d | nn.Linear)]
    kernels = [torch.from_numpy(kernel).movedim(-1, 1) for kernel, _ in start.layers]
    if [it.shape for it in kernels] != [it.weight.shape for it in places]:
        raise UserError(
            f"{start.path}: is not of the network to be trained; give another --network, or leave --start out"
        )
    *biases, last = [torch.from_numpy(bias) for _, bias in start.layers]
    for place, kernel in zip(places, kernels, strict=True):
        place.load_state_dict({"weight": kernel}, strict=False)
    places[-1].load_state_dict({"bias": last}, strict=False)
    unfold_batch_norm(network, biases, pictures)


@torch.no_grad()
def unfold_batch_norm(network: nn.Module, biases: Sequence[Tensor], pictures: Tensor) -> None:
    """Set the network's batch norms so that each, in the order in which they are run, does no more than add its bias.

    Their statistics are those of `pictures`, float32 [n, 1, size, size] of augmented faces, so that training, which normalizes by
    its batches, starts with the same scores.
    """
    norms = [it for it in network.modules() if isinstance(it, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(_adds(bias)) for norm, bias in zip(norms, biases, strict=True)]
    network.eval()(pictures)
    for hook in hooks:
        hook.remove()


def _adds(bias: Tensor) -> Callable[[nn.Module, tuple[Tensor]], None]:
    """A hook that sets a batch norm by the input that it is about to get."""

    def hook(norm: nn.Module, given: tuple[Tensor]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        variance, mean = torch.var_mean(given[0], (0, 2, 3), correction=0)
        scale = (variance + norm.eps).sqrt()
        norm.load_state_dict(
            {"weight": scale, "bias": mean + bias, "running_mean": mean, "running_var": variance}, strict=False
        )

    return hook
