"""Teach a network faces of one's own, in a minute or two, without its forgetting the others.

All layers learn, at a small rate, from augmented own faces; as many rehearsed ones go with them: the bundled portraits of
nobody, blended and augmented, with what the network answered to them before.

Measured with the first version of the model on PublicTest as another camera shows it, with 50 faces a class (balanced
accuracy, from .37): the last layer alone reached .52, all layers .63. Rehearsal left FER+ 7 on plain faces at .77 instead
of .68 (before: .84). Stopping early, by faces kept aside for it, was worse than learning from those, too (20 faces a class,
two seeds: .572, not .595).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray

from emotion_training.data.augment import augment
from emotion_training.data.fer2013 import SIZE
from emotion_training.fit.train import pixels, rate_at, verbosity

Face = NDArray[np.uint8]

RATE = 1e-4  # Adam's; at three times as much the network forgot more and learnt no more
EPOCHS = 30
BATCH = 32  # own faces, and as many rehearsed ones
LEAST_STEPS = 8  # a batch each; with few faces they are met more often in an epoch
STRENGTH = 0.6  # of the augmentation of own faces, which are cut as the camera cuts them
REHEARSED = 2000  # faces


@dataclass(frozen=True)
class Lesson:
    """Faces uint8 [n, 48, 48], what to answer [n, classes], and how much each counts [n]."""

    images: Face
    wanted: NDArray[np.float32]
    weight: NDArray[np.float32]


def own(images: Face, classes: NDArray[np.int64], count: int) -> Lesson:
    """Collected faces as a lesson for `count` outputs, in which every class counts alike, however many faces it has."""
    faces = np.bincount(classes, minlength=count)
    weight = len(classes) / (faces > 0).sum() / faces[classes]
    return Lesson(images, np.eye(count, dtype=np.float32)[classes], weight.astype(np.float32))


def rehearsal(network: keras.Model, folder: Path, seed: int, count: int = REHEARSED) -> Lesson:
    """Blends of the portraits in `folder`, augmented, with what the network answers to them now."""
    from PIL import Image

    from emotion_training.assets.clip import load_portraits

    found = load_portraits(folder)
    small = [Image.fromarray(found[it].astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BOX) for it in EMOTIONS]
    portraits = np.stack([np.asarray(it, np.float32) for it in small])
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, len(EMOTIONS), (2, count))
    share = rng.uniform(0, 1, (count, 1, 1))
    blends = np.rint((1 - share) * portraits[one] + share * portraits[other]).astype(np.uint8)
    images = augment(blends, rng)
    return Lesson(images, _answers(network, images), np.ones(count, np.float32))


def _answers(network: keras.Model, images: Face) -> NDArray[np.float32]:
    return np.asarray(network.predict(pixels(images), batch_size=256, verbose=0), np.float32)


class Batches(keras.utils.PyDataset):
    """Half own faces, newly augmented each time, half rehearsed ones, if there are any; the same for the same seed."""

    def __init__(self, faces: Lesson, rehearsed: Lesson | None, seed: int, strength: float = STRENGTH):
        super().__init__(workers=1)
        self.faces, self.rehearsed, self.seed, self.strength, self.epoch = faces, rehearsed, seed, strength, 0
        self.on_epoch_begin()

    def on_epoch_begin(self) -> None:
        rng = np.random.default_rng((self.seed, self.epoch))
        passes = -(-len(self) * BATCH // len(self.faces.images))
        self.order = np.concatenate([rng.permutation(len(self.faces.images)) for _ in range(passes)])

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.on_epoch_begin()

    def __len__(self) -> int:
        return max(LEAST_STEPS, -(-len(self.faces.images) // BATCH))

    def __getitem__(self, index: int) -> tuple[NDArray, NDArray, NDArray]:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        mine = self.order[index * BATCH : (index + 1) * BATCH]
        old = rng.integers(0, len(self.rehearsed.images), BATCH) if self.rehearsed else None
        images = augment(self.faces.images[mine], rng, self.strength)
        wanted, weight = self.faces.wanted[mine], self.faces.weight[mine]
        if self.rehearsed:
            images = np.concatenate([images, self.rehearsed.images[old]])
            wanted = np.concatenate([wanted, self.rehearsed.wanted[old]])
            weight = np.concatenate([weight, self.rehearsed.weight[old]])
        return pixels(images), wanted, weight


def adapt(network: keras.Model, learn: Lesson, rehearsed: Lesson, seed: int) -> keras.Model:
    """The network after learning, with more outputs where the lesson has more than it (see `widen`). Shows progress."""
    keras.utils.set_random_seed(seed)
    network = widen(network, learn)
    missing = learn.wanted.shape[1] - rehearsed.wanted.shape[1]
    rehearsed = Lesson(rehearsed.images, np.pad(rehearsed.wanted, ((0, 0), (0, missing))), rehearsed.weight)
    network.compile(keras.optimizers.Adam(RATE), "categorical_crossentropy", weighted_metrics=["accuracy"])
    network.fit(
        Batches(learn, rehearsed, seed),
        epochs=EPOCHS,
        shuffle=False,
        verbose=verbosity(),
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch: rate_at(epoch, EPOCHS, RATE, warmup=2)),
        ],
    )
    return network


def widen(network: keras.Model, faces: Lesson) -> keras.Model:
    """The network with an output for each class of `faces`: the first ones are its own, new ones start from their faces.

    A new output's weights point from the mean features of the other faces to that of its own, as long as the old ones are,
    and its bias makes it tie with the best old answer halfway between.
    """
    layer = network.get_layer("emotion")
    kernel, bias = layer.get_weights()
    features = keras.Model(network.input, layer.input).predict(pixels(faces.images), batch_size=256, verbose=0)
    best = float((features @ kernel + bias).max(axis=1).mean())
    for new in range(len(bias), faces.wanted.shape[1]):
        mine = faces.wanted[:, new] > 0
        own, others = features[mine].mean(axis=0), features[~mine].mean(axis=0)
        way = own - others
        way *= np.linalg.norm(kernel, axis=0).mean() / max(float(np.linalg.norm(way)), 1e-6)
        kernel = np.column_stack([kernel, way])
        bias = np.append(bias, best - way @ (own + others) / 2)
    return with_last(network, kernel, bias)


def with_last(network: keras.Model, kernel: NDArray, bias: NDArray) -> keras.Model:
    """The network with another last layer: weights [features, classes] and bias [classes]."""
    dense: Any = keras.layers.Dense(len(bias), name="emotion")
    logits = dense(network.get_layer("emotion").input)
    dense.set_weights([kernel, bias])
    return keras.Model(network.input, keras.layers.Activation("softmax", name="scores")(logits))
