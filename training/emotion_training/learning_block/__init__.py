"""The training as a custom learning block of Edge Impulse: Studio gives arrays and settings, and gets model files.

`emotion-camera train learning-block FOLDER` puts it into a folder for `edge-impulse-blocks push`. What Studio passes and takes
is told by https://docs.edgeimpulse.com/studio/organizations/custom-blocks/custom-learning-blocks.
"""
