"""From a trained network to the int8 file: calibration, quantization, and back to Keras."""
