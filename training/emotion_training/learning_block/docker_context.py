"""Write the learning block's Docker context, for Edge Impulse's `edge-impulse-blocks push`."""

import shutil
from pathlib import Path

import emotion_camera
from emotion_camera.errors import UserError
from emotion_camera.files import MODELS, whole_folder

import emotion_training

BLOCK = Path(__file__).parent
AT_TOP = ("Dockerfile", "parameters.json", "requirements.txt", ".dockerignore")
# Whole folders of Python files, so that a module added to the training is not missing in the container.
PACKAGES = {emotion_camera: ("*.py", "faces/*.py", "model/*.py"), emotion_training: ("**/*.py",)}
MODEL = ("emotion.tflite", "emotion.txt")


def write(folder: Path) -> None:
    """Copy the block, the code that it uses and the shipped model into a new or empty folder.

    Raises UserError if the folder exists and is not empty.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder}: exists and is not an empty folder; choose another one")
    with whole_folder(folder.absolute()) as beside:
        for target, source in _files().items():
            (beside / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, beside / target)


def _files() -> dict[str, Path]:
    """The context's files by their path in it, with the model where an installed package has it (see `emotion_camera.files`)."""
    files = {"LICENSE": MODELS.parent / "LICENSE", **{name: BLOCK / name for name in AT_TOP}}
    for package, patterns in PACKAGES.items():
        top = Path(str(package.__file__)).parent
        found = (file for pattern in patterns for file in top.glob(pattern))
        files |= {file.relative_to(top.parent).as_posix(): file for file in found}
    return files | {f"emotion_camera/data/models/{name}": MODELS / name for name in MODEL}
