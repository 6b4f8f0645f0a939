"""The files of a recording's folder."""

ABOUT = "recording.json"
REPORTS = "reports.jsonl"
TABLE = "reports.csv"
FRAMES = "frames.mjpeg"
FRAME_TIMES = "frames.csv"
FRAME_COLUMNS = "time_ms,offset,size"

FORMAT = "emotion camera recording"
VERSION = 1
GONE, BACK, STILL_HERE = "gone", "back", "frames"  # the recorder's own events
