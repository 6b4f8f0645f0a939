"""Train a camera network in PyTorch by the teachers' soft targets, on a GPU where there is one; two cores take hours.

What comes out is a run folder as `emotion_training.fit.train` leaves one, for `emotion-camera train quantize`: the weights in
`weights.npz`, in the order of Keras's `get_weights`, and the network's shape in `settings.json`.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from emotion_camera.files import whole_file

from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.pytorch.fit import fit, for_device
from emotion_training.fit.pytorch.networks import camera, keras_weights
from emotion_training.fit.pytorch.start import first_pictures, start_from
from emotion_training.fit.recipes import TrainConfig
from emotion_training.fit.run_folder import config_settings, start_run
from emotion_training.fit.start import Start
from emotion_training.fit.training_data import TrainingData


def train(
    config: TrainConfig, data: TrainingData, soft_targets: SoftTargets | None, run: Path, start: Start | None = None
) -> Path:
    """Train a camera network in the folder `run`; returns the file of its weights.

    A run that was interrupted goes on, one that is finished stays as it is. Without `soft_targets` the network learns from
    votes and labels alone. With `start`, of an int8 file of this network, its weights take the place of all stages but the last.
    Raises UserError as `fit`, `start_run` and `start_from` do.
    """
    recipe, path = config.recipe(), run / "weights.npz"
    torch.manual_seed(config.seed)  # of the first weights
    network: torch.nn.Module = camera(recipe.shape)
    stages = list(enumerate(recipe.stages, 1))
    if start:
        stages = stages[-1:]
        start_from(network, start, first_pictures(data, stages[0][1]))
    start_run(run, data, config.batch_size, config_settings(config, soft_targets, start))
    if path.is_file():
        return path
    for number, stage in stages:
        network = fit(network, data, data.targets(stage, soft_targets), stage, run, number)
    with whole_file(path) as beside, beside.open("wb") as file:
        np.savez(file, *(it.float().cpu().numpy() for it in keras_weights(network)))
    return path


def try_out(network: str, data: TrainingData, steps: int) -> None:
    """The whole way with `steps` steps a stage and no soft targets, to see that it runs; nothing is kept."""
    config = TrainConfig(network, epochs=1)
    few = data.subset(steps * for_device(config.recipe().stages[0], len(data.train_rows)).batch_size)
    with tempfile.TemporaryDirectory(prefix="students_") as place:
        train(config, few, None, Path(place) / network)
