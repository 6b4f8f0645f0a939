"""Train a network on Studio's pictures: the shipped model with Studio's classes, or one of its kind from nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from emotion_camera.files import MODELS
from emotion_camera.model.contract import read_labels

from emotion_training.data.fer2013 import SIZE, DataError
from emotion_training.export.tflite_to_keras import rebuild
from emotion_training.finetune.adapt import Batches, own, widen, with_last
from emotion_training.fit import network
from emotion_training.fit.network import SHAPES, Shape
from emotion_training.fit.train import pixels, rate_at
from emotion_training.learning_block.arrays import Pictures

MODEL = MODELS / "emotion.tflite"
ADAPTING = 0.1  # of the learning rate: what was measured best is Adam's 1e-4 for the shipped model (see emotion_training.finetune.adapt)
SEED = 1
# Of batch norm's means: with Keras's 0.99 they lag behind in a short training (after 160 steps, made-up faces: 67 % of the
# test pictures right; with 0.9 all).
MOMENTUM = 0.9
LARGEST = 96  # pixels that a network works on; larger pictures are averaged down first


@dataclass(frozen=True)
class Settings:
    """What Studio sets: epochs, the highest learning rate, strength of the augmentation (0 to 1), start from the shipped model."""

    epochs: int
    rate: float
    augmentation: float
    from_model: bool


def train(pictures: Pictures, names: Sequence[str] | None, settings: Settings) -> keras.Model:
    """The trained network, from pixels (0 to 1) [n, size, size, 1] to scores [n, classes]; a line for each epoch is printed.

    `names` of the classes, where known, tell which of them the shipped model has. Raises DataError when the loss is no
    longer a number.
    """
    keras.utils.set_random_seed(SEED)
    from_model = settings.from_model and pictures.size == SIZE
    if settings.from_model and not from_model:
        print(
            f"the emotion model takes {SIZE} x {SIZE} pixels, the pictures have {pictures.size}: starting from nothing"
        )
    made = adopt(pictures, names) if from_model else build(pictures.size, pictures.count)
    rate = settings.rate * (ADAPTING if from_model else 1)
    made.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", weighted_metrics=["accuracy"])
    lesson = own(pictures.train.images, pictures.train.classes, pictures.count)
    made.fit(
        Batches(lesson, None, SEED, settings.augmentation),
        epochs=settings.epochs,
        shuffle=False,
        validation_data=(pixels(pictures.test.images), np.eye(pictures.count)[pictures.test.classes]),
        validation_batch_size=256,
        verbose=0,  # its progress bar goes back in the line, which Studio's log does not
        callbacks=[
            keras.callbacks.LearningRateScheduler(
                lambda epoch: rate_at(epoch, settings.epochs, rate, warmup=min(3, settings.epochs // 10))
            ),
            Lines(settings),
        ],
    )
    return made


class Lines(keras.callbacks.Callback):
    """A plain line for each epoch; DataError when the loss is no longer a number."""

    def __init__(self, settings: Settings):
        super().__init__()
        self.settings = settings

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        told = logs or {}
        if not math.isfinite(told["loss"]):
            raise DataError(
                f"the loss is no longer a number; lower the learning rate ({self.settings.rate:g}) in Studio"
            )
        print(
            f"epoch {epoch + 1} of {self.settings.epochs}: loss {told['loss']:.3f}, right {100 * told['accuracy']:.1f} % of the changed "
            f"training pictures (classes weighed alike), {100 * told['val_accuracy']:.1f} % of the test pictures",
            flush=True,
        )


def adopt(pictures: Pictures, names: Sequence[str] | None) -> keras.Model:
    """The shipped network with Studio's classes as outputs: those that it knows by name are its own, the others new.

    Emotions that the project has no class for are left out.
    """
    known = read_labels(MODEL.with_suffix(".txt"))
    called = [name.strip().lower() for name in names] if names else [""] * pictures.count
    places = np.array([known.index(it) if it in known else len(known) + n for n, it in enumerate(called)])
    new = np.flatnonzero(places >= len(known))
    places[new] = len(known) + np.arange(len(new))
    print(
        f"starting from {MODEL.name}: {pictures.count - len(new)} of {pictures.count} classes are known to it",
        flush=True,
    )
    wide = widen(rebuild(MODEL), own(pictures.train.images, places[pictures.train.classes], len(known) + len(new)))
    kernel, bias = wide.get_layer("emotion").get_weights()
    return with_last(wide, kernel[:, places], bias[places])


def build(size: int, classes: int) -> keras.Model:
    """A new network for pictures of any size that the contract's boards have room for: an H7 at 48 x 48, the roomier ones above.

    Beyond 96 pixels the pictures are averaged down by a whole factor first.
    """
    factor = math.ceil(size / LARGEST)
    small = size // factor
    made = network.build(classes, small, shape(small, classes))
    for layer in made.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    if factor == 1:
        return made
    given = keras.Input((size, size, 1))
    return keras.Model(given, made(keras.layers.AveragePooling2D(factor)(given)))


def shape(size: int, classes: int) -> Shape:
    """The shape whose arena, about 1.5 * stem * size * size bytes, and file keep the limits."""
    if size > 72:
        return Shape(8, (16, 32, 64), 2, 96)  # at 96: 26 M multiply-accumulates
    if classes > 12:
        return Shape(12, (24, 40, 48), 2, 96)  # 10 KB less, for a class takes 100 bytes
    return SHAPES["emotion"]
