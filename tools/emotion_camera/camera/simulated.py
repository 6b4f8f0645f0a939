"""The simulated camera as a stream: in real time, with a disk that is kept."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.boards import find_board
from emotion_camera.errors import UserError
from emotion_camera.events import Disconnected, Event, Frame, Line
from emotion_camera.files import Files, write_file
from emotion_camera.model.contract import DEFAULT_MODEL
from emotion_camera.reports.check import ReportCheck
from emotion_camera.reports.lines import ReportJoiner
from emotion_camera.simulator.disk_folder import Tree, files_of, read_tree, room_on, write_back
from emotion_camera.terminal import print_line

if TYPE_CHECKING:
    from emotion_camera.simulator import Event as SimulatorEvent
    from emotion_camera.simulator.host.sources import Source

DISKS = Path(".simulated-camera")  # under the current folder
MOST_LATE_S = 0.5  # a computer that is slower than the camera falls behind no further: it goes on from here
POLL_S = 0.5  # between two checks whether the disk was changed, after the program has ended
# After these a camera starts again by itself, or for the next photograph ("stopped": its source ended).
RESTARTS = ("reset", "watchdog", "power", "stopped")
RETRY_S = 1  # between two tries to open a webcam or a stream that was lost


def fill_if_empty(board: str, firmware: str = "v5.0") -> None:
    """Puts the shipped program and model on the disk of a simulated camera that has nothing on it; UserError where they don't fit."""
    from emotion_camera.boards import why_not
    from emotion_camera.simulator.host.disks import read_disks
    from emotion_camera.simulator.host.firmware import find_firmware
    from emotion_camera.simulator.program import program_for

    folder = DISKS / board
    if _disk(folder):
        return
    trouble = why_not(find_board(board), sum(find_board(board).heap))
    if trouble:
        raise UserError(trouble)
    given = program_for(board, DEFAULT_MODEL)
    name = "sdcard" if "sdcard" in given else "flash"
    disks = {"flash": {}, "sdcard": None} | {name: given[name]}
    # Before anything is written: there may be no room for them.
    read_disks(given["script"], find_firmware(firmware), find_board(board), rom={}, **disks)
    files = {"main.py": given["script"], **given[name]}
    for file, path in files.items():
        _write(folder / name / file, path.read_bytes())
    print(f"simulated {board}: its disk {folder} was empty; the shipped program and model are on it", file=sys.stderr)


class SimulatedStream:
    """A simulated camera of `board`, with the disk in the folder .simulated-camera/BOARD; see `emotion_camera.camera.stream.CameraStream`.

    Its sensor sees `source`, over and over; None is the bundled clip. Each view of several photographs stands for five seconds,
    and has the program start anew. A webcam or stream that is lost is tried again. An empty disk gets the shipped program and model.
    Raises UserError for a disk that can't be read or written.
    """

    limitation = None

    def __init__(self, board: str, source: Source | None = None, firmware: str = "v5.0") -> None:
        from emotion_camera.simulator.host.sources import open_source

        self.board = board
        self.name = f"simulated {self.board}"
        self.folder = DISKS / self.board
        self._source = source or open_source(None)
        self._views = _views(self._source)
        self._firmware = firmware
        self._typed: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._joiner, self._check = ReportJoiner(), ReportCheck()
        self.damaged = 0
        self._closed = threading.Event()
        self._opened = time.monotonic()
        for sentence in self._source.left_out:
            print_line(sentence, sys.stderr)
        fill_if_empty(self.board, firmware)

    def events(self) -> Generator[Event, None, None]:
        """What happens, at the pace of the camera's clock; see `emotion_camera.camera.stream.CameraStream`."""
        from emotion_camera.simulator.host.sources import SourceLost

        while not self._closed.is_set():
            try:
                message = yield from self._run()
            except SourceLost as error:
                yield Disconnected(self._ms(), str(error))
                self._wait_for_source()
                continue
            if message and not self._closed.is_set():
                before = _state(self.folder)
                yield Disconnected(self._ms(), message)
                self._wait_for_other_than(before)

    def send_command(self, command: str) -> None:
        """Types `command` on the serial port."""
        self._typed.put(command.encode() + b"\n")

    def close(self) -> None:
        self._closed.set()

    def _ms(self) -> int:
        return round((time.monotonic() - self._opened) * 1000)

    def _run(self) -> Generator[Event, None, str | None]:
        """One start of the camera until it is switched off, or the program's end; what is to be done about that."""
        from emotion_camera.simulator import Ended

        try:
            point, before = _start_folder(self.folder), _disk(self.folder)
        except UserError as error:
            return str(error)
        if "main.py" not in before:
            return f"{self.name}: no main.py is on its disk; run emotion-camera deploy --port simulator:{self.board}"
        kept: Files = {}
        ended = None
        try:
            with closing(self._start(point, files_of(before), kept)) as camera:
                for event in self._paced(camera):
                    if isinstance(event, Ended):
                        ended = event
                    elif (converted := self._converted(event)) is not None:
                        yield converted
        finally:
            if kept:
                folders = {name: content for name, content in before.items() if content is None}
                write_back(point, before, folders | kept)
        if ended is None or ended.reason in RESTARTS:
            return None
        return f"the camera program ended ({ended.reason}: {ended.message}); put a working one on it: emotion-camera deploy"

    def _start(self, point: Path, disk: Files, kept: Files) -> Generator[SimulatorEvent, None, None]:
        from emotion_camera.simulator import run

        return run(
            point / "main.py",
            firmware=self._firmware,
            board=self.board,
            source=next(self._views),
            flash=disk if point.name == "flash" else files_of(_tree(self.folder / "flash")),
            sdcard=disk if point.name == "sdcard" else None,
            keyboard=self._type,
            kept=kept,
        )

    def _type(self) -> bytes:
        return b"" if self._typed.empty() else self._typed.get()

    def _paced(self, camera: Iterator[SimulatorEvent]) -> Iterator[SimulatorEvent]:
        """Each event when its time has come, of a live source at once; none after `close`."""
        start_s = None
        for event in camera:
            if self._source.live and not self._closed.is_set():
                yield event
                continue
            now, due_s = time.monotonic(), event.time_ms / 1000
            if start_s is None or now - (start_s + due_s) > MOST_LATE_S:
                start_s = now - due_s
            if self._closed.wait(max(0, start_s + due_s - now)):
                return
            yield event

    def _converted(self, event: SimulatorEvent) -> Frame | Line | None:
        from emotion_camera import simulator

        if isinstance(event, simulator.Line):
            text = self._joiner.add(event.text)
            if not text:
                return None
            if self._check.believes(text):
                return Line(self._ms(), text)
            self.damaged += 1
            return None
        return Frame(self._ms(), event.picture) if isinstance(event, simulator.Shown) else None

    def _wait_for_source(self) -> None:
        """Until the source is there again; one that can't be reopened is tried with the next run."""
        while not self._closed.wait(RETRY_S):
            with suppress(UserError):
                return self._source.reopen() if self._source.reopen else None

    def _wait_for_other_than(self, before: object) -> None:
        while not self._closed.wait(POLL_S) and _state(self.folder) == before:
            pass


def _views(source: Source) -> Iterator[Source]:
    """What the sensor sees in one run after the other: a single view for ever, several in turn."""
    from emotion_camera.simulator.host.sources import endless, scenes

    views = list(islice(scenes(source), 2))
    if len(views) < 2:
        yield from repeat(endless(views[0] if views else source))
    while True:
        yield from scenes(source)


def _start_folder(folder: Path) -> Path:
    """The disk that the camera starts from: a card goes before its own flash."""
    return folder / "sdcard" if (folder / "sdcard").is_dir() else folder / "flash"


def _disk(folder: Path) -> Tree:
    """What is on the disk that the camera starts from."""
    return _tree(_start_folder(folder))


def _tree(place: Path) -> Tree:
    return read_tree(place, room_on(place.name, find_board(place.parent.name)))


def _state(folder: Path) -> object:
    """What is on that disk, or why it can't be read: another one when it has changed."""
    try:
        return _disk(folder)
    except UserError as error:
        return str(error)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content)
    except OSError as error:
        raise UserError(f"{path}: the simulated camera's disk can't be written ({error.strerror})") from None
