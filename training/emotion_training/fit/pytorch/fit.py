"""Train one network in PyTorch: on a GPU where there is one, with a checkpoint every epoch that a killed run goes on from."""

import copy
import io
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from emotion_camera.errors import UserError
from emotion_camera.files import write_file
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from emotion_training.data.protocols import measure
from emotion_training.fit.pytorch.augment import augment
from emotion_training.fit.recipes import GPU_BATCH, Stage
from emotion_training.fit.run_folder import draw_curve, log_epoch
from emotion_training.fit.training_data import TrainingData

# Decay, for a batch of 128, of the exponential moving average (EMA) of the weights, which is more accurate than the last ones.
EMA_DECAY = 0.998


def device() -> torch.device:
    """The GPU, where PyTorch sees one; the processor otherwise."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def precision(where: torch.device) -> torch.autocast:
    """bfloat16 where it is fast: on a GPU, and on a processor with AMX tiles. One with AVX-512 alone takes 2.4 times as long in it."""
    return torch.autocast(where.type, torch.bfloat16, where.type == "cuda" or torch.cpu._is_amx_tile_supported())


def for_device(stage: Stage, count: int) -> Stage:
    """The stage for `count` faces on this machine: in larger batches on a GPU, if there are faces for one."""
    return stage.on_gpu() if device().type == "cuda" and count >= stage.batch_size * GPU_BATCH else stage


def fit(
    network: nn.Module,
    data: TrainingData,
    targets: NDArray[np.float32],
    stage: Stage,
    run: Path,
    number: int = 1,
) -> nn.Module:
    """The network trained by a stage on the pictures of `data` with `targets` [n, 7]: the moving average of its weights.

    The folder `run`, which must be there, keeps the checkpoint `stage<number>.pt` and the history; a run goes on from it, on
    a processor to the very weights of one that was never stopped. Raises UserError where the checkpoint is of another stage,
    and where the loss is no longer a number.
    """
    stage = for_device(stage, len(targets))
    where, checkpoint = device(), run / f"stage{number}.pt"
    state = TrainState.of(network, stage, where)
    first = state.restore(checkpoint) if checkpoint.is_file() else 0
    images, targets_there = _on(data.images, where), torch.from_numpy(targets).to(where)
    for epoch in range(first, stage.epochs):
        start = time.monotonic()
        loss = _epoch(state, images, targets_there, epoch)
        if not math.isfinite(loss):
            raise UserError(
                f"{run}: the loss is no longer a number in epoch {epoch + 1}; lower peak_lr ({stage.peak_lr}) in "
                "training/emotion_training/fit/recipes.py and choose another --run (the last checkpoint is kept)"
            )
        val = measure(logits(state.ema, data.val_images), data.val_set)
        seconds = time.monotonic() - start
        print(
            f"{run.name} stage {number} epoch {epoch + 1}/{stage.epochs} loss {loss:.4f} "
            f"PublicTest {val.accuracy:.4f} balanced {val.balanced:.4f} {seconds:.0f} s",
            flush=True,
        )
        metrics = {"loss": loss, "val_accuracy": val.accuracy, "val_balanced_accuracy": val.balanced}
        log_epoch(run, number, epoch + 1, metrics)
        state.save(checkpoint, epoch + 1)
        if (epoch + 1) % 10 == 0 or epoch + 1 == stage.epochs:
            draw_curve(run)
    return state.ema


@dataclass(frozen=True)
class TrainState:
    """What a checkpoint holds: the network, the moving average of its weights, the optimizer's momentum; and the stage."""

    network: nn.Module
    ema: nn.Module
    optimizer: torch.optim.SGD
    stage: Stage

    @classmethod
    def of(cls, network: Any, stage: Stage, where: torch.device) -> "TrainState":
        """The state of a network before its first epoch."""
        network = network.to(where, memory_format=torch.channels_last)
        return cls(network, copy.deepcopy(network).eval(), _optimizer(network, stage), stage)

    def save(self, path: Path, epoch: int) -> None:
        """Write the checkpoint after `epoch` epochs."""
        states = [it.state_dict() for it in (self.network, self.ema, self.optimizer)]
        data = io.BytesIO()  # to a full disk torch.save says no more than RuntimeError
        torch.save({"stage": asdict(self.stage), "epoch": epoch, "states": states}, data)
        write_file(path, data.getvalue())

    def restore(self, path: Path) -> int:
        """The epochs that are done, with everything put back as it was after them; UserError for another stage's."""
        try:
            kept: dict[str, Any] = torch.load(path, map_location=device(), weights_only=True)
            epoch, stage, states = int(kept["epoch"]), kept["stage"], kept["states"]
            if stage == asdict(self.stage):
                network, ema, optimizer = states
                self.network.load_state_dict(network)
                self.ema.load_state_dict(ema)
                self.optimizer.load_state_dict(optimizer)
        except Exception as error:  # whatever a damaged file, or one of another network, makes torch raise
            raise UserError(f"{path}: is damaged, or of another network; delete it, or choose another --run") from error
        if stage != asdict(self.stage):
            raise UserError(f"{path}: was started with another recipe ({stage}); choose another --run")
        return epoch


def _on(images: NDArray[np.uint8], where: torch.device) -> Tensor:
    """Images uint8 [n, h, w] as a tensor uint8 [n, 1, h, w]."""
    return torch.from_numpy(np.ascontiguousarray(images)).unsqueeze(1).to(where)


def _optimizer(network: nn.Module, stage: Stage) -> torch.optim.SGD:
    """Weight decay for the kernels only: not for biases and batch norm."""
    kernels = [it for it in network.parameters() if it.ndim > 1]
    others = [it for it in network.parameters() if it.ndim <= 1]
    groups = [{"params": kernels, "weight_decay": stage.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, stage.peak_lr, momentum=0.9, nesterov=True)


def _epoch(state: TrainState, images: Tensor, targets: Tensor, epoch: int) -> float:
    """One epoch; its mean loss. The same for the same seed and epoch, so that a run can go on."""
    stage, seed = state.stage, state.stage.seed * 100_003 + epoch
    torch.manual_seed(seed)  # of dropout
    draw = torch.Generator(images.device).manual_seed(seed)
    order = torch.randperm(len(images), generator=draw, device=images.device)
    steps = len(images) // stage.batch_size
    total = torch.zeros((), device=images.device)
    state.network.train()
    ema, weights = _floats(state.ema), _floats(state.network)
    for step in range(steps):
        rows = order[step * stage.batch_size : (step + 1) * stage.batch_size]
        batch = augment(images[rows], draw, stage.augment_at(epoch)).contiguous(memory_format=torch.channels_last)
        total += _step(state, batch, targets[rows], stage.lr_at(epoch + step / steps))
        _update_ema(ema, weights, epoch * steps + step, stage.batch_size)
    return float(total) / steps


def _step(state: TrainState, batch: Tensor, targets: Tensor, lr: float) -> Tensor:
    """One step on a batch float32 [n, 1, h, w] and its targets [n, 7]; its loss."""
    for group in state.optimizer.param_groups:
        group["lr"] = lr
    with precision(batch.device):
        logits = state.network(batch)
    loss = functional.cross_entropy(logits.float(), targets)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    return loss.detach()


def _floats(network: nn.Module) -> list[Tensor]:
    """A network's weights and statistics, which training changes in place."""
    return [it for it in network.state_dict().values() if it.is_floating_point()]


@torch.no_grad()
def _update_ema(ema: list[Tensor], weights: list[Tensor], step: int, batch_size: int) -> None:
    """Move the average towards the weights after `step` steps: fast at first, later slowly."""
    decay = min(EMA_DECAY ** (batch_size / 128), (1 + step) / (10 + step))
    torch._foreach_lerp_(ema, weights, 1 - decay)


@torch.inference_mode()
def logits(network: nn.Module, images: NDArray[np.uint8], mirrored: bool = False) -> NDArray[np.float32]:
    """A network's logits [n, 7] for images uint8 [n, 48, 48]; for their mirror images, with `mirrored`."""
    where = next(network.parameters()).device
    network.eval()
    found = []
    for some in np.array_split(images, max(1, len(images) // 512)):
        faces = _on(some[:, :, ::-1] if mirrored else some, where).float() / 255
        with precision(where):
            found.append(network(faces.contiguous(memory_format=torch.channels_last)).float().cpu().numpy())
    return np.concatenate(found)
