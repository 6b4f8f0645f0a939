"""The model: what the camera takes, what it costs, reading the file, running it, and which files go on which board."""
