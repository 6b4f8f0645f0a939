"""The files of a recording's folder."""

from datetime import datetime
from pathlib import Path

FOLDER = Path("recordings")  # under the current folder; each recording has its own in it

ABOUT = "recording.json"
REPORTS = "reports.jsonl"
TABLE = "reports.csv"
FRAMES = "frames.mjpeg"
FRAME_TIMES = "frames.csv"
FRAME_COLUMNS = "time_ms,offset,size"

FORMAT = "emotion camera recording"
VERSION = 1
GONE, BACK, STILL_HERE = "gone", "back", "frames"  # the recorder's own events


def new_folder() -> Path:
    """A recording that starts now goes here, where the person names no folder."""
    return FOLDER / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
