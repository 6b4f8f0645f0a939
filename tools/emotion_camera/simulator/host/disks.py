"""The camera's disks: /flash, /rom where the firmware has it, and /sdcard when one is in."""

import posixpath
from collections.abc import Mapping
from pathlib import Path

from emotion_camera.boards import CLUSTER, Board
from emotion_camera.errors import UserError
from emotion_camera.simulator.host.firmware import CameraError, Firmware

DiskFiles = Mapping[str, Path | bytes]  # contents, or the file to copy, by the name on the disk
DiskContents = dict[str, dict[str, bytes]]  # contents by name, by mount point

CASCADE = "haarcascade_frontalface.cascade"
CASCADE_TEXT = b"simulated camera: OpenCV's default frontal-face cascade\n"
ENOENT = 2


def read_disks(
    script: Path,
    firmware: Firmware,
    board: Board,
    flash: DiskFiles,
    sdcard: DiskFiles | None,
    rom: Mapping[str, Path | bytes | None],
) -> DiskContents:
    """What is on each disk, with `script` as main.py on the one the camera starts from. A file of `rom` that is None is missing.

    Raises UserError for a file that cannot be read and for more than the board's flash holds.
    """
    program: DiskFiles = {"main.py": script}
    disks = {"/flash": _read(flash if sdcard is not None else {**flash, **program})}
    if sdcard is not None:
        disks["/sdcard"] = _read({**sdcard, **program})
    if firmware.generation >= (4, 7):
        cascade: DiskFiles = {CASCADE: CASCADE_TEXT} if firmware.generation >= board.first_cascade else {}
        disks["/rom"] = _read({name: file for name, file in {**cascade, **rom}.items() if file is not None})
    elif rom:
        raise UserError("firmware v4.5.5 has no /rom: put the files on /flash")
    size = sum(-(-len(content) // CLUSTER) * CLUSTER for content in disks["/flash"].values())
    if size > board.flash_room:
        raise UserError(
            f"the files take {size:,} bytes; /flash of the {board.name} has room for {board.flash_room:,}: use an SD card"
        )
    return disks


def _read(files: DiskFiles) -> dict[str, bytes]:
    return {name: content if isinstance(content, bytes) else _content(content) for name, content in files.items()}


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: can't be put on the camera ({error.strerror})") from None


def read_script(script: Path) -> str:
    """The program's text; UserError for one that cannot be read."""
    try:
        return _content(script).decode()
    except UnicodeDecodeError:
        raise UserError(f"{script}: is no text in UTF-8; give a program in Python") from None


class Folders:
    """The disks as folders of the host, below `root`."""

    def __init__(self, root: Path, disks: DiskContents) -> None:
        self.rewritten: Path | None = (
            None  # the folder with main.py as it runs, where that is not as it lies on the disk
        )
        self._root = root
        self.paths = {point: root / point[1:] for point in disks}
        for point, files in disks.items():
            self.paths[point].mkdir()
            for name, content in files.items():
                path = self.paths[point] / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def put_rewritten(self, source: str) -> None:
        """`source` runs in place of main.py, which stays on the disk."""
        self.rewritten = self._root / "rewritten"
        self.rewritten.mkdir()
        (self.rewritten / "main.py").write_text(source, encoding="utf-8")

    @property
    def start(self) -> str:
        """The disk that the camera starts from."""
        return "/sdcard" if "/sdcard" in self.paths else "/flash"

    def files(self) -> dict[str, bytes]:
        """What is now on the disk that the camera starts from, by name."""
        disk = self.paths[self.start]
        return {
            path.relative_to(disk).as_posix(): path.read_bytes() for path in sorted(disk.rglob("*")) if path.is_file()
        }

    def on_host(self, path: str) -> Path:
        """Where the camera's absolute `path` is on the host; CameraError ENOENT outside the disks."""
        for point, folder in self.paths.items():
            if path.startswith(point + "/"):
                inside = posixpath.normpath("/" + path[len(point) :])  # .. in the root folder is that folder
                return folder / inside.lstrip("/")
        raise CameraError("OSError", ENOENT)
