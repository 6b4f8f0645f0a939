"""Facial emotion recognition on an OpenMV Cam: deploy it, watch it, record it, and run it on a simulated camera."""

__version__ = "0.3.0"
