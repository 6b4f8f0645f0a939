"""A simulated board as a serial port sees it: its disks and its REPL."""
