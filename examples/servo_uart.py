"""Turns a servo to an angle for the emotion of the largest face. From the repository's folder:

    python -m examples.servo_uart SERVO_PORT [PORT]

SERVO_PORT is the serial port of a servo controller (an Arduino, say) that takes lines of text: P90 and a line feed
means 90 degrees. Without PORT it finds the camera on USB. To change: ANGLES, BAUD, and the line that is sent.
"""

import sys

from emotion_camera.camera import read_reports
from emotion_camera.camera.ports import open_port
from emotion_camera.errors import UserError
from emotion_camera.model.labels import emotion_of
from emotion_camera.reports import FacesReport

ANGLES = {"angry": 0, "disgust": 20, "fear": 40, "sad": 60, "neutral": 90, "surprise": 135, "happy": 180}
BAUD = 9600
if len(sys.argv) < 2:
    sys.exit(__doc__)
try:
    servo, last = open_port(sys.argv[1], BAUD), None
    for report in read_reports(sys.argv[2] if len(sys.argv) > 2 else None):
        emotion = report.faces[0].emotion if isinstance(report, FacesReport) else None
        emotion = emotion and emotion_of(emotion)  # "happy" of a model that says Happiness
        if emotion in ANGLES and emotion != last:
            servo.write(f"P{ANGLES[emotion]}\n".encode())
            last = emotion
except (UserError, OSError, KeyboardInterrupt) as stop:
    sys.exit(str(stop))
