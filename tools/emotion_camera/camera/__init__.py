"""The one way to talk to a camera: on USB, at its REPL, simulated, or recorded.

for report in read_reports():
    if isinstance(report, FacesReport):
        print(report.faces[0].emotion)
"""

from emotion_camera.camera.stream import CameraStream, open_stream, read_reports

__all__ = ["CameraStream", "open_stream", "read_reports"]
