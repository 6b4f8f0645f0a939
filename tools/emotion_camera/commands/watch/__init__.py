"""`watch`: a page in the browser that shows what a camera sees, live, on this computer alone."""

from emotion_camera.commands.watch.command import add_arguments, run

__all__ = ["add_arguments", "run"]
