"""Train a network on Studio's images: fine-tune the shipped model with the project's classes, or train one from scratch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import MODELS
from emotion_camera.model.labels import match_label, read_labels

from emotion_training.data.fer2013 import SIZE
from emotion_training.export.tflite_to_keras import tflite_to_keras
from emotion_training.finetune.adapt import Batches, collected_samples, expand_head, replace_head
from emotion_training.fit import network
from emotion_training.fit.network import SHAPES, Shape
from emotion_training.fit.recipes import lr_at
from emotion_training.fit.train import pixels
from emotion_training.learning_block.arrays import Dataset

MODEL = MODELS / "emotion.tflite"
FINETUNE_LR = 0.1  # of the learning rate: Adam's 1e-4 was measured best for the shipped model (see emotion_training.finetune.adapt)
SEED = 1
# Of batch normalization: with Keras's 0.99 the moving averages lag in a short training (after 160 steps on synthetic faces,
# 67 % validation accuracy; with 0.9, 100 %).
MOMENTUM = 0.9
MAX_SIZE = 96  # input size of the network in pixels; larger images are average-pooled first


@dataclass(frozen=True)
class Settings:
    """Settings in Studio: epochs, peak learning rate, augmentation strength (0 to 1), and whether to fine-tune the shipped model."""

    epochs: int
    learning_rate: float
    augmentation: float
    from_model: bool


def train(dataset: Dataset, names: Sequence[str] | None, settings: Settings) -> keras.Model:
    """Train a network from pixels (0 to 1) [n, size, size, 1] to scores [n, classes], printing a line per epoch.

    `names`: the class names, if known; those that the shipped model has keep its weights. Raises UserError if the loss
    becomes NaN or infinite.
    """
    keras.utils.set_random_seed(SEED)
    from_model = settings.from_model and dataset.size == SIZE
    if settings.from_model and not from_model:
        print(f"the emotion model takes {SIZE} x {SIZE} pixels, the images have {dataset.size}: training from scratch")
    model = adopt(dataset, names) if from_model else build(dataset.size, dataset.classes)
    rate = settings.learning_rate * (FINETUNE_LR if from_model else 1)
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", weighted_metrics=["accuracy"])
    samples = collected_samples(dataset.train.images, dataset.train.labels, dataset.classes)
    model.fit(
        Batches(samples, None, SEED, settings.augmentation),
        epochs=settings.epochs,
        shuffle=False,
        validation_data=(pixels(dataset.test.images), np.eye(dataset.classes)[dataset.test.labels]),
        validation_batch_size=256,
        verbose=0,  # Keras's progress bar needs carriage returns, which Studio's log does not have
        callbacks=[
            keras.callbacks.LearningRateScheduler(
                lambda epoch: lr_at(epoch + 0.5, settings.epochs, rate, min(3, settings.epochs // 10))
            ),
            EpochLog(settings),
        ],
    )
    return model


class EpochLog(keras.callbacks.Callback):
    """Prints a line per epoch; raises UserError if the loss becomes NaN or infinite."""

    def __init__(self, settings: Settings):
        super().__init__()
        self.settings = settings

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        logs = logs or {}
        if not math.isfinite(logs["loss"]):
            raise UserError(f"the loss diverged; lower the learning rate ({self.settings.learning_rate:g}) in Studio")
        print(
            f"epoch {epoch + 1} of {self.settings.epochs}: loss {logs['loss']:.3f}, training accuracy (augmented, "
            f"class-weighted) {100 * logs['accuracy']:.1f} %, validation accuracy {100 * logs['val_accuracy']:.1f} %",
            flush=True,
        )


def adopt(dataset: Dataset, names: Sequence[str] | None) -> keras.Model:
    """The shipped network with the project's classes as outputs: known class names keep their weights, the others are new.

    Emotions that the project has no class for are dropped.
    """
    known = read_labels(MODEL.with_suffix(".txt"))
    wanted = [match_label(name, known) for name in names] if names else [""] * dataset.classes
    outputs = np.array([known.index(name) if name in known else len(known) for name in wanted])
    new = np.flatnonzero(outputs == len(known))
    outputs[new] += np.arange(len(new))
    print(f"fine-tuning {MODEL.name}: it knows {dataset.classes - len(new)} of {dataset.classes} classes", flush=True)
    samples = collected_samples(dataset.train.images, outputs[dataset.train.labels], len(known) + len(new))
    wide = expand_head(tflite_to_keras(MODEL), samples)
    kernel, bias = wide.get_layer("emotion").get_weights()
    return replace_head(wide, kernel[:, outputs], bias[outputs])


def build(size: int, classes: int) -> keras.Model:
    """An untrained network for images of any size, within the memory of an H7 at 48 x 48 and of larger boards above.

    Images of more than 96 pixels are average-pooled by an integer factor first.
    """
    factor = math.ceil(size / MAX_SIZE)
    small = size // factor
    model = network.build(classes, small, shape(small, classes))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = MOMENTUM
    if factor == 1:
        return model
    inputs = keras.Input((size, size, 1))
    return keras.Model(inputs, model(keras.layers.AveragePooling2D(factor)(inputs)))


def shape(size: int, classes: int) -> Shape:
    """The shape whose arena (about 1.5 * stem * size * size bytes) and file fit the boards."""
    if size > 72:
        return Shape(8, (16, 32, 64), 2, 96)  # at 96: 26 M multiply-accumulates
    if classes > 12:
        return Shape(12, (24, 40, 48), 2, 96)  # 10 KB smaller: each class takes 100 bytes
    return SHAPES["emotion"]
