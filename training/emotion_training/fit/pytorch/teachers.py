"""Train the teachers: networks too large for a camera. The mean of their scores, the soft targets, trains the camera's.

Each is trained on its own, on a GPU where there is one; two cores take some hours. A teacher's scores are kept in a small
file, `NAME.npz` (see `emotion_training.fit.distillation`), so that networks can be trained by them anywhere later.
"""

import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from emotion_camera.errors import UserError
from torch import nn

from emotion_training.data.fer2013 import PUBLIC_TEST
from emotion_training.data.protocols import Metrics, measure
from emotion_training.fit import distillation
from emotion_training.fit.pytorch import networks
from emotion_training.fit.pytorch.face_network import face_network
from emotion_training.fit.pytorch.fit import fit, for_device, logits
from emotion_training.fit.pytorch.start import first_pictures
from emotion_training.fit.recipes import TEACHERS, Teacher
from emotion_training.fit.run_folder import start_run
from emotion_training.fit.training_data import TrainingData


def train(name: str, data: TrainingData, folder: Path, dlib: Path | None = None) -> Path:
    """Train one of TEACHERS in `folder`/NAME and write its soft targets to `folder`/NAME.npz; returns that file.

    A teacher whose file is there is left as it is, one that was interrupted goes on. `dlib` is the folder of the weights that a
    teacher of that network starts with (see `face_network.read`). Raises UserError as `fit` and `start_run` do, where the file is
    of another recipe or of other pictures, where those who teach it do not know these, and where its weights are missing.
    """
    path = folder / f"{name}.npz"
    if path.is_file():
        distillation.check(path, data.faces)
        return path
    return _train(name, TEACHERS[name], data, folder, dlib)


def try_out(names: list[str], data: TrainingData, steps: int, dlib: Path | None = None) -> None:
    """The whole way from training to the table, with `steps` steps of each teacher, to see that it runs; nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="teachers_") as place:
        for name in names:
            teacher = replace(TEACHERS[name], stage=replace(TEACHERS[name].stage, epochs=1))
            few = data.subset(steps * for_device(teacher.stage, len(data.train_rows)).batch_size)
            evaluate([_train(name, replace(teacher, taught_by=()), few, Path(place), dlib)], few)


def _train(name: str, teacher: Teacher, data: TrainingData, folder: Path, dlib: Path | None) -> Path:
    stage = teacher.stage
    torch.manual_seed(stage.seed)  # of the first weights
    network = _network(teacher, data, dlib)
    targets = data.targets(stage, _soft_targets(teacher, data, folder))
    start_run(folder / name, data, stage.batch_size, {"network": name, "recipe": asdict(teacher)})
    network = fit(network, data, targets, stage, folder / name)
    return write_soft_targets(network, data, folder / f"{name}.npz")


def _network(teacher: Teacher, data: TrainingData, dlib: Path | None) -> nn.Module:
    """A teacher's network, untrained; "dlib" with the weights of that folder."""
    if teacher.network != "dlib":
        return networks.teacher(teacher)
    if dlib is None:
        raise UserError("this teacher starts with dlib's weights, which --dlib has to name (see docs/train.md)")
    return face_network(dlib, first_pictures(data, teacher.stage), teacher.dropout)


def _soft_targets(teacher: Teacher, data: TrainingData, folder: Path) -> distillation.SoftTargets | None:
    """The mean of the teachers that this one learns from: from `folder`, where it has them, or from the package."""
    if not teacher.taught_by:
        return None
    places = [(folder / f"{name}.npz", distillation.FOLDER / f"{name}.npz") for name in teacher.taught_by]
    paths = [own if own.is_file() else packaged for own, packaged in places]
    found = distillation.read(paths, data.faces, data.train_rows)
    if found is None:
        names = " ".join(teacher.taught_by)
        raise UserError(
            f"{folder}: a teacher there learns from others; train these first, for your pictures: --only {names}"
        )
    return found


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
