"""`emotion-camera demo`: the camera program on the simulated camera."""

from emotion_camera.commands.demo.command import add_arguments, run

__all__ = ["add_arguments", "run"]
