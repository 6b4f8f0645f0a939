"""The one way to talk to a camera: on USB, at its REPL, simulated, or recorded."""
