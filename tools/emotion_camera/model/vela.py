"""Compiles a model for the neural processor of an OpenMV AE3, an Arm Ethos-U55, by Arm's Vela (the extra `vela`).

A plain model runs on an AE3, too, but on kernels that do not use its processor's vectors.
"""

import csv
import importlib.metadata
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from emotion_camera.errors import UserError, install_line
from emotion_camera.files import MODELS
from emotion_camera.model import metadata
from emotion_camera.model.contract import Model
from emotion_camera.model.tflite import read_description, read_file

SETTINGS = Path(__file__).with_name("vela.ini")
TIMEOUT_S = 600  # the shipped models take two to five seconds
MEMORY_MODE = "Shared_Sram"  # the Ethos-U and the processor share the SRAM
INSTALL = install_line("vela")
COMPILES = "Vela compiles it; a large network takes minutes"


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

    left: the operators that stay on the processor, which are in no estimate. cycles, ms: for one inference; sram, flash: bytes
    in the working memory, and of weights and commands.
    """

    data: bytes
    left: tuple[str, ...]
    cycles: int
    ms: float
    sram: int
    flash: int

    @property
    def pace(self) -> str:
        """The estimated time of an inference, for people."""
        names = f"{', '.join(self.left)}, which {'stays' if len(self.left) == 1 else 'stay'}"
        return f"{self.ms:.2f} ms an inference" + (f", without {names} on the AE3's processor" if self.left else "")


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
        plain = Path(folder, "model.tflite")  # Vela goes by the ending of the name
        plain.write_bytes(read_file(model.path))
        compiled = plain.with_name("model_vela.tflite")
        trouble = _run(plain, core) or ("" if compiled.is_file() else "it wrote no file")
        if not trouble:
            data = compiled.read_bytes()
            found = read_description(data)
            trouble = "" if found.compiled else "there is nothing in it that the neural processor runs"
        if trouble:
            raise UserError(
                f"{model.path}: Vela can't compile it ({trouble}); build it from plain convolutions and dense layers"
            )
        left = tuple(sorted(set(found.operators) - {"CUSTOM"}))
        return Compiled(with_metadata_of(model, data), left, *_estimates(Path(folder)))


def _estimates(folder: Path) -> tuple[int, float, int, int]:
    """Cycles, milliseconds, bytes of SRAM and of flash, of the table that Vela wrote; UserError where they are not in it."""
    try:
        with open(next(folder.glob("*.csv")), encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file))
        cycles, seconds = float(row["cycles_total"]), float(row["inference_time"])
        sram, flash = float(row["sram_memory_used"]), float(row["off_chip_flash_memory_used"])
        return round(cycles), 1000 * seconds, round(1024 * sram), round(1024 * flash)
    except (StopIteration, KeyError, ValueError):
        raise UserError(
            f"Vela {version()} gives its estimates otherwise than known here: install the release in requirements.txt"
        ) from None


def _run(plain: Path, core: Core) -> str:
    """Vela on a file, with its results beside it; what it said last where it failed, else nothing."""
    settings = ["--accelerator-config", core.accelerator, "--system-config", core.system, "--memory-mode", MEMORY_MODE]
    command = [
        sys.executable,
        "-m",
        "ethosu.vela",
        *settings,
        "--config",
        str(SETTINGS),
        "--output-dir",
        str(plain.parent),
        str(plain),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"it is not through after {TIMEOUT_S} s"
    said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1][:200]
    return said if done.returncode else ""


def with_metadata_of(model: Model, compiled: bytes) -> bytes:
    """The compiled file with the metadata for the camera at its end, which Vela leaves out, and what it was compiled from."""
    plain = read_file(model.path)
    return compiled + metadata.of_compiled(plain, sha256(plain).hexdigest())


def plain_of(compiled: bytes) -> bytes | None:
    """The shipped model that a file was compiled from, by the metadata at its end; None for another one."""
    digest = metadata.plain_sha256(compiled)
    shipped = (path.read_bytes() for path in MODELS.glob("*.tflite"))
    return next((data for data in shipped if digest and sha256(data).hexdigest().startswith(digest)), None)
