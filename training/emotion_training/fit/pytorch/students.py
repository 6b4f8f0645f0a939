"""Train a camera's network by the mean answers of the teachers, on a GPU where there is one; two cores take hours.

What comes out is a run folder as `emotion_training.fit.train` leaves one, for `emotion-camera train quantize`: the weights in
`weights.npz`, in the order of Keras's `get_weights`, and the network's shape in `settings.json`.
"""

import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from emotion_camera.files import whole_file
from numpy.typing import NDArray

from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.network import SHAPES, Shape
from emotion_training.fit.pytorch.fit import fit, fitted
from emotion_training.fit.pytorch.networks import camera, keras_weights
from emotion_training.fit.pytorch.recipes import STUDENTS, Student
from emotion_training.fit.run_folder import Trainable, begin


def train(name: str, data: Trainable, taught: SoftTargets | None, run: Path, shape: Shape | None = None) -> Path:
    """Train one of STUDENTS in the folder `run` by the teachers' answers, or alone; returns the file of its weights.

    A run that was interrupted goes on, one that is finished stays as it is. `shape`: another one than the network's own.
    Raises UserError as `fit` and `begin` do.
    """
    return _train(name, STUDENTS[name], data, taught, run, shape or SHAPES[name])


def try_out(name: str, data: Trainable, steps: int) -> None:
    """The whole way with `steps` steps and no teachers, to see that it runs; nothing is kept."""
    student = replace(STUDENTS[name], plan=replace(STUDENTS[name].plan, epochs=1), fine=None)
    few = data.few(steps * fitted(student.plan, len(data.which)).batch)
    with tempfile.TemporaryDirectory(prefix="students_") as place:
        _train(name, student, few, None, Path(place) / name, SHAPES[name])


def _train(name: str, student: Student, data: Trainable, taught: SoftTargets | None, run: Path, shape: Shape) -> Path:
    plan, path = fitted(student.plan, len(data.which)), run / "weights.npz"
    told = {"network": name, **asdict(plan), "shape": asdict(shape)}
    told |= {key: value for key, value in asdict(student).items() if key != "plan"}
    begin(run, data, plan.batch, {**told, "teachers": list(taught.teachers) if taught else []})
    if path.is_file():
        return path
    torch.manual_seed(plan.seed)  # of the first weights
    watched = (data.public.images, data.right)
    network = fit(camera(shape), data.images, _wanted(student.label_share, student, data, taught), watched, plan, run)
    if student.fine:
        wanted = _wanted(student.fine_label_share, student, data, taught)
        network = fit(network, data.images, wanted, watched, fitted(student.fine, len(wanted)), run, "fine.pt")
    with whole_file(path) as beside, beside.open("wb") as file:
        np.savez(file, *(it.float().cpu().numpy() for it in keras_weights(network)))
    return path


def _wanted(label_share: float, student: Student, data: Trainable, taught: SoftTargets | None) -> NDArray[np.float32]:
    """What the network learns, float32 [n, 7]: the teachers' answers and the votes and labels, mixed."""
    wanted = data.targets(label_share)
    if taught is None:
        return wanted
    return np.float32(1 - student.taught) * wanted + np.float32(student.taught) * taught.scores
