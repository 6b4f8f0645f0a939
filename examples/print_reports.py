"""Prints what the camera reports, in words. From the repository's folder:

    python -m examples.print_reports [PORT]

Without PORT it finds the camera on USB. To change: what is printed for a face. face.word is its emotion, or why there
is none ("turned"); face.valence and face.arousal are from -1 to 1.
"""

import sys

from emotion_camera.camera import read_reports
from emotion_camera.errors import UserError
from emotion_camera.reports import EventReport
from emotion_camera.terminal import print_line

port = sys.argv[1] if len(sys.argv) > 1 else None

try:
    for report in read_reports(port):
        if isinstance(report, EventReport):
            print_line(f"{report.event} {report.message or ''}")
            continue
        for face in report.faces:
            print_line(f"face {face.id}: {face.word}" + (f" ({face.score:.0%})" if face.emotion else ""))
except (UserError, KeyboardInterrupt) as stop:
    sys.exit(str(stop))
