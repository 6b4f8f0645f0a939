"""The steps from data to a shipped model, each a function of the command line's arguments."""

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_camera.errors import UserError
from emotion_camera.files import read_json, whole_file

from emotion_training.data.fer2013 import Faces, load
from emotion_training.fit.pytorch.recipes import TEACHERS

if TYPE_CHECKING:
    from emotion_training.fit.distillation import SoftTargets
    from emotion_training.fit.run_folder import Trainable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter hides the progress bar


def everything(arguments: Namespace) -> None:
    """Train, quantise, and measure: the whole way from data to a shipped model and its card."""
    from emotion_training.export.convert import check_place

    check_place(arguments.model)
    _check_backend(converts=True)
    faces = _load(arguments)
    _train(arguments, faces)
    _quantize(arguments, faces)
    _card(arguments, faces)


def train(arguments: Namespace) -> None:
    """Train the network in Keras, or go on where an interrupted run stopped."""
    _check_backend()
    _train(arguments, _load(arguments))


def teachers(arguments: Namespace) -> None:
    """Train in PyTorch the networks whose answers teach the camera's, and measure them on PublicTest."""
    _check_pytorch()
    from emotion_training.evaluate.evaluate import markdown
    from emotion_training.fit.pytorch import teachers
    from emotion_training.fit.run_folder import trainable

    data, names = trainable(_load(arguments)), arguments.only or list(TEACHERS)
    if arguments.steps:
        teachers.try_out(names, data, arguments.steps)
        print(f"tried {arguments.steps} steps of {', '.join(names)}; nothing is kept")
        return
    paths = [teachers.train(name, data, arguments.run) for name in names]
    lines = [[name, f"{it.accuracy:.4f}", f"{it.balanced:.4f}"] for name, it in teachers.measured(paths, data).items()]
    print(markdown(["PublicTest", "accuracy", "balanced"], lines))
    print(f"answers: {arguments.run}; to teach by them: --teachers {arguments.run}")


def students(arguments: Namespace) -> None:
    """Train one of the camera's networks in PyTorch by the teachers' answers, for quantize."""
    _check_pytorch()
    from emotion_training.fit.pytorch import students
    from emotion_training.fit.run_folder import trainable

    data = trainable(_load(arguments))
    if arguments.steps:
        students.try_out(arguments.network, data, arguments.steps)
        print(f"tried {arguments.steps} steps of {arguments.network}; nothing is kept")
        return
    weights = students.train(arguments.network, data, _soft_targets(arguments, data), arguments.run)
    print(f"trained: {weights}; learning curve: {arguments.run / 'curve.png'}")


def sweep(arguments: Namespace) -> None:
    """Train many networks, on this machine or on a cluster of them by Ray, and gather their figures in one table."""
    _check_backend()
    from emotion_training.fit.run_folder import trainable
    from emotion_training.sweep import plan, table
    from emotion_training.sweep.sweep import sweep

    if arguments.file:
        if arguments.network or arguments.epochs:
            raise UserError(f"{arguments.file}: names networks and epochs itself; leave --network and --epochs out")
        runs = plan.read(arguments.file)
    else:
        runs = plan.of_seeds(arguments.network or "emotion", arguments.seeds, arguments.epochs)
    data = trainable(_load(arguments))
    taught = _soft_targets(arguments, data)
    results = sweep(runs, data, taught, arguments.runs, arguments.address, arguments.cpus_per_run, arguments.restarts)
    print(table.write(results, arguments.runs))
    failed = [it.run.name for it in results if it.failed is not None]
    if failed:
        raise UserError(f"{len(failed)} of {len(results)} runs failed: {', '.join(failed)}; the table says why")


def quantize(arguments: Namespace) -> None:
    """Choose the operating point on PublicTest and write the int8 file, its labels and the calibration's rows."""
    from emotion_training.export.convert import check_place

    check_place(arguments.model)
    _trained_settings(arguments)
    _quantize(arguments, _load(arguments))


def evaluate(arguments: Namespace) -> None:
    """Measure an int8 file on a test part by every protocol that the data allows."""
    from emotion_camera.model.interpreter import scores

    from emotion_training.evaluate.evaluate import PARTS, by_emotion, by_protocol, check_measurable, table

    check_measurable(arguments.model)
    part = _load(arguments).part(PARTS[arguments.part])
    if not len(part):
        raise UserError(f"{arguments.data}: has no rows of {arguments.part}; give data with the official parts")
    figures = by_protocol(scores(arguments.model, part.images), part)
    print(table(figures), by_emotion(figures), sep="\n\n")


def card(arguments: Namespace) -> None:
    """Measure the int8 file on both test parts and write its card."""
    _card(arguments, _load(arguments))


def report(arguments: Namespace) -> None:
    """Measure models that have a card again; write their cards, the README's table and the list of ablations."""
    from emotion_training.evaluate.report import report

    shipped = (path for path in sorted(Path("models").glob("*.tflite")) if path.with_suffix(".json").is_file())
    models = arguments.models or list(shipped)  # an imported model has no such card, and may know other classes
    if not models:
        raise UserError(
            "models: no .tflite file with a card there; run this in the repository's folder, or give --models"
        )
    for path in report(models, _load(arguments)):
        print(path)


def robustness(arguments: Namespace) -> None:
    """Measure an int8 file that has no card on both test parts, on faces as they are and spoilt; write the figures as JSON."""
    from emotion_training.evaluate.report import measure_alone

    for part, told in measure_alone(arguments.model, _load(arguments), arguments.out)["robustness"].items():
        unspoilt, mean = told["unspoilt"]["accuracy"], told["mean"]["accuracy"]
        print(f"{part}: {told['protocol']} {unspoilt:.3f}, spoilt {mean:.3f}; the rest is in {arguments.out}")


def finetune(arguments: Namespace) -> None:
    """Adapt the model to collected faces, new classes among them, and write it if it got better on faces held back."""
    from emotion_training.finetune.finetune import Settings, finetune

    settings = Settings(arguments.seed, arguments.anyway)
    print(finetune(arguments.data, arguments.model, arguments.out, arguments.composites, settings))


def finetune_trial(arguments: Namespace) -> None:
    """Measure what finetune gains and what it forgets, on PublicTest's faces as another camera would show them."""
    from emotion_training.finetune.domain_shift import trial

    print(trial(_load(arguments), arguments.model, arguments.composites))


def calibrate_trial(arguments: Namespace) -> None:
    """Measure what the camera's command calibrate gives people whose faces at rest do not look neutral to the model."""
    from emotion_training.evaluate.calibrate_trial import trial

    print(trial(_load(arguments), arguments.model, arguments.part))


def composites(arguments: Namespace) -> None:
    """Make the seven portraits of nobody from FER2013's training faces, for the bundled clip."""
    from emotion_training.assets.average_faces import run

    run(_load(arguments), arguments.out)


def clip(arguments: Namespace) -> None:
    """Make the bundled clip, and the truth about it, from the seven portraits."""
    from emotion_training.assets.clip import run

    run(arguments.composites, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size:,} bytes")


def learning_block(arguments: Namespace) -> None:
    """Put the training into a folder as a custom learning block for Edge Impulse."""
    from emotion_training.learning_block.docker_context import write

    write(arguments.folder)
    print(
        f"{arguments.folder}: to have it in Studio, run there edge-impulse-blocks init, then edge-impulse-blocks push"
    )


def _load(arguments: Namespace) -> Faces:
    faces = load(arguments.data, arguments.votes)
    print(f"{arguments.data}: {len(faces):,} faces, {'with' if faces.votes is not None else 'without'} FER+ votes")
    return faces


def _train(arguments: Namespace, faces: Faces) -> None:
    from emotion_training.fit.recipes import RECIPES, Settings
    from emotion_training.fit.run_folder import trainable
    from emotion_training.fit.train import fit

    network = arguments.run / "network.keras"
    said = "already trained" if network.is_file() else "trained"
    epochs = arguments.epochs or RECIPES[arguments.network].epochs
    settings = Settings(network=arguments.network, epochs=epochs, seed=arguments.seed)
    data = trainable(faces)
    fit(data, arguments.run, settings, _soft_targets(arguments, data))
    print(f"{said}: {network}; learning curve: {arguments.run / 'curve.png'}")


def _soft_targets(arguments: Namespace, data: "Trainable") -> "SoftTargets | None":
    """The teachers' answers to the training rows; None, and a line that says so, where they don't know all of these."""
    from emotion_training.fit import distillation

    taught = distillation.read(distillation.files(arguments.teachers), data.faces, data.which)
    if taught is None:
        alone = "its labels" if data.faces.votes is None else "FER+'s votes"
        print(
            f"{arguments.teachers}: not made for the pictures of {arguments.data}; the network learns from {alone} alone"
        )
    return taught


def _check_backend(converts: bool = False) -> None:
    """UserError where Keras's backend is not installed, or can't give a network that `converts` to int8."""
    name = os.environ.get("KERAS_BACKEND", "tensorflow")
    try:
        import keras
    except ImportError as error:
        what = "Keras" if error.name == "keras" else f"Keras's backend {name!r}"
        raise UserError(
            f"{what} is not installed; training/requirements.txt says how to install one and to choose it by KERAS_BACKEND"
        ) from error
    except ValueError as error:
        raise UserError(f"KERAS_BACKEND: Keras has no backend {name!r}; choose tensorflow, torch or jax") from error
    if converts and keras.backend.backend() != "tensorflow":
        raise UserError(
            f"KERAS_BACKEND: {keras.backend.backend()} can train, but TensorFlow alone makes an int8 file; "
            "give train first, then quantize and card with KERAS_BACKEND=tensorflow"
        )


def _check_pytorch() -> None:
    """UserError where PyTorch is not installed."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise UserError(
            "PyTorch is not installed; python -m pip install -r training/requirements-pytorch.txt"
        ) from error


def _quantize(arguments: Namespace, faces: Faces) -> None:
    from emotion_training.data.targets import training_rows
    from emotion_training.export import calibrate, convert
    from emotion_training.fit.recipes import LIMITS
    from emotion_training.fit.train import load_network

    settings = _trained_settings(arguments)
    name = settings.get("network", "emotion")
    which = training_rows(faces)  # once: looking for the leaked ones takes ten seconds
    calibration = convert.choose_calibration(faces, which)
    network = load_network(arguments.run)
    settled, notes = calibrate.settle(network, faces, which)
    made = {**settings, **settled, "float": _float_figures(network, faces)}
    data = convert.convert(network, faces.images[calibration], notes)
    with whole_file(arguments.run / "made.json") as beside:
        beside.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        model = convert.write_model(data, arguments.model, calibration, LIMITS[name])
    print(
        f"{model.path}: {model.file_bytes:,} bytes, arena {model.arena_bytes}, {model.instructions / 1e6:.1f} M Cortex-M7 instructions"
    )


def _trained_settings(arguments: Namespace) -> dict[str, Any]:
    """What a finished run was trained with; UserError where the run is not finished or has lost its settings."""
    run = arguments.run
    again = f"run emotion-camera train train --run {run}"
    if not (run / "network.keras").is_file():
        again = f"run emotion-camera train train, or students, with --run {run}"
        if not (run / "weights.npz").is_file():
            raise UserError(f"{run / 'network.keras'}: no trained network there, and no weights.npz; {again} first")
    return read_json(run / "settings.json", f"{again} again with the data and settings that it was trained with")


def _float_figures(network: Any, faces: Faces) -> dict[str, dict[str, float]]:
    """Accuracy by protocol and part of the network before it was made int8, for the card to compare."""
    from emotion_training.evaluate.evaluate import PARTS, by_protocol
    from emotion_training.fit.train import pixels

    figures = {}
    for name, usage in PARTS.items():
        part = faces.part(usage)
        if len(part):
            answers = network.predict(pixels(part.images), batch_size=512, verbose=0)
            figures[name] = {protocol: round(it.accuracy, 4) for protocol, it in by_protocol(answers, part).items()}
    return figures


def _card(arguments: Namespace, faces: Faces) -> None:
    from emotion_training.evaluate.report import write_card

    made = read_json(arguments.run / "made.json", "run emotion-camera train quantize first")
    print(write_card(arguments.model, faces, made, arguments.run / "curve.png").read_text(encoding="utf-8"))
