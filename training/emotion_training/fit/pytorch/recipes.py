"""How teachers and students are trained in PyTorch; read without it, for soft targets are held to their teacher's recipe."""

import json
import math
from dataclasses import asdict, dataclass, replace

# Batches on a GPU are so many times as large, which small networks need to keep one busy; the rate grows with them.
GPU_BATCH = 4


@dataclass(frozen=True)
class Plan:
    """How one network is trained: SGD with Nesterov momentum, the rate a cosine down to 0 after a rise of `warmup` epochs.

    rate: the highest one; batch: faces a step, on a CPU; strength: of the augmentation, which falls to `calm` over the last
    `calming` share of the epochs, where the faces come nearer to a detector's.
    """

    epochs: int
    rate: float
    weight_decay: float
    batch: int = 128
    warmup: int = 3
    strength: float = 1.0
    calm: float = 0.5
    calming: float = 0.4
    seed: int = 1

    def rate_at(self, epoch: float) -> float:
        """The learning rate after `epoch` epochs, which may be a fraction."""
        rise = min(1.0, (epoch + 0.1) / self.warmup)
        return self.rate * rise * (1 + math.cos(math.pi * min(1.0, epoch / self.epochs))) / 2

    def strength_at(self, epoch: int) -> float:
        """The strength of the augmentation in an epoch."""
        over = max(0.0, epoch / self.epochs - (1 - self.calming)) / self.calming
        return self.strength + (self.calm - self.strength) * over

    def on_gpu(self) -> "Plan":
        """The same plan in larger batches, the rate scaled with them (Goyal et al. 2017)."""
        return replace(self, batch=self.batch * GPU_BATCH, rate=self.rate * GPU_BATCH)


@dataclass(frozen=True)
class Teacher:
    """A network of `networks` ("vgg" or "resnet") with its widths and, for a ResNet, its blocks at each; and its plan.

    label_share: FER2013's label in its targets (the rest is FER+'s votes); dropout: before the last layer.
    """

    network: str
    widths: tuple[int, ...]
    label_share: float
    plan: Plan
    blocks: int = 1
    dropout: float = 0.3


@dataclass(frozen=True)
class Student:
    """A camera network's plan, that of a second training from where the first ended, if any, and its targets.

    taught: share of the teachers' answers, the rest is FER+'s votes; label_share: FER2013's label in that rest, and in the
    second training.
    """

    plan: Plan
    fine: Plan | None = None
    taught: float = 0.8
    label_share: float = 0.3
    fine_label_share: float = 0.15


VGG, RESNET = (32, 64, 128, 256), (64, 128, 256)

# They differ in shape, targets and seed, so that their mistakes do, and their mean makes fewer.
TEACHERS = {
    "vgg_votes": Teacher("vgg", VGG, 0.1, Plan(30, 0.05, 5e-4, seed=1)),
    "resnet_both": Teacher("resnet", RESNET, 0.4, Plan(30, 0.1, 5e-4, seed=2)),
    "vgg_labels": Teacher("vgg", VGG, 0.8, Plan(30, 0.05, 5e-4, seed=3)),
    "resnet_votes": Teacher("resnet", RESNET, 0.1, Plan(40, 0.1, 5e-4, seed=4)),
    "vgg_wide_both": Teacher("vgg", (48, 96, 192, 384), 0.3, Plan(40, 0.05, 5e-4, seed=5)),
    "resnet_wide_votes": Teacher("resnet", (96, 160, 256), 0.1, Plan(50, 0.1, 5e-4, seed=6), blocks=2, dropout=0.4),
}

STUDENTS = {
    # With faces nearer to a detector's, the second training gains what a small network can't learn of all at once.
    "emotion": Student(Plan(120, 0.12, 1e-4, calm=0.45), Plan(140, 0.06, 1e-4, strength=0.6, calm=0.4, seed=2)),
    "emotion_plus": Student(Plan(90, 0.1, 1e-4, calm=0.45), Plan(60, 0.06, 1e-4, strength=0.6, calm=0.4, seed=2)),
}


def recipe(name: str) -> str:
    """One of TEACHERS in JSON: what its soft targets are known by."""
    return json.dumps(asdict(TEACHERS[name]), sort_keys=True)
