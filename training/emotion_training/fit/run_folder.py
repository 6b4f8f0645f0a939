"""A training's folder: the settings that it was started with, a history of its epochs, and their curve."""

import csv
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.files import read_json, write_json

from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.recipes import TrainConfig
from emotion_training.fit.start import Start
from emotion_training.fit.training_data import TrainingData

SETTINGS, HISTORY, CURVE = "settings.json", "history.csv", "curve.png"


def config_settings(
    config: TrainConfig, soft_targets: SoftTargets | None, start: Start | None = None
) -> dict[str, Any]:
    """What a camera network's training is started with, for `start_run`."""
    recipe = config.recipe()
    return {
        "network": config.network,
        "epochs": recipe.epochs,
        "batch_size": config.batch_size,
        "seed": config.seed,
        "start": start.sha256 if start else None,
        "soft_targets": list(soft_targets.teachers) if soft_targets else [],
        "recipe": recipe,
    }


def start_run(run: Path, data: TrainingData, batch_size: int, settings: dict[str, Any]) -> None:
    """Write `settings.json` into the folder `run`, which is made.

    Raises UserError for less than a batch of training rows, and where the run was started with other settings or rows.
    """
    rows = len(data.train_rows)
    if rows < batch_size:
        raise UserError(
            f"the data has {rows} usable training rows; at least {batch_size} (one batch) are needed: give data with more"
        )
    settings = json.loads(json.dumps({**settings, "rows": rows}, default=vars))  # as JSON gives it back, for comparing
    path = run / SETTINGS
    if path.exists():
        _check_same(path, settings)
        return
    run.mkdir(parents=True, exist_ok=True)
    write_json(path, settings)


def _check_same(path: Path, settings: dict[str, Any]) -> None:
    started = read_json(path, "delete it to go on with the settings that you gave, or choose another --run")
    for name, value in settings.items():
        if started.get(name, value) != value:
            raise UserError(f"{path}: this run was started with {_difference(name, started[name], value)}")


def _difference(name: str, started: Any, now: Any) -> str:
    if name == "recipe":
        return "another recipe or network shape than this version of the project has; choose another --run"
    what, same = ("training rows:", "data") if name == "rows" else (name, "settings")
    return f"{what} {started}, not {now}; choose another --run, or give the same {same}"


def log_epoch(run: Path, stage: int, epoch: int, metrics: Mapping[str, float]) -> None:
    """Append an epoch, counted from 1 in its stage, to `history.csv`."""
    path, row = run / HISTORY, {"stage": stage, "epoch": epoch, **metrics}
    new = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def read_history(run: Path) -> list[dict[str, float]]:
    """The epochs of `history.csv`, each once: a killed run may have trained one twice, or have left a line cut short."""
    epochs = {}
    with (run / HISTORY).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            with suppress(TypeError, ValueError):
                epochs[row["stage"], row["epoch"]] = {name: float(value) for name, value in row.items()}
    return list(epochs.values())


def draw_curve(run: Path) -> None:
    """Draw loss and accuracy by epoch, one stage after the other, into `curve.png`."""
    from matplotlib.figure import Figure

    history = read_history(run)
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for place, title in enumerate(("loss", "accuracy"), 1):
        axes = figure.add_subplot(1, 2, place, xlabel="epoch", title=title)
        for name in (name for name in history[0] if title in name):
            axes.plot(range(1, len(history) + 1), [row[name] for row in history], label=name.replace("_", " "))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(run / CURVE, dpi=110)
