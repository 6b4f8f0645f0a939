"""The steps from data to a shipped model, each a function of the command line's arguments."""

import json
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from training.data import DataError, Faces, load, read_json, writing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter hides the progress bar


def everything(arguments: Namespace) -> None:
    """Train, quantise, and measure: the whole way from data to a shipped model and its card."""
    from training.convert import check_place

    check_place(arguments.model)
    faces = _load(arguments)
    _train(arguments, faces)
    _quantize(arguments, faces)
    _card(arguments, faces)


def train(arguments: Namespace) -> None:
    """Train the network, or go on where an interrupted run stopped."""
    _train(arguments, _load(arguments))


def sweep(arguments: Namespace) -> None:
    """Train many networks, on this machine or on a cluster of them by Ray, and gather their figures in one table."""
    from training import sweep_plan, sweep_table
    from training.sweep import sweep

    if arguments.file:
        if arguments.network or arguments.epochs:
            raise DataError(f"{arguments.file}: names networks and epochs itself; leave --network and --epochs out")
        runs = sweep_plan.read(arguments.file)
    else:
        runs = sweep_plan.of_seeds(arguments.network or "emotion", arguments.seeds, arguments.epochs)
    results = sweep(
        runs, _load(arguments), arguments.runs, arguments.address, arguments.cpus_per_run, arguments.restarts
    )
    print(sweep_table.write(results, arguments.runs))
    failed = [it.run.name for it in results if it.failed is not None]
    if failed:
        raise DataError(f"{len(failed)} of {len(results)} runs failed: {', '.join(failed)}; the table says why")


def quantize(arguments: Namespace) -> None:
    """Choose the operating point on PublicTest and write the int8 file, its labels and the calibration's rows."""
    from training.convert import check_place

    check_place(arguments.model)
    _trained_settings(arguments)
    _quantize(arguments, _load(arguments))


def evaluate(arguments: Namespace) -> None:
    """Measure an int8 file on a test part by every protocol that the data allows."""
    from training.evaluate import PARTS, by_emotion, by_protocol, check_measurable, table
    from training.interpret import scores

    check_measurable(arguments.model)
    part = _load(arguments).part(PARTS[arguments.part])
    if not len(part):
        raise DataError(f"{arguments.data}: has no rows of {arguments.part}; give data with the official parts")
    figures = by_protocol(scores(arguments.model, part.images), part)
    print(table(figures), by_emotion(figures), sep="\n\n")


def card(arguments: Namespace) -> None:
    """Measure the int8 file on both test parts and write its card."""
    _card(arguments, _load(arguments))


def report(arguments: Namespace) -> None:
    """Measure models that have a card again; write their cards, the README's table and the list of ablations."""
    from training.report import report

    shipped = (path for path in sorted(Path("models").glob("*.tflite")) if path.with_suffix(".json").is_file())
    models = arguments.models or list(shipped)  # an imported model has no such card, and may know other classes
    if not models:
        raise DataError(
            "models: no .tflite file with a card there; run this in the repository's folder, or give --models"
        )
    for path in report(models, _load(arguments)):
        print(path)


def robustness(arguments: Namespace) -> None:
    """Measure an int8 file that has no card on both test parts, on faces as they are and spoilt; write the figures as JSON."""
    from training.report import measure_alone

    for part, told in measure_alone(arguments.model, _load(arguments), arguments.out)["robustness"].items():
        unspoilt, mean = told["unspoilt"]["accuracy"], told["mean"]["accuracy"]
        print(f"{part}: {told['protocol']} {unspoilt:.3f}, spoilt {mean:.3f}; the rest is in {arguments.out}")


def finetune(arguments: Namespace) -> None:
    """Adapt the model to collected faces, new classes among them, and write it if it got better on faces held back."""
    from training.finetune import Settings, finetune

    settings = Settings(arguments.seed, arguments.anyway)
    print(finetune(arguments.data, arguments.model, arguments.out, arguments.composites, settings))


def finetune_trial(arguments: Namespace) -> None:
    """Measure what finetune gains and what it forgets, on PublicTest's faces as another camera would show them."""
    from training.finetune_trial import trial

    print(trial(_load(arguments), arguments.model, arguments.composites))


def composites(arguments: Namespace) -> None:
    """Make the seven portraits of nobody from FER2013's training faces, for the bundled clip."""
    from training.composites import run

    run(_load(arguments), arguments.out)


def clip(arguments: Namespace) -> None:
    """Make the bundled clip, and the truth about it, from the seven portraits."""
    from training.clip import run

    run(arguments.composites, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size:,} bytes")


def learning_block(arguments: Namespace) -> None:
    """Put the training into a folder as a custom learning block for Edge Impulse."""
    from training.learning_block_folder import write

    write(arguments.folder)
    print(
        f"{arguments.folder}: to have it in Studio, run there edge-impulse-blocks init, then edge-impulse-blocks push"
    )


def _load(arguments: Namespace) -> Faces:
    faces = load(arguments.data, arguments.votes)
    print(f"{arguments.data}: {len(faces):,} faces, {'with' if faces.votes is not None else 'without'} FER+ votes")
    return faces


def _train(arguments: Namespace, faces: Faces) -> None:
    from training.fit import begin
    from training.recipes import RECIPES, Settings

    network = arguments.run / "network.keras"
    said = "already trained" if network.is_file() else "trained"
    epochs = arguments.epochs or RECIPES[arguments.network].epochs
    settings = Settings(network=arguments.network, epochs=epochs, seed=arguments.seed)
    begin(faces, arguments.run, settings)  # a mistake is told before the teachers are trained
    _fit(faces, arguments.run, settings)
    print(f"{said}: {network}; learning curve: {arguments.run / 'curve.png'}")


def _fit(faces: Faces, run: Path, settings: Any) -> Any:
    """The trained network of a run; its teachers are asked, and trained, first where a folder beside the run's has no answers."""
    from training import answers
    from training.fit import fit, load_network
    from training.recipes import RECIPES, Settings

    if (run / "network.keras").is_file():
        return load_network(run)
    teachers = [run.parent / name for name in RECIPES[settings.network].teachers]
    for teacher in teachers:
        if not (teacher / answers.NAME).is_file():
            print(f"{teacher}: a teacher of {settings.network}; its answers are kept in {teacher / answers.NAME}")
            its = Settings(network=teacher.name, epochs=RECIPES[teacher.name].epochs)
            answers.keep(_fit(faces, teacher, its), faces, teacher)
    return fit(faces, run, settings, answers.read(teachers, faces))


def _quantize(arguments: Namespace, faces: Faces) -> None:
    from training import convert, operating_point
    from training.fit import load_network, watched
    from training.recipes import LIMITS
    from training.targets import training_rows

    settings = _trained_settings(arguments)
    name = settings.get("network", "emotion")
    which = training_rows(faces)  # once: looking for the leaked ones takes ten seconds
    calibration = convert.choose_calibration(faces, which)
    network = load_network(arguments.run)
    settled = operating_point.settle(network, watched(faces, name), which)
    made = {**settings, **settled, "float": _float_figures(network, faces)}
    data = convert.convert(network, faces.images[calibration])
    with writing(arguments.run / "made.json") as beside:
        beside.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        model = convert.write_model(data, arguments.model, calibration, LIMITS[name])
    print(
        f"{model.path}: {model.file_bytes:,} bytes, arena {model.arena_bytes}, {model.macs / 1e6:.2f} M multiply-accumulates"
    )


def _trained_settings(arguments: Namespace) -> dict[str, Any]:
    """What a finished run was trained with; DataError where the run is not finished or has lost its settings."""
    run = arguments.run
    if not (run / "network.keras").is_file():
        raise DataError(
            f"{run / 'network.keras'}: no trained network there; run python -m training train --run {run} first"
        )
    return read_json(
        run / "settings.json",
        f"run python -m training train --run {run} again with the data and settings that it was trained with",
    )


def _float_figures(network: Any, faces: Faces) -> dict[str, dict[str, float]]:
    """Accuracy by protocol and part of the network before it was made int8, for the card to compare."""
    from training.evaluate import PARTS, by_protocol
    from training.fit import pixels

    figures = {}
    for name, usage in PARTS.items():
        part = faces.part(usage)
        if len(part):
            answers = network.predict(pixels(part.images), batch_size=512, verbose=0)
            figures[name] = {protocol: round(it.accuracy, 4) for protocol, it in by_protocol(answers, part).items()}
    return figures


def _card(arguments: Namespace, faces: Faces) -> None:
    from training.report import write_card

    made = read_json(arguments.run / "made.json", "run python -m training quantize first")
    print(write_card(arguments.model, faces, made, arguments.run / "curve.png").read_text(encoding="utf-8"))
