"""Makers of the pictures that come with the project: average faces and the clip."""
