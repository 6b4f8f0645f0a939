"""From a trained network to the int8 file: calibration, conversion, and back."""
