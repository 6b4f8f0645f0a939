"""`record`: what a camera reports, written to a folder until Ctrl-C; its frames, too, if asked for."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.errors import UserError
from emotion_camera.terminal import print_line

if TYPE_CHECKING:
    from emotion_camera.camera.stream import CameraStream
    from emotion_camera.events import Event
    from emotion_camera.recordings import Recorder

STEP_MS = 500  # between two progress lines
TELL = "docs/notice.md in the repository has a sign to print"

EXAMPLES = """
examples:
  emotion-camera record                         the camera on USB, until Ctrl-C
  emotion-camera record --seconds 600           ten minutes
  emotion-camera record --frames                the frames, too: pictures of people are stored
  emotion-camera record --source webcam         no camera: your webcam, seen by the simulated camera
  emotion-camera record --port /dev/ttyACM1 --out monday
  emotion-camera record --told                  in a script: the people in view know, so that it does not ask
  emotion-camera record --csv-delimiter ";" --csv-decimal , --csv-bom    reports.csv for a European Excel

The folder holds reports.jsonl (the camera's own lines with the time), reports.csv (a row a face, for a spreadsheet) and
recording.json (what camera it was). With --frames also frames.mjpeg, which VLC and ffplay play, and frames.csv with
each frame's time. It is whole up to the last second whatever happens, and emotion-camera report FOLDER shows it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    from emotion_camera.camera.ports import SOURCE_HELP
    from emotion_camera.recordings.table import add_csv_options

    parser.description = "Record what a camera reports: emotions with their time, and its frames if asked for."
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--port", help="/dev/ttyACM0 or COM3, simulator, or simulator:BOARD (default: the OpenMV camera on USB)")
    add("--source", help=SOURCE_HELP)
    add("--out", type=Path, metavar="FOLDER", help="a new folder (default: recordings/ and the date and time)")
    add("--frames", action="store_true", help="store the frames, too; tell the people in view")
    add("--video", action="store_true", help="store the frames, and make frames.mp4 of them at the end")
    add("--told", action="store_true", help="the people in view know that a camera reads their emotions: don't ask")
    add("--seconds", type=_seconds, metavar="N", help="stop after so long (default: at Ctrl-C)")
    add_csv_options(add)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to record for: give seconds, such as 60")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Records until Ctrl-C, the time is over or the source ends; 0. UserError when it can't."""
    from emotion_camera.camera.stream import open_stream
    from emotion_camera.recordings import Recorder, new_folder
    from emotion_camera.recordings.table import csv_format

    table = csv_format(arguments)
    if not arguments.told and _sees_people(arguments.port, arguments.source):
        _ask_whether_told()
    stream = open_stream(arguments.port, arguments.source)
    try:
        folder = arguments.out or new_folder()
        recorder = Recorder(folder, stream.name, frames=arguments.frames or arguments.video, table=table)
        print_line(f"recording {stream.name} to {folder}; stop with Ctrl-C")
        if stream.limitation:
            print(stream.limitation, flush=True)
        if arguments.frames or arguments.video:
            print(f"pictures of the people in view are stored in {folder}: tell them, and delete what you don't need")
        try:
            _record(stream, recorder, arguments.seconds)
        finally:
            _end_progress()
            recorder.close()
    finally:
        stream.close()
    print(_progress(recorder))
    if not recorder.frames and not recorder.reports and not stream.damaged:
        print("nothing came: is the camera program running? emotion-camera doctor finds out", flush=True)
    if stream.damaged:
        count = f"{stream.damaged:,} damaged report{'' if stream.damaged == 1 else 's'}"
        print(f"{count} left out, as the camera can't have sent them: is a cable long, or loose?", flush=True)
    if arguments.video:
        _make_video(folder)
    print(f"see it: emotion-camera report {folder}")
    return 0


def _sees_people(port: str | None, source: str | None) -> bool:
    """Whether somebody may be in front of the camera now; not in a recording, the clip, a picture or a video."""
    from emotion_camera.camera.ports import simulated_board

    if source is None:
        return simulated_board(port) is None and (port is None or not Path(port).is_dir())
    from emotion_camera.simulator.host.sources import URL

    return source.startswith("webcam") or URL.match(source) is not None


def _ask_whether_told() -> None:
    """The EU's AI Act has people told when their emotions are read. UserError for a no; without a terminal it is said, not asked."""
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        print(f"tell the people in view that a camera reads their emotions; {TELL}", file=sys.stderr, flush=True)
        return
    try:
        answer = input("Do the people in view know that a camera reads and records their emotions? y: yes, n: no ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise UserError(f"nothing is recorded; tell them first: {TELL}")


def _record(stream: CameraStream, recorder: Recorder, seconds: float | None) -> None:
    timer = threading.Timer(seconds, stream.close) if seconds else None
    if timer:
        timer.daemon = True
        timer.start()
    shown_ms = -STEP_MS
    try:
        with contextlib.suppress(UserError):  # a camera that can't be asked what it is goes on without it
            stream.send_command("status")
        for event in stream.events():
            recorder.add(event)
            if trouble := _trouble(event):
                _end_progress()
                print_line(trouble)
            elif recorder.length_ms >= shown_ms + STEP_MS:
                shown_ms = recorder.length_ms
                _show_progress(_progress(recorder))
    except KeyboardInterrupt:
        pass  # the way to stop a recording
    finally:
        if timer:
            timer.cancel()


def _trouble(event: Event) -> str | None:
    """What is wrong, in a sentence: the connection is lost, or the camera says so; None for anything else."""
    from emotion_camera.events import Disconnected, Line
    from emotion_camera.reports.parse import EventReport, parse

    if isinstance(event, Disconnected):
        return event.message
    report = parse(event.text) if isinstance(event, Line) else None
    if not isinstance(report, EventReport):
        return None
    problem = report.message if report.event == "error" else report.fields.get("problem")
    return f"the camera says: {problem}" if problem else None


def _progress(recorder: Recorder) -> str:
    seconds = recorder.length_ms // 1000
    counts = ((recorder.frames, "frame"), (recorder.reports, "report"), (len(recorder.faces), "face"))
    words = ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for count, name in counts)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}  {words}"


def _show_progress(line: str) -> None:
    if sys.stdout.isatty():
        print(f"\r{line}\033[K", end="", flush=True)


def _end_progress() -> None:
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)


def _make_video(folder: Path) -> None:
    from emotion_camera.recordings import read_recording
    from emotion_camera.recordings.video import write_video

    recording = read_recording(folder)
    print(f"see {write_video(recording)}" if recording.frames else "no frame came, so there is no video")
