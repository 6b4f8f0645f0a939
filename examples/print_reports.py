"""Prints what the camera reports, in words. From the repository's folder:

    python -m examples.print_reports [PORT]

Without PORT it finds the camera on USB. To change: what is printed for a face.
"""

import sys

from emotion_camera.reports.parse import EventReport, UserError, read

port = sys.argv[1] if len(sys.argv) > 1 else None

try:
    for report in read(port):
        if isinstance(report, EventReport):
            print(report.event, report.message or "", flush=True)
            continue
        for face in report.faces:
            print(f"face {face.id}: {face.emotion or 'not sure'} ({face.score:.0%})", flush=True)
except (UserError, KeyboardInterrupt) as stop:
    sys.exit(str(stop))
