"""Train a network in its legs: its progress, a checkpoint every epoch, resume, and a picture of the learning curve."""

import csv
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from models.contract import EMOTIONS
from training import network
from training.augment import augment
from training.data import PUBLIC_TEST, DataError, Faces, read_json, writing
from training.protocols import main_protocol, rows
from training.recipes import RECIPES, Leg, Settings
from training.targets import prior, targets, training_rows


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
    """Raise DataError when the loss is no longer a number, before the epoch's checkpoint is written."""

    def __init__(self, leg: Leg):
        super().__init__()
        self.leg = leg

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            raise DataError(
                f"the loss is no longer a number in the leg {self.leg.name!r}; lower its rate ({self.leg.rate}) in "
                "training/recipes.py and choose another --run (the last checkpoint is kept)"
            )


class StartAtEpoch(keras.callbacks.Callback):
    """Tell the batches which epoch a resumed run starts at."""

    def __init__(self, batches: Batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch != self.batches.epoch:
            self.batches.start(epoch)


def watched(faces: Faces, network: str) -> Faces:
    """The faces as choices for a network of RECIPES are made by: without FER+'s votes where it is made for FER2013's labels."""
    return replace(faces, votes=None) if RECIPES[network].by_labels else faces


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
    faces: Faces,
    run: Path,
    settings: Settings,
    answers: Mapping[str, NDArray[np.float32]] = MappingProxyType({}),
    extra: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Train on the Training part, watching PublicTest; everything is kept in the folder `run`.

    `run` gets a folder for each leg, with its checkpoint, `history.csv` and network, `curve.png` and, at the end,
    `network.keras` in float32. A run goes on from what is there; one that is finished stays as it is. `answers`
    by the teacher's name, each [training rows, 7]: what those that the recipe names say. `extra` callbacks are called with
    the others.
    Raises DataError for too few training rows, other ones or other settings than the run was begun with, a checkpoint of
    another network, and a loss that is no longer a number.
    """
    which = begin(faces, run, settings)
    if (run / "network.keras").is_file():
        return load_network(run)
    keras.utils.set_random_seed(settings.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16")  # 22 s an epoch against 28 s in float32, no loss seen
    try:
        model = _fit_legs(
            lambda leg: _wanted(faces, which, leg, answers),
            faces.images[which],
            watched(faces, settings.network).part(PUBLIC_TEST),
            run,
            settings,
            extra,
        )
    finally:
        keras.mixed_precision.set_global_policy("float32")  # for whoever builds a network after this one
    return _keep(model, settings, run / "network.keras")


def begin(faces: Faces, run: Path, settings: Settings) -> NDArray[np.int64]:
    """The rows that `fit` trains on, once it is sure that it can; what the run is begun with is noted in its folder.

    Raises DataError as `fit` does.
    """
    which = training_rows(faces)
    if len(which) < settings.batch:
        raise DataError(
            f"the data has {len(which)} usable training rows; at least {settings.batch} (one batch) are needed: "
            "give data with more"
        )
    prior(faces, which)  # every emotion must have a picture
    if not (faces.usage == PUBLIC_TEST).any():
        raise DataError(
            "the data has no rows of PublicTest to watch the training by; give data with the official parts"
        )
    _keep_settings(run, {**asdict(settings), "rows": len(which), "recipe": asdict(RECIPES[settings.network])})
    return which


def _wanted(
    faces: Faces, which: NDArray[np.int64], leg: Leg, answers: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    """What a leg teaches, [len(which), 7]: the votes and labels, and the share of the teachers' answers."""
    wanted = targets(faces, leg.label_share, leg.least_count)[which]
    missing = [name for name in leg.teachers if name not in answers]
    if missing:
        raise ValueError(f"the leg {leg.name!r} is taught by {', '.join(missing)}; give the answers")
    if not leg.teachers:
        return wanted
    taught = np.mean([answers[name] for name in leg.teachers], axis=0, dtype=np.float32)
    return (1 - leg.taught) * wanted + np.float32(leg.taught) * taught


def _fit_legs(
    wanted: Callable[[Leg], NDArray[np.float32]],
    images: NDArray[np.uint8],
    public: Faces,
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
        batches = Batches(images, wanted(leg), settings, leg.strength)
        _fit_leg(model, batches, public, run, leg, extra)
        with writing(done) as beside:
            model.save_weights(beside)
    return model


def _load_weights(model: keras.Model, path: Path) -> None:
    try:
        model.load_weights(path)
    except (ValueError, KeyError) as error:  # what Keras raises where the layers differ
        raise DataError(f"{path}: holds the weights of another network; choose another --run") from error


def _keep_settings(run: Path, settings: dict[str, Any]) -> None:
    """Note in `settings.json` what a run is begun with; DataError where it was begun with something else."""
    path = run / "settings.json"
    if not path.exists():
        run.mkdir(parents=True, exist_ok=True)
        with writing(path) as beside:
            beside.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return
    begun = read_json(path, "delete it to go on with the settings that you gave, or choose another --run")
    for name, value in json.loads(json.dumps(settings)).items():
        if begun.get(name, value) != value:
            if name == "recipe":
                raise DataError(
                    f"{path}: this run was begun with another recipe or network shape than training/recipes.py has now; "
                    "choose another --run"
                )
            what, same = ("training rows:", "data") if name == "rows" else (name, "settings")
            raise DataError(
                f"{path}: this run was begun with {what} {begun[name]}, not {value}; "
                f"choose another --run, or give the same {same}"
            )


def load_network(run: Path) -> keras.Model:
    """The trained network of a finished run; DataError where its file is damaged."""
    path = run / "network.keras"
    try:
        return keras.models.load_model(path)
    except Exception as error:  # zipfile's, h5py's, Keras's own, wherever the file breaks off
        raise DataError(
            f"{path}: is cut short or damaged; delete it and run python -m training train --run {run} again"
        ) from error


def verbosity() -> str | int:
    """Keras's progress bar on a terminal; a line an epoch in a log, which the bar would fill with control characters."""
    return "auto" if sys.stdout.isatty() else 2


def _fit_leg(
    model: keras.Model,
    batches: Batches,
    public: Faces,
    run: Path,
    leg: Leg,
    extra: Sequence[keras.callbacks.Callback],
) -> None:
    settings = batches.settings
    epochs = max(1, round(settings.epochs * leg.epochs))
    wanted = rows(main_protocol(public), public)
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
        validation_data=(pixels(public.images[wanted.index]), np.eye(len(EMOTIONS), dtype=np.float32)[wanted.truth]),
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
    with writing(path) as beside:
        plain.save(beside)
    return plain


def draw_curve(run: Path, settings: Settings) -> None:
    """Draw loss and accuracy by epoch, one leg after the other, into `curve.png`."""
    from matplotlib.figure import Figure

    epochs: list[dict[str, str]] = []
    for history in (run / leg.name / "history.csv" for leg in RECIPES[settings.network].legs):
        if history.is_file():
            with history.open() as file:
                epochs += {row["epoch"]: row for row in csv.DictReader(file)}.values()
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for place, name in enumerate(("loss", "accuracy"), 1):
        axes = figure.add_subplot(1, 2, place, xlabel="epoch", title=name)
        for key, label in ((name, "training (augmented)"), ("val_" + name, "PublicTest")):
            axes.plot(range(1, len(epochs) + 1), [float(row[key]) for row in epochs], label=label)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(run / "curve.png", dpi=110)
