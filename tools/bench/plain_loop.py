# mypy: ignore-errors
"""The baseline: the loop of OpenMV's examples, which searches the whole frame and shows each face's best score.

A camera program for firmware v4.8 and later; it needs emotion.tflite and emotion.txt beside it.
"""

import json
import time

import csi
import image
import ml
import omv
from ml.preprocessing import Normalization

camera = csi.CSI()
camera.reset()
camera.pixformat(csi.GRAYSCALE)
camera.framesize(csi.QVGA)
camera.framebuffers(2)  # v5 keeps three, which leaves an H7 too little memory to search in
camera.contrast(3)
camera.gainceiling(16)
camera.snapshot(time=2000)

cascade = image.HaarCascade("/rom/haarcascade_frontalface.cascade", stages=25)
model = ml.Model("emotion.tflite")
step = {"scale" if omv.version_major >= 5 else "scale_factor": 1.25}
clock = time.clock()
print(json.dumps({"v": 1, "event": "ready", "labels": model.labels}))

while True:
    clock.tick()
    frame = camera.snapshot()
    faces = []
    for box in frame.find_features(cascade, threshold=0.75, **step):
        scores = model.predict([Normalization(roi=box)(frame)])[0].flatten().tolist()
        best = scores.index(max(scores))
        face = {
            "id": len(faces) + 1,
            "box": box,
            "emotion": model.labels[best],
            "score": scores[best],
            "scores": scores,
        }
        faces.append(face)
    for face in faces:
        frame.draw_rectangle(face["box"], color=255)
    if faces:
        fps = min(1000, clock.fps())  # of the first frame it is far more, and no report has that
        print(json.dumps({"v": 1, "t": time.ticks_ms(), "fps": fps, "faces": faces}))
