"""`python -m bench`: what the camera program costs and how good it is, in scenes whose truth is known."""
