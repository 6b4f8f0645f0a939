"""`verify`: whether a camera's firmware answers as it should, and how fast the program is on it."""

from emotion_camera.commands.verify.command import add_arguments, run

__all__ = ["add_arguments", "run"]
