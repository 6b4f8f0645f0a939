"""Train the teachers: networks too large for a camera. The mean of their answers, the soft targets, teaches the camera's.

Each is trained on its own, on a GPU where there is one; two cores take some hours. What a teacher answers is kept in a
small file, `NAME.npz` (see `emotion_training.fit.distillation`), so that networks can be taught anywhere later.
"""

import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emotion_training.data.fer2013 import PUBLIC_TEST
from emotion_training.evaluate.protocols import Metrics, measure
from emotion_training.fit import distillation
from emotion_training.fit.pytorch import networks
from emotion_training.fit.pytorch.fit import fit, fitted, logits
from emotion_training.fit.pytorch.recipes import TEACHERS, Plan
from emotion_training.fit.run_folder import Trainable, begin


def train(name: str, data: Trainable, folder: Path) -> Path:
    """Train one of TEACHERS in `folder`/NAME and keep what it answers in `folder`/NAME.npz; returns that file.

    A teacher whose file is there is left as it is, one that was interrupted goes on. Raises UserError as `fit` and `begin`
    do, and where the file is of another recipe or of other pictures.
    """
    path = folder / f"{name}.npz"
    if path.is_file():
        distillation.check(path, data.faces)
        return path
    return _train(name, TEACHERS[name].plan, data, folder)


def try_out(names: list[str], data: Trainable, steps: int) -> None:
    """The whole way from training to the table, with `steps` steps of each teacher, to see that it runs; nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="teachers_") as place:
        for name in names:
            plan = replace(TEACHERS[name].plan, epochs=1)
            few = data.few(steps * fitted(plan, len(data.which)).batch)
            measured([_train(name, plan, few, Path(place))], few)


def _train(name: str, plan: Plan, data: Trainable, folder: Path) -> Path:
    teacher = TEACHERS[name]
    begin(folder / name, data, plan.batch, {"network": name, "recipe": asdict(teacher)})
    torch.manual_seed(plan.seed)  # of the first weights
    untrained, wanted = networks.teacher(teacher), data.targets(teacher.label_share)
    watched = (data.public.images, data.right)
    network = fit(untrained, data.images, wanted, watched, fitted(plan, len(wanted)), folder / name)
    return keep(network, data, folder / f"{name}.npz")


def keep(network: nn.Module, data: Trainable, path: Path) -> Path:
    """Write a teacher's answers to the training rows and PublicTest: for each face the mean of those to it and its mirror image."""
    rows = np.concatenate([data.which, np.flatnonzero(data.faces.usage == PUBLIC_TEST)])
    images = data.faces.images[rows]
    scores = (_softmax(logits(network, images)) + _softmax(logits(network, images, mirrored=True))) / 2
    distillation.write(path, data.faces, rows, scores)
    return path


def _softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def measured(paths: list[Path], data: Trainable) -> dict[str, Metrics]:
    """PublicTest's figures by the main protocol of each teacher's file, by its name, and of the mean of several."""
    some = {path.stem: [path] for path in paths}
    if len(paths) > 1:
        some["mean of all"] = paths
    figures = {}
    for name, files in some.items():
        answers = distillation.read(files, data.faces, data.watched)
        if answers is not None:
            figures[name] = measure(answers.scores, data.right)
    return figures
