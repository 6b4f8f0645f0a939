"""`report`: a recording as one HTML page of charts, tables and a summary. (`emotion_camera.reports.parse` reads a camera's lines.)"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.errors import UserError
from emotion_camera.terminal import print_line

if TYPE_CHECKING:
    from emotion_camera.recordings import Recording

PAGE = "report.html"

EXAMPLES = """
examples:
  emotion-camera report recordings/2026-11-22_19-30-30
  emotion-camera report monday --out monday.html
  emotion-camera report monday --no-browser
  emotion-camera report monday --emotionml monday.emotionml
  emotion-camera report monday --csv monday.csv --csv-delimiter ";" --csv-decimal , --csv-bom    for a European Excel

The page is one HTML file that loads nothing: it opens in any browser, without a network. If frames were recorded, it
contains small pictures of the faces; leave them out with --no-pictures. A table for pandas, R or an English Excel is in
the recording already: reports.csv.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    parser.description = (
        "Turn a recording into a page of charts: which face was in view when, with which emotion and score."
    )
    parser.epilog = EXAMPLES
    from emotion_camera.recordings.table import add_csv_options

    add = parser.add_argument
    add("folder", type=Path, metavar="FOLDER", help="what emotion-camera record has written")
    add("--out", type=Path, metavar="FILE", help=f"where the page goes (default: {PAGE} in the folder)")
    add("--no-pictures", action="store_true", help="no pictures of the faces, even if frames were recorded")
    add("--no-browser", action="store_true", help="write the page without opening it")
    add(
        "--emotionml", type=Path, metavar="FILE", help="write no page, but the recording as W3C's EmotionML 1.0 to FILE"
    )
    add("--csv", type=Path, metavar="FILE", help="write no page, but a table with a row for each face in each report")
    add_csv_options(add)


def run(arguments: argparse.Namespace) -> int:
    """Write the page, print its summary and open it; 0. UserError for what is no recording or can't be written."""
    from emotion_camera.commands.report.page import render
    from emotion_camera.commands.report.summary import summary
    from emotion_camera.commands.report.timeline import read_timeline
    from emotion_camera.recordings import read_recording
    from emotion_camera.recordings.table import CsvFormat, csv_format, write_table

    style = csv_format(arguments)
    if style != CsvFormat() and not arguments.csv:
        raise UserError("--csv-delimiter, --csv-decimal and --csv-bom are a table's: give its name with --csv FILE")
    out: Path = arguments.out or arguments.folder / PAGE
    recording = read_recording(arguments.folder)
    if recording.ended_ms is None:
        print(f"{arguments.folder}: is incomplete or still being recorded; it is shown up to its last complete line")
    if arguments.emotionml:
        return _export(recording, arguments.emotionml)
    if arguments.csv:
        count = write_table(recording, arguments.csv, style)
        print(f"{arguments.csv} has {count:,} row{'' if count == 1 else 's'}, one for each face in each report")
        return 0
    timeline = read_timeline(recording)
    _write(out, render(recording, timeline, pictures=not arguments.no_pictures))
    for sentence in summary(timeline):
        print_line(sentence)
    if recording.frames and not arguments.no_pictures:
        print("the page contains small pictures of the faces; leave them out with --no-pictures")
    print(f"see {out}")
    if not arguments.no_browser:
        _open(out)
    return 0


def _export(recording: Recording, path: Path) -> int:
    from emotion_camera.recordings.emotionml import write_emotionml

    count = write_emotionml(recording, path)
    print(f"{path} has {count:,} {'emotion' if count == 1 else 'emotions'}, one for each face in each report")
    return 0


def _write(path: Path, page: str) -> None:
    """The page at once or not at all."""
    from emotion_camera.files import write_file

    try:
        write_file(path, page.encode("utf-8", "replace"))
    except OSError as error:
        raise UserError(f"{path}: can't be written ({error.strerror}); give another file with --out") from None


def _open(path: Path) -> None:
    """In the person's browser; where there is none, its name was printed."""
    import webbrowser

    webbrowser.open(path.resolve().as_uri())
