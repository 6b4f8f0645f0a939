"""The files that a camera had before, where its disk has no room for them: in .camera-files/UNIQUE-ID on this computer."""

from __future__ import annotations

import shutil
from pathlib import Path

from emotion_camera.camera.inspection import digest, hashes
from emotion_camera.camera.repl import Repl
from emotion_camera.errors import UserError
from emotion_camera.files import Files, write_file

FOLDER = Path(".camera-files")  # below the current one; each camera has its own in it
SETTINGS = "emotion.json"  # which the camera program writes


def files(camera: Repl) -> Files:
    """The set that `keep` kept, by name; empty where there is none."""
    folder = FOLDER / camera.info.unique_id
    folder = folder if folder.is_dir() else _old(folder)
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))} if folder.is_dir() else {}


def keep(camera: Repl, names: list[str]) -> None:
    """Keeps the camera's present files; what a run left half done is not kept, for what was kept before is better."""
    present = hashes(camera, names)
    folder = FOLDER / camera.info.unique_id
    before = {name: digest(data) for name, data in files(camera).items()}
    if not present or present == before or (before and set(present) != set(names)):
        return
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        for name, value in present.items():
            data = camera.read(name)
            if digest(data) != value:
                raise UserError(f"{name}: can't be read from the camera as it is there; try again")
            write_file(new / name, data)
        _replace(folder, new)
    except OSError as error:
        raise UserError(f"{folder}: the present files can't be kept there ({error.strerror})") from None
    print(f"the present files are kept in {folder}", flush=True)


def _replace(folder: Path, new: Path) -> None:
    """One of the two sets is there whatever happens meanwhile: no system replaces a folder in one step."""
    if folder.is_dir():
        shutil.rmtree(_old(folder), ignore_errors=True)
        folder.rename(_old(folder))
    new.rename(folder)
    shutil.rmtree(_old(folder), ignore_errors=True)


def _old(folder: Path) -> Path:
    return folder.with_name(folder.name + ".old")


def check_room(camera: Repl, new: Files) -> None:
    """UserError unless the new files have room where the present ones are."""
    cluster = camera.info.cluster
    there = camera.files()
    present = {name: size for name, size in there.items() if name in new}

    def clusters(sizes: list[int]) -> int:
        return sum(-(-size // cluster) for size in sizes)

    needed = clusters([len(data) for data in new.values()]) + (0 if SETTINGS in there else 1)
    short = (needed - clusters(list(present.values()))) * cluster - camera.info.free
    if short > 0:
        others = sorted(there.keys() - new.keys() - {SETTINGS})
        raise UserError(
            f"the camera's disk is {short:,} bytes too small for these files; put an SD card in, or delete what else is there "
            f"({', '.join(others) or 'folders'}), for example with mpremote rm"
        )
