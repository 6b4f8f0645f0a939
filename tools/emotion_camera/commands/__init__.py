"""The verbs of the command, one file or folder each. Nothing imports them but the command line."""
