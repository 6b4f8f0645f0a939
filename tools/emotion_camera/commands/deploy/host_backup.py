"""The files that a camera had before, where its disk has no room for them: in .camera-files/ID on this computer."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from emotion_camera.camera.inspection import digest, hashes
from emotion_camera.camera.repl import Repl
from emotion_camera.commands.deploy.atomic_update import UNFINISHED
from emotion_camera.errors import UserError
from emotion_camera.files import Files, write_file
from emotion_camera.model.bundle import SET
from emotion_camera.terminal import first_of

FOLDER = Path(".camera-files")  # below the current one; each camera has its own in it
SETTINGS = "emotion.json"  # which the camera program writes


def files(camera: Repl) -> Files:
    """The set that `keep` kept, by name; empty where there is none."""
    folder = _folder(camera)
    folder = folder if folder.is_dir() else _old(folder)
    return {name: (folder / name).read_bytes() for name in SET if (folder / name).is_file()}


def keep(camera: Repl, names: list[str]) -> None:
    """Keeps the camera's present files; what a run left half done is not kept, for what was kept before is better."""
    if set_aside(camera, names):
        take_over(camera)
        print(f"the present files are kept in {_folder(camera)}", flush=True)


def set_aside(camera: Repl, names: list[str]) -> bool:
    """Whether the camera's present files were put beside the set that is kept, until `take_over` puts them in its place."""
    present = hashes(camera, names)
    folder = _folder(camera)
    before = {name: digest(data) for name, data in files(camera).items()}
    half_done = UNFINISHED in camera.files() or (before and set(present) != set(names))
    if not present or present == before or (before and half_done):
        return False
    new = _new(folder)
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        for name, value in present.items():
            data = camera.read(name)
            if digest(data) != value:
                raise UserError(f"{name}: can't be read from the camera as it is there; try again")
            write_file(new / name, data)
    except OSError as error:
        raise _not_kept(folder, error) from None
    return True


def take_over(camera: Repl) -> None:
    """What was set aside, if anything, is the kept set from here on."""
    folder = _folder(camera)
    if _new(folder).is_dir():
        try:
            _replace(folder, _new(folder))
        except OSError as error:
            raise _not_kept(folder, error) from None


def _not_kept(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"{folder}: the camera's files can't be kept there ({error.strerror}); run the command in another folder"
    )


def _replace(folder: Path, new: Path) -> None:
    """One of the two sets is there whatever happens meanwhile: no system replaces a folder in one step."""
    if folder.is_dir():
        shutil.rmtree(_old(folder), ignore_errors=True)
        folder.rename(_old(folder))
    new.rename(folder)
    shutil.rmtree(_old(folder), ignore_errors=True)


def _folder(camera: Repl) -> Path:
    """Of this camera, or of all of its board where a camera has no id, as the simulated ones."""
    info = camera.info
    board = re.sub(r"[^A-Za-z0-9]+", "-", f"{info.board} {info.arch}")[:60]  # from the camera: no path
    return FOLDER / (info.unique_id if info.unique_id != "camera" else f"camera-{board}")


def _old(folder: Path) -> Path:
    return folder.with_name(folder.name + ".old")


def _new(folder: Path) -> Path:
    return folder.with_name(folder.name + ".new")


def check_room(camera: Repl, new: Files) -> None:
    """UserError unless the new files have room where the present ones are."""
    cluster = camera.info.cluster
    there = camera.files()
    present = {name: size for name, size in there.items() if name in new}

    def clusters(sizes: list[int]) -> int:
        return sum(-(-size // cluster) for size in sizes)

    needed = clusters([len(data) for data in new.values()]) + (1 if SETTINGS in there else 2)  # and UNFINISHED
    short = (needed - clusters(list(present.values()))) * cluster - camera.info.free
    if short > 0:
        others = sorted(there.keys() - new.keys() - {SETTINGS}, key=lambda name: -there[name])
        raise UserError(
            f"the camera's disk is {short:,} bytes too small for these files; put an SD card in, or delete what else is there "
            f"({first_of(others) or 'folders'}), for example with mpremote rm"
        )
