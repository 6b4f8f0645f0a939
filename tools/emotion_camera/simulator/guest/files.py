# mypy: ignore-errors
"""The camera's file system: /flash, /rom and /sdcard, and nothing of the host's.

MicroPython mounts the host's folders and unmounts the rest. CPython cannot: there `open` and a small `os` translate
the camera's paths, and names that MicroPython has and CPython lacks are added.
"""

import os
import sys

from disks import Disk, Power, ReadOnly

ENOENT = 2
REWRITTEN = "/.rewritten"
HOST_MODULES = (
    "binascii",
    "collections",
    "errno",
    "hashlib",
    "json",
    "math",
    "random",
    "re",
    "select",
    "struct",
)


def mount(camera: object) -> None:
    """Make the camera's disks, which are folders of the host, the whole file system and go to the first one."""
    folders, start, faults = camera.config["folders"], camera.config["start"], camera.config["faults"]
    power, full = Power(camera, faults), faults["flash_full"]
    if sys.implementation.name == "micropython":
        import vfs

        for point, folder in folders.items():
            disk = vfs.VfsPosix(folder)
            vfs.mount(ReadOnly(disk) if point == "/rom" else Disk(disk, power, full), point)
        vfs.umount("/")
        os.chdir(start)
        sys.path[:] = ["", ".frozen"] + _import_folders(start, folders)
    else:
        _translate(folders, start, power, full)
        sys.path[:1] = [_find(folders, folder) for folder in _import_folders(start, folders)]


def mount_rewritten(folder: str | None, name: str) -> str | None:
    """Where the program rewritten for 30-bit floats is, of which the host has the folder; None where it is as it was."""
    if folder is None:
        return None
    if sys.implementation.name != "micropython":
        return folder + "/" + name
    import vfs

    vfs.mount(vfs.VfsPosix(folder), REWRITTEN)
    return REWRITTEN + "/" + name


def _import_folders(start: str, folders: dict) -> list:
    """Where the camera looks for modules: /rom first where it has one, then the current disk."""
    disks = ["/rom"] if "/rom" in folders else []
    disks += [start] if start == "/flash" else [start, "/flash"]
    return [folder for disk in disks for folder in (disk, disk + "/lib")]


def _find(folders: dict, path: str) -> str:
    """The host's path for the camera's absolute `path`."""
    for point, folder in folders.items():
        if (path + "/").startswith(point + "/"):
            return folder + path[len(point) :]
    raise OSError(ENOENT, "ENOENT")


class Host:
    """The host's files by the camera's paths: `find` translates one."""

    def __init__(self, find: object) -> None:
        import io

        self._open, self._os, self._find = io.open, os, find

    def open(self, path: str, mode: str) -> object:
        """Unbuffered for writing: what the program has written is on the disk, however it ends."""
        if "b" in mode:
            return self._open(self._find(path), mode, 0 if mode != "rb" else -1)
        return self._open(self._find(path), mode, encoding="utf-8")

    def stat(self, path: str) -> tuple:
        return tuple(self._os.stat(self._find(path)))

    def ilistdir(self, path: str) -> list:
        return [(name,) for name in self._os.listdir(self._find(path))]

    def remove(self, path: str) -> None:
        self._os.remove(self._find(path))

    def mkdir(self, path: str) -> None:
        self._os.mkdir(self._find(path))

    def rmdir(self, path: str) -> None:
        self._os.rmdir(self._find(path))

    def rename(self, old: str, new: str) -> None:
        self._os.replace(self._find(old), self._find(new))


class Stdin:
    """The serial port's input as MicroPython has it: nothing is read ahead, so that `select` sees all that is there."""

    def __init__(self) -> None:
        self.buffer = os.fdopen(0, "rb", 0, closefd=False)

    def fileno(self) -> int:
        return 0

    def read(self, size: int = -1) -> str:
        text = ""
        while len(text) != size and (letter := self._letter()):
            text += letter
        return text

    def readline(self) -> str:
        text = ""
        while not text.endswith("\n") and (letter := self._letter()):
            text += letter
        return text

    def _letter(self) -> str:
        """The next one, waiting for all of its bytes."""
        first = self.buffer.read(1)
        more = 3 if first >= b"\xf0" else 2 if first >= b"\xe0" else 1 if first >= b"\xc0" else 0
        return (first + b"".join(self.buffer.read(1) for _ in range(more))).decode()


def _translate(folders: dict, start: str, power: Power, full: bool) -> None:
    import builtins
    import gc
    import types

    for name in HOST_MODULES:  # while the host's files can still be found
        try:
            __import__(name)
        except ImportError:
            pass  # select's poll is not everywhere

    host_os = os
    disk = Disk(Host(lambda path: _find(folders, path)), power, full, root=1)
    disk.chdir(start)

    def listdir(path: str = ".") -> list:
        path = disk.found(path)
        return [point[1:] for point in folders] if path == "/" else host_os.listdir(_find(folders, path))

    camera_os = types.ModuleType("os")
    camera_os.getcwd, camera_os.chdir, camera_os.listdir = disk.getcwd, disk.chdir, listdir
    camera_os.remove = camera_os.unlink = disk.remove
    camera_os.stat, camera_os.mkdir, camera_os.rmdir, camera_os.rename = disk.stat, disk.mkdir, disk.rmdir, disk.rename
    camera_os.urandom = host_os.urandom
    camera_os.sep = "/"
    sys.modules["os"] = sys.modules["uos"] = camera_os
    builtins.open = lambda path, mode="r", **rest: disk.open(path, mode)
    sys.stdin = Stdin()
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
