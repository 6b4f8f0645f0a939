"""Recordings: what a camera reported, and its frames if asked for, in a folder that can be read however the recording ended.

`reports.jsonl`: the camera's own lines, each with "at", the time in ISO 8601. Three events are the recorder's: "gone"
(the connection was lost), "back", and "frames" (how many have come; now and then while there is no face).
`reports.csv`: the same for a spreadsheet, a row a face. `frames.mjpeg`, only if asked for: JPEGs, one after another
(VLC and ffplay play it), and `frames.csv`: when each was shown (ms since the start), where it begins, its bytes.
`recording.json`: what camera it was, when it started, and how long it took unless it was cut off.

Times count on from the start by the computer's steady clock: it does not matter when somebody sets the other one, nor
that the camera's wraps around.
"""

from emotion_camera.recordings.files import new_folder
from emotion_camera.recordings.reader import Entry, FrameAt, Recording, read_recording
from emotion_camera.recordings.recorder import Recorder, RecordingError

__all__ = ["Entry", "FrameAt", "Recorder", "Recording", "RecordingError", "new_folder", "read_recording"]
