"""`deploy`: puts the camera program and a model on a camera, whole or not at all."""

from emotion_camera.commands.deploy.command import add_arguments, run

__all__ = ["add_arguments", "run"]
