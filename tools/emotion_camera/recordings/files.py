"""The files of a recording's folder."""

from datetime import datetime
from itertools import count
from pathlib import Path

from emotion_camera.errors import UserError

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
    """Makes the folder of a recording that starts now, where the person names none. UserError where it can't be made."""
    name = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    for number in count(1):
        folder = FOLDER / (name if number == 1 else f"{name}_{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:  # of another camera's recording, which has started in the same second
            continue
        except OSError as error:
            raise UserError(f"{folder}: can't be made ({error.strerror}); give another folder with --out") from None
        break
    return folder
