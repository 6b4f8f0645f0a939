"""Generate the bundled assets of the simulator: average faces and the demo clip."""
