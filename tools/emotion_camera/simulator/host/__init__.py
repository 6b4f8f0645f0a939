"""The host process of the simulator: what answers the calls of the camera program."""
