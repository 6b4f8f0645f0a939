"""The disks of a camera on a port: FAT images, by MicroPython's own FatFs, of the folders that they are kept in."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from emotion_camera.boards import Board
from emotion_camera.errors import UserError
from emotion_camera.simulator.disk_folder import SDCARD, Tree, read_tree, room_on, write_back, write_tree

PRELUDE = Path(__file__).parents[1] / "guest" / "board.py"
COPY_FAILED = 4  # exit status, with the name and the error number printed
NO_ROOM = (28, 13)  # ENOSPC; EACCES, which is FatFs' word for a full root folder


class Disks:
    """The disks whose files are in the folders `flash` and, where there is one, `sdcard` in `folder`.

    From `open` to `close` they are images in a folder of their own; `close` writes back what has changed on them. `trace`: a
    file that gets every block which is written to the disk that the camera starts from.
    """

    def __init__(self, folder: Path, board: Board, micropython: list[str], trace: Path | None = None) -> None:
        self._folder = folder
        self._board = board
        self._micropython = micropython
        self._trace = trace
        self.points: list[str] = []  # it starts from the last
        self._before: dict[str, Tree] = {}
        self._work: tempfile.TemporaryDirectory[str] | None = None

    @property
    def start(self) -> str:
        """The name of the disk that the camera starts from."""
        return self.points[-1]

    def open(self, image: Path | None = None) -> None:
        """Makes the images; `image` is that of the disk to start from, instead of what is in its folder.

        UserError, and nothing is changed, where a folder holds what a FAT disk can't, or another camera runs on it.
        """
        self._lock()
        try:
            self.points = ["flash", "sdcard"] if (self._folder / "sdcard").is_dir() else ["flash"]
            self._before = {
                point: read_tree(self._folder / point, room_on(point, self._board)) for point in self.points
            }
            self._work = tempfile.TemporaryDirectory(prefix="simulated-camera-")
            for point, tree in self._before.items():
                if image is not None and point == self.start:
                    shutil.copy(image, self._image(point))
                else:
                    self.put(point, tree)
        except BaseException:
            self._let_go()
            raise

    def put(self, point: str, tree: Tree) -> None:
        """Makes the image of a disk anew; UserError, and it stays as it was, where the tree can't be on it."""
        image, old = self._image(point), self._path(f"{point}.old")
        if image.exists():
            image.rename(old)
        try:
            folder = self._path("new", point)
            shutil.rmtree(folder, ignore_errors=True)
            write_tree(folder, tree)
            self._check(point, tree, self._copy(point))
        except BaseException:
            if old.exists():
                old.rename(image)
            raise
        old.unlink(missing_ok=True)

    def export(self) -> dict[str, Tree]:
        """What is on each disk; UserError where its FAT is damaged."""
        for point in self.points:
            done = self._copy(point)
            if done.returncode:
                raise UserError(
                    f"{self._folder / point}: the simulated camera's disk is damaged; the folder is as it was before"
                )
        return {point: read_tree(self.exported(point)) for point in self.points}

    def exported(self, point: str) -> Path:
        """The folder that has the files which were last exported."""
        return self._path("exported", point)

    def close(self) -> None:
        """Writes back what has changed. UserError where it can't be: the folders are as they were then."""
        if self._work is None:
            return
        try:
            after = self.export()
            for point in self.points:
                write_back(self._folder / point, self._before[point], after[point])
        finally:
            self._let_go()

    def config(self, traced: bool = False) -> dict[str, Any]:
        """What guest/board.py needs to mount them."""
        return {f"/{point}": self._disk(point, traced) for point in self.points}

    def _disk(self, point: str, traced: bool) -> dict[str, Any]:
        return {
            "image": str(self._image(point)),
            "size": self._board.flash if point == "flash" else SDCARD,
            "folder": str(self._path("new", point)),
            "export": str(self.exported(point)),
            "trace": str(self._trace) if traced and self._trace and point == self.start else None,
        }

    def _copy(self, point: str) -> subprocess.CompletedProcess[bytes]:
        """Makes the image of a disk where there is none, and copies what is on it to the folder `exported`."""
        shutil.rmtree(self.exported(point), ignore_errors=True)
        self.exported(point).mkdir(parents=True)
        config = {"do": "export", "disks": {f"/{point}": self._disk(point, traced=True)}}
        return subprocess.run(
            [*self._micropython, str(PRELUDE)],
            start_new_session=True,  # Ctrl-C is for this program alone: a copy that breaks off would lose what is new
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "SIMULATED_BOARD": json.dumps(config)},
        )

    def _check(self, point: str, tree: Tree, copied: subprocess.CompletedProcess[bytes]) -> None:
        """UserError unless all of the tree is on the disk, and nothing else: FAT has its own rules, and leaves no name out of them."""
        place = self._folder / point
        if copied.returncode == COPY_FAILED:
            failed, number = json.loads(copied.stdout.splitlines()[-1])
            what = "has no room for it" if number in NO_ROOM else f"does not take it (error {number})"
            raise UserError(f"{place / failed}: the simulated camera's disk {what}; take files out")
        if copied.returncode:
            words = copied.stdout.decode(errors="replace").strip().rpartition("\n")[2]
            raise UserError(f"{place}: the simulated camera's disk can't be made ({words})")
        there = read_tree(self.exported(point))
        wrong = next((name for name in sorted(tree) if name not in there or there[name] != tree[name]), None)
        if wrong is not None:
            raise UserError(
                f"{place / wrong}: the simulated camera's disk, a FAT disk, does not keep it as it is; rename it"
            )

    def _image(self, point: str) -> Path:
        return self._path(f"{point}.fat")

    def _path(self, *names: str) -> Path:
        assert self._work
        return Path(self._work.name, *names)

    def _lock(self) -> None:
        """Keeps other cameras off the folder while this one runs, whatever ends it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._held = os.open(self._folder, os.O_RDONLY)
        except OSError as error:
            raise UserError(
                f"{self._folder}: the simulated camera's disk can't be kept there ({error.strerror}); run the command in another folder"
            ) from None
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._held)
            raise UserError(
                f"{self._folder}: another program has this simulated camera open; close it and try again"
            ) from None

    def _let_go(self) -> None:
        if self._work is not None:
            self._work.cleanup()
            self._work = None
        os.close(self._held)
