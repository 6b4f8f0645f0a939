"""`doctor`: one page of truth about this computer, the camera and what is on it."""

from emotion_camera.commands.doctor.command import add_arguments, run

__all__ = ["add_arguments", "run"]
