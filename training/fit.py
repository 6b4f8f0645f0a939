"""Train the network: progress bar, a checkpoint every epoch, resume, and a picture of the learning curve."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from models.contract import EMOTIONS
from training import network
from training.augment import augment
from training.data import PUBLIC_TEST, Faces
from training.protocols import rows
from training.targets import LABEL_SHARE, targets, training_rows


@dataclass(frozen=True)
class Settings:
    """How to train. The defaults are the shipped model's."""

    epochs: int = 110  # the loss still falls at 45: FER+ 7 .825 at 45, .837 at 110 for a net of this kind
    rate: float = 0.15  # SGD with Nesterov momentum takes it with batch norm; cosine down to 0
    warmup: int = 3  # epochs of rising rate, or the first steps at 0.15 can diverge
    batch: int = 128
    seed: int = 1
    label_share: float = LABEL_SHARE


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented batches; the same for the same seed and epoch, so that a resumed run goes on as it was."""

    def __init__(self, images: NDArray[np.uint8], wanted: NDArray[np.float32], settings: Settings):
        super().__init__(workers=1, max_queue_size=8)
        self.images, self.wanted, self.settings = images, wanted, settings
        self.start(0)

    def start(self, epoch: int) -> None:
        """Shuffle for an epoch."""
        self.epoch = epoch
        self.order = np.random.default_rng((self.settings.seed, epoch)).permutation(len(self.images))

    def on_epoch_end(self) -> None:
        self.start(self.epoch + 1)

    def __len__(self) -> int:
        return len(self.images) // self.settings.batch

    def __getitem__(self, index: int) -> tuple[NDArray, NDArray]:
        which = self.order[index * self.settings.batch : (index + 1) * self.settings.batch]
        rng = np.random.default_rng((self.settings.seed, self.epoch, index))
        return pixels(augment(self.images[which], rng)), self.wanted[which]


class StartAtEpoch(keras.callbacks.Callback):
    """Tell the batches which epoch a resumed run starts at."""

    def __init__(self, batches: Batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch != self.batches.epoch:
            self.batches.start(epoch)


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Faces uint8 [n, 48, 48] as the network takes them: float32 [n, 48, 48, 1], 0 to 1."""
    return (images[..., np.newaxis] / 255).astype(np.float32)


def rate_at(epoch: int, settings: Settings) -> float:
    """The learning rate of an epoch: a linear rise over the warm-up, then half a cosine down to 0."""
    if epoch < settings.warmup:
        return settings.rate * (epoch + 1) / (settings.warmup + 1)
    done = (epoch - settings.warmup) / max(1, settings.epochs - settings.warmup)
    return settings.rate * (1 + math.cos(math.pi * done)) / 2


def fit(faces: Faces, run: Path, settings: Settings, extra: Sequence[keras.callbacks.Callback] = ()) -> keras.Model:
    """Train on the Training part, watching PublicTest; everything is kept in the folder `run`.

    `run` gets `checkpoint/` (an interrupted run goes on from there), `history.csv`, `curve.png` and, at the end,
    `network.keras` in float32. `extra` callbacks are called with the others. Raises DataError where `faces` has no rows to train on.
    """
    run.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(settings.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")  # 22 s an epoch against 28 s in float32, no loss seen
    which = training_rows(faces)
    batches = Batches(faces.images[which], targets(faces, settings.label_share)[which], settings)
    watched = faces.part(PUBLIC_TEST)
    wanted = rows("FER+ 7" if faces.votes is not None else "FER2013", watched)
    model = network.build(len(EMOTIONS))
    model.compile(
        keras.optimizers.SGD(settings.rate, momentum=0.9, nesterov=True, weight_decay=network.WEIGHT_DECAY),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.fit(
        batches,
        epochs=settings.epochs,
        validation_data=(pixels(watched.images[wanted.index]), np.eye(len(EMOTIONS), dtype=np.float32)[wanted.truth]),
        validation_batch_size=512,
        callbacks=[*_callbacks(run, batches, settings), *extra],
    )
    return _keep(model, run / "network.keras")


def _callbacks(run: Path, batches: Batches, settings: Settings) -> list[keras.callbacks.Callback]:
    return [
        # Two copies: a run killed while it writes one goes on from the other.
        keras.callbacks.BackupAndRestore(run / "checkpoint", double_checkpoint=True, delete_checkpoint=False),
        StartAtEpoch(batches),
        keras.callbacks.LearningRateScheduler(lambda epoch: rate_at(epoch, settings)),
        keras.callbacks.CSVLogger(run / "history.csv", append=True),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: draw_curve(run / "history.csv", run / "curve.png")
        ),
    ]


def _keep(model: keras.Model, path: Path) -> keras.Model:
    """The trained network in float32, saved whole: written beside and renamed."""
    keras.mixed_precision.set_global_policy("float32")
    plain = network.build(len(EMOTIONS))
    plain.set_weights(model.get_weights())
    beside = path.with_name("writing." + path.name)
    plain.save(beside)
    beside.replace(path)
    return plain


def draw_curve(history: Path, picture: Path) -> None:
    """Draw loss and accuracy by epoch from a history.csv."""
    from matplotlib.figure import Figure

    with history.open() as file:
        epochs = {int(row["epoch"]): row for row in csv.DictReader(file)}
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for place, name in enumerate(("loss", "accuracy"), 1):
        axes = figure.add_subplot(1, 2, place, xlabel="epoch", title=name)
        for key, label in ((name, "training (augmented)"), ("val_" + name, "PublicTest")):
            axes.plot(list(epochs), [float(row[key]) for row in epochs.values()], label=label)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(picture, dpi=110)
