# Facial emotion recognition for an OpenMV Cam H7 or a Nicla Vision: ../main.py, compiled to fit their flash and memory.
# Copy this file, emotion_camera.mpy, emotion.tflite and emotion.txt to the camera.
import emotion_camera

# Change a setting from the top of ../main.py like this:
# emotion_camera.UART = 3

emotion_camera.main()
