"""`demo`: the camera program, unmodified, on the virtual camera, looking at a clip, pictures, a video or a webcam."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tools.errors import UserError
from tools.story import Story

if TYPE_CHECKING:
    from tools.virtual_camera import Ended, Event
    from tools.virtual_camera.display import Album
    from tools.virtual_camera.sources import Source

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "device" / "main.py"
MODEL = ROOT / "models" / "emotion.tflite"

EXAMPLES = """
examples:
  python -m tools demo                          the bundled clip
  python -m tools demo face.jpg                 a picture of your own
  python -m tools demo holiday/                 all pictures in a folder
  python -m tools demo party.mp4                a video
  python -m tools demo webcam                   your webcam, until Ctrl-C
  python -m tools demo --firmware v4.5.5        as an older camera would do it

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
    add("--model", type=Path, default=MODEL, metavar="FILE", help="a .tflite with its labels beside it in a .txt")
    add("--out", type=Path, default=Path("demo"), metavar="FOLDER", help="where the frames go (default: demo)")
    add("--frames-as-png", action="store_true", help="save each frame as a PNG, too")
    add("--heap", type=int, metavar="BYTES", help="the camera's heap in place of the board's")
    add("--json", action="store_true", help="print the camera's own lines, not words")


def run(arguments: argparse.Namespace) -> int:
    """Runs the program, tells what it reports and saves what it shows; 0. UserError when the program failed."""
    from models.contract import check
    from tools.virtual_camera import run as run_camera
    from tools.virtual_camera.display import Album
    from tools.virtual_camera.sources import open_source

    model: Path = arguments.model
    check(model)
    source = open_source(arguments.source)
    events = run_camera(
        PROGRAM,
        firmware=arguments.firmware,
        board=arguments.board,
        heap=arguments.heap,
        source=source,
        flash={"emotion.tflite": model, "emotion.txt": model.with_suffix(".txt")},
    )
    album, story = Album(arguments.out), Story()
    if not arguments.json:
        print(f"{source.name} in front of a virtual camera with firmware {arguments.firmware}", flush=True)
    ended = _watch(events, source, story, album, arguments.json)
    if not arguments.json:
        print(story.summary())
    for path in _save(album, source, arguments.frames_as_png):
        if not arguments.json:
            print(f"see {path}")
    return _verdict(ended, story)


def _watch(events: Iterator[Event], source: Source, story: Story, album: Album, as_json: bool) -> Ended | None:
    """Tells each event as it comes; how the program ended, None when the person stopped a webcam."""
    from tools.virtual_camera import Ended, Line, Shown

    try:
        for event in events:
            sentence = None
            if isinstance(event, Line):
                sentence = story.hear(event.text)
                if as_json:
                    print(event.text, flush=True)
            elif isinstance(event, Shown):
                sentence = story.see(event.time_ms)
                album.add(event.picture, event.time_ms)
            elif isinstance(event, Ended):
                return event
            if sentence and not as_json:
                print(f"  {sentence}", flush=True)
    except KeyboardInterrupt:
        if not source.live:
            raise
    return None


def _save(album: Album, source: Source, as_png: bool) -> list[Path]:
    if not len(album):
        return []
    files = [album.save_gif("demo.gif")]
    if source.still:
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
