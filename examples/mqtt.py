"""Publishes each face's emotion to an MQTT broker, as emotion/<id>, when it changes. From the repository's folder:

    python -m examples.mqtt [PORT [BROKER[:NUMBER]]]

Without PORT, or with "", it finds the camera on USB. To change: BROKER, the topic, and what is sent.
"""

import sys

from emotion_camera.camera import read_reports
from emotion_camera.errors import UserError
from emotion_camera.reports import FacesReport
from paho.mqtt.client import CallbackAPIVersion, Client

BROKER = "localhost:1883"
host, _, number = (sys.argv[2] if len(sys.argv) > 2 else BROKER).partition(":")
client = Client(CallbackAPIVersion.VERSION2)
last: dict[int, str | None] = {}
try:
    client.connect(host, int(number or 1883))
    client.loop_start()
    for report in read_reports(sys.argv[1] if len(sys.argv) > 1 else None):
        if isinstance(report, FacesReport):
            for face in report.faces:
                if face.emotion != last.get(face.id):
                    client.publish(f"emotion/{face.id}", face.emotion or "not sure")
            last = {face.id: face.emotion for face in report.faces}
except (UserError, OSError, KeyboardInterrupt) as stop:
    sys.exit(f"no MQTT broker answers on {host}: start it ({stop})" if isinstance(stop, OSError) else str(stop))
