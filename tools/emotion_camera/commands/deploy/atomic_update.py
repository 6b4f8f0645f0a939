"""How a camera's files are replaced so that it holds a complete old or a complete new set whenever power or cable fail.

FAT can neither replace a file in one step (MicroPython removes the old one first) nor several files together, and a
rename that is cut short can leave two names for one file. So nothing is renamed; the new set is written beside the old
one, and copied over it by the camera itself:

1. The camera copies its present files to the folder `previous`, where `whole.txt`, written last, tells that all are there.
2. The files that differ go into the folder `new` on the camera, and the camera checks each by its SHA-256.
3. `boot.py` is put on the disk: 30 lines that the firmware runs before main.py at every start.
4. `switch.txt` is written: a folder, the files to take from it, and the word "end". Before this word is on the disk the
   old set is in force, afterwards the new one: boot.py copies the files named over the present ones, and removes
   switch.txt last. Broken off anywhere, it does the same again at the next start, for it never changes what it copies from.

The way back is step 4 with the folder `previous`, once the present files are whole in `previous2`: then there is a way
forth, by the same step, and so on. Of the two sets the one to put back is the one that differs from the present files.
What the disk itself loses when power fails within one of its sectors nothing here can help.

A small disk, an H7's without a card, holds one set only. There each file is replaced `in_place`, the present ones being
kept on the computer, and a cable pulled meanwhile leaves the camera without a working set until the next run. The file
`unfinished.txt` says so: what is on the disk is then no set to be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from emotion_camera.camera.inspection import digest, hashes
from emotion_camera.camera.repl import Repl
from emotion_camera.errors import UserError
from emotion_camera.files import Files
from emotion_camera.progress import bar

BOOT = Path(__file__).with_name("boot.py")
SIGNATURE = b"# Of the emotion camera:"
NEW = "new"
KEPT = ("previous", "previous2")
WHOLE = "whole.txt"  # in a folder of KEPT
SWITCH = "switch.txt"
UNFINISHED = "unfinished.txt"
SPARE = 8  # clusters: folders, whole.txt, switch.txt, boot.py, and the settings that the program writes


COPY = """
def copy(source, target):
    buffer = bytearray(2048)
    with open(source, "rb") as old, open(target, "wb") as new:
        while True:
            count = old.readinto(buffer)
            if not count:
                break
            new.write(memoryview(buffer)[:count])
"""


class Kept(NamedTuple):
    """A whole set of files on the camera: its folder, and SHA-256 by name."""

    folder: str
    names: dict[str, str]


def previous(camera: Repl) -> Kept | None:
    """The set that boot.py can bring back: the one that differs from the present files, or else one that does not.

    None where none is whole, or boot.py is the person's own.
    """
    if not is_own_boot(camera):
        return None
    kept = [it for folder in KEPT if (it := _kept(camera, folder))]
    others = [it for it in kept if hashes(camera, list(it.names)) != it.names]
    return next(iter([*others, *kept]), None)


def _kept(camera: Repl, folder: str) -> Kept | None:
    if WHOLE not in camera.files(folder):
        return None
    words = camera.read(f"{folder}/{WHOLE}").decode(errors="replace").split()
    names = dict(zip(words[::2], words[1::2], strict=False))
    return Kept(folder, names) if names and names == hashes(camera, list(names), folder) else None


def is_own_boot(camera: Repl) -> bool:
    """Whether boot.py is deploy's own, or there is none."""
    return "boot.py" not in camera.files() or camera.read("boot.py").startswith(SIGNATURE)


def missing_room(camera: Repl, changed: Files, names: list[str]) -> int:
    """Bytes of the disk that the files `names` and `changed` ones of them lack together; 0 where they fit."""
    cluster = camera.info.cluster

    def size(sizes: Mapping[str, int]) -> int:
        return sum(-(-value // cluster) * cluster for value in sizes.values())

    present = {name: value for name, value in camera.files().items() if name in names}
    new = {name: len(data) for name, data in changed.items()}
    reused = sum(size(camera.files(folder)) for folder in (NEW, *KEPT))
    growth = max(0, size(new) - size({name: value for name, value in present.items() if name in new}))
    return max(0, size(new) + size(present) + growth + SPARE * cluster - camera.info.free - reused)


def stage(camera: Repl, files: Files, names: list[str]) -> None:
    """Steps 1 to 3: the present ones of `names` into a folder of KEPT, `files` into the folder `new`, and boot.py."""
    _end_last(camera)
    there = hashes(camera, list(camera.files(NEW)), NEW)
    whole = {name for name, value in there.items() if name in files and value == digest(files[name])}
    for name in there.keys() - whole:  # first, for their room
        camera.remove(f"{NEW}/{name}")
    _keep_present(camera, names)
    camera.make_folder(NEW)
    for name, data in files.items():
        if name not in whole:
            _write(camera, f"{NEW}/{name}", data)
    put_boot(camera)


def put_boot(camera: Repl) -> None:
    """Writes boot.py where it is not this version's."""
    if camera.sha256("boot.py") != digest(BOOT.read_bytes()):
        camera.write("boot.py", BOOT.read_bytes())


def _end_last(camera: Repl) -> None:
    """boot.py has ended a switch that was broken off before this is called, unless somebody has removed it, or its files."""
    if SWITCH in camera.files():
        put_boot(camera)
        camera.exec(BOOT.read_text(encoding="utf-8"))
        camera.remove(SWITCH)


def _keep_present(camera: Repl, names: list[str]) -> None:
    """The present ones of `names` are the one set in KEPT from here on; all that was there stays where there are none."""
    present = hashes(camera, names)
    if not present:
        return
    target = next((folder for folder in KEPT if _kept(camera, folder) == (folder, present)), None)
    for folder in KEPT:  # first, for their room
        if folder != target:
            _clear(camera, folder)
    if target is None:
        _keep(camera, present, KEPT[0])


def _keep(camera: Repl, present: dict[str, str], folder: str) -> None:
    _clear(camera, folder)
    camera.make_folder(folder)
    camera.exec(COPY)
    for name in present:
        camera.exec(f"copy({name!r}, {f'{folder}/{name}'!r})")
    if hashes(camera, list(present), folder) != present:
        raise UserError("the camera's disk does not keep what is copied on it: format it, or take another card")
    camera.write(f"{folder}/{WHOLE}", "".join(f"{name} {value}\n" for name, value in present.items()).encode())


def _clear(camera: Repl, folder: str) -> None:
    """Empties a folder; the set in it is no longer whole after the first step."""
    camera.remove(f"{folder}/{WHOLE}")
    for name in camera.files(folder):
        camera.remove(f"{folder}/{name}")


def go_back(camera: Repl, kept: Kept, names: list[str]) -> bool:
    """Orders the kept set at the next start, once the present ones of `names` are kept: another `go_back` returns to them.

    False where there is no room for that, and nothing is changed.
    """
    _end_last(camera)
    present = hashes(camera, names)
    target = next(folder for folder in KEPT if folder != kept.folder)
    if present and _kept(camera, target) != (target, present):
        if _room_for_copies(camera, list(present), target) < 0:
            return False
        _keep(camera, present, target)
    put_boot(camera)
    switch(camera, kept.folder, list(kept.names))
    return True


def _room_for_copies(camera: Repl, names: list[str], folder: str) -> int:
    """Bytes that are left when the present ones of `names` are copied to a folder, in place of what is there."""
    cluster = camera.info.cluster
    sizes = camera.files()
    needed = sum(-(-sizes[name] // cluster) for name in names) + SPARE
    there = sum(-(-size // cluster) for size in camera.files(folder).values())
    return camera.free() + (there - needed) * cluster


def switch(camera: Repl, folder: str, names: list[str]) -> None:
    """Step 4: the files `names` of the folder are in force from here on; they take their place at the next start."""
    camera.write(SWITCH, " ".join([folder, *names, "end"]).encode())


def replace_in_place(camera: Repl, files: Files) -> None:
    """Each file that differs is removed and written anew, the model last: until then the program says that it is missing."""
    camera.write(UNFINISHED, b"deploy writes these files one by one, and was not yet through.\n")
    for name, data in files.items():
        if camera.sha256(name) != digest(data):
            camera.remove(name)
            _write(camera, name, data)
    camera.remove(UNFINISHED)


def _write(camera: Repl, path: str, data: bytes) -> None:
    with bar(len(data), path, "B") as shown:
        camera.write(path, data, lambda done, _: shown.update(done - shown.n))
