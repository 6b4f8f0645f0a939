"""One run of a sweep, on whichever machine it falls to: nothing of it is left there but what it has sent."""

import io
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_camera.errors import UserError

from emotion_training.data.fer2013 import PUBLIC_TEST, Faces
from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.recipes import RECIPES, Settings
from emotion_training.fit.run_folder import Trainable
from emotion_training.sweep.plan import Run

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Task:
    """What a machine is told to do.

    kept: the run's files so far, as `pack` gives them, or None; home: the folder in which a person finds the run's.
    """

    run: Run
    kept: bytes | None
    cpus: int
    home: str


@dataclass(frozen=True)
class Report:
    """An epoch is over: `epoch` of `epochs`, counted over all legs, and the run's files at its end."""

    run: str
    epoch: int
    epochs: int
    loss: float
    accuracy: float  # on PublicTest, 0 to 1
    files: bytes


def train(task: Task, data: Trainable, taught: SoftTargets | None, send: Callable[[Report], None]) -> dict[str, Any]:
    """Train from where the files in `task` stop, sending a Report an epoch, and measure on PublicTest.

    Returns `figures`, by protocol, and `files`; or `refused`, a sentence, where it can't be trained at all.
    """
    _use_cores(task.cpus)
    with tempfile.TemporaryDirectory(prefix="sweep_", ignore_cleanup_errors=True) as place:
        folder = Path(place) / task.run.name
        folder.mkdir()
        if task.kept:
            unpack(task.kept, folder)
        try:
            figures = _figures(_fit(task, data, taught, folder, send), data.faces)
        except UserError as error:
            return {"refused": str(error).replace(place, task.home)}
        return {"figures": figures, "files": pack(folder)}


def _use_cores(count: int) -> None:
    """Have Keras's backend use so many cores; JAX, which knows no such number, takes all."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    elif keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(count)


def _fit(
    task: Task, data: Trainable, taught: SoftTargets | None, folder: Path, send: Callable[[Report], None]
) -> "keras.Model":
    import keras

    from emotion_training.fit.train import fit

    epochs = _epochs_by_leg(task.run.settings)

    def report(epoch: int, logs: dict | None) -> None:
        before = sum(n for leg, n in epochs.items() if (folder / leg / "network.weights.h5").is_file())
        loss, accuracy = (float((logs or {})[name]) for name in ("loss", "val_accuracy"))
        done, all_of_them = before + epoch + 1, sum(epochs.values())
        send(Report(task.run.name, done, all_of_them, loss, accuracy, pack(folder)))

    # After fit's own callbacks, so that the epoch's checkpoint is among the files.
    reporter = keras.callbacks.LambdaCallback(on_epoch_end=report)
    return fit(data, folder, task.run.settings, taught, extra=[reporter])


def _epochs_by_leg(settings: Settings) -> dict[str, int]:
    return {leg.name: max(1, round(settings.epochs * leg.epochs)) for leg in RECIPES[settings.network].legs}


def _figures(network: "keras.Model", faces: Faces) -> dict[str, dict[str, float]]:
    """Accuracy and balanced accuracy on PublicTest by protocol; in float, as the network answers."""
    from emotion_training.evaluate.evaluate import by_protocol
    from emotion_training.fit.train import pixels

    part = faces.part(PUBLIC_TEST)
    scores = network.predict(pixels(part.images), batch_size=512, verbose=0)
    measured = by_protocol(scores, part).items()
    return {name: {"accuracy": round(it.accuracy, 4), "balanced": round(it.balanced, 4)} for name, it in measured}


def pack(folder: Path) -> bytes:
    """The files of a run's folder as a zip, less Keras's second copies of a checkpoint: what is sent is whole."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:  # weights don't compress
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".bkp":
                archive.write(file, file.relative_to(folder))
    return data.getvalue()


def unpack(data: bytes, folder: Path) -> None:
    """Put the files of `pack` into a folder."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
