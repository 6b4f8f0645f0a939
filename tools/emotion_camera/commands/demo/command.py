"""`demo`: the camera program, unmodified, on the virtual camera, looking at a clip, pictures, a video or a webcam."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.commands.demo.narration import Story
from emotion_camera.errors import UserError
from emotion_camera.model.contract import SHIPPED, check

if TYPE_CHECKING:
    from emotion_camera.commands.demo.album import Album
    from emotion_camera.simulator import Ended, Event
    from emotion_camera.simulator.host.sources import Source

ROOT = Path(__file__).resolve().parent.parent
SMALLEST_HEAP, LARGEST_HEAP = 50_000, 64_000_000  # bytes; the boards have 51,200 (M7) to 26 million (N6)
STOPPED = 130  # the exit status after Ctrl-C

EXAMPLES = """
examples:
  emotion-camera demo                          the bundled clip
  emotion-camera demo face.jpg                 a picture of your own
  emotion-camera demo holiday/                 all pictures in a folder
  emotion-camera demo party.mp4                a video
  emotion-camera demo webcam                   your webcam, until Ctrl-C
  emotion-camera demo --firmware v4.5.5        as an older camera would do it

What the camera program prints on its serial port is told in words; what it draws is saved as an animated GIF.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    parser.description = "Run device/main.py on the virtual camera and see what it sees."
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("source", nargs="?", help="picture, folder of pictures, video, webcam or webcam:1 (default: the bundled clip)")
    add("--firmware", default="v5.0", metavar="V", help="the firmware to play: v4.5.5, v4.7, v4.8 or v5.0 (default)")
    add("--board", default="h7", help="whose memory to play: h7 (default), h7plus, rt1062, nicla, ae3, n6 or m7")
    add("--model", type=Path, default=SHIPPED, metavar="FILE", help="a .tflite with its labels beside it in a .txt")
    add("--out", type=Path, default=Path("demo"), metavar="FOLDER", help="where the frames go (default: demo)")
    add("--frames-as-png", action="store_true", help="save each frame as a PNG, too")
    add("--heap", type=_heap, metavar="BYTES", help="the camera's heap in place of the board's")
    add("--json", action="store_true", help="print the camera's own lines, not words")


def _heap(text: str) -> int:
    try:
        size = int(text)
    except ValueError:
        size = 0
    if not SMALLEST_HEAP <= size <= LARGEST_HEAP:
        allowed = f"{SMALLEST_HEAP:,} to {LARGEST_HEAP:,} bytes"
        raise argparse.ArgumentTypeError(f"{text!r} is no heap that a camera could have: give {allowed}")
    return size


def run(arguments: argparse.Namespace) -> int:
    """Runs the program, tells what it reports and saves what it shows; 0, or 130 when the person stopped it before its
    source ended. UserError when the program failed."""
    from emotion_camera.commands.demo.album import Album
    from emotion_camera.model.bundle import limits_for, program_for
    from emotion_camera.simulator import run as run_camera
    from emotion_camera.simulator.host.firmware import find_firmware
    from emotion_camera.simulator.host.sources import open_source

    model: Path = arguments.model
    check(model, limits=limits_for(arguments.board))
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
    album, story = Album(arguments.out), Story()
    if not arguments.json:
        played = ".".join(map(str, find_firmware(arguments.firmware).version))
        print(f"{source.name} in front of a virtual camera with firmware v{played}", flush=True)
    with closing(events):
        ended = _watch(events, source, story, album, arguments.json)
    if not arguments.json:
        _print_summary(story, album)
    for path in _save(album, source, arguments.frames_as_png):
        if not arguments.json:
            print(f"see {path}")
    if ended is None and not source.live:
        return STOPPED
    return _verdict(ended, story)


def _watch(events: Iterator[Event], source: Source, story: Story, album: Album, as_json: bool) -> Ended | None:
    """Tells each event as it comes; how the program ended, None when the person stopped it."""
    from emotion_camera.simulator import Ended, Line, Shown
    from emotion_camera.simulator.host.sources import PICTURE_FRAMES

    try:
        for event in events:
            sentence = None
            if isinstance(event, Line):
                sentence = story.hear(event.text)
                if as_json and _is_json(event.text):
                    print(event.text, flush=True)
            elif isinstance(event, Shown):
                name = source.names[album.count // PICTURE_FRAMES] if source.names else ""
                sentence = story.see(event.time_ms, name)
                album.add(event.picture, event.time_ms, name)
            elif isinstance(event, Ended):
                return event
            if sentence and not as_json:
                print(f"  {sentence}", flush=True)
    except KeyboardInterrupt:
        pass  # what was seen so far is told and saved
    return None


def _is_json(text: str) -> bool:
    """Whether a line is one of the camera's own, and not of the traceback that the stop button leaves."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _print_summary(story: Story, album: Album) -> None:
    if story.ready:
        print(story.summary())
    if album.count > len(album):
        print(f"only the last {len(album):,} of {album.count:,} frames were kept")


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


def _verdict(ended: Ended | None, story: Story) -> int:
    """0; UserError when the program failed, or never got ready."""
    if ended is not None and ended.reason not in ("stopped", "finished"):
        raise UserError(f"the camera program ended ({ended.reason}): {ended.message}")
    if not story.ready:
        raise UserError(f"the camera program did not get ready: {story.trouble or 'it said nothing'}")
    return 0
