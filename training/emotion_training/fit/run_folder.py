"""What every training has, in Keras or PyTorch: the rows it learns from, and a folder that tells what it was begun with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.files import read_json, whole_file
from numpy.typing import NDArray

from emotion_training.data.fer2013 import Faces
from emotion_training.data.targets import choosing_rows, prior, targets, training_rows
from emotion_training.evaluate.protocols import EvalSet, eval_set, main_protocol


@dataclass(frozen=True)
class Trainable:
    """Faces, the rows of them to learn from (int64 [n]), and those to watch the training by (int64 [m])."""

    faces: Faces
    which: NDArray[np.int64]
    watched: NDArray[np.int64]

    @property
    def images(self) -> NDArray[np.uint8]:
        """The pictures to learn from, uint8 [n, 48, 48]."""
        return self.faces.images[self.which]

    @property
    def public(self) -> Faces:
        """The faces to watch by."""
        return self.faces.rows(self.watched)

    @property
    def right(self) -> EvalSet:
        """The rows of `public` that count by the main protocol, and what is right for each."""
        return eval_set(main_protocol(self.faces), self.public)

    def targets(self, label_share: float, least_count: int = 1) -> NDArray[np.float32]:
        """What to learn, float32 [n, 7], as `emotion_training.data.targets.targets` mixes it."""
        return targets(self.faces, label_share, least_count)[self.which]

    def few(self, count: int) -> "Trainable":
        """The first `count` rows to learn from, and few to watch by: to try a training out."""
        count, public = min(count, len(self.which)), self.watched[:256]
        faces = self.faces.rows(np.concatenate([self.which[:count], public]))
        return Trainable(faces, np.arange(count), np.arange(count, len(faces)))


def trainable(faces: Faces) -> Trainable:
    """The training rows, and PublicTest less the pictures that stand in PrivateTest too (seconds, for looking for those).

    Raises UserError where an emotion has no training picture, or PublicTest no rows.
    """
    which = training_rows(faces)
    prior(faces, which)
    watched = choosing_rows(faces)
    if not len(watched):
        raise UserError(
            "the data has no rows of PublicTest to watch the training by; give data with the official parts"
        )
    return Trainable(faces, which, watched)


def begin(run: Path, data: Trainable, batch: int, settings: Mapping[str, Any]) -> None:
    """Note in `settings.json` of the folder `run`, which is made, what a training is begun with.

    Raises UserError for less than a batch to learn from, and where the run was begun with other settings or rows.
    """
    if len(data.which) < batch:
        raise UserError(
            f"the data has {len(data.which)} usable training rows; at least {batch} (one batch) are needed: "
            "give data with more"
        )
    settings = json.loads(json.dumps({**settings, "rows": len(data.which)}))
    path = run / "settings.json"
    if path.exists():
        _check_same(path, settings)
        return
    run.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as beside:
        beside.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _check_same(path: Path, settings: Mapping[str, Any]) -> None:
    begun = read_json(path, "delete it to go on with the settings that you gave, or choose another --run")
    for name, value in settings.items():
        if begun.get(name, value) != value:
            raise UserError(f"{path}: this run was begun with {_difference(name, begun[name], value)}")


def _difference(name: str, begun: Any, now: Any) -> str:
    if name in ("recipe", "shape"):
        return "another recipe or network shape than this version of the project has; choose another --run"
    what, same = ("training rows:", "data") if name == "rows" else (name, "settings")
    return f"{what} {begun}, not {now}; choose another --run, or give the same {same}"


def draw(run: Path, panels: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Draw `curve.png`: a panel for each title, in it a line by epoch for each label."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for place, (title, lines) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(1, len(panels), place, xlabel="epoch", title=title)
        for label, values in lines.items():
            axes.plot(range(1, len(values) + 1), values, label=label)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(run / "curve.png", dpi=110)
