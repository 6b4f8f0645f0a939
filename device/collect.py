# Collects labelled face pictures for training, on the camera alone: no computer, one button.
#
# Ask each person for consent first: this program stores pictures of whoever stands before it, on the camera's SD card.
#
# Insert an SD card, copy this file to it as main.py, connect a button between the pin BUTTON and ground, and reset.
#   short press   stores the largest face under the label shown on the frame; the LED flashes green
#   long press    selects the next label; the LED flashes its number in blue
#   red flash     nothing was stored; the frame says why
# Pictures are faces/<label>/0001.png and so on, 48 x 48 grey pixels, cropped and scaled as the network sees them: copy the
# folder to a computer and train with it. Runs on firmware v4.5.5 to v5.

import binascii
import gc
import os
import struct
import time

import image
import omv
import sensor

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
BUTTON = "P9"  # pin that the button pulls to ground
LONG_MS = 800  # minimum duration of a long press
FLASH_MS = 120  # of the LED, on and off
FOLDER = "faces"  # on the SD card; without one on the internal disk, while it has room
SIZE = 48  # pixels of the network's input
SEARCH_SCALE = 0.7  # of the copy that is searched: half the pixels, with the histogram equalised for dim rooms
README = "Faces by label, stored by a camera, which can't ask: delete them unless everybody in them has agreed.\n"
V5 = omv.version_major >= 5  # it takes points and boxes as tuples


class UserError(Exception):
    """Why a picture was not stored, as a sentence."""


def open_camera():
    """Set up the sensor as main.py does: grey, QVGA."""
    sensor.reset()
    sensor.set_pixformat(sensor.GRAYSCALE)
    sensor.set_framesize(sensor.QVGA)
    # v5's three frame buffers leave an H7 27 KB of scratch memory. The search needs 45 KB and would find nothing.
    for name, value in (("contrast", 3), ("gainceiling", 16)) + ((("framebuffers", 2),) if V5 else ()):
        try:
            getattr(sensor, "set_" + name)(value)
        except (RuntimeError, ValueError, OSError, AttributeError):
            pass  # some sensors have neither contrast nor gain ceiling
    sensor.skip_frames(time=2000)


def load_cascade():
    for name in ("/rom/haarcascade_frontalface.cascade", "frontalface"):  # from v4.7.0 on; built in before that
        try:
            return image.HaarCascade(name, stages=25)
        except (OSError, ValueError):
            pass
    raise UserError("This firmware has no face cascade: update it in OpenMV IDE.")


def largest_face(frame, cascade):
    """The square box of the largest face in the frame, or None."""
    small = frame.copy(x_scale=SEARCH_SCALE, y_scale=SEARCH_SCALE, hint=image.AREA)
    small.histeq()
    step = {"scale": 1.25} if V5 else {"scale_factor": 1.25}
    boxes = small.find_features(cascade, threshold=0.75, **step)
    if not boxes:
        return None
    x, y, w, h = [int((value + 0.5) / SEARCH_SCALE) for value in max(boxes, key=lambda box: box[2])]
    side = min(max(w, h), frame.width(), frame.height())
    return (min(x, frame.width() - side), min(y, frame.height() - side), side, side)


def face_pixels(frame, box):
    """The face scaled as in main.py: SIZE x SIZE bytes."""
    scale = (SIZE + 0.01) / box[2]  # without the 0.01, rounding makes it one pixel less
    hint = image.AREA if box[2] > SIZE else image.BILINEAR
    return bytes(frame.copy(roi=box, x_scale=scale, y_scale=scale, hint=hint).bytearray())


def png(pixels):
    """An uncompressed PNG of SIZE x SIZE grey bytes."""
    rows = b"".join([b"\0" + pixels[start : start + SIZE] for start in range(0, SIZE * SIZE, SIZE)])
    a, b = 1, 0  # Adler-32, zlib's checksum
    for byte in rows:
        a = (a + byte) % 65521
        b = (b + a) % 65521
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows + struct.pack(">HH", b, a)
    head = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", binascii.crc32(kind + data) & 0xFFFFFFFF)


def last_number(label):
    """The highest number of the label's pictures, 0 without any."""
    try:
        names = os.listdir(FOLDER + "/" + label)
    except OSError:
        return 0  # no folder yet
    return max([0] + [int(name[:-4]) for name in names if name[-4:] == ".png" and name[:-4].isdigit()])


def make_folder(name):
    try:
        os.mkdir(name)
    except OSError as error:
        if error.args[0] != 17:  # EEXIST
            raise


def write_file(name, content):
    """Written beside and renamed: a power cut leaves no partial picture."""
    with open(name + ".part", "wb") as file:
        file.write(content)
    os.rename(name + ".part", name)


def store(label, number, pixels):
    """Store a picture; returns its name. UserError when the disk is full or write-protected."""
    name = "%s/%s/%04d.png" % (FOLDER, label, number)
    try:
        make_folder(FOLDER)
        make_folder(FOLDER + "/" + label)
        if number == 1:
            write_file(FOLDER + "/README.txt", README.encode())
        write_file(name, png(pixels))
    except OSError as error:
        why = "is full" if error.args[0] == 28 else "can't be written (%s)" % error
        raise UserError("The disk %s: put in an SD card with room, then reset." % why)
    return name


class Button:
    """Short and long presses, read once per frame: hold it for at least a frame."""

    def __init__(self):
        import machine

        self.pin = machine.Pin(BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)
        self.since = None  # start of the press, ticks
        self.is_long = False  # already reported

    def read(self):
        """ "long" as soon as a press is, "short" when one ends before that, else None."""
        now = time.ticks_ms()
        if self.pin.value():
            short = self.since is not None and not self.is_long
            self.since = None
            return "short" if short else None
        if self.since is None:
            self.since, self.is_long = now, False
        if self.is_long or time.ticks_diff(now, self.since) < LONG_MS:
            return None
        self.is_long = True
        return "long"


def flash(colour, times=1):
    """Flash the LED, where the firmware has one."""
    try:
        import machine

        led = machine.LED("LED_" + colour)
    except (ImportError, AttributeError, ValueError, TypeError):
        return
    for _ in range(times):
        led.on()
        time.sleep_ms(FLASH_MS)
        led.off()
        time.sleep_ms(FLASH_MS)


def draw_text(frame, y, text):
    """White letters on black, in as many lines as needed."""
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
        self.message = "Press: store. Hold: next label."
        self.cascade = self.button = None
        self.opened = False

    def step(self):
        """Process a frame and show the label, its count and the last message."""
        if not self.opened:
            open_camera()
            self.opened = True
        frame = sensor.snapshot()
        try:
            self.process(frame)
        except Exception as error:
            gc.collect()
            self.fail(str(error) if isinstance(error, UserError) else "%s: %s" % (type(error).__name__, error))
        draw_text(frame, 0, "%d %s: %d" % (self.label + 1, LABELS[self.label], self.number))
        draw_text(frame, frame.height() - 36, self.message)

    def process(self, frame):
        """Find the largest face; store it or change the label as the button says."""
        self.cascade = self.cascade or load_cascade()
        self.button = self.button or Button()
        box, press = largest_face(frame, self.cascade), self.button.read()
        if press == "long":
            self.label = (self.label + 1) % len(LABELS)
            self.number = last_number(LABELS[self.label])
            self.message = ""
            flash("BLUE", self.label + 1)
        elif press and box:
            self.message = store(LABELS[self.label], self.number + 1, face_pixels(frame, box)) + " is stored."
            self.number += 1
            flash("GREEN")
        elif press:
            raise UserError("No face is in view: nothing is stored.")
        if box:
            draw_box(frame, box, color=255)

    def fail(self, message):
        """Show the message until the next, print it and flash the LED."""
        self.message = message
        print(message)
        flash("RED")


def main():
    collector = Collector()
    while True:
        try:
            collector.step()
        except Exception as error:  # no frame to draw on
            collector.opened = False
            print(error)
            time.sleep_ms(500)


if __name__ == "__main__":
    main()
