"""Compile a model for the neural processor of an OpenMV AE3, an Arm Ethos-U55, and give the compiler's estimates.

The compiler is Arm's Vela (the extra `vela`). `emotion-camera vela` writes the files for the camera. A plain
model runs on an AE3, too, but on its slow kernels.
"""

import argparse
import csv
import importlib.metadata
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from emotion_camera.errors import UserError, install_line
from emotion_camera.files import write_file
from emotion_camera.model import metadata
from emotion_camera.model.bundle import model_files
from emotion_camera.model.contract import DEFAULT_MODEL, Model, check
from emotion_camera.terminal import print_line

SETTINGS = Path(__file__).with_name("vela.ini")
MEMORY_MODE = "Shared_Sram"  # the Ethos-U and the processor share the SRAM
INSTALL = install_line("vela")


@dataclass(frozen=True)
class Core:
    """One of the AE3's two cores, with the Ethos-U55 beside it, by Vela's names. The camera program runs on the first."""

    name: str
    accelerator: str  # how many multiply-accumulates a cycle
    system: str  # of vela.ini


HIGH_PERFORMANCE = Core("high performance", "ethos-u55-256", "RTSS_HP_SRAM_OSPI")
HIGH_EFFICIENCY = Core("high efficiency", "ethos-u55-128", "RTSS_HE_SRAM_MRAM")


@dataclass(frozen=True)
class Compiled:
    """A model compiled for a core, `data` with the self-test of the plain one; Vela's own estimates, none of them measured.

    cycles, ms: for one inference; sram, flash: bytes in the working memory, and of weights and commands.
    """

    data: bytes
    cycles: int
    ms: float
    sram: int
    flash: int


def version() -> str | None:
    """Vela's version; None where it is not installed."""
    try:
        return importlib.metadata.version("ethos-u-vela")
    except importlib.metadata.PackageNotFoundError:
        return None


def compile_model(model: Model, core: Core = HIGH_PERFORMANCE) -> Compiled:
    """The model of a file that has passed the contract, compiled for a core; UserError where Vela is missing or refuses it."""
    if version() is None:
        raise UserError(f"Arm's compiler Vela is not installed: {INSTALL}")
    with TemporaryDirectory() as folder:
        options = [
            "--accelerator-config",
            core.accelerator,
            "--system-config",
            core.system,
            "--memory-mode",
            MEMORY_MODE,
        ]
        options += ["--config", str(SETTINGS), "--output-dir", folder, str(model.path.resolve())]
        done = subprocess.run(
            [sys.executable, "-m", "ethosu.vela", *options], capture_output=True, text=True, check=False
        )
        compiled = Path(folder, f"{model.path.stem}_vela.tflite")
        if done.returncode or not compiled.is_file():
            said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
            raise UserError(f"{model.path}: Vela can't compile it ({said}); use the plain model on the AE3")
        with open(next(Path(folder).glob("*.csv")), encoding="utf-8", newline="") as file:
            estimates = next(csv.DictReader(file))
        return Compiled(
            with_metadata_of(model, compiled.read_bytes()),
            cycles=round(float(estimates["cycles_total"])),
            ms=1000 * float(estimates["inference_time"]),
            sram=round(1024 * float(estimates["sram_memory_used"])),
            flash=round(1024 * float(estimates["off_chip_flash_memory_used"])),
        )


def with_metadata_of(model: Model, compiled: bytes) -> bytes:
    """The compiled file with the metadata for the camera at its end, which Vela leaves out, where the plain one has any."""
    return compiled + metadata.tail(model.path.read_bytes())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    parser.description = "Compile a model for the AE3's neural processor."
    parser.add_argument(
        "model", nargs="?", type=Path, default=DEFAULT_MODEL, help="a .tflite with its labels beside it in a .txt"
    )
    parser.add_argument("--out", type=Path, default=Path("ae3"), metavar="FOLDER", help="where to (default: ae3)")


def run(arguments: argparse.Namespace) -> int:
    """Write emotion.tflite and emotion.txt for an AE3; 0."""
    model = check(arguments.model)
    for note in model.notes:
        print_line(f"{model.path.name}: {note}", sys.stderr)
    compiled = compile_model(model)
    _write(model, compiled.data, arguments.out)
    print(f"{arguments.out / 'emotion.tflite'}: {len(compiled.data):,} bytes; copy it and emotion.txt to the AE3")
    print(f"Vela's estimate, not a measurement: {compiled.cycles:,} cycles, {compiled.ms:.2f} ms an inference")
    return 0


def _write(model: Model, data: bytes, folder: Path) -> None:
    """The compiled model and the labels by the names that the camera program looks for; UserError where that can't be."""
    if folder.resolve() == model.path.resolve().parent:
        raise UserError(f"{folder}: is the folder of the plain model; give another folder with --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, plain in model_files(model.path).items():
            write_file(folder / name, data if plain == model.path else plain.read_bytes())
    except OSError as error:
        raise UserError(f"{folder}: can't be written to ({error.strerror}); give another folder with --out") from None
