"""`demo`: the unmodified camera program in the simulator, on a clip, pictures, a video or a webcam."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.boards import find_board
from emotion_camera.commands.demo.narration import Narration
from emotion_camera.errors import UserError
from emotion_camera.model.contract import DEFAULT_MODEL, check
from emotion_camera.reports.lines import json_object
from emotion_camera.terminal import print_line

if TYPE_CHECKING:
    from emotion_camera.commands.demo.album import Album
    from emotion_camera.simulator import Ended, Event
    from emotion_camera.simulator.host.sources import Source

SMALLEST_HEAP, LARGEST_HEAP = 50_000, 64_000_000  # bytes; the boards have 51,200 (M7) to 26 million (N6)
STOPPED = 130  # the exit status after Ctrl-C

EXAMPLES = """
examples:
  emotion-camera demo                          the bundled clip
  emotion-camera demo face.jpg                 a picture of your own
  emotion-camera demo holiday/                 all pictures in a folder
  emotion-camera demo party.mp4                a video
  emotion-camera demo webcam                   your webcam, until Ctrl-C
  emotion-camera demo --firmware v4.5.5        on an older firmware

Runs device/main.py unmodified in a simulator of the camera. Prints the detected faces and emotions, and saves the frames
with their boxes as demo/demo.gif.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    parser.description = "See emotion recognition work, without a camera."
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("source", nargs="?", help="picture, folder of pictures, video, webcam or webcam:1 (default: the bundled clip)")
    add("--firmware", default="v5.0", metavar="V", help="firmware to simulate: v4.5.5, v4.7, v4.8 or v5.0 (default)")
    add("--board", default="h7", help="board to simulate: h7 (default), h7plus, rt1062, nicla, ae3, n6 or m7")
    add(
        "--model",
        type=Path,
        default=DEFAULT_MODEL,
        metavar="FILE",
        help="a .tflite with its labels in a .txt beside it (default: models/emotion.tflite)",
    )
    add("--out", type=Path, default=Path("demo"), metavar="FOLDER", help="output folder (default: demo)")
    add("--frames-as-png", action="store_true", help="also save each frame as a PNG")
    add("--heap", type=_heap, metavar="BYTES", help="size of the simulated heap (default: the board's)")
    add("--json", action="store_true", help="print the camera's JSON lines instead of sentences")


def _heap(text: str) -> int:
    try:
        size = int(text)
    except ValueError:
        size = 0
    if not SMALLEST_HEAP <= size <= LARGEST_HEAP:
        allowed = f"{SMALLEST_HEAP:,} to {LARGEST_HEAP:,} bytes"
        raise argparse.ArgumentTypeError(f"{text!r} is not a possible heap size: give {allowed}")
    return size


def run(arguments: argparse.Namespace) -> int:
    """Run the program, print what it reports and save what it shows; 0, or 130 after Ctrl-C before the source ended.

    UserError when the program failed.
    """
    from emotion_camera.commands.demo.album import Album
    from emotion_camera.simulator import run as run_camera
    from emotion_camera.simulator.host.firmware import find_firmware
    from emotion_camera.simulator.host.sources import open_source
    from emotion_camera.simulator.program import program_for

    model: Path = arguments.model
    check(model, limits=find_board(arguments.board).limits)
    source = open_source(arguments.source)
    if source.names and arguments.out.resolve() == Path(arguments.source).resolve():
        raise UserError(f"{arguments.out}: is the folder of the pictures themselves; give another folder with --out")
    events = run_camera(
        **program_for(arguments.board, model),
        firmware=arguments.firmware,
        board=arguments.board,
        heap=arguments.heap,
        source=source,
    )
    album, narration = Album(arguments.out), Narration()
    if not arguments.json:
        played = ".".join(map(str, find_firmware(arguments.firmware).version))
        print(f"{source.name} on a simulated OpenMV Cam ({arguments.board}), firmware v{played}", flush=True)
    with closing(events):
        ended = _watch(events, source, narration, album, arguments.json)
    if not arguments.json:
        _print_summary(narration, album)
    for path in _save(album, source, arguments.frames_as_png):
        if not arguments.json:
            print(f"saved {path}")
    if ended is None and not source.live:
        return STOPPED
    return _verdict(ended, narration)


def _watch(events: Iterator[Event], source: Source, narration: Narration, album: Album, as_json: bool) -> Ended | None:
    """Print each event as it comes; how the program ended, None after Ctrl-C."""
    from emotion_camera.simulator import Ended, Line, Shown
    from emotion_camera.simulator.host.sources import PICTURE_FRAMES

    try:
        for event in events:
            sentence = None
            if isinstance(event, Line):
                sentence = narration.add_line(event.text)
                fields = json_object(event.text) if as_json else None  # not the traceback that stopping leaves
                if fields is not None:
                    # As the camera wrote it, unless a letter in it could do something to the terminal.
                    print(event.text if _is_plain(event.text) else json.dumps(fields), flush=True)
            elif isinstance(event, Shown):
                name = source.names[album.count // PICTURE_FRAMES] if source.names else ""
                sentence = narration.add_frame(event.time_ms, name)
                album.add(event.picture, event.time_ms, name)
            elif isinstance(event, Ended):
                return event
            if sentence and not as_json:
                print_line(f"  {sentence}")
    except KeyboardInterrupt:
        pass  # what there is so far is summarised and saved
    return None


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _print_summary(narration: Narration, album: Album) -> None:
    if narration.ready:
        print_line(narration.summary())
    if album.count > len(album):
        print(f"only the last {len(album):,} of {album.count:,} frames are saved")


def _save(album: Album, source: Source, as_png: bool) -> list[Path]:
    if not len(album):
        return []
    files = [album.save_gif("demo.gif")]
    if source.names:
        files += album.save_pictures()
    elif source.still:
        files.append(album.save_last_png("demo.png"))
    if as_png:
        files.append(album.save_pngs())
    return files


def _verdict(ended: Ended | None, narration: Narration) -> int:
    """0; UserError when the program failed, or never became ready."""
    if ended is not None and ended.reason not in ("stopped", "finished"):
        raise UserError(f"the camera program ended ({ended.reason}): {ended.message}")
    if not narration.ready:
        raise UserError(f"the camera program did not become ready: {narration.trouble or 'it printed nothing'}")
    return 0
