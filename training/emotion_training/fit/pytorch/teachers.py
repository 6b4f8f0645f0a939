"""Train the teachers: networks too large for a camera. The mean of their scores, the soft targets, trains the camera's.

Each is trained on its own, on a GPU where there is one; two cores take some hours. A teacher's scores are kept in a small
file, `NAME.npz` (see `emotion_training.fit.distillation`), so that networks can be trained by them anywhere later.
"""

import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from emotion_training.data.fer2013 import PUBLIC_TEST
from emotion_training.data.protocols import Metrics, measure
from emotion_training.fit import distillation
from emotion_training.fit.pytorch import networks
from emotion_training.fit.pytorch.fit import fit, for_device, logits
from emotion_training.fit.recipes import TEACHERS, Teacher
from emotion_training.fit.run_folder import start_run
from emotion_training.fit.training_data import TrainingData


def train(name: str, data: TrainingData, folder: Path) -> Path:
    """Train one of TEACHERS in `folder`/NAME and write its soft targets to `folder`/NAME.npz; returns that file.

    A teacher whose file is there is left as it is, one that was interrupted goes on. Raises UserError as `fit` and
    `start_run` do, and where the file is of another recipe or of other pictures.
    """
    path = folder / f"{name}.npz"
    if path.is_file():
        distillation.check(path, data.faces)
        return path
    return _train(name, TEACHERS[name], data, folder)


def try_out(names: list[str], data: TrainingData, steps: int) -> None:
    """The whole way from training to the table, with `steps` steps of each teacher, to see that it runs; nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="teachers_") as place:
        for name in names:
            teacher = replace(TEACHERS[name], stage=replace(TEACHERS[name].stage, epochs=1))
            few = data.subset(steps * for_device(teacher.stage, len(data.train_rows)).batch_size)
            evaluate([_train(name, teacher, few, Path(place))], few)


def _train(name: str, teacher: Teacher, data: TrainingData, folder: Path) -> Path:
    stage = teacher.stage
    start_run(folder / name, data, stage.batch_size, {"network": name, "recipe": asdict(teacher)})
    torch.manual_seed(stage.seed)  # of the first weights
    network = fit(networks.teacher(teacher), data, data.targets(stage), stage, folder / name)
    return write_soft_targets(network, data, folder / f"{name}.npz")


def write_soft_targets(network: nn.Module, data: TrainingData, path: Path) -> Path:
    """Write a teacher's scores for the training rows and PublicTest: the mean of those for a face and for its mirror image."""
    rows = np.concatenate([data.train_rows, np.flatnonzero(data.faces.usage == PUBLIC_TEST)])
    both = [torch.from_numpy(logits(network, data.faces.images[rows], mirrored)) for mirrored in (False, True)]
    distillation.write(path, data.faces, rows, torch.stack(both).softmax(dim=2).mean(dim=0).numpy())
    return path


def evaluate(paths: list[Path], data: TrainingData) -> dict[str, Metrics]:
    """PublicTest's metrics by the main protocol of each teacher's file, by its name, and of the mean of several."""
    sets = {path.stem: [path] for path in paths}
    if len(paths) > 1:
        sets["mean of all"] = paths
    read = {name: distillation.read(files, data.faces, data.val_rows) for name, files in sets.items()}
    return {name: measure(it.scores, data.val_set) for name, it in read.items() if it is not None}
