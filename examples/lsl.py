"""Streams emotions and markers to the Lab Streaming Layer (LSL), in step with EEG and others. From the repository's folder:

    python -m examples.lsl [PORT [MARKERS]]

Without PORT, or with "", it finds the camera on USB; "simulator" needs none. LabRecorder and others on the same network find

    EmotionCamera         type Emotion: a sample a report, of the largest face: a score for each label, 0 to 1, then valence and
                          arousal, -1 to 1, NaN where the camera does not tell them
    EmotionCameraMarkers  type Markers: "emotion happy" or "emotion not sure" when that face's emotion changes, "event calibrated"
                          when a resting face was learnt, "event ready" when the camera starts, and so on

MARKERS is the name of a stream of markers, of the experiment perhaps: they are written to emotions_lsl.csv, and the largest
face with them, all by the clock of LSL. Its time of a face is when the report came: after exposure, search and transfer.
To change: FILE, NAME, and what is sent.
"""

import csv
import math
import sys
import threading
import time
from typing import Any

from emotion_camera.camera import read_reports
from emotion_camera.errors import UserError, install_line
from emotion_camera.reports import FacesReport
from emotion_camera.reports.parse import EventReport, Face, labels_of
from emotion_camera.terminal import csv_cell, print_line, printable

try:
    import pylsl
except ModuleNotFoundError:
    sys.exit(f"pylsl is not installed: {install_line('examples')}")
except RuntimeError:  # its wheels for Linux on x86-64, macOS and Windows bring the library
    sys.exit(
        "pylsl finds no liblsl: install it from https://github.com/sccn/liblsl/releases, or set PYLSL_LIB to its file"
    )

NAME = "EmotionCamera"
FILE = "emotions_lsl.csv"
COLUMNS = ("lsl_time", "marker", "face", "emotion", "score")
MARKED = ("ready", "calibrated", "error", "recovered")  # events that are markers
DIMENSIONS = ("valence", "arousal")
UNSURE = "not sure"
PATIENCE_S = 2  # for the camera's labels, which it is asked for; a cable in one direction brings none


class Outlets:
    """The two streams. The one of scores begins when their labels are known, and anew when they change."""

    def __init__(self, source: str) -> None:
        self.source, self.started = source, time.monotonic()
        self.about: dict[str, Any] = {}  # of the camera: board, firmware, model
        self.labels: tuple[str, ...] = ()
        self.channels: tuple[str, ...] = ()
        self.scores: pylsl.StreamOutlet | None = None
        self.last: tuple[int, str | None] | None = None
        markers = pylsl.StreamInfo(f"{NAME}Markers", "Markers", 1, pylsl.IRREGULAR_RATE, "string", f"{source}-markers")
        self.markers = pylsl.StreamOutlet(markers)

    def event(self, report: EventReport, at: float) -> None:
        if labels_of(report):
            self.about, self.labels = report.fields, labels_of(report)
        if report.event in MARKED:
            self.markers.push_sample([f"event {report.event}"], at)

    def face(self, face: Face, at: float) -> None:
        """The largest face of a report."""
        if channels := self.names(face):
            if channels != self.channels:
                self.channels, self.scores = channels, pylsl.StreamOutlet(self.describe(channels))
            assert self.scores is not None
            dimensions = [math.nan if value is None else value for value in (face.valence, face.arousal)]
            self.scores.push_sample([*face.scores, *dimensions], at)
        if (face.id, face.emotion) != self.last:
            self.last = (face.id, face.emotion)
            self.markers.push_sample([f"emotion {face.emotion or UNSURE}"], at)

    def names(self, face: Face) -> tuple[str, ...]:
        if len(self.labels) == len(face.scores):
            return self.labels
        late = time.monotonic() - self.started > PATIENCE_S
        return tuple(f"score {number + 1}" for number in range(len(face.scores))) if late else ()

    def describe(self, channels: tuple[str, ...]) -> pylsl.StreamInfo:
        """As https://github.com/sccn/xdf/wiki/Meta-Data has it."""
        count = len(channels)
        info = pylsl.StreamInfo(NAME, "Emotion", count + len(DIMENSIONS), pylsl.IRREGULAR_RATE, "float32", self.source)
        info.set_channel_labels([*channels, *DIMENSIONS])
        info.set_channel_types(["Score"] * count + ["Dimension"] * len(DIMENSIONS))
        info.set_channel_units(["probability"] * count + ["-1 to 1"] * len(DIMENSIONS))
        acquisition = info.desc().append_child("acquisition").append_child_value("manufacturer", "OpenMV")
        for name in ("board", "firmware", "program", "model"):
            acquisition.append_child_value(name, printable(self.about.get(name, ""), longest=80))
        return info


class Table:
    """FILE, which grows; its rows come from two threads."""

    def __init__(self) -> None:
        self.file = open(FILE, "a", newline="", encoding="utf-8", buffering=1)  # noqa: SIM115 - open as long as it grows
        self.rows, self.lock = csv.DictWriter(self.file, COLUMNS), threading.Lock()
        if self.file.tell() == 0:
            self.rows.writeheader()

    def add(self, at: float, **fields: object) -> None:
        with self.lock:
            self.rows.writerow({"lsl_time": f"{at:.6f}", **fields})


def listen(name: str, table: Table) -> None:
    """Write the markers of the stream `name` for ever; in a thread of its own."""
    while True:
        for found in pylsl.resolve_byprop("name", name, timeout=5):
            print_line(f"hears the markers of {name}")
            inlet = pylsl.StreamInlet(found, processing_flags=pylsl.proc_clocksync)  # to the clock of this computer
            try:
                while True:
                    sample, at = inlet.pull_sample(timeout=1)
                    if sample:
                        table.add(at, marker=csv_cell(" ".join(map(str, sample))))
            except pylsl.LostError:  # it had no source_id, by which it would be found again
                break


def main(port: str | None = None, markers: str | None = None) -> None:
    outlets = Outlets(f"emotion-camera {port or 'USB'}")
    table = Table() if markers else None
    if markers and table:
        threading.Thread(target=listen, args=(markers, table), daemon=True).start()
    for report in read_reports(port or None):
        at = pylsl.local_clock()
        if not isinstance(report, FacesReport):
            outlets.event(report, at)
            continue
        face = report.faces[0]
        outlets.face(face, at)
        if table:
            table.add(at, face=face.id, emotion=csv_cell(face.emotion or ""), score=face.score)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except (UserError, OSError, KeyboardInterrupt) as stop:
        sys.exit(str(stop))
