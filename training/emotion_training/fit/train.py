"""Train a camera network in Keras, on any of its backends: progress, a checkpoint every epoch, resume."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import read_json, whole_file
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray

from emotion_training.data.augment import augment
from emotion_training.fit import network
from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.network import Shape
from emotion_training.fit.recipes import Stage, TrainConfig
from emotion_training.fit.run_folder import SETTINGS, config_settings, draw_curve, log_epoch, start_run
from emotion_training.fit.training_data import TrainingData


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented batches; the same for the same seed and epoch, so that a resumed run goes on as it was."""

    def __init__(self, images: NDArray[np.uint8], targets: NDArray[np.float32], stage: Stage):
        super().__init__(workers=1, max_queue_size=8)
        self.images, self.targets, self.stage = images, targets, stage
        self.start(0)

    def start(self, epoch: int) -> None:
        """Shuffle for an epoch."""
        self.epoch = epoch
        self.order = np.random.default_rng((self.stage.seed, epoch)).permutation(len(self.images))

    def on_epoch_end(self) -> None:
        self.start(self.epoch + 1)

    def __len__(self) -> int:
        return len(self.images) // self.stage.batch_size

    def __getitem__(self, index: int) -> tuple[NDArray, NDArray]:
        size = self.stage.batch_size
        rows = self.order[index * size : (index + 1) * size]
        rng = np.random.default_rng((self.stage.seed, self.epoch, index))
        return pixels(augment(self.images[rows], rng, self.stage.augment_at(self.epoch))), self.targets[rows]


class StopOnNaN(keras.callbacks.Callback):
    """Raise UserError when the loss is no longer a number, before the epoch's checkpoint is written."""

    def __init__(self, number: int, stage: Stage):
        super().__init__()
        self.number, self.stage = number, stage

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise UserError(
                f"the loss is no longer a number in stage {self.number}; lower its peak_lr ({self.stage.peak_lr}) in "
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


class History(keras.callbacks.Callback):
    """Add each epoch to the run's history and draw its curve."""

    def __init__(self, run: Path, number: int):
        super().__init__()
        self.run, self.number = run, number

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        log_epoch(self.run, self.number, epoch + 1, logs or {})
        draw_curve(self.run)


def pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Faces uint8 [n, 48, 48] as the network takes them: float32 [n, 48, 48, 1], 0 to 1."""
    return (images[..., np.newaxis] / 255).astype(np.float32)


def verbosity() -> str | int:
    """Keras's progress bar on a terminal; a line an epoch in a log, which the bar would fill with control characters."""
    return "auto" if sys.stdout.isatty() else 2


def fit(
    data: TrainingData,
    run: Path,
    config: TrainConfig,
    soft_targets: SoftTargets | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Train on the Training part, validated on PublicTest; everything is kept in the folder `run`.

    `run` gets a folder for each stage, with its checkpoint and weights, `history.csv`, `curve.png` and, at the end,
    `network.keras` in float32. A run goes on from what is there; one that is finished stays as it is. Without
    `soft_targets`, for the training rows, the network learns from votes and labels alone.
    Raises UserError as `start_run` does, for a checkpoint of another network, and for a loss that is no longer a number.
    """
    start_run(run, data, config.batch_size, config_settings(config, soft_targets))
    if (run / "network.keras").is_file():
        return load_network(run)
    recipe = config.recipe()
    keras.utils.set_random_seed(config.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")  # 22 s an epoch against 28 s in float32, no loss seen
    try:
        weights = network.build(len(EMOTIONS), shape=recipe.shape).get_weights()
        for number, stage in enumerate(recipe.stages, 1):
            # A new model for each stage: Keras keeps the epoch that a restored one began at, and would start the next there.
            model = network.build(len(EMOTIONS), shape=recipe.shape)
            model.set_weights(weights)
            _fit_stage(model, data, data.targets(stage, soft_targets), run, number, stage, callbacks)
            weights = model.get_weights()
    finally:
        keras.mixed_precision.set_global_policy("float32")  # for whoever builds a network after this one
    return _save(recipe.shape, weights, run / "network.keras")


def _fit_stage(
    model: keras.Model,
    data: TrainingData,
    targets: NDArray[np.float32],
    run: Path,
    number: int,
    stage: Stage,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Train one stage in its folder, or load its weights where it is done."""
    folder = run / f"stage{number}"
    done, checkpoint = folder / "network.weights.h5", folder / "checkpoint"
    if done.is_file():
        _load_weights(model, done)
        return
    folder.mkdir(exist_ok=True)
    if (checkpoint / "latest.weights.h5").is_file():
        _load_weights(model, checkpoint / "latest.weights.h5")  # to refuse another network's in a sentence
    batches, val = Batches(data.images, targets, stage), data.val_set
    # A new optimizer: momentum of other targets would only mislead it.
    optimizer = keras.optimizers.SGD(stage.peak_lr, momentum=0.9, nesterov=True, weight_decay=stage.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        batches,
        epochs=stage.epochs,
        shuffle=False,  # Batches shuffles by itself, in a way that a resumed run repeats
        validation_data=(pixels(data.val_images[val.index]), np.eye(len(EMOTIONS), dtype=np.float32)[val.targets]),
        validation_batch_size=512,
        verbose=verbosity(),
        callbacks=[
            # Two copies: a run killed while it writes one goes on from the other.
            keras.callbacks.BackupAndRestore(checkpoint, double_checkpoint=True, delete_checkpoint=False),
            StartAtEpoch(batches),
            StopOnNaN(number, stage),
            keras.callbacks.LearningRateScheduler(lambda epoch: stage.lr_at(epoch + 0.5)),
            History(run, number),
            *callbacks,
        ],
    )
    with whole_file(done) as beside:
        model.save_weights(beside)


def _load_weights(model: keras.Model, path: Path) -> None:
    try:
        model.load_weights(path)
    except (ValueError, KeyError, OSError) as error:  # Keras's where the layers differ, h5py's of a damaged file
        raise UserError(f"{path}: is damaged, or of another network; choose another --run") from error


def _save(shape: Shape, weights: list[NDArray], path: Path) -> keras.Model:
    """The trained network in float32, saved whole."""
    model = network.build(len(EMOTIONS), shape=shape)
    model.set_weights(weights)
    with whole_file(path) as beside:
        model.save(beside)
    return model


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
    """The network of a run of `emotion_training.fit.pytorch.students`: of the shape in its settings, with its weights."""
    advice = f"delete it and run emotion-camera train students --run {run} again"
    path = run / "weights.npz"
    settings: Any = read_json(run / SETTINGS, advice)
    try:
        # JSON has lists for tuples; in runs of earlier versions the shape is no part of a recipe, and has a weight decay.
        shape = settings.get("recipe", settings)["shape"]
        fields: dict[str, Any] = {name: tuple(it) if isinstance(it, list) else it for name, it in shape.items()}
        fields.pop("weight_decay", None)
        model = network.build(len(EMOTIONS), shape=Shape(**fields))
        with np.load(path) as data:
            model.set_weights([data[f"arr_{number}"] for number in range(len(data))])
    except Exception as error:  # np.load's many, and Keras's where the shapes differ
        raise UserError(f"{path}: is cut short, damaged or not of the shape in {SETTINGS}; {advice}") from error
    return model
