"""The folder that a simulated camera's disk is kept in: read whole, or refused in a sentence, and written back file by file.

The folder is the person's. It can hold what no FAT disk can, and it is edited while the camera runs. So the disk is a copy, and
only what the camera has changed on it is written back: a file that is too large, or called what?.txt, must not take others along.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from emotion_camera.boards import CLUSTER, Board, M
from emotion_camera.errors import UserError
from emotion_camera.files import UNFINISHED, Files, whole_file

Tree = dict[str, bytes | None]  # contents by the name below the folder: "lib/helper.py"; None is a folder

SDCARD = 64 * M  # bytes of a card
LONGEST = 255  # UTF-16 units of a name on a FAT disk
DEEPEST = 100  # folders in each other; MicroPython, which copies them, goes down 130, and not 400
REFUSED = frozenset('"*:<>?\\|\x7f') | {chr(code) for code in range(32)}  # in such a name


def room_on(disk: str, board: Board) -> int:
    """Bytes that files can take on the disk `flash` or `sdcard`."""
    return board.flash_room if disk == "flash" else SDCARD


def read_tree(folder: Path, room: float = float("inf")) -> Tree:
    """All that is in `folder`, nothing where it is not there.

    UserError for what can't be read or can't be on a FAT disk, for links, and for more bytes than `room`.
    """
    try:
        if folder.is_symlink():
            raise UserError(
                f"{folder}: is a link, which can't be the simulated camera's disk; put the folder itself there"
            )
        found = dict(_entries(folder, "")) if folder.exists() else {}
        size = sum(
            -(-entry.stat().st_size // CLUSTER) * CLUSTER if entry.is_file() else CLUSTER for entry in found.values()
        )
        if size > room:
            raise UserError(
                f"{folder}: what is in it takes {size:,} bytes, and the simulated camera's disk has room for {room:,}; take "
                "files out, or give it an SD card: a folder sdcard beside"
            )
        return {name: _content(entry) for name, entry in found.items()}
    except OSError as error:
        place = error.filename or folder
        raise UserError(f"{place}: the simulated camera's disk can't be read ({error.strerror})") from None


def files_of(tree: Tree) -> Files:
    """Its files, without the folders."""
    return {name: content for name, content in tree.items() if content is not None}


def write_tree(folder: Path, tree: Tree) -> None:
    """Writes all of it to an empty folder. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in sorted(tree.items()):
        if content is None:
            (folder / name).mkdir(exist_ok=True)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def write_back(folder: Path, before: Tree, after: Tree) -> None:
    """Makes of the folder that was read as `before` what the camera made of it: `after`. What it left alone is not touched.

    Each file is its old or its new one whenever this is broken off. UserError, and nothing is written, where the folder can't
    be written, or something that the camera changed was changed in it meanwhile.
    """
    changed = {name: content for name, content in after.items() if name not in before or before[name] != content}
    gone = [
        name
        for name in sorted(before, reverse=True)
        if name not in after or (before[name] is None) != (after[name] is None)
    ]
    for name in (*changed, *gone):
        if _now(folder, name) not in (before.get(name, ""), after.get(name, "")):
            raise UserError(
                f"{folder / name}: was changed while the simulated camera ran, which changed it, too; it is as you left it, and what "
                "the camera wrote is lost: run the command again"
            )
    try:
        _write(folder, changed, gone)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: the simulated camera's disk can't be written ({error.strerror}); it is as it was before"
        ) from None


def _write(folder: Path, changed: Tree, gone: list[str]) -> None:
    other_kind = [name for name in gone if any(f"{each}/".startswith(f"{name}/") for each in changed)]
    in_the_way = [name for name in gone if any(f"{name}/".startswith(f"{each}/") for each in other_kind)]
    for name in in_the_way:  # a file that is a folder now, or a folder that is a file, with what was in it
        _remove(folder / name)
    with ExitStack() as staged:  # every file is on the disk, beside its place, before the first takes it
        for name, content in sorted(changed.items()):
            path = folder / name
            (path if content is None else path.parent).mkdir(parents=True, exist_ok=True)
            if content is not None:
                staged.enter_context(whole_file(path)).write_bytes(content)
    for name in gone:
        if name not in in_the_way:
            _remove(folder / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        with suppress(OSError):  # something was put into it meanwhile
            path.rmdir()
    else:
        path.unlink(missing_ok=True)


def _now(folder: Path, name: str) -> bytes | str | None:
    """A file's content, None for a folder, "" for nothing, and "?" for what can't be read, or is behind a link."""
    path = folder / name
    if any(each.is_symlink() for each in (path, *path.parents) if each.is_relative_to(folder)):
        return "?"
    if path.is_dir():
        return None
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:
        return "?"


def _entries(folder: Path, below: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything in the folder and in those within, by name, checked; not what is half written."""
    if below.count("/") > DEEPEST:
        raise UserError(
            f"{folder.parents[DEEPEST - 1]}: holds folders in folders, more than {DEEPEST} deep, which the simulated camera's disk "
            "does not take; take it out"
        )
    twins: dict[str, str] = {}
    with os.scandir(folder) as found:
        entries = sorted(
            (entry for entry in found if not entry.name.startswith(UNFINISHED.format(""))), key=lambda it: it.name
        )
    for entry in entries:
        path = Path(entry.path)
        _check_kind(path, entry)
        _check_name(path)
        twin = twins.setdefault(entry.name.lower(), entry.name)
        if twin != entry.name:
            raise UserError(
                f"{path}: is the same name as {twin} on the simulated camera's disk, a FAT disk; rename one of them"
            )
        yield below + entry.name, entry
        if entry.is_dir():
            yield from _entries(path, f"{below}{entry.name}/")


def _check_kind(path: Path, entry: os.DirEntry[str]) -> None:
    if entry.is_symlink():
        raise UserError(f"{path}: is a link, which can't be on the simulated camera's disk; put the file itself there")
    if not entry.is_file() and not entry.is_dir():
        raise UserError(
            f"{path}: is neither a file nor a folder, and can't be on the simulated camera's disk; take it out"
        )


def _check_name(path: Path) -> None:
    """UserError for a name that a FAT disk doesn't take, or changes."""
    trouble = None
    try:
        length = len(path.name.encode("utf-16-le")) // 2
    except UnicodeEncodeError:
        trouble = "a name that is no text in UTF-8"
    else:
        wrong = next((letter for letter in path.name if letter in REFUSED), None)
        if wrong is not None:
            trouble = f"a {wrong if wrong.isprintable() else repr(wrong)} in a name"
        elif path.name.endswith((".", " ")):
            trouble = "a name with a dot or a space at its end"
        elif length > LONGEST:
            trouble = f"a name of more than {LONGEST} letters"
    if trouble:
        raise UserError(f"{path}: the simulated camera's disk, a FAT disk, does not take {trouble}; rename it")


def _content(entry: os.DirEntry[str]) -> bytes | None:
    return None if entry.is_dir() else Path(entry.path).read_bytes()
