"""Adds a row to emotions.csv for each face in each frame. From the repository's folder:

    python -m examples.csv_log [PORT]

Without PORT it finds the camera on USB. To change: FILE; the columns, and what is written in them.
"""

import csv
import sys
from datetime import datetime

from emotion_camera.camera import read_reports
from emotion_camera.errors import UserError
from emotion_camera.reports import FacesReport
from emotion_camera.terminal import csv_cell

FILE = "emotions.csv"
port = sys.argv[1] if len(sys.argv) > 1 else None

try:
    with open(FILE, "a", newline="", encoding="utf-8", buffering=1) as file:
        rows = csv.writer(file)
        if file.tell() == 0:
            rows.writerow(["time", "camera_ms", "face", "emotion", "score", "x", "y", "width", "height"])
        for report in read_reports(port):
            if isinstance(report, FacesReport):
                for face in report.faces:
                    rows.writerow([datetime.now(), report.t, face.id, csv_cell(face.emotion or ""), face.score, *face.box])
except (UserError, KeyboardInterrupt) as stop:
    sys.exit(str(stop))
