"""Train many networks side by side by Ray Tune, on this machine or on a cluster, and gather their metrics in one table.

Tune starts the runs, shows their table and starts again one that died. Each run trains in a folder of its own, as
`emotion-camera train train` does, and goes on from what is there: after Ctrl-C or a power cut the same command goes on.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from types import ModuleType
from typing import Any

from emotion_camera.errors import UserError, install_line
from emotion_camera.files import write_file, write_json

from emotion_training.data.fer2013 import PUBLIC_TEST
from emotion_training.evaluate.evaluate import by_protocol, markdown_table
from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.recipes import TrainConfig
from emotion_training.fit.run_folder import config_settings, read_history, start_run
from emotion_training.fit.training_data import TrainingData
from emotion_training.sweep.runs import Runs

Metrics = dict[str, float]  # accuracy by protocol, and balanced accuracy; 0 to 1


@dataclass(frozen=True)
class Result:
    """A run's metrics on PublicTest, or why it has none: one of the two is None."""

    name: str
    config: TrainConfig
    metrics: Metrics | None = None
    failed: str | None = None


def sweep(
    runs: Runs,
    data: TrainingData,
    soft_targets: SoftTargets | None,
    folder: Path,
    address: str | None = None,
    cpus: int | None = None,
    restarts: int = 3,
) -> list[Result]:
    """Train the runs, each in its folder in `folder`, an absolute path, with `cpus` cores, and measure them on PublicTest.

    Ray is started on this machine, or the cluster at `address` is used, of which this machine must be a part, and whose
    machines must all have `folder`. Raises UserError where Ray is missing or does not answer, or no machine has so many cores.
    """
    with _connected(address) as ray:
        from ray import tune

        cores = [int(node["Resources"]["CPU"]) for node in ray.nodes() if node["Alive"] and "CPU" in node["Resources"]]
        # A run uses two cores nearly fully, and several runs on the same two are no faster than one after the other.
        cpus = cpus or min(*cores, max(2, sum(cores) // len(runs)))
        if cpus > max(cores):
            raise UserError(f"no machine has {cpus} cores for a run, at most {max(cores)}; give a lower --cpus-per-run")
        refused = _refused(runs, data, soft_targets, folder)
        names = [name for name in runs if name not in refused]
        given = tune.with_parameters(
            train_one, runs=runs, data=data, soft_targets=soft_targets, folder=folder, cpus=cpus
        )
        tuner = tune.Tuner(
            tune.with_resources(given, {"cpu": cpus}),
            param_space={"run": tune.grid_search(names)},
            tune_config=tune.TuneConfig(trial_dirname_creator=lambda trial: trial.trial_id),
            run_config=tune.RunConfig(
                name="ray_tune",  # Tune's own notes: logs and the errors of the runs
                storage_path=str(folder),
                failure_config=tune.FailureConfig(max_failures=restarts),
            ),
        )
        grid: Any = tuner.fit() if names else []
        trials = {trial.config["run"]: trial for trial in grid}
    results = []
    for name, config in runs.items():
        metrics = (trials[name].metrics or {}).get("metrics") if name in trials else None
        failed = None if metrics else refused.get(name) or first_line(trials[name].error)
        results.append(Result(name, config, metrics, failed))
    return results


def _refused(runs: Runs, data: TrainingData, soft_targets: SoftTargets | None, folder: Path) -> dict[str, str]:
    """Why runs can't be started at all; Tune would try them again."""
    refused = {}
    for name, config in runs.items():
        try:
            start_run(folder / name, data, config.batch_size, config_settings(config, soft_targets))
        except UserError as error:
            refused[name] = str(error)
    return refused


def train_one(
    given: dict[str, Any], runs: Runs, data: TrainingData, soft_targets: SoftTargets | None, folder: Path, cpus: int
) -> None:
    """What Tune calls on a machine: train the run `given["run"]`, reporting each epoch and, at the end, its metrics."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):  # Ray sets those of PyTorch
        os.environ[name] = str(cpus)
    import keras
    from ray import tune

    from emotion_training.fit.train import fit, pixels

    run = folder / given["run"]

    def report(epoch: int, logs: dict | None) -> None:
        it = logs or {}
        tune.report({"epoch": len(read_history(run)), "loss": it["loss"], "accuracy": it["val_accuracy"]})

    reporter = keras.callbacks.LambdaCallback(on_epoch_end=report)
    network = fit(data, run, runs[given["run"]], soft_targets, callbacks=[reporter])
    part = data.faces.part(PUBLIC_TEST)
    metrics: Metrics = {}
    for name, it in by_protocol(network.predict(pixels(part.images), batch_size=512, verbose=0), part).items():
        metrics |= {name: round(it.accuracy, 4), f"{name} balanced": round(it.balanced, 4)}
    tune.report({"metrics": metrics, "epoch": len(read_history(run))})


@contextmanager
def _connected(address: str | None) -> Iterator[ModuleType]:
    """A block in which Ray runs, on this machine alone or on the cluster at an address; UserError where it does not."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address is None:
        # By this Ray listens on 127.0.0.1 alone, on any system; it takes a loopback address that it is told for a mistake.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
        import ray.tune
    except ImportError as error:
        raise UserError(f"a sweep needs Ray Tune: {install_line('sweep')}") from error
    if address is not None:
        _check_address(address)
    backend = {name: os.environ[name] for name in ("KERAS_BACKEND",) if name in os.environ}  # the same on all machines
    try:
        ray.init(
            address or "local",
            include_dashboard=None if address else False,
            runtime_env={"env_vars": backend},
            log_to_driver=False,
        )
    except Exception as error:  # among Ray's own are plain ones, of a start that takes too long
        advice = f"first join it by ray start --address {address}" if address else "see that memory and disk have room"
        raise UserError(f"{address or 'this machine'}: Ray does not start ({first_line(error)}); {advice}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """UserError where nothing listens at HOST:PORT: Ray would wait there for ever."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"--address: {address!r} is not HOST:PORT; give the address that ray start --head names")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise UserError(
            f"{address}: no Ray cluster answers ({error.strerror or error}); start one there by ray start --head"
        ) from error


def first_line(error: BaseException | None) -> str:
    """What an error says, without the paragraphs of advice and tracebacks that Ray's have."""
    if error is None:
        return "stopped; give the same command again to go on"
    cause = getattr(error, "cause", None) or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


def write_table(results: list[Result], folder: Path) -> str:
    """Write `sweep.json` and `sweep.md`: every run, and mean and spread over those that differ by nothing but the seed.

    Returns the text of `sweep.md`.
    """
    groups: dict[TrainConfig, list[Result]] = {}
    for it in results:
        if it.metrics:
            groups.setdefault(replace(it.config, seed=0), []).append(it)
    columns = list(next((it.metrics for it in results if it.metrics), {}))
    lines, seeds = [_line(it.name, it.config, str(it.config.seed), it.metrics, columns) for it in results], []
    for group in (group for group in groups.values() if len(group) > 1):
        middle, spread = _over(group, mean), _over(group, stdev)
        seeds.append({"runs": [it.name for it in group], "mean": middle, "spread": spread})
        of = ", ".join(str(it.config.seed) for it in group)
        lines.append(_line(f"mean ± spread of {len(group)}", group[0].config, of, middle, columns, spread))
    text = f"On PublicTest, in float:\n\n{markdown_table(['run', 'network', 'seed', 'epochs', *columns], lines)}\n"
    text += "".join(f"\n{it.name} failed: {it.failed}\n" for it in results if it.failed)
    runs = {it.name: vars(it.config) | {"metrics": it.metrics, "failed": it.failed} for it in results}
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "sweep.json", {"part": "PublicTest", "runs": runs, "seeds": seeds})
    write_file(folder / "sweep.md", text.encode())
    return text


def _over(group: list[Result], statistic: Callable[[list[float]], float]) -> Metrics:
    """A statistic, such as the mean, of each metric of the runs."""
    found = [it.metrics for it in group if it.metrics]
    return {name: round(float(statistic([metrics[name] for metrics in found])), 4) for name in found[0]}


def _line(
    name: str,
    config: TrainConfig,
    seed: str,
    metrics: Metrics | None,
    columns: list[str],
    spread: Metrics | None = None,
) -> list[str]:
    cells = ["failed" if metrics is None else f"{metrics[it]:.1%}" for it in columns]
    if spread:
        cells = [f"{cell} ± {100 * spread[it]:.1f}" for cell, it in zip(cells, columns, strict=True)]
    return [name, config.network, seed, str(config.recipe().epochs), *cells]
