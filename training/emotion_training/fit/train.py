"""Train a network in its legs, by Keras on any of its backends: its progress, a checkpoint every epoch, resume."""

import csv
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import read_json, whole_file
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray

from emotion_training.data.augment import augment
from emotion_training.fit import network
from emotion_training.fit.network import Shape
from emotion_training.fit.recipes import RECIPES, Leg, Settings

# emotion_training.fit.run_folder is imported where a run begins: the learning block takes this file along for its other functions.
if TYPE_CHECKING:
    from emotion_training.fit.distillation import SoftTargets
    from emotion_training.fit.run_folder import Trainable


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented batches; the same for the same seed and epoch, so that a resumed run goes on as it was."""

    def __init__(self, images: NDArray[np.uint8], wanted: NDArray[np.float32], settings: Settings, strength: float):
        super().__init__(workers=1, max_queue_size=8)
        self.images, self.wanted, self.settings, self.strength = images, wanted, settings, strength
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
        return pixels(augment(self.images[which], rng, self.strength)), self.wanted[which]


class StopOnNaN(keras.callbacks.Callback):
    """Raise UserError when the loss is no longer a number, before the epoch's checkpoint is written."""

    def __init__(self, leg: Leg):
        super().__init__()
        self.leg = leg

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise UserError(
                f"the loss is no longer a number in the leg {self.leg.name!r}; lower its rate ({self.leg.rate}) in "
                "training/emotion_training/fit/recipes.py and choose another --run (the last checkpoint is kept)"
            )


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


def rate_at(epoch: int, epochs: int, highest: float, warmup: int) -> float:
    """The learning rate of an epoch of `epochs`: a linear rise over the warm-up, then half a cosine down to 0."""
    if epoch < warmup:
        return highest * (epoch + 1) / (warmup + 1)
    done = (epoch - warmup) / max(1, epochs - warmup)
    return highest * (1 + math.cos(math.pi * done)) / 2


def fit(
    data: "Trainable",
    run: Path,
    settings: Settings,
    taught: "SoftTargets | None" = None,
    extra: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Train on the Training part, watching PublicTest; everything is kept in the folder `run`.

    `run` gets a folder for each leg, with its checkpoint, `history.csv` and network, `curve.png` and, at the end,
    `network.keras` in float32. A run goes on from what is there; one that is finished stays as it is. `taught`: the
    teachers' answers to the training rows; without them the votes and labels alone teach. `extra` callbacks are called
    with the others.
    Raises UserError as `begin` does, for a checkpoint of another network, and for a loss that is no longer a number.
    """
    _begin(data, run, settings, taught)
    if (run / "network.keras").is_file():
        return load_network(run)
    keras.utils.set_random_seed(settings.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")  # 22 s an epoch against 28 s in float32, no loss seen
    try:
        model = _fit_legs(data, taught, run, settings, extra)
    finally:
        keras.mixed_precision.set_global_policy("float32")  # for whoever builds a network after this one
    return _keep(model, settings, run / "network.keras")


def _begin(data: "Trainable", run: Path, settings: Settings, taught: "SoftTargets | None") -> None:
    from emotion_training.fit.run_folder import begin

    noted = {**asdict(settings), "recipe": asdict(RECIPES[settings.network])}
    noted["soft_targets"] = list(taught.teachers) if taught else []
    begin(run, data, settings.batch, noted)


def _wanted(data: "Trainable", leg: Leg, taught: "SoftTargets | None") -> NDArray[np.float32]:
    """What a leg teaches, [n, 7]: the votes and labels, and the share of the teachers' answers."""
    wanted = data.targets(leg.label_share, leg.least_count)
    if taught is None:
        return wanted
    return np.float32(1 - leg.taught) * wanted + np.float32(leg.taught) * taught.scores


def _fit_legs(
    data: "Trainable",
    taught: "SoftTargets | None",
    run: Path,
    settings: Settings,
    extra: Sequence[keras.callbacks.Callback],
) -> keras.Model:
    """The network after all legs; a leg that is done is taken from its file."""
    recipe = RECIPES[settings.network]
    model = network.build(len(EMOTIONS), shape=recipe.shape)
    for leg in recipe.legs:
        done = run / leg.name / "network.weights.h5"
        if done.is_file():
            _load_weights(model, done)
            continue
        # A new model for each leg: Keras keeps the epoch that a restored one began at, and would start the next leg there.
        model, before = network.build(len(EMOTIONS), shape=recipe.shape), model.get_weights()
        model.set_weights(before)
        (run / leg.name).mkdir(exist_ok=True)
        batches = Batches(data.images, _wanted(data, leg, taught), settings, leg.strength)
        _fit_leg(model, batches, data, run, leg, extra)
        with whole_file(done) as beside:
            model.save_weights(beside)
    return model


def _load_weights(model: keras.Model, path: Path) -> None:
    try:
        model.load_weights(path)
    except (ValueError, KeyError) as error:  # what Keras raises where the layers differ
        raise UserError(f"{path}: holds the weights of another network; choose another --run") from error


def load_network(run: Path) -> keras.Model:
    """The trained network of a finished run, of Keras (`network.keras`) or of PyTorch (`weights.npz`).

    Raises UserError where its files are damaged.
    """
    path = run / "network.keras"
    if not path.is_file() and (run / "weights.npz").is_file():
        return _from_weights(run)
    try:
        return keras.models.load_model(path)
    except Exception as error:  # zipfile's, h5py's, Keras's own, wherever the file breaks off
        raise UserError(
            f"{path}: is cut short or damaged; delete it and run emotion-camera train train --run {run} again"
        ) from error


def _from_weights(run: Path) -> keras.Model:
    """The network of a run of `emotion_training.fit.pytorch.students`: built in the shape that it notes, with its weights."""
    advice = f"delete it and run emotion-camera train students --run {run} again"
    path = run / "weights.npz"
    told: Any = read_json(run / "settings.json", advice).get("shape")
    try:
        shape = _shape(told)
        model = network.build(len(EMOTIONS), shape=shape)
        with np.load(path) as data:
            model.set_weights([data[f"arr_{number}"] for number in range(len(data))])
    except Exception as error:  # np.load's many, and Keras's where the shapes differ
        raise UserError(f"{path}: is cut short, damaged or not of the shape in settings.json; {advice}") from error
    return model


def _shape(told: dict[str, Any]) -> Shape:
    """A shape from JSON, which has lists for tuples."""
    values: dict[str, Any] = {name: tuple(it) if isinstance(it, list) else it for name, it in told.items()}
    return Shape(**values)


def verbosity() -> str | int:
    """Keras's progress bar on a terminal; a line an epoch in a log, which the bar would fill with control characters."""
    return "auto" if sys.stdout.isatty() else 2


def _fit_leg(
    model: keras.Model,
    batches: Batches,
    data: "Trainable",
    run: Path,
    leg: Leg,
    extra: Sequence[keras.callbacks.Callback],
) -> None:
    settings = batches.settings
    epochs = max(1, round(settings.epochs * leg.epochs))
    public, right = data.public, data.right
    # A new optimizer: momentum of other targets would only mislead it.
    model.compile(
        keras.optimizers.SGD(
            leg.rate, momentum=0.9, nesterov=True, weight_decay=RECIPES[settings.network].shape.weight_decay
        ),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    checkpoint = run / leg.name / "checkpoint"
    if (checkpoint / "latest.weights.h5").is_file():
        _load_weights(model, checkpoint / "latest.weights.h5")  # to refuse another network's in a sentence
    model.fit(
        batches,
        epochs=epochs,
        shuffle=False,  # Batches shuffles by itself, in a way that a resumed run repeats
        validation_data=(pixels(public.images[right.index]), np.eye(len(EMOTIONS), dtype=np.float32)[right.targets]),
        validation_batch_size=512,
        verbose=verbosity(),
        callbacks=[
            # Two copies: a run killed while it writes one goes on from the other.
            keras.callbacks.BackupAndRestore(checkpoint, double_checkpoint=True, delete_checkpoint=False),
            StartAtEpoch(batches),
            StopOnNaN(leg),
            keras.callbacks.LearningRateScheduler(lambda epoch: rate_at(epoch, epochs, leg.rate, settings.warmup)),
            keras.callbacks.CSVLogger(run / leg.name / "history.csv", append=True),
            keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: draw_curve(run, settings)),
            *extra,
        ],
    )


def _keep(model: keras.Model, settings: Settings, path: Path) -> keras.Model:
    """The trained network in float32, saved whole: written beside and renamed."""
    plain = network.build(len(EMOTIONS), shape=RECIPES[settings.network].shape)
    plain.set_weights(model.get_weights())
    with whole_file(path) as beside:
        plain.save(beside)
    return plain


def draw_curve(run: Path, settings: Settings) -> None:
    """Draw loss and accuracy by epoch, one leg after the other, into `curve.png`."""
    from emotion_training.fit import run_folder

    epochs: list[dict[str, str]] = []
    for history in (run / leg.name / "history.csv" for leg in RECIPES[settings.network].legs):
        if history.is_file():
            with history.open() as file:
                epochs += {row["epoch"]: row for row in csv.DictReader(file)}.values()
    panels = {}
    for name in ("loss", "accuracy"):
        lines = {"training (augmented)": name, "PublicTest": "val_" + name}
        panels[name] = {label: [float(row[key]) for row in epochs] for label, key in lines.items()}
    run_folder.draw(run, panels)
