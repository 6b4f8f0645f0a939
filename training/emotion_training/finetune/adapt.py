"""Finetune a network on collected faces, in a minute or two, without its forgetting the others.

All layers train, at a small learning rate, on augmented collected faces; as many replayed ones go with them: the bundled
average faces, blended and augmented, with the network's own scores for them from before.

Measured with the first version of the model on PublicTest as another camera shows it, with 50 faces a class (balanced
accuracy, from .37): the last layer alone reached .52, all layers .63. Replay left FER+ 7 on plain faces at .77 instead of
.68 (before: .84). Early stopping, by faces kept aside for it, was worse than training on those, too (20 faces a class, two
seeds: .572, not .595).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from emotion_camera.model.contract import EMOTIONS
from numpy.typing import NDArray

from emotion_training.data.augment import augment
from emotion_training.data.class_prior import balanced_weights
from emotion_training.data.fer2013 import SIZE
from emotion_training.fit.recipes import lr_at
from emotion_training.fit.train import pixels, verbosity

PEAK_LR = 1e-4  # Adam's; at three times as much the network forgot more and learnt no more
EPOCHS = 30
WARMUP_EPOCHS = 2
BATCH_SIZE = 32  # collected faces, and as many replayed ones
MIN_STEPS = 8  # an epoch; of few faces each is met more often in it
AUGMENT = 0.6  # strength for collected faces, which are cropped as the camera crops them
REPLAYED = 2000  # faces


@dataclass(frozen=True)
class Samples:
    """Faces uint8 [n, 48, 48], their targets [n, classes], and their sample weights [n]."""

    images: NDArray[np.uint8]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]


def collected_samples(images: NDArray[np.uint8], classes: NDArray[np.int64], count: int) -> Samples:
    """Collected faces for `count` outputs, in which every class counts alike, however many faces it has."""
    return Samples(images, np.eye(count, dtype=np.float32)[classes], balanced_weights(classes, count))


def replay_samples(network: keras.Model, folder: Path, seed: int, count: int = REPLAYED) -> Samples:
    """Blends of the average faces in `folder`, augmented, with the network's scores for them as targets."""
    from PIL import Image

    from emotion_training.assets.clip import load_average_faces

    found = load_average_faces(folder)
    small = [Image.fromarray(found[it].astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BOX) for it in EMOTIONS]
    faces = np.stack([np.asarray(it, np.float32) for it in small])
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, len(EMOTIONS), (2, count))
    share = rng.uniform(0, 1, (count, 1, 1))
    blends = np.rint((1 - share) * faces[one] + share * faces[other]).astype(np.uint8)
    images = augment(blends, rng)
    scores = np.asarray(network.predict(pixels(images), batch_size=256, verbose=0), np.float32)
    return Samples(images, scores, np.ones(count, np.float32))


class Batches(keras.utils.PyDataset):
    """Half collected faces, augmented anew each time, half replayed ones, if there are any; the same for the same seed."""

    def __init__(self, collected: Samples, replay: Samples | None, seed: int, strength: float = AUGMENT):
        super().__init__(workers=1)
        self.collected, self.replay, self.seed, self.strength, self.epoch = collected, replay, seed, strength, 0
        self.on_epoch_begin()

    def on_epoch_begin(self) -> None:
        rng, count = np.random.default_rng((self.seed, self.epoch)), len(self.collected.images)
        passes = -(-len(self) * BATCH_SIZE // count)
        self.order = np.concatenate([rng.permutation(count) for _ in range(passes)])

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.on_epoch_begin()

    def __len__(self) -> int:
        return max(MIN_STEPS, -(-len(self.collected.images) // BATCH_SIZE))

    def __getitem__(self, index: int) -> tuple[NDArray, NDArray, NDArray]:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        rows = self.order[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        old = rng.integers(0, len(self.replay.images), BATCH_SIZE) if self.replay else None
        images = augment(self.collected.images[rows], rng, self.strength)
        targets, weights = self.collected.targets[rows], self.collected.weights[rows]
        if self.replay:
            images = np.concatenate([images, self.replay.images[old]])
            targets = np.concatenate([targets, self.replay.targets[old]])
            weights = np.concatenate([weights, self.replay.weights[old]])
        return pixels(images), targets, weights


def adapt(network: keras.Model, collected: Samples, replay: Samples, seed: int) -> keras.Model:
    """The finetuned network, with more outputs where `collected` has more classes (see `expand_head`). Shows progress."""
    keras.utils.set_random_seed(seed)
    network = expand_head(network, collected)
    missing = collected.targets.shape[1] - replay.targets.shape[1]
    replay = Samples(replay.images, np.pad(replay.targets, ((0, 0), (0, missing))), replay.weights)
    network.compile(keras.optimizers.Adam(PEAK_LR), "categorical_crossentropy", weighted_metrics=["accuracy"])
    network.fit(
        Batches(collected, replay, seed),
        epochs=EPOCHS,
        shuffle=False,
        verbose=verbosity(),
        callbacks=[
            keras.callbacks.LearningRateScheduler(lambda epoch: lr_at(epoch + 0.5, EPOCHS, PEAK_LR, WARMUP_EPOCHS)),
        ],
    )
    return network


def expand_head(network: keras.Model, samples: Samples) -> keras.Model:
    """The network with an output for each class of `samples`: the first ones are its own, new ones start from their faces.

    A new output's weights point from the mean features of the other faces to that of its own, as long as the old ones are,
    and its bias makes it tie with the best old logit halfway between.
    """
    layer = network.get_layer("emotion")
    kernel, bias = layer.get_weights()
    features = keras.Model(network.input, layer.input).predict(pixels(samples.images), batch_size=256, verbose=0)
    best = float((features @ kernel + bias).max(axis=1).mean())
    for new in range(len(bias), samples.targets.shape[1]):
        mine = samples.targets[:, new] > 0
        own, others = features[mine].mean(axis=0), features[~mine].mean(axis=0)
        direction = own - others
        direction *= np.linalg.norm(kernel, axis=0).mean() / max(float(np.linalg.norm(direction)), 1e-6)
        kernel = np.column_stack([kernel, direction])
        bias = np.append(bias, best - direction @ (own + others) / 2)
    return replace_head(network, kernel, bias)


def replace_head(network: keras.Model, kernel: NDArray, bias: NDArray) -> keras.Model:
    """The network with another last layer: weights [features, classes] and bias [classes]."""
    dense: Any = keras.layers.Dense(len(bias), name="emotion")
    logits = dense(network.get_layer("emotion").input)
    dense.set_weights([kernel, bias])
    return keras.Model(network.input, keras.layers.Activation("softmax", name="scores")(logits))
