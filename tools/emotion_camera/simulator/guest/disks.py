# mypy: ignore-errors
"""The camera's disks as FAT disks: what can go wrong with writing goes wrong here.

A disk plays on a `host` that opens, renames and removes: a VfsPosix under MicroPython, a folder under CPython.
"""

import io
import sys

ENOSPC, EROFS = 28, 30
# MicroPython asks a stream of Python's for its class; CPython's would cover the methods of the file within.
Stream = io.IOBase if sys.implementation.name == "micropython" else object
PASSED_ON = ("remove", "rmdir", "ilistdir", "stat", "statvfs", "chdir", "getcwd", "umount")


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


class Disk:
    """A disk that can be written to. Nothing is created, renamed or written on a full one; it is read all the same."""

    def __init__(self, host: object, power: Power, full: bool) -> None:
        self._host = host
        self._power = power
        self._full = full
        for name in PASSED_ON:
            if hasattr(host, name):
                setattr(self, name, getattr(host, name))

    def mount(self, readonly: bool, mkfs: bool) -> None:
        self._host.mount(readonly, mkfs)

    def open(self, path: str, mode: str) -> object:
        if not writes(mode):
            return self._host.open(path, mode)
        if self._full and not self._has(path):
            raise error(ENOSPC)
        text = "b" not in mode
        return File(self._host.open(path, mode.replace("t", "") + "b" * text), text, self._power, self._full)

    def rename(self, old: str, new: str) -> None:
        """As MicroPython's vfs_fat.c: FatFs refuses a name that exists, so that is removed first."""
        if self._full:
            raise error(ENOSPC)
        self._host.stat(old)
        if old != new and self._has(new):
            self._host.remove(new)
            if self._power.fails_in_rename:
                self._power.fail("while %s was renamed to %s" % (old, new))
        self._host.rename(old, new)

    def mkdir(self, path: str) -> None:
        if self._full:
            raise error(ENOSPC)
        self._host.mkdir(path)

    def _has(self, path: str) -> bool:
        try:
            self._host.stat(path)
        except OSError:
            return False
        return True


class ReadOnly:
    """A disk that cannot be written to."""

    def __init__(self, host: object) -> None:
        self._host = host
        for name in ("ilistdir", "stat", "statvfs", "chdir", "getcwd", "umount"):
            setattr(self, name, getattr(host, name))

    def mount(self, readonly: bool, mkfs: bool) -> None:
        self._host.mount(True, mkfs)

    def open(self, path: str, mode: str) -> object:
        if writes(mode):
            raise error(EROFS)
        return self._host.open(path, mode)

    def remove(self, path: str, *rest: str) -> None:
        raise error(EROFS)

    mkdir = rmdir = rename = remove


def error(number: int) -> OSError:
    """Either Python's OSError with this errno: CPython sets it only with a second argument."""
    return OSError(number) if sys.implementation.name == "micropython" else OSError(number, "")


def writes(mode: str) -> bool:
    return any(letter in mode for letter in "wax+")
