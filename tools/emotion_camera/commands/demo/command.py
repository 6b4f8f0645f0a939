"""`demo`: the unmodified camera program in the simulator, on a clip, pictures, a video or a webcam."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emotion_camera.boards import BOARDS, Limits, find_board, why_not
from emotion_camera.commands.demo.narration import Narration
from emotion_camera.errors import UserError
from emotion_camera.model.contract import DEFAULT_MODEL, check
from emotion_camera.reports.lines import json_object
from emotion_camera.terminal import print_line, print_notes

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
  emotion-camera demo webcam                   your webcam, until Ctrl-C; live: emotion-camera watch --source webcam
  emotion-camera demo --firmware v4.5.5        on an older firmware

Runs device/main.py unmodified in a simulator of the camera. Prints the detected faces and emotions. Of a clip, video or webcam
it saves the frames with their boxes as demo/demo.webp and demo/demo.gif; of a picture the picture itself with the faces marked, demo/demo.png; of
a folder each picture so, and contact_sheet.png. faces.csv has the faces of pictures.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    from emotion_camera.camera.ports import SOURCE_HELP

    parser.description = "See emotion recognition work, without a camera."
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("source", nargs="?", help=f"{SOURCE_HELP} (default)")
    add("--source", dest="source_option", metavar="SOURCE", help="the same, as the other commands have it")
    add("--firmware", default="v5.0", metavar="V", help="firmware to simulate: v4.5.5, v4.7, v4.8 or v5.0 (default)")
    add("--board", default="h7", help=f"board to simulate: {', '.join(BOARDS)} (default: h7)")
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

    UserError when the program failed, or a webcam or stream was lost.
    """
    from emotion_camera.commands.demo.album import Album
    from emotion_camera.simulator.host.firmware import find_firmware
    from emotion_camera.simulator.host.sources import open_source

    played = find_firmware(arguments.firmware).version
    print_notes(arguments.model.name, check(arguments.model, limits=_limits(arguments), firmware=played).notes)
    if arguments.source is not None and arguments.source_option is not None:
        raise UserError(f"--source {arguments.source_option}: {arguments.source} is given, too; give one of them")
    what = arguments.source_option if arguments.source is None else arguments.source
    source = open_source(what)
    for sentence in source.left_out:
        print_line(sentence, sys.stderr)
    if any(arguments.out.resolve() == picture.parent.resolve() for picture in source.pictures):
        raise UserError(f"{arguments.out}: is the folder of the pictures themselves; give another folder with --out")
    camera = _camera(arguments)
    album = Album(arguments.out)
    if not arguments.json:
        print_line(
            f"{source.name} on a simulated {find_board(arguments.board).name}, firmware v{'.'.join(map(str, played))}"
        )
    return (_show_photographs if source.pictures else _show_frames)(source, camera, album, arguments)


def _limits(arguments: argparse.Namespace) -> Limits:
    """What a model may take of the board that is played; UserError for one that runs none."""
    board = find_board(arguments.board)
    trouble = why_not(board, sum(board.heap))
    if trouble:
        raise UserError(trouble)
    return board.limits if arguments.heap is None else replace(board.limits, memory=LARGEST_HEAP)  # to see what happens


def _camera(arguments: argparse.Namespace) -> Callable[[Source], Generator[Event, None, None]]:
    """A function that runs the camera program on a source."""
    from emotion_camera.simulator import run as run_camera
    from emotion_camera.simulator.program import program_for

    return lambda source: run_camera(
        **program_for(arguments.board, arguments.model),
        firmware=arguments.firmware,
        board=arguments.board,
        heap=arguments.heap,
        source=source,
    )


def _show_frames(source: Source, camera: Callable[..., Any], album: Album, arguments: argparse.Namespace) -> int:
    """A clip, a video or what is live: one run to its end."""
    from emotion_camera.simulator.host.sources import SourceLost

    narration, lost, ended = Narration(), None, None
    try:
        with closing(camera(source)) as events:
            ended = _watch(events, narration, album, arguments.json)
    except SourceLost as error:
        lost = error  # what there is so far is summarised and saved
    if not arguments.json:
        _print_summary(narration, album)
    saved = [album.save_webp("demo.webp"), album.save_gif("demo.gif")] if len(album) else []
    _end(saved, album, arguments)
    if lost is not None:
        raise lost
    if ended is None and not source.live:
        return STOPPED
    return _verdict(ended, narration)


def _show_photographs(source: Source, camera: Callable[..., Any], album: Album, arguments: argparse.Namespace) -> int:
    """Pictures, one after the other: a line each, and what was found in it saved at once."""
    from emotion_camera.commands.demo.photographs import Results, read_faces
    from emotion_camera.simulator.host.sources import read_picture

    results = Results(arguments.out, [path.name for path in source.pictures])
    saved: list[Path] = []
    status = 0
    try:
        for path in source.pictures:
            try:
                pixels = read_picture(path)
            except UserError as error:  # it was there a moment ago
                print_line(error, sys.stderr)
                continue
            photograph = read_faces(path.name, pixels, camera, _Listener(album, arguments.json).hear)
            if not arguments.json:
                print_line(f"  {photograph.sentence()}")
            saved.append(results.add(photograph, pixels))
    except KeyboardInterrupt:
        status = STOPPED
    if saved and not arguments.json:
        print_line(results.summary())
    _end([*saved, *results.save()] if saved else [], album, arguments)
    return status


class _Listener:
    """Hears what happens in the runs of one picture; UserError when the program failed, or never became ready."""

    def __init__(self, album: Album, as_json: bool) -> None:
        self._album = album
        self._as_json = as_json
        self._narration = Narration()

    def hear(self, event: Event) -> None:
        from emotion_camera.simulator import Ended, Line, Shown

        if isinstance(event, Line):
            self._narration.add_line(event.text)
            if self._as_json:
                _print_json(event.text)
        elif isinstance(event, Shown):
            self._album.add(event.picture, event.time_ms)
        elif isinstance(event, Ended):
            _verdict(event, self._narration)


def _end(saved: list[Path], album: Album, arguments: argparse.Namespace) -> None:
    """Saves the frames if asked for, and names what was saved."""
    if arguments.frames_as_png and len(album):
        saved.append(album.save_pngs())
    for path in () if arguments.json else saved:
        print_line(f"saved {path}")


def _watch(events: Iterator[Event], narration: Narration, album: Album, as_json: bool) -> Ended | None:
    """Print each event as it comes; how the program ended, None after Ctrl-C."""
    from emotion_camera.simulator import Ended, Line, Shown

    try:
        for event in events:
            sentence = None
            if isinstance(event, Line):
                sentence = narration.add_line(event.text)
                if as_json:
                    _print_json(event.text)
            elif isinstance(event, Shown):
                faces, narration.reported = narration.reported, None
                sentence = narration.add_frame(event.time_ms)
                if narration.ready or narration.trouble:  # not the self-test
                    album.add(event.picture, event.time_ms, faces, event.clean)
            elif isinstance(event, Ended):
                return event
            if sentence and not as_json:
                print_line(f"  {sentence}")
    except KeyboardInterrupt:
        pass  # what there is so far is summarised and saved
    return None


def _print_json(text: str) -> None:
    """A report as the camera wrote it, unless a letter in it could do something to the terminal; nothing else, such as the
    traceback that stopping leaves."""
    fields = json_object(text)
    if fields is not None:
        print(text if _is_plain(text) else json.dumps(fields), flush=True)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _print_summary(narration: Narration, album: Album) -> None:
    if narration.ready:
        print_line(narration.summary())
    if album.count > len(album):
        print(f"only the last {len(album):,} of {album.count:,} frames are saved")


def _verdict(ended: Ended | None, narration: Narration) -> int:
    """0; UserError when the program failed, or never became ready."""
    if ended is not None and ended.reason not in ("stopped", "finished"):
        raise UserError(f"the camera program ended ({ended.reason}): {ended.message}")
    if not narration.ready:
        raise UserError(f"the camera program did not become ready: {narration.trouble or 'it printed nothing'}")
    return 0
