# mypy: ignore-errors
# ruff: noqa: F821
"""What all probes on the camera share: they print tuples behind a mark, and draw frames of grey and small faces.

`MARK` stands before this in what is sent. The patches come in pieces, each whole in memory once: they take 4 KB each.
"""

import binascii
import gc

patches = {}
plain_print = print  # a program's is covered later


def say(*values):
    plain_print(MARK + repr(values))


def new_patch(name, side):
    patches[name] = (side, bytearray(side * side))


def put_patch(name, at, text):
    data = binascii.a2b_base64(text)
    patches[name][1][at : at + len(data)] = data


def draw(pixels, width, height, grey, faces):
    """Fill a picture's bytes with `grey`, then with the part of each (patch, x, y) that lies in it; x and y are not negative."""
    blank = bytes([grey]) * 2048
    for at in range(0, len(pixels), 2048):
        more = min(2048, len(pixels) - at)
        pixels[at : at + more] = blank if more == 2048 else blank[:more]
    for name, x, y in faces:
        side, patch = patches[name]
        columns = min(side, width - x)
        for row in range(min(side, height - y)):
            to = (y + row) * width + x
            pixels[to : to + columns] = patch[row * side : row * side + columns]


def free():
    gc.collect()
    return gc.mem_free()
