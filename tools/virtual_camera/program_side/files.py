# mypy: ignore-errors
"""The camera's file system: /flash, /rom and /sdcard, and nothing of the host's.

MicroPython mounts the host's folders and unmounts the rest. CPython cannot: there `open` and a small `os` translate
the camera's paths, and names that MicroPython has and CPython lacks are added.
"""

import os
import sys

ENOENT, EROFS = 2, 30
HOST_MODULES = (
    "binascii",
    "collections",
    "errno",
    "hashlib",
    "json",
    "math",
    "random",
    "re",
    "struct",
)


def mount(folders: dict, start: str) -> None:
    """Make `folders` (mount point -> folder of the host) the whole file system and go to `start`."""
    if sys.implementation.name == "micropython":
        import vfs

        for point, folder in folders.items():
            disk = vfs.VfsPosix(folder)
            vfs.mount(ReadOnly(disk) if point == "/rom" else disk, point)
        vfs.umount("/")
        os.chdir(start)
        sys.path[:] = ["", ".frozen"] + _import_folders(start)
    else:
        _translate(folders, start)
        sys.path[:1] = [_find(folders, folder) for folder in _import_folders(start)]


def _import_folders(start: str) -> list:
    """Where the camera looks for modules: the current disk first."""
    disks = [start] if start == "/flash" else [start, "/flash"]
    return [folder for disk in disks for folder in (disk, disk + "/lib")]


class ReadOnly:
    """A disk that cannot be written to."""

    def __init__(self, disk: object) -> None:
        self._disk = disk
        for name in ("ilistdir", "stat", "statvfs", "chdir", "getcwd", "umount"):
            setattr(self, name, getattr(disk, name))

    def mount(self, readonly: bool, mkfs: bool) -> None:
        self._disk.mount(True, mkfs)

    def open(self, path: str, mode: str) -> object:
        if any(letter in mode for letter in "wa+"):
            raise OSError(EROFS)
        return self._disk.open(path, mode)

    def remove(self, path: str, *rest: str) -> None:
        raise OSError(EROFS)

    mkdir = rmdir = rename = remove


def _find(folders: dict, path: str) -> str:
    """The host's path for the camera's absolute `path`."""
    for point, folder in folders.items():
        if (path + "/").startswith(point + "/"):
            return folder + path[len(point) :]
    raise OSError(ENOENT, "ENOENT")


def _translate(folders: dict, start: str) -> None:
    import builtins
    import gc
    import io
    import types

    for name in HOST_MODULES:  # while the host's files can still be found
        __import__(name)

    here = [start]
    host_open, host_os = io.open, os

    def absolute(path: str) -> str:
        return path if path.startswith("/") else here[0].rstrip("/") + "/" + path

    def find(path: str) -> str:
        return _find(folders, absolute(path))

    def open(path: str, mode: str = "r", **rest: object) -> object:
        return host_open(find(path), mode, **({} if "b" in mode else {"encoding": "utf-8"}), **rest)

    def chdir(path: str) -> None:
        if not host_os.path.isdir(find(path)):
            raise OSError(ENOENT, "ENOENT")
        here[0] = absolute(path).rstrip("/")

    camera_os = types.ModuleType("os")
    camera_os.getcwd = lambda: here[0]
    camera_os.chdir = chdir
    camera_os.listdir = lambda path=".": (
        [point[1:] for point in folders] if path == "/" else host_os.listdir(find("" if path == "." else path))
    )
    camera_os.stat = lambda path: tuple(host_os.stat(find(path)))
    camera_os.remove = camera_os.unlink = lambda path: host_os.remove(find(path))
    camera_os.mkdir = lambda path: host_os.mkdir(find(path))
    camera_os.rmdir = lambda path: host_os.rmdir(find(path))
    camera_os.rename = lambda old, new: host_os.replace(find(old), find(new))
    camera_os.urandom = host_os.urandom
    camera_os.sep = "/"
    sys.modules["os"] = sys.modules["uos"] = camera_os
    builtins.open = open
    builtins.const = lambda value: value
    gc.mem_free, gc.mem_alloc, gc.threshold = lambda: 200000, lambda: 100000, lambda *size: -1
    micropython = types.ModuleType("micropython")
    micropython.const = lambda value: value
    micropython.native = micropython.viper = lambda function: function
    micropython.mem_info = micropython.alloc_emergency_exception_buf = lambda *args: None
    sys.modules["micropython"] = micropython
    sys.print_exception = _print_exception


def _print_exception(error: BaseException, file: object = None) -> None:
    """As MicroPython does; CPython's own looks for the sources with the `os` that is covered now."""
    print("Traceback (most recent call last):", file=file)
    step = error.__traceback__
    while step:
        code = step.tb_frame.f_code
        print('  File "%s", line %d, in %s' % (code.co_filename, step.tb_lineno, code.co_name), file=file)
        step = step.tb_next
    print("%s: %s" % (type(error).__name__, error), file=file)
