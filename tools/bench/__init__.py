"""`python -m bench`: accuracy and cost of the camera program, in scenes with ground truth."""
