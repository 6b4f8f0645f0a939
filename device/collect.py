# Collects faces to train with, by the camera alone: no computer, one button.
#
# Ask the person first: this program can't. It stores pictures of whoever is in front of it, on the camera's card alone.
#
# Put an SD card in, copy this file to it as main.py, connect a button between the pin BUTTON and ground, and reset.
#   short press   stores the largest face under the label that is drawn on the frame; the light flashes green
#   long press    goes on to the next label; the light flashes its number in blue
#   red flash     nothing was stored; the frame says why
# The pictures are faces/<label>/0001.png and on, 48 x 48 grey pixels as the network sees them. Copy the folder to the
# computer and train with it. It runs on firmware v4.5.5 to v5.

import binascii
import gc
import os
import struct
import time

import image
import omv
import sensor

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
BUTTON = "P9"  # name of the pin that the button pulls to ground
LONG_MS = 800  # a press this long is a long one
FLASH_MS = 120  # of the light
FOLDER = "faces"  # on the SD card, or without one on the camera's own disk while that has room
SIZE = 48  # pixels that the network sees
SMALLER = 0.7  # the copy that is searched: less work, and its contrast can be stretched for dim rooms
README = "Faces by label, stored by a camera, which can't ask: delete them unless everybody in them has agreed.\n"
V5 = omv.version_major >= 5  # takes points and boxes as tuples


class Trouble(Exception):
    """What keeps a picture from being stored, as a sentence."""


def open_camera():
    """Grey QVGA frames, set up as main.py does."""
    sensor.reset()
    sensor.set_pixformat(sensor.GRAYSCALE)
    sensor.set_framesize(sensor.QVGA)
    # v5's three frame buffers leave an H7 27 KB of scratch memory, and the search takes 45: it would find no face.
    for name, value in (("contrast", 3), ("gainceiling", 16)) + ((("framebuffers", 2),) if V5 else ()):
        try:
            getattr(sensor, "set_" + name)(value)
        except (RuntimeError, ValueError, OSError, AttributeError):
            pass  # some sensors know neither contrast nor gain ceiling
    sensor.skip_frames(time=2000)


def load_cascade():
    for name in ("/rom/haarcascade_frontalface.cascade", "frontalface"):  # from v4.7.0 on, and before
        try:
            return image.HaarCascade(name, stages=25)
        except (OSError, ValueError):
            pass
    raise Trouble("This firmware has no face cascade: update it in OpenMV IDE.")


def largest_face(frame, cascade):
    """The square box of the largest face in the frame; None where there is none."""
    small = frame.copy(x_scale=SMALLER, y_scale=SMALLER, hint=image.AREA)
    small.histeq()
    step = {"scale": 1.25} if V5 else {"scale_factor": 1.25}
    boxes = small.find_features(cascade, threshold=0.75, **step)
    if not boxes:
        return None
    x, y, w, h = [int((value + 0.5) / SMALLER) for value in max(boxes, key=lambda box: box[2])]
    side = min(max(w, h), frame.width(), frame.height())
    return (min(x, frame.width() - side), min(y, frame.height() - side), side, side)


def face_pixels(frame, box):
    """The face averaged down as in main.py: SIZE x SIZE bytes."""
    scale = (SIZE + 0.01) / box[2]  # or rounding makes it one pixel less
    hint = image.AREA if box[2] > SIZE else image.BILINEAR
    return bytes(frame.copy(roi=box, x_scale=scale, y_scale=scale, hint=hint).bytearray())


def png(pixels):
    """A PNG of SIZE x SIZE grey bytes, not compressed: what training and Edge Impulse read, and can be renamed when whole."""
    rows = b"".join([b"\0" + pixels[start : start + SIZE] for start in range(0, SIZE * SIZE, SIZE)])
    a, b = 1, 0  # zlib's check sum, Adler-32
    for byte in rows:
        a = (a + byte) % 65521
        b = (b + a) % 65521
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows + struct.pack(">HH", b, a)
    head = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data) & 0xFFFFFFFF)


def last_number(label):
    """The number of the label's last picture, 0 for none."""
    try:
        names = os.listdir(FOLDER + "/" + label)
    except OSError:
        return 0  # no folder yet
    return max([0] + [int(name[:-4]) for name in names if name[-4:] == ".png" and name[:-4].isdigit()])


def make_folder(name):
    try:
        os.mkdir(name)
    except OSError as error:
        if error.args[0] != 17:  # it is there
            raise


def write_file(name, content):
    """Beside and renamed: a power cut leaves no half of a picture."""
    with open(name + ".part", "wb") as file:
        file.write(content)
    os.rename(name + ".part", name)


def store(label, number, pixels):
    """Writes a picture and returns its name; Trouble when the disk is full or write-protected."""
    name = "%s/%s/%04d.png" % (FOLDER, label, number)
    try:
        make_folder(FOLDER)
        make_folder(FOLDER + "/" + label)
        if number == 1:
            write_file(FOLDER + "/README.txt", README.encode())
        write_file(name, png(pixels))
    except OSError as error:
        why = "is full" if error.args[0] == 28 else "can't be written (%s)" % error
        raise Trouble("The disk %s: put in an SD card with room, then reset." % why)
    return name


class Button:
    """Tells short presses from long ones. It is looked at once a frame, so press for a moment."""

    def __init__(self):
        import machine

        self.pin = machine.Pin(BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)
        self.since = None  # when the press began, in ticks
        self.told = False  # that it is a long one

    def look(self):
        """The word long as soon as a press is, short when one ends before, else None."""
        now = time.ticks_ms()
        if self.pin.value():
            short = self.since is not None and not self.told
            self.since = None
            return "short" if short else None
        if self.since is None:
            self.since, self.told = now, False
        if self.told or time.ticks_diff(now, self.since) < LONG_MS:
            return None
        self.told = True
        return "long"


def flash(colour, times=1):
    """The camera's light, where the firmware has one."""
    try:
        import machine

        light = machine.LED("LED_" + colour)
    except (ImportError, AttributeError, ValueError, TypeError):
        return
    for _ in range(times):
        light.on()
        time.sleep_ms(FLASH_MS)
        light.off()
        time.sleep_ms(FLASH_MS)


def write(frame, y, text):
    """White letters on black, in as many lines as they need."""
    room = frame.width() // 8 - 1
    for start in range(0, len(text), room):
        line = text[start : start + room]
        draw_box(frame, (0, y, 8 * len(line) + 2, 12), color=0, fill=True)
        frame.draw_string((1, y + 1), line, color=255) if V5 else frame.draw_string(1, y + 1, line, color=255)
        y += 12


def draw_box(frame, box, **how):
    frame.draw_rectangle(box, **how) if V5 else frame.draw_rectangle(*box, **how)


class Collector:
    def __init__(self):
        self.label = 0
        self.number = last_number(LABELS[0])
        self.said = "Press: store. Hold: next label."
        self.cascade = self.button = None
        self.opened = False

    def step(self):
        """One frame: find the largest face, do what the button asks, show how it stands."""
        if not self.opened:
            open_camera()
            self.opened = True
        frame = sensor.snapshot()
        try:
            self.look(frame)
        except Exception as error:
            gc.collect()
            self.refuse(str(error) if isinstance(error, Trouble) else "%s: %s" % (type(error).__name__, error))
        write(frame, 0, "%d %s: %d" % (self.label + 1, LABELS[self.label], self.number))
        write(frame, frame.height() - 36, self.said)

    def look(self, frame):
        self.cascade = self.cascade or load_cascade()
        self.button = self.button or Button()
        box, press = largest_face(frame, self.cascade), self.button.look()
        if press == "long":
            self.label = (self.label + 1) % len(LABELS)
            self.number = last_number(LABELS[self.label])
            self.said = ""
            flash("BLUE", self.label + 1)
        elif press and box:
            self.said = store(LABELS[self.label], self.number + 1, face_pixels(frame, box)) + " is stored."
            self.number += 1
            flash("GREEN")
        elif press:
            raise Trouble("No face is in view: nothing is stored.")
        if box:
            draw_box(frame, box, color=255)

    def refuse(self, why):
        """Say it on the frame as long as nothing else happens; told again, the light flashes again."""
        self.said = why
        print(why)
        flash("RED")


def main():
    collector = Collector()
    while True:
        try:
            collector.step()
        except Exception as error:  # no frame to say it on
            collector.opened = False
            print(error)
            time.sleep_ms(500)


if __name__ == "__main__":
    main()
