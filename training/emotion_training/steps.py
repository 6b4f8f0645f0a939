"""The steps from data to a shipped model, each a function of the command line's arguments."""

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.errors import UserError, install_line
from emotion_camera.files import read_json

from emotion_training.data.fer2013 import WHOLE, Faces, load
from emotion_training.fit.recipes import TEACHERS, TrainConfig

if TYPE_CHECKING:
    from emotion_training.fit.distillation import SoftTargets
    from emotion_training.fit.training_data import TrainingData

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


def students(arguments: Namespace) -> None:
    """Train the network in PyTorch, as train does in Keras."""
    from emotion_training.evaluate.evaluate import check_measurable
    from emotion_training.export.tflite_to_keras import read_start
    from emotion_training.fit.pytorch import students
    from emotion_training.fit.training_data import training_data

    if arguments.start:
        check_measurable(arguments.start)
    data = training_data(_load(arguments))
    if arguments.steps:
        students.try_out(arguments.network, data, arguments.steps)
        print(f"tried {arguments.steps} steps of {arguments.network}; nothing is kept")
        return
    soft_targets = _soft_targets(arguments, data)
    start = read_start(arguments.start) if arguments.start else None
    weights = students.train(_config(arguments), data, soft_targets, arguments.run, start)
    print(f"trained: {weights}; learning curve: {arguments.run / 'curve.png'}")


def teachers(arguments: Namespace) -> None:
    """Train in PyTorch the larger networks that the camera's are distilled from, and measure them on PublicTest."""
    from emotion_training.evaluate.evaluate import markdown_table
    from emotion_training.fit.pytorch import teachers
    from emotion_training.fit.training_data import training_data

    data, names = training_data(_load(arguments)), arguments.only or list(TEACHERS)
    if not arguments.only and not arguments.dlib:
        left_out = [name for name in names if TEACHERS[name].network == "dlib"]
        names = [name for name in names if name not in left_out]
        print(f"without {', '.join(left_out)}, which starts with weights that --dlib would name (see docs/train.md)")
    if arguments.steps:
        teachers.try_out(names, data, arguments.steps, arguments.dlib)
        print(f"tried {arguments.steps} steps of {', '.join(names)}; nothing is kept")
        return
    paths = [teachers.train(name, data, arguments.run, arguments.dlib) for name in names]
    lines = [[name, f"{it.accuracy:.4f}", f"{it.balanced:.4f}"] for name, it in teachers.evaluate(paths, data).items()]
    print(markdown_table(["PublicTest", "accuracy", "balanced"], lines))
    print(f"soft targets: {arguments.run}; to train by them: --teachers {arguments.run}")


def sweep(arguments: Namespace) -> None:
    """Train many networks in Keras side by side, by Ray Tune, and gather their metrics in one table."""
    _check_backend()
    from emotion_training.fit.training_data import training_data
    from emotion_training.sweep import runs
    from emotion_training.sweep.sweep import sweep, write_table

    if not arguments.file:
        configs = runs.of_seeds(arguments.network or "emotion", arguments.seeds, arguments.epochs)
    elif arguments.network or arguments.epochs:
        raise UserError(f"{arguments.file}: names networks and epochs itself; leave --network and --epochs out")
    else:
        configs = runs.read(arguments.file)
    data = training_data(_load(arguments))
    soft_targets = _soft_targets(arguments, data)
    cluster = arguments.address, arguments.cpus_per_run, arguments.restarts
    results = sweep(configs, data, soft_targets, arguments.runs.absolute(), *cluster)
    print(write_table(results, arguments.runs))
    failed = [it.name for it in results if it.failed]
    if failed:
        raise UserError(f"{len(failed)} of {len(results)} runs failed: {', '.join(failed)}; the table says why")


def quantize(arguments: Namespace) -> None:
    """Choose the operating point on PublicTest and write the int8 file, its labels and the calibration's rows."""
    from emotion_training.export.convert import check_place
    from emotion_training.export.quantize import run_settings

    check_place(arguments.model)
    run_settings(arguments.run)
    _quantize(arguments, _load(arguments))


def evaluate(arguments: Namespace) -> None:
    """Measure an int8 file on a test part by every protocol that the data allows."""
    from emotion_camera.model.interpreter import scores

    from emotion_training.evaluate.evaluate import PARTS, by_protocol, check_measurable, metrics_table, per_class_report

    check_measurable(arguments.model)
    part = _load(arguments).part(PARTS[arguments.part])
    if not len(part):
        raise UserError(f"{arguments.data}: has no rows of {arguments.part}; {WHOLE}")
    metrics = by_protocol(scores(arguments.model, part.images), part)
    print(metrics_table(metrics), per_class_report(metrics), sep="\n\n")


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
    for path in report(models, _load(arguments), Path("models")):
        print(path)


def robustness(arguments: Namespace) -> None:
    """Measure an int8 file that has no card on both test parts, clean and corrupted; write the metrics as JSON."""
    from emotion_training.evaluate.report import measure_alone

    for part, it in measure_alone(arguments.model, _load(arguments), arguments.out)["robustness"].items():
        clean, mean = it["clean"]["accuracy"], it["mean"]["accuracy"]
        print(f"{part}: {it['protocol']} clean {clean:.3f}, corrupted {mean:.3f}; the rest is in {arguments.out}")


def reasons(arguments: Namespace) -> None:
    """Fit how the camera program tells why a face has no name, and measure a model's trust in its names on PublicTest."""
    from emotion_training.data.fer2013 import PUBLIC_TEST, TRAINING
    from emotion_training.evaluate import trust
    from emotion_training.evaluate.evaluate import check_measurable, markdown_table
    from emotion_training.fit.reasons import constant, fit

    check_measurable(arguments.model)
    faces = _load(arguments)
    public = faces.part(PUBLIC_TEST)
    if not len(public):
        raise UserError(f"{arguments.data}: has no rows of PublicTest; give data with the official parts")
    weights = fit(faces.part(TRAINING).images[::10])
    print(f"REASON_WEIGHTS = (\n{constant(weights)})\n")
    head = ["PublicTest", "accuracy", "AUROC", f"named at sure {trust.SURE}", "of these right", "reasons of the others"]
    print(markdown_table(head, trust.table(arguments.model, weights, public)), end="\n\n")
    print(trust.coverage_line(arguments.model, public), trust.affect_line(arguments.model, public), sep="\n")


def finetune(arguments: Namespace) -> None:
    """Adapt the model to collected faces, new classes among them, and write it if it got better on a validation split."""
    from emotion_training.finetune.finetune import FinetuneConfig, finetune

    config = FinetuneConfig(arguments.seed, arguments.anyway)
    print(finetune(arguments.data, arguments.model, arguments.out, arguments.composites, config))


def finetune_trial(arguments: Namespace) -> None:
    """Measure what finetune gains and what it forgets, on PublicTest's faces as another camera would show them."""
    from emotion_training.finetune.domain_shift import trial

    print(trial(_load(arguments), arguments.model, arguments.composites))


def calibrate_trial(arguments: Namespace) -> None:
    """Measure what the camera's command calibrate gives people whose faces at rest do not look neutral to the model."""
    from emotion_training.evaluate.calibrate_trial import trial

    print(trial(_load(arguments), arguments.model, arguments.part))


def composites(arguments: Namespace) -> None:
    """Make the seven average faces from FER2013's training faces."""
    from emotion_training.assets.average_faces import run

    run(_load(arguments), arguments.out)


def characters(arguments: Namespace) -> None:
    """Make the faces of the bundled clip's five characters from FER2013's training faces."""
    from emotion_training.assets.characters import run

    run(_load(arguments), arguments.out)


def clip(arguments: Namespace) -> None:
    """Make the bundled clip and its ground truth from its characters' faces."""
    from emotion_training.assets.clip import run

    run(arguments.characters, arguments.out)
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


def _config(arguments: Namespace) -> TrainConfig:
    return TrainConfig(arguments.network, arguments.epochs, seed=arguments.seed)


def _train(arguments: Namespace, faces: Faces) -> None:
    from emotion_training.fit.train import fit
    from emotion_training.fit.training_data import training_data

    network = arguments.run / "network.keras"
    done = "already trained" if network.is_file() else "trained"
    data = training_data(faces)
    fit(data, arguments.run, _config(arguments), _soft_targets(arguments, data))
    print(f"{done}: {network}; learning curve: {arguments.run / 'curve.png'}")


def _soft_targets(arguments: Namespace, data: "TrainingData") -> "SoftTargets | None":
    """The soft targets for the training rows; None, and a line that says so, where the teachers don't know all of these."""
    from emotion_training.fit import distillation

    soft_targets = distillation.read(distillation.files(arguments.teachers), data.faces, data.train_rows)
    if soft_targets is None:
        alone = "its labels" if data.faces.votes is None else "FER+'s votes"
        print(
            f"{arguments.teachers}: not made for the pictures of {arguments.data}; the network learns from {alone} alone"
        )
    return soft_targets


def _check_backend(converts: bool = False) -> None:
    """UserError where Keras's backend is not installed, or can't give a network that `converts` to int8."""
    name = os.environ.get("KERAS_BACKEND", "tensorflow")
    try:
        import keras
    except ImportError as error:
        what = "Keras" if error.name == "keras" else f"Keras's backend {name!r}"
        raise UserError(
            f"{what} is not installed: {install_line('training')} brings both; KERAS_BACKEND chooses another backend that is installed"
        ) from error
    except ValueError as error:
        raise UserError(f"KERAS_BACKEND: Keras has no backend {name!r}; choose tensorflow, torch or jax") from error
    if converts and keras.backend.backend() != "tensorflow":
        raise UserError(
            f"KERAS_BACKEND: {keras.backend.backend()} can train, but TensorFlow alone makes an int8 file; "
            "give train first, then quantize and card with KERAS_BACKEND=tensorflow"
        )


def _quantize(arguments: Namespace, faces: Faces) -> None:
    from emotion_training.export.quantize import quantize

    model = quantize(arguments.run, faces, arguments.model)
    print(
        f"{model.path}: {model.file_bytes:,} bytes, arena {model.arena_bytes}, {model.instructions / 1e6:.1f} M Cortex-M7 instructions"
    )


def _card(arguments: Namespace, faces: Faces) -> None:
    from emotion_training.evaluate.report import write_card

    provenance = read_json(arguments.run / "provenance.json", "run emotion-camera train quantize first")
    print(write_card(arguments.model, faces, provenance, arguments.run / "curve.png").read_text(encoding="utf-8"))
