"""The program inside an .eim: it answers Edge Impulse's Linux clients for one int8 model.

It is packed into the file as the package `eim`, and imports nothing of this project, so that the file works alone.
"""
