# mypy: ignore-errors
"""A program of the simplest kind, in place of a main.py that is not there or can't get ready: it searches, draws and reports.

timed.py runs it as it runs main.py. It needs no network: an N6 takes none of this project's.
"""

import json
import time

import image
import omv

V5 = omv.version_major >= 5
CASCADES = ("/rom/haarcascade_frontalface.cascade", "frontalface")
HALF = 0.5  # of the frame's size, in which faces are searched


def open_camera():
    try:
        import csi

        camera = csi.CSI()
    except (ImportError, AttributeError):
        import sensor

        sensor.reset()
        sensor.set_pixformat(sensor.GRAYSCALE)
        sensor.set_framesize(sensor.QVGA)
        return sensor.snapshot
    camera.reset()
    camera.pixformat(csi.GRAYSCALE)
    camera.framesize(csi.QVGA)
    if V5:
        camera.framebuffers(2)  # three leave an H7 no scratch memory to search in
    return camera.snapshot


def load_cascade():
    for name in CASCADES:
        try:
            return image.HaarCascade(name)
        except (OSError, ValueError):
            pass


def find(frame, cascade):
    small = frame.copy(x_scale=HALF, y_scale=HALF, hint=image.AREA)
    how = {"threshold": 0.75, "scale" if V5 else "scale_factor": 1.25}
    return [[int(side / HALF) for side in box] for box in small.find_features(cascade, **how)]


snapshot, cascade = open_camera(), load_cascade()
while True:
    frame = snapshot()
    boxes = find(frame, cascade) if cascade else []
    for box in boxes:
        frame.draw_rectangle(*([tuple(box)] if V5 else box), color=255)
    faces = [{"id": i + 1, "box": boxes[i], "emotion": None, "score": 0.0, "scores": [0.0]} for i in range(len(boxes))]
    if faces:
        print(json.dumps({"v": 1, "t": time.ticks_ms(), "fps": 0.0, "faces": faces}))
