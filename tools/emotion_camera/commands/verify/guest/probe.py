# mypy: ignore-errors
# ruff: noqa: E731, F821
"""Asks the firmware one thing at a time: boxes of find_features, area copies, a network's input bytes, scores.

Sent after common.py. Nothing is written to the camera's disks: the network that shows its input lies on a disk in memory.
"""

import image
import omv

V5 = omv.version_major >= 5
try:
    GRAYSCALE = image.GRAYSCALE
except AttributeError:
    import sensor

    GRAYSCALE = sensor.GRAYSCALE
CASCADES = ("/rom/haarcascade_frontalface.cascade", "frontalface")
BLOCK, BLOCKS = 512, 50  # the smallest disk that FAT takes

cascade = network = picture = None


def load_cascade():
    global cascade
    for name in CASCADES:
        try:
            cascade = image.HaarCascade(name)
            return
        except (OSError, ValueError):
            pass
    raise OSError("this firmware has no face cascade")


def new_frame(width, height, grey, faces):
    """Later probes are about this frame; the one before is given back."""
    global picture
    picture = None
    gc.collect()
    picture = image.Image(width, height, GRAYSCALE)
    draw(picture.bytearray(), width, height, grey, faces)


def find(threshold, scale, roi):
    how = {"threshold": threshold, "scale" if V5 else "scale_factor": scale, "roi": roi}
    say([tuple(box) for box in picture.find_features(cascade, **how)])


def copy(roi, scale):
    """An area copy's size, and its bytes before and after histeq, as hashes."""
    small = picture.copy(roi=roi, x_scale=scale, y_scale=scale, hint=image.AREA)
    before = sha256(small.bytearray())
    small.histeq()
    say(small.width(), small.height(), before, sha256(small.bytearray()))


def sha256(data):
    import hashlib

    return str(binascii.hexlify(hashlib.sha256(data).digest()), "ascii")


class Blocks:
    """A disk in memory, of which only what is written to takes any."""

    def __init__(self):
        self.written = {}

    def readblocks(self, number, buffer, offset=0):
        for at in range(0, len(buffer), BLOCK):
            data = self.written.get(number + at // BLOCK) or bytes(BLOCK)
            buffer[at : at + BLOCK] = data[offset : offset + len(buffer) - at]

    def writeblocks(self, number, buffer, offset=0):
        for at in range(0, len(buffer), BLOCK):
            data = bytes(buffer[at : at + BLOCK])
            old = self.written.get(number + at // BLOCK) or bytes(BLOCK)
            if any(data):
                self.written[number + at // BLOCK] = old[:offset] + data + old[offset + len(data) :]
            else:
                self.written.pop(number + at // BLOCK, None)

    def ioctl(self, request, value):
        return {4: BLOCKS, 5: BLOCK}.get(request, 0)


def mount_memory():
    try:
        import vfs
    except ImportError:  # before MicroPython 1.23
        import os as vfs
    blocks = Blocks()
    vfs.VfsFat.mkfs(blocks)
    vfs.mount(vfs.VfsFat(blocks), "/verify")


def append(path, text):
    with open(path, "ab") as file:
        file.write(binascii.a2b_base64(text))


def load_network(path):
    global network
    network = None
    gc.collect()
    try:
        import ml
    except ImportError:
        import tf

        net = tf.load(path)
        network = lambda roi: tf.classify(net, picture, roi=roi)[0].output()
        return
    from ml.preprocessing import Normalization

    model = ml.Model(path)
    # A new Normalization each time: one keeps the first region that it sees.
    network = lambda roi: model.predict([Normalization(roi=roi)(picture)])[0].flatten()


def show_input(roi):
    """The bytes that the network that gives its input back was given."""
    values = bytearray(int(value * 255 + 0.5) for value in network(roi))
    say(str(binascii.b2a_base64(values), "ascii").strip())


def score(roi):
    say([float(value) for value in network(roi)])
