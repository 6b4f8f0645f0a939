"""What a deploy leaves on a camera after a power cut at every block that it writes, or a cable pulled at a byte that it sends.

The camera is simulated, with FAT disks. Each cut disk is started, boot.py and all, and filled up, which overwrites what FAT
counts as free. Then it must hold the complete old or the complete new files, and the program must get ready with them.
"""

import contextlib
import io
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from emotion_camera.boards import find_board
from emotion_camera.camera.inspection import digest
from emotion_camera.camera.repl import Repl
from emotion_camera.commands.deploy.atomic_update import Files
from emotion_camera.commands.deploy.command import deploy
from emotion_camera.errors import UserError
from emotion_camera.model import metadata
from emotion_camera.model.bundle import MAIN
from emotion_camera.model.contract import DEFAULT_MODEL
from emotion_camera.simulator import run
from emotion_camera.simulator.board.board import AT_RESET, SimulatedBoard
from emotion_camera.simulator.events import Line

from bench.runner import Options

BLOCK = 512
RECORD = 4 + BLOCK  # bytes of a trace: block number and content
BOARD = "rt1062"  # the smallest disk that holds the old and the new program uncompiled
READY_MS = 20_000  # of the camera's clock

Disk = dict[int, bytes]  # blocks by number; the others are 0


@dataclass(frozen=True)
class Recording:
    """A deploy block by block: the disk before, each block written, and the files before and after."""

    before: Disk
    written: list[tuple[int, bytes]]
    old: Files
    new: Files
    board: str

    def cut(self, count: int) -> Disk:
        """The disk when the power fails after so many blocks."""
        return self.before | dict(self.written[:count])


def other_model(data: bytes) -> bytes:
    """The same network in another file: readers pass over what stands between a model and its metadata."""
    at = data.rindex(metadata.BEGINS)
    return data[:at] + bytes(4) + data[at:]


def shipped() -> tuple[Files, Files]:
    """An old and a new set of files; every file differs."""
    labels, model, main = DEFAULT_MODEL.with_suffix(".txt").read_bytes(), DEFAULT_MODEL.read_bytes(), MAIN.read_bytes()
    old = {"main.py": main, "emotion.txt": labels, "emotion.tflite": model}
    new = {"main.py": main + b"\n", "emotion.txt": labels + b"\n", "emotion.tflite": other_model(model)}
    return old, new


def record(folder: Path, old: Files, new: Files, board: str = BOARD) -> Recording:
    """Deploy `new` over `old` on a simulated camera, and record each block."""
    write(folder / "flash", old)
    trace = folder / "trace"
    played = SimulatedBoard(folder, board=board, trace=trace)
    played.open()
    with contextlib.redirect_stdout(io.StringIO()), closing(Repl(None, played)) as camera:
        first = trace.stat().st_size // RECORD
        deploy(camera, new)
    blocks = list(_blocks(trace.read_bytes()))
    return Recording(dict(blocks[:first]), blocks[first:], old, new, board)


def _blocks(trace: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(trace) - RECORD + 1, RECORD):
        yield int.from_bytes(trace[at : at + 4], "little"), trace[at + 4 : at + RECORD]


def write(folder: Path, files: Files) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != "full"}


def start(disk: Disk, board: str = BOARD) -> tuple[dict[str, bytes], list[tuple[int, bytes]]]:
    """The files of a disk after boot.py and filling it, and the blocks that boot.py wrote."""
    with tempfile.TemporaryDirectory(prefix="cut-") as name:
        folder = Path(name)
        image = folder / "flash.fat"
        with image.open("wb") as file:
            file.truncate(find_board(board).flash)
            for number, data in disk.items():
                file.seek(number * BLOCK)
                file.write(data)
        SimulatedBoard(folder, board=board, trace=folder / "trace").boot(then_fill=True, image=image)
        files = _files(folder / "flash")
        trace = folder / "trace"
        return files, list(_blocks(trace.read_bytes())) if trace.exists() else []


def outcome(files: Files, recording: Recording) -> str:
    """ "old" or "new" where all of that set is there, otherwise "bricked"."""
    for what, wanted in (("old", recording.old), ("new", recording.new)):
        if all(files.get(name) == data for name, data in wanted.items()):
            return what
    return "bricked"


def cut_everywhere(recording: Recording, every: int = 1, twice_every: int = 40) -> Counter[str]:
    """Outcomes of power cuts after each `every`th block; at each `twice_every`th a second one cuts boot.py's repair short."""
    left: Counter[str] = Counter()
    for count in range(0, len(recording.written) + 1, every):
        disk = recording.cut(count)
        files, mended = start(disk, recording.board)
        left[outcome(files, recording)] += 1
        if mended and count % twice_every == 0:
            for again in range(0, len(mended), max(1, len(mended) // 4)):
                left[outcome(start(disk | dict(mended[:again]), recording.board)[0], recording)] += 1
    return left


def gets_ready(files: Files) -> str | None:
    """SHA-256 of the model in the program's ready event; None when it does not get ready."""
    with tempfile.TemporaryDirectory(prefix="disk-") as name:
        write(Path(name), files)
        rest = {file: data for file, data in files.items() if file != "main.py"}
        with closing(run(Path(name) / "main.py", board=BOARD, flash=rest, stop_after_ms=READY_MS)) as events:
            for event in events:
                if isinstance(event, Line) and '"ready"' in event.text:
                    return next(part for part in event.text.split('"') if len(part) == 64)
    return None


def kill(folder: Path, old: Files, new: Files, after: int) -> str | None:
    """Pull the cable of a real deploy after so many bytes, or AT_RESET: the outcome at the next start, None when the deploy had
    finished before."""
    write(folder / "flash", old)
    board = SimulatedBoard(folder, board=BOARD, dies_after=after)
    board.open()
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.suppress(UserError),
        closing(Repl(None, board)) as camera,
    ):
        deploy(camera, new, wait_s=5)
    board.close()
    if not board.dead:
        return None
    SimulatedBoard(folder, board=BOARD).boot(then_fill=True)
    files = _files(folder / "flash")
    return outcome(files, Recording({}, [], old, new, BOARD))


def report(options: Options) -> str:
    """Counts of all cuts, and whether the program gets ready with either set of files."""
    old, new = shipped()
    with tempfile.TemporaryDirectory(prefix="deploy-") as name:
        recording = record(Path(name), old, new)
    cuts = cut_everywhere(recording)
    kills: Counter[str] = Counter()
    sent = 4 * sum(len(data) for data in new.values())  # about: as text, and what the camera is asked
    for after in [*range(1000, sent, sent // 20), AT_RESET]:
        with tempfile.TemporaryDirectory(prefix="kill-") as name:
            left = kill(Path(name), old, new, after)
        if left:
            kills[left] += 1
    ready = [gets_ready(files) == digest(files["emotion.tflite"]) for files in (old, new)]
    lines = [f"a deploy of {len(new)} files writes {len(recording.written)} blocks of {BLOCK} bytes"]
    for what, counts in (("power cut after a block", cuts), ("cable pulled after some bytes", kills)):
        each = f"{counts['old']} left the old files, {counts['new']} the new ones, {counts['bricked']} neither"
        lines.append(f"{what}: {counts.total()} tried, {each}")
    lines.append(f"the program gets ready with the old files: {ready[0]}, with the new ones: {ready[1]}")
    return "\n".join(lines)
