# mypy: ignore-errors
"""The camera's disks as FAT disks: what can go wrong with writing goes wrong here.

A disk plays on a `host` that opens, renames and removes: a VfsPosix under MicroPython, a folder under CPython.
"""

import gc
import io
import sys

ENOENT, EINVAL, ENOSPC, EROFS = 2, 22, 28, 30
# MicroPython asks a stream of Python's for its class; CPython's would cover the methods of the file within.
Stream = io.IOBase if sys.implementation.name == "micropython" else object
FOLDER = 0x4000  # in the mode that `stat` tells
REFUSED = '"*:<>?\\|\x7f'  # in a name on FAT, as are control characters


class Power:
    """The camera's power, which can fail after so many bytes written to the disks, or within a rename."""

    def __init__(self, camera: object, faults: dict) -> None:
        self._camera = camera
        self._left = faults["power_cut_after_bytes"]
        self.fails_in_rename = faults["power_cut_in_rename"]

    def write(self, file: object, data: bytes) -> None:
        """As much of `data` as the power lasts for."""
        if self._left is None:
            file.write(data)
            return
        part = data[: self._left]
        file.write(part)
        self._left -= len(part)
        if not self._left:
            self.fail("after the bytes it was to last for")

    def fail(self, when: str) -> None:
        self._camera.end("power", "the power failed " + when)


class File(Stream):
    """A file open for writing, by bytes; `text` says that the program reads strings from it."""

    def __init__(self, file: object, text: bool, power: Power, full: bool) -> None:
        self._file = file
        self._text = text
        self._power = power
        self._full = full

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, data: object) -> int:
        if self._full:
            raise error(ENOSPC)
        data = data.encode() if isinstance(data, str) else data
        self._power.write(self._file, data)
        return len(data)

    def read(self, *size: int) -> object:
        return self._as_read(self._file.read(*size))

    def readline(self, *size: int) -> object:
        return self._as_read(self._file.readline(*size))

    def _as_read(self, data: bytes) -> object:
        return data.decode() if self._text else data


class Rooted:
    """A disk of which no path leads out, and no two names differ by capitals alone: on FAT, .. in the root folder is that folder."""

    def __init__(self, host: object, root: int = 0) -> None:
        self._host = host
        self._root = root  # folders at the beginning of a path that are not on the disk: 1 where it has all disks in it
        self._here = ""  # the current folder, from the root
        if hasattr(host, "umount"):
            self.umount = host.umount

    def stat(self, path: str) -> tuple:
        return self._host.stat(self.found(path))

    def statvfs(self, path: str) -> tuple:
        return self._host.statvfs(self.at(path))

    def ilistdir(self, path: str) -> object:
        return self._host.ilistdir(self.found(path))

    def getcwd(self) -> str:
        return self._here or "/"

    def chdir(self, path: str) -> None:
        path = self.found(path)
        if path != "/" and not self._host.stat(path)[0] & FOLDER:
            raise error(ENOENT)
        self._here = path.rstrip("/")

    def at(self, path: str) -> str:
        """`path` from the disk's root. Most take next to no memory, which a full heap does not have."""
        if not path.startswith("/"):
            path = self._here + "/" + path
        if "/." not in path and not path.endswith("/"):
            return path
        parts = []
        for part in path.split("/"):
            if part == "..":
                parts = parts[: max(len(parts) - 1, self._root)]
            elif part not in ("", "."):
                parts.append(part)
        return "/" + "/".join(parts)

    def found(self, path: str) -> str:
        """The same, with the name as it is written on the disk where it differs by capitals."""
        path = self.at(path)
        if path == "/" or self._has(path):
            return path
        folder, _, name = path.rpartition("/")
        folder = self.found(folder or "/")
        for entry in self._host.ilistdir(folder):
            if entry[0].lower() == name.lower():
                name = entry[0]
        path = folder.rstrip("/") + "/" + name
        gc.collect()  # a camera leaves no garbage for this; ours would push what is loaded next up the heap, and part it
        return path

    def _has(self, path: str) -> bool:
        try:
            self._host.stat(path)
        except OSError:
            return False
        return True


class Disk(Rooted):
    """A disk that can be written to. Nothing is created, renamed or written on a full one; it is read all the same."""

    def __init__(self, host: object, power: Power, full: bool, root: int = 0) -> None:
        super().__init__(host, root)
        self._power = power
        self._full = full

    def mount(self, readonly: bool, mkfs: bool) -> None:
        self._host.mount(readonly, mkfs)

    def open(self, path: str, mode: str) -> object:
        if not writes(mode):
            return self._host.open(self.found(path), mode)
        path = self._new(path)
        if self._full and not self._has(path):
            raise error(ENOSPC)
        text = "b" not in mode
        return File(self._host.open(path, mode.replace("t", "") + "b" * text), text, self._power, self._full)

    def remove(self, path: str) -> None:
        self._host.remove(self.found(path))

    def rmdir(self, path: str) -> None:
        self._host.rmdir(self.found(path))

    def rename(self, old: str, new: str) -> None:
        """As MicroPython's vfs_fat.c: FatFs refuses a name that exists, so that is removed first."""
        if self._full:
            raise error(ENOSPC)
        source, target = self.found(old), self._new(new)
        self._host.stat(source)
        if source != target and self._has(target):
            self._host.remove(target)
            if self._power.fails_in_rename:
                self._power.fail("while %s was renamed to %s" % (old, new))
        if hasattr(self._host, "chdir"):  # VfsPosix has room for one path from its root
            self._host.chdir("/")
            source, target = source[1:], target[1:]
        self._host.rename(source, target)

    def mkdir(self, path: str) -> None:
        if self._full:
            raise error(ENOSPC)
        self._host.mkdir(self._new(path))

    def _new(self, path: str) -> str:
        """`path` of something that is to be there, which FAT may refuse; dots and spaces at its end are none of its name."""
        for letter in path:
            if letter in REFUSED or letter < " ":
                raise error(EINVAL)
        return self.found(path.rstrip(". "))


class ReadOnly(Rooted):
    """A disk that cannot be written to."""

    def mount(self, readonly: bool, mkfs: bool) -> None:
        self._host.mount(True, mkfs)

    def open(self, path: str, mode: str) -> object:
        if writes(mode):
            raise error(EROFS)
        return self._host.open(self.found(path), mode)

    def remove(self, path: str, *rest: str) -> None:
        raise error(EROFS)

    mkdir = rmdir = rename = remove


def error(number: int) -> OSError:
    """Either Python's OSError with this errno: CPython sets it only with a second argument."""
    return OSError(number) if sys.implementation.name == "micropython" else OSError(number, "")


def writes(mode: str) -> bool:
    return any(letter in mode for letter in "wax+")
