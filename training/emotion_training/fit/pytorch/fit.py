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
from emotion_camera.files import whole_file
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from emotion_training.evaluate.protocols import EvalSet, measure
from emotion_training.fit.pytorch.augment import augment
from emotion_training.fit.pytorch.recipes import GPU_BATCH, Plan
from emotion_training.fit.run_folder import draw

# Of the mean of the weights over the last steps of 128 faces, which answers better than the last ones do (Polyak averaging).
KEPT = 0.998
LOG = "log.txt"


def device() -> torch.device:
    """The GPU, where PyTorch sees one; the processor otherwise."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fitted(plan: Plan, count: int) -> Plan:
    """The plan for `count` faces on this machine: in larger batches on a GPU, if there are faces for one."""
    return plan.on_gpu() if device().type == "cuda" and count >= plan.batch * GPU_BATCH else plan


def fit(
    network: nn.Module,
    images: NDArray[np.uint8],
    wanted: NDArray[np.float32],
    watched: tuple[NDArray[np.uint8], EvalSet],
    plan: Plan,
    run: Path,
    checkpoint_name: str = "checkpoint.pt",
) -> nn.Module:
    """The network trained to answer images uint8 [n, 48, 48] with `wanted` [n, 7], in the mean of its last weights.

    `watched`: pictures and the rows among them that each epoch's line in `log.txt` is measured on. The folder `run`, which
    must be there, keeps the checkpoint; a run goes on from it, on a processor to the very weights of one that was never
    stopped. Raises UserError where the checkpoint is of another plan, and where the loss is no longer a number.
    """
    where, checkpoint = device(), run / checkpoint_name
    state = _State.of(network, plan, where)
    start = state.restore(checkpoint) if checkpoint.is_file() else 0
    faces, answers = _on(images, where), torch.from_numpy(wanted).to(where)
    for epoch in range(start, plan.epochs):
        begun = time.monotonic()
        loss = _epoch(state, faces, answers, epoch)
        if not math.isfinite(loss):
            raise UserError(
                f"{run}: the loss is no longer a number in epoch {epoch + 1}; lower the rate ({plan.rate}) in "
                "training/emotion_training/fit/pytorch/recipes.py and choose another --run (the last checkpoint is kept)"
            )
        found = measure(logits(state.mean, watched[0]), watched[1])
        seconds = time.monotonic() - begun
        _log(run, f"{epoch + 1}/{plan.epochs} loss {loss:.4f} {brief(found.accuracy, found.balanced)} {seconds:.0f} s")
        state.save(checkpoint, epoch + 1)
        if (epoch + 1) % 10 == 0 or epoch + 1 == plan.epochs:
            draw_curve(run)
    return state.mean


@dataclass(frozen=True)
class _State:
    """What a checkpoint holds: the network, the mean of its last weights, the optimizer's momentum; and by which plan."""

    network: nn.Module
    mean: nn.Module
    optimizer: torch.optim.SGD
    plan: Plan

    @classmethod
    def of(cls, network: Any, plan: Plan, where: torch.device) -> "_State":
        network = network.to(where, memory_format=torch.channels_last)
        return cls(network, copy.deepcopy(network).eval(), _optimizer(network, plan), plan)

    def save(self, path: Path, epoch: int) -> None:
        """Write the checkpoint after `epoch` epochs."""
        states = [it.state_dict() for it in (self.network, self.mean, self.optimizer)]
        data = io.BytesIO()  # to a full disk torch.save says no more than RuntimeError
        torch.save({"plan": asdict(self.plan), "epoch": epoch, "states": states}, data)
        with whole_file(path) as beside:
            beside.write_bytes(data.getvalue())

    def restore(self, path: Path) -> int:
        """The epochs that are done, with everything put back as it was after them; UserError for another plan's."""
        try:
            kept: dict[str, Any] = torch.load(path, map_location=device(), weights_only=True)
            epoch, plan, (network, mean, optimizer) = int(kept["epoch"]), kept["plan"], kept["states"]
            if plan == asdict(self.plan):
                self.network.load_state_dict(network)
                self.mean.load_state_dict(mean)
                self.optimizer.load_state_dict(optimizer)
        except Exception as error:  # whatever a damaged file, or one of another network, makes torch raise
            raise UserError(f"{path}: is damaged, or of another network; delete it, or choose another --run") from error
        if plan != asdict(self.plan):
            raise UserError(f"{path}: was begun with another plan ({plan}); choose another --run")
        return epoch


def _on(images: NDArray[np.uint8], where: torch.device) -> Tensor:
    """Images uint8 [n, h, w] as a tensor uint8 [n, 1, h, w]."""
    return torch.from_numpy(np.ascontiguousarray(images)).unsqueeze(1).to(where)


def _optimizer(network: nn.Module, plan: Plan) -> torch.optim.SGD:
    """Weight decay for the kernels only: not for biases and batch norm."""
    kernels = [it for it in network.parameters() if it.ndim > 1]
    others = [it for it in network.parameters() if it.ndim <= 1]
    groups = [{"params": kernels, "weight_decay": plan.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, plan.rate, momentum=0.9, nesterov=True)


def _epoch(state: _State, faces: Tensor, wanted: Tensor, epoch: int) -> float:
    """One pass over the faces; the mean loss. The same for the same seed and epoch, so that a run can go on."""
    plan, seed = state.plan, state.plan.seed * 100_003 + epoch
    torch.manual_seed(seed)  # of dropout
    draw = torch.Generator(faces.device).manual_seed(seed)
    order = torch.randperm(len(faces), generator=draw, device=faces.device)
    steps = len(faces) // plan.batch
    total = torch.zeros((), device=faces.device)
    state.network.train()
    pairs = _floats(state.mean), _floats(state.network)
    for step in range(steps):
        which = order[step * plan.batch : (step + 1) * plan.batch]
        batch = augment(faces[which], draw, plan.strength_at(epoch)).contiguous(memory_format=torch.channels_last)
        total += _step(state, batch, wanted[which], plan.rate_at(epoch + step / steps))
        _average(*pairs, epoch * steps + step, plan.batch)
    return float(total) / steps


def _step(state: _State, batch: Tensor, wanted: Tensor, rate: float) -> Tensor:
    """One step by a batch float32 [n, 1, h, w] and its targets [n, 7]; its loss."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    with torch.autocast(batch.device.type, torch.bfloat16):
        logits = state.network(batch)
    loss = functional.cross_entropy(logits.float(), wanted)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.step()
    return loss.detach()


def _floats(network: nn.Module) -> list[Tensor]:
    """A network's weights and statistics, which training changes in place."""
    return [it for it in network.state_dict().values() if it.is_floating_point()]


@torch.no_grad()
def _average(mean: list[Tensor], now: list[Tensor], step: int, batch: int) -> None:
    """Draw the mean nearer to what the weights are now, after `step` steps: fast at first, later slowly."""
    kept = min(KEPT ** (batch / 128), (1 + step) / (10 + step))
    torch._foreach_lerp_(mean, now, 1 - kept)


@torch.inference_mode()
def logits(network: nn.Module, images: NDArray[np.uint8], mirrored: bool = False) -> NDArray[np.float32]:
    """What a network says of images uint8 [n, 48, 48] before softmax, [n, 7]; of their mirror images, with `mirrored`."""
    where = next(network.parameters()).device
    network.eval()
    found = []
    for some in np.array_split(images, max(1, len(images) // 512)):
        faces = _on(some[:, :, ::-1] if mirrored else some, where).float() / 255
        with torch.autocast(where.type, torch.bfloat16):
            found.append(network(faces.contiguous(memory_format=torch.channels_last)).float().cpu().numpy())
    return np.concatenate(found)


def brief(accuracy: float, balanced: float) -> str:
    """Accuracy and its mean over the classes, on PublicTest by the main protocol, as lines and logs have them."""
    return f"PublicTest {accuracy:.4f} {balanced:.4f}"


def _log(run: Path, line: str) -> None:
    print(f"{run.name} {line}", flush=True)
    with (run / LOG).open("a", encoding="utf-8") as log:
        log.write(line + "\n")


def draw_curve(run: Path) -> None:
    """Draw what `log.txt` tells of a run into `curve.png`; a line that is cut short is passed over."""
    epochs: dict[str, list[float]] = {}  # the last line of each epoch: a killed run may have trained it twice
    for words in map(str.split, (run / LOG).read_text(encoding="utf-8").splitlines()):
        if len(words) == 8:
            epochs[words[0]] = [float(words[place]) for place in (2, 4, 5)]
    loss, accuracy, balanced = (list(them) for them in zip(*epochs.values(), strict=True))
    shown = {"PublicTest": accuracy, "PublicTest, balanced": balanced}
    draw(run, {"loss": {"training (augmented)": loss}, "accuracy": shown})
