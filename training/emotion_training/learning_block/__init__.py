"""The training as a custom learning block of Edge Impulse: Studio passes arrays and settings, and takes model files.

`emotion-camera train learning-block FOLDER` writes the Docker context for `edge-impulse-blocks push`. The interface is described
at https://docs.edgeimpulse.com/studio/organizations/custom-blocks/custom-learning-blocks.
"""
