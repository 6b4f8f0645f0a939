"""Put the learning block into a folder of its own, ready for Edge Impulse's `edge-impulse-blocks push`."""

import shutil
from pathlib import Path

from emotion_training.data.fer2013 import DataError

ROOT = Path(__file__).resolve().parents[2]
BLOCK = ROOT / "training" / "emotion_training" / "learning_block"
AT_ITS_ROOT = ("Dockerfile", "parameters.json", "requirements.txt", ".dockerignore")
TRAINING = (
    "__init__", "adapt", "augment", "convert", "data", "fit", "interpret", "leaks", "network", "protocols", "rebuild",
    "recipes", "targets",
)  # fmt: skip
MODEL = ("__init__.py", "contract.py", "cost.py", "notes.py", "emotion.tflite", "emotion.txt")


def write(folder: Path) -> None:
    """Copy the block, what it uses of the training, and the shipped model into a new or empty folder.

    It is filled beside and renamed. Raises DataError where there is something already.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"{folder}: is there already and not an empty folder; choose another one")
    beside = folder.absolute().with_name("writing_" + folder.absolute().name)
    try:
        for file in _files():
            to = beside / (file.name if file.parent == BLOCK and file.name in AT_ITS_ROOT else file.relative_to(ROOT))
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, to)
        if folder.exists():
            folder.rmdir()  # Windows renames onto nothing
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _files() -> list[Path]:
    return [
        ROOT / "LICENSE",
        *(BLOCK / name for name in AT_ITS_ROOT),
        *sorted(BLOCK.glob("*.py")),
        *(ROOT / "training" / f"{name}.py" for name in TRAINING),
        *(ROOT / "models" / name for name in MODEL),
    ]
