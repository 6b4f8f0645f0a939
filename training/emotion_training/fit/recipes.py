"""Every number of the training: networks, stages, teachers. Keras and PyTorch train by the same recipes.

This file imports neither of them: soft targets are checked against their teacher's recipe, and a sweep is planned, without.
"""

import json
import math
from dataclasses import asdict, dataclass, replace

from emotion_camera.boards import LARGE_HEAP, SMALL_HEAP

from emotion_training.fit.network import SHAPES, Shape

# On a GPU batches are so many times as large, which small networks need to keep one busy; the learning rate grows with them.
GPU_BATCH = 4


@dataclass(frozen=True)
class Stage:
    """One stage of a training: SGD with Nesterov momentum, a linear warm-up, then half a cosine down to 0.

    hard_label_weight: of FER2013's one-hot label in the targets, the rest is FER+'s vote distribution (0 to 1); min_votes:
    votes for an emotion that fewer annotators gave count as none; distillation_weight: of the teachers' soft targets (0 to 1),
    the rest is the targets above; augment, augment_end: strength of the augmentation (0 to 1), which falls from the one to the
    other over the last `augment_ramp` of the epochs; weight_decay: of kernels, not of biases and batch norm.
    """

    epochs: int
    peak_lr: float
    hard_label_weight: float = 0.0
    min_votes: int = 1
    distillation_weight: float = 0.0
    augment: float = 1.0
    augment_end: float = 0.5
    augment_ramp: float = 0.4
    weight_decay: float = 1e-4
    batch_size: int = 128
    warmup_epochs: int = 3
    seed: int = 1

    def lr_at(self, epoch: float) -> float:
        """The learning rate after `epoch` epochs, which may be a fraction."""
        return lr_at(epoch, self.epochs, self.peak_lr, self.warmup_epochs)

    def augment_at(self, epoch: int) -> float:
        """The strength of the augmentation in an epoch, counted from 0."""
        done = max(0.0, epoch / self.epochs - (1 - self.augment_ramp)) / self.augment_ramp
        return self.augment + (self.augment_end - self.augment) * done

    def on_gpu(self) -> "Stage":
        """The same stage in larger batches, the learning rate scaled with them (Goyal et al. 2017)."""
        return replace(self, batch_size=self.batch_size * GPU_BATCH, peak_lr=self.peak_lr * GPU_BATCH)


def lr_at(epoch: float, epochs: int, peak_lr: float, warmup_epochs: int) -> float:
    """The learning rate after `epoch` of `epochs` epochs: a linear warm-up, and half a cosine from `peak_lr` down to 0."""
    warmup = min(1.0, (epoch + 0.1) / warmup_epochs) if warmup_epochs else 1.0
    return peak_lr * warmup * (1 + math.cos(math.pi * min(1.0, epoch / epochs))) / 2


@dataclass(frozen=True)
class Recipe:
    """A camera network's shape and the stages of its training, one after the other."""

    shape: Shape
    stages: tuple[Stage, ...]

    @property
    def epochs(self) -> int:
        """The epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)


# FER+'s voters call mild fear, disgust and sadness neutral; a share of FER2013's label keeps those alive. In the second stage
# faces are nearer to a detector's: a small network gains there what it can't learn of all at once.
FIRST = Stage(120, 0.12, hard_label_weight=0.3, distillation_weight=0.8, augment_end=0.45)
SECOND = Stage(140, 0.06, hard_label_weight=0.15, distillation_weight=0.8, augment=0.6, augment_end=0.4)
# The larger network's third stage brought it from .844 / .719 on PublicTest (FER+ 7, balanced) to .848 / .732.
THIRD = Stage(80, 0.05, hard_label_weight=0.15, distillation_weight=0.8, augment=0.45, augment_end=0.35)
# By three teachers in place of two, from the weights of the int8 file before: .855 / .723, and at a tau of 0.25 .846 / .770 in place
# of .837 / .766. 160 epochs of "emotion" from a peak of 0.06 gained nothing: its best sum of both is 1.555, as before.
FOURTH = replace(THIRD, epochs=100)

RECIPES = {
    "emotion": Recipe(SHAPES["emotion"], (FIRST, SECOND)),
    "emotion_plus": Recipe(
        SHAPES["emotion_plus"], (replace(FIRST, epochs=60, peak_lr=0.1), replace(SECOND, epochs=40), THIRD, FOURTH)
    ),
}

# What the boards that a network is made for have room for.
LIMITS = {"emotion": SMALL_HEAP, "emotion_plus": LARGE_HEAP}


@dataclass(frozen=True)
class TrainConfig:
    """Which network to train, and what a person may change of its recipe.

    epochs: of all stages together, None for the recipe's; seed: of the first weights, shuffling and augmentation.
    """

    network: str = "emotion"
    epochs: int | None = None
    batch_size: int = 128
    warmup_epochs: int = 3
    seed: int = 1

    def recipe(self) -> Recipe:
        """The network's recipe with these numbers; every stage has its share of the epochs, but at least one."""
        recipe = RECIPES[self.network]
        share = (self.epochs or recipe.epochs) / recipe.epochs
        stages = (
            replace(
                stage,
                epochs=max(1, round(stage.epochs * share)),
                batch_size=self.batch_size,
                warmup_epochs=self.warmup_epochs,
                seed=self.seed + number,
            )
            for number, stage in enumerate(recipe.stages)
        )
        return Recipe(recipe.shape, tuple(stages))


@dataclass(frozen=True)
class Teacher:
    """A network that is too large for a camera: "vgg" or "resnet" of `emotion_training.fit.pytorch.networks`, or "dlib", which starts as
    dlib's network for face recognition (`emotion_training.fit.pytorch.face_network`).

    widths: channels at each resolution, none for "dlib"; blocks: of a ResNet, at each; dropout: before the last layer; taught_by: earlier
    teachers whose soft targets the stage's `distillation_weight` is for (born again: Furlanello et al. 2018).
    """

    network: str
    widths: tuple[int, ...]
    stage: Stage
    blocks: int = 1
    dropout: float = 0.3
    taught_by: tuple[str, ...] = ()


def _teacher_stage(
    epochs: int, peak_lr: float, hard_label_weight: float, seed: int, distillation_weight: float = 0.0
) -> Stage:
    return Stage(epochs, peak_lr, hard_label_weight, 1, distillation_weight, weight_decay=5e-4, seed=seed)


VGG, RESNET = (32, 64, 128, 256), (64, 128, 256)

# They differ in shape, targets and seed, so that their mistakes do, and their mean makes fewer.
TEACHERS = {
    "vgg_votes": Teacher("vgg", VGG, _teacher_stage(30, 0.05, 0.1, 1)),
    "resnet_both": Teacher("resnet", RESNET, _teacher_stage(30, 0.1, 0.4, 2)),
    "vgg_labels": Teacher("vgg", VGG, _teacher_stage(30, 0.05, 0.8, 3)),
    "resnet_votes": Teacher("resnet", RESNET, _teacher_stage(40, 0.1, 0.1, 4)),
    "vgg_taught": Teacher("vgg", VGG, _teacher_stage(45, 0.05, 0.1, 7, 0.5), taught_by=("vgg_votes", "resnet_both")),
    "dlib_taught": Teacher(
        "dlib",
        (),
        replace(_teacher_stage(18, 0.03, 0.1, 8, 0.5), warmup_epochs=1),
        taught_by=("vgg_votes", "resnet_both"),
    ),
    "vgg_wide_votes": Teacher("vgg", (48, 96, 192, 384), _teacher_stage(40, 0.05, 0.1, 5)),
    "resnet_wide_votes": Teacher("resnet", (96, 160, 256), _teacher_stage(50, 0.1, 0.1, 6), blocks=2, dropout=0.4),
}


def teacher_recipe(name: str) -> str:
    """One of TEACHERS in JSON: what its soft targets are known by. Who taught it stands there only where somebody did."""
    recipe = asdict(TEACHERS[name])
    return json.dumps({key: value for key, value in recipe.items() if value != ()}, sort_keys=True)
