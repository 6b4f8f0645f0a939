"""Size, cost and inference time of each shipped model, relative to a reference network."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from hashlib import sha256

import numpy as np
from emotion_camera.boards import SMALL_HEAP
from emotion_camera.model import vela
from emotion_camera.model.contract import DEFAULT_MODEL, Model, check, fits
from emotion_camera.model.cost import milliseconds, predict_instructions
from emotion_camera.model.tflite import describe
from emotion_camera.model.tflm import is_available
from emotion_camera.model.worker import open_litert, open_tflm
from numpy.typing import NDArray

from bench import reference
from bench.runner import Options
from bench.table import table

Run = Callable[[], object]  # one inference

# The processor's time leaves out that of other programs. (Windows counts it in steps of 16 ms.)
CLOCK = time.perf_counter if sys.platform == "win32" else time.process_time
ROUNDS = {"LiteRT": 300, "TFLM": 40}  # half a second and more of each network


def report(options: Options) -> str:
    """The tables; they do not depend on program and board."""
    found = [check(path) for path in sorted(DEFAULT_MODEL.parent.glob("*.tflite"))]
    return "\n\n".join((_costs(found), _times(found), _npu(found)))


def _costs(found: Sequence[Model]) -> str:
    rows = [
        [
            model.path.name,
            f"{model.file_bytes:,}",
            "not measured" if model.arena_bytes is None else f"{model.arena_bytes:,}",
            f"{model.macs:,}",
            *_on_the_camera(model),
            "all" if fits(model, SMALL_HEAP) else "roomy",
            *_accuracy(model),
        ]
        for model in found
    ]
    head = ("model", "file", "arena", "multiply-accumulates", "instructions", "H7", "boards", "FER+ 7", "balanced")
    return (
        "Models: bytes, multiply-accumulates, and Cortex-M7 instructions of a face by recorded counts, with their time on an OpenMV\n"
        "Cam H7; these are the same on every machine. The accuracy is read from each model's card and was not measured here:\n"
        "PrivateTest, by FER+'s votes for the seven.\n\n" + table(head, rows)
    )


def _on_the_camera(model: Model) -> list[str]:
    """M7 instructions of one inference, and milliseconds on an H7."""
    instructions = predict_instructions(describe(model.path).layers)
    return [f"{instructions / 1e6:.1f} M", f"{milliseconds(instructions):.0f} ms"]


def _accuracy(model: Model) -> list[str]:
    """Accuracy and balanced accuracy from the card beside a model; dashes where there is none, or it is another file's."""
    card = model.path.with_suffix(".json")
    data = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    if data.get("sha256") != sha256(model.path.read_bytes()).hexdigest():
        return ["-", "-"]
    metrics = data["metrics"]["PrivateTest"]["FER+ 7"]
    return [f"{metrics['accuracy']:.1%}", f"{metrics['balanced']:.1%}"]


def _times(found: Sequence[Model]) -> str:
    networks = [reference.network(), *(model.path.read_bytes() for model in found)]
    rows: list[list[str]] = [[model.path.name] for model in found]
    reference_ms = []
    for name, make in {"LiteRT": litert, "TFLM": tflm}.items():
        runs = [make(data) for data in networks]
        took = None if None in runs else in_turns([run for run in runs if run], ROUNDS[name])
        reference_ms.append("not measured" if took is None else f"{1000 * np.median(took[:, 0]):.2f} ms")
        for column, row in enumerate(rows, 1):
            row += ["-", "-"] if took is None else ratio_and_spread(took[:, column], took[:, 0])
    return (
        f"Processor time of an inference, relative to a reference network of {reference.LAYERS} plain 3x3 convolutions ({reference.MACS:,} multiply-\n"
        "accumulates) that is always the same; each round runs every network. Median and quartiles of the rounds.\n"
        f"LiteRT: its own int8 kernels on one thread, without XNNPACK; the reference took {reference_ms[0]} here. TFLM: tflite-micro's\n"
        f"plain kernels, which are not a camera's CMSIS-NN; there it took {reference_ms[1]}.\n\n"
        + table(("model", "LiteRT", "quartiles", "TFLM", "quartiles"), rows)
    )


def litert(data: bytes) -> Run:
    """LiteRT in this process, whose time is measured, on a picture of noise."""
    interpreter = open_litert(data)
    given = interpreter.get_input_details()[0]
    interpreter.set_tensor(given["index"], _noise(given["shape"]))
    return interpreter.invoke


def tflm(data: bytes) -> Run | None:
    """The same of TFLM; None where tflite-micro has no wheel."""
    if not is_available():
        return None
    interpreter = open_tflm(data)
    interpreter.set_input(_noise(interpreter.get_input_details(0)["shape"]), 0)
    return interpreter.invoke


def _noise(shape: Sequence[int]) -> NDArray[np.int8]:
    return np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)


def in_turns(runs: Sequence[Run], rounds: int) -> NDArray[np.float64]:
    """Processor time [rounds, runs] in seconds, interleaved A B C A B C, so that a slow moment of the machine affects all alike."""
    took = np.empty((rounds, len(runs)))
    for turn in range(-1, rounds):  # the first round warms up and is overwritten
        for column, run in enumerate(runs):
            start = CLOCK()
            run()
            took[turn, column] = CLOCK() - start
    return took


def ratio_and_spread(took: NDArray[np.float64], reference_took: NDArray[np.float64]) -> list[str]:
    """The median of the rounds' ratios, and their first and third quartile."""
    low, middle, high = np.quantile(took / reference_took, (0.25, 0.5, 0.75))
    return [f"{middle:.2f} x", f"{low:.2f} - {high:.2f}"]


def _npu(found: Sequence[Model]) -> str:
    head = "The AE3's Ethos-U55: "
    if vela.version() is None:
        return f"{head}Arm's compiler Vela estimates it, where it is installed: {vela.INSTALL}"
    rows = []
    for core in (vela.HIGH_PERFORMANCE, vela.HIGH_EFFICIENCY):
        for model in found:
            it = vela.compile_model(model, core)
            rows.append(
                [model.path.name, core.name, f"{it.cycles:,}", f"{it.ms:.2f} ms", f"{it.sram:,}", f"{it.flash:,}"]
            )
    return (
        f"{head}what Arm's compiler Vela {vela.version()} estimates of an inference, with the weights in flash. Nothing was measured.\n\n"
        + table(("model", "core", "cycles", "time", "SRAM", "flash"), rows)
    )
