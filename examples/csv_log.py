"""Adds a row to emotions.csv for each face in each frame. From the repository's folder:

    python -m examples.csv_log [PORT]

Without PORT it finds the camera on USB. To change: FILE; COLUMNS, and what is written in them.
"""

import csv
import sys
from datetime import datetime

from emotion_camera.camera import read_reports
from emotion_camera.errors import UserError
from emotion_camera.reports import FacesReport
from emotion_camera.terminal import csv_cell

FILE = "emotions.csv"
COLUMNS = "time,camera_ms,face,emotion,score,x,y,width,height,why,valence,arousal"
try:
    with open(FILE, "a+", newline="", encoding="utf-8", buffering=1) as file:
        file.seek(0)
        if (header := file.readline().strip()) not in ("", COLUMNS):
            raise UserError(f"{FILE}: has other columns than are written now; rename it")
        rows = csv.writer(file, lineterminator="\n")
        file.write("" if header else f"{COLUMNS}\n")
        for report in read_reports(sys.argv[1] if len(sys.argv) > 1 else None):
            if isinstance(report, FacesReport):
                for face in report.faces:
                    told = csv_cell(face.emotion or ""), face.score, *face.box, face.why, face.valence, face.arousal
                    rows.writerow([datetime.now(), report.t, face.id, *told])
except (UserError, KeyboardInterrupt) as stop:
    sys.exit(str(stop))
