# mypy: ignore-errors
"""A camera at its REPL: FAT disks on image files, the firmware's modules, boot.py, then MicroPython's own REPL.

The modules are those that `boot.py` beside this gives main.py, answered by the host; for a moment alone, as it takes to run
the camera's boot.py or to copy disks, there are only `omv` and `machine`.

Run as `micropython -i board.py`, by tools/emotion_camera/simulator/board/board.py, with its config as JSON in the environment: MicroPython
takes no argument longer than 255 bytes.
"""

import json
import os
import sys
from time import sleep as really_sleep  # the firmware's time, which stands still, is put in the place of this one later

import vfs

BLOCK = 512
BOOT_FAILED, COPY_FAILED = 3, 4  # exit status


class Blocks:
    """A disk as blocks of an image file. Each block written is there for good, whatever happens next; `trace` keeps them all."""

    def __init__(self, image: str, size: int, trace: str | None) -> None:
        self.is_new = not exists(image)
        self._file = open(image, "w+b" if self.is_new else "r+b")  # noqa: SIM115
        self._count = size // BLOCK
        self._trace = open(trace, "ab") if trace else None  # noqa: SIM115
        if self.is_new:
            self._file.seek(size - 1)
            self._file.write(b"\0")

    def readblocks(self, number: int, buffer: object, offset: int = 0) -> None:
        self._file.seek(number * BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, number: int, buffer: object, offset: int = 0) -> None:
        self._file.seek(number * BLOCK + offset)
        self._file.write(buffer)
        if self._trace:
            for start in range(0, len(buffer), BLOCK):
                self._trace.write((number + start // BLOCK).to_bytes(4, "little"))
                self._trace.write(memoryview(buffer)[start : start + BLOCK])

    def ioctl(self, request: int, value: int) -> int:
        return {4: self._count, 5: BLOCK}.get(request, 0)


def exists(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def is_folder(path: str) -> bool:
    return bool(os.stat(path)[0] & 0x4000)


def copy(source: str, target: str, name: str = "") -> None:
    """What is called `name` below the folder `source`, with all that is in it. Ends with the name and the number of an error."""
    try:
        if not is_folder(source + name):
            copy_file(source + name, target + name)
            return
        if not exists(target + name):
            os.mkdir(target + name)
        names = os.listdir(source + name)
    except OSError as error:
        print(json.dumps([name[1:], error.errno]))
        sys.exit(COPY_FAILED)
    for each in names:
        copy(source, target, name + "/" + each)


def copy_file(source: str, target: str) -> None:
    with open(source, "rb") as old, open(target, "wb") as new:
        while data := old.read(16384):
            new.write(data)


def mount(point: str, disk: dict) -> None:
    blocks = Blocks(disk["image"], disk["size"], disk.get("trace"))
    if blocks.is_new:
        vfs.VfsFat.mkfs(blocks)
    vfs.mount(vfs.VfsFat(blocks), point)
    if blocks.is_new:
        copy(disk["folder"], point)


def fill() -> None:
    """Write one file until the disk is full."""
    with open("full", "wb") as file:
        try:
            while True:
                file.write(bytes(16384))
        except OSError:
            pass


def run_boot(version: list) -> bool:
    """Run boot.py; whether main.py runs after it: not after an exception, and before v5 not after sys.exit()."""
    if exists("boot.py"):
        try:
            execfile("boot.py", {"__name__": "__main__"})  # noqa: F821
        except SystemExit:
            return version[0] >= 5
        except Exception as error:
            sys.print_exception(error)
            return False
    return True


def reset(wait: object = really_sleep) -> None:
    """Without a word: sys.exit() would still answer the computer. What was said before is heard first."""
    wait(0.1)  # not by a global name: those are the REPL's
    os.system("kill -9 $PPID")


class Module:
    """What the firmware's modules are here."""


def install_firmware(host: dict) -> None:
    """All that the firmware has, and the board's heap; `host` says where it answers."""
    import calls
    import heap
    import modules

    camera = calls.ReplClient(host["port"], host["token"], reset)
    modules.install(camera)
    if host["rom"]:
        from disks import ReadOnly

        vfs.mount(ReadOnly(vfs.VfsPosix(host["rom"])), "/rom")
    machine = sys.modules["machine"]
    machine.reset, machine.soft_reset = reset, sys.exit
    del machine.unique_id
    calls.forget_stand_ins()
    camera.kept = heap.limit_heap(camera.config["heap"])
    calls.make_gc(sum(camera.config["heap"]))


def install(config: dict) -> None:
    """`machine`, and `omv` where the board is an OpenMV camera."""
    machine = sys.modules["machine"] = Module()
    machine.reset, machine.soft_reset = reset, sys.exit
    if config["omv"]:
        omv = sys.modules["omv"] = Module()
        omv.version_major, omv.version_minor, omv.version_patch = config["version"]
        omv.version_string = lambda: "%d.%d.%d" % tuple(config["version"])
        omv.board_type = lambda: config["board_type"]
        omv.arch = lambda: config["arch"]


def main(config: dict) -> None:
    disks = config["disks"]
    for point in disks:
        mount(point, disks[point])
    if config["do"] == "export":
        for point in disks:
            copy(point, disks[point]["export"])
        return
    if config["host"]:
        install_firmware(config["host"])
    else:
        install(config)
    os.chdir(config["start"])
    sys.path[:] = ["", ".frozen"] + [config["start"], config["start"] + "/lib"]
    vfs.umount("/")
    if config["do"] == "fill":
        fill()
    elif not run_boot(config["version"]) and config["do"] == "boot":
        sys.exit(BOOT_FAILED)


main(json.loads(os.getenv("SIMULATED_BOARD")))
