# Facial emotion recognition on the OpenMV Cam.
#
# Copy this file, emotion.tflite and emotion.txt to the camera, open OpenMV IDE and run: each face in the frame buffer
# is boxed and named. Nothing leaves the camera but one line of JSON a frame on the serial port.
# (To an H7 or a Nicla copy what is in device/compact: this program, compiled to fit their flash and memory.)
#
# Why it works: the Haar cascade that the firmware carries looks for faces in a small copy of the frame; a face that is
# found is followed in a narrow region round it. A small int8 network sees each face as 48 x 48 pixels, cut as its
# training pictures were, and gives a score for each emotion; the scores are averaged over a moment before they are
# shown. It runs on firmware v4.5.5 to v5.

import binascii
import gc
import hashlib
import json
import math
import os
import sys
import time

import image
import omv

VERSION = "0.2.0"  # of this program, told by the event ready

# Settings ------------------------------------------------------------------------------------------------------------

MODEL = "emotion.tflite"  # int8; its labels are in the .txt of the same name, one a line
FRAME = "QVGA"  # 320 x 240: in smaller frames a face across the table falls under the cascade's 24 pixels
CONTRAST = 3  # the cascade skips windows with a standard deviation under 50 grey levels, so contrast finds faces
GAIN_CEILING = 16  # lifts dim rooms, with noise that the cascade still bears
THRESHOLD = 0.75  # of each cascade stage: higher finds more, and more that is no face (1.3 already does)
SCALE = 1.25  # from one face size to the next: 1.1 finds more at four times the cost, 1.5 misses faces
# Scales of the copies in which the whole frame is searched in turn, and how often the frame as it is, which finds small faces
# and costs 2 to 3 times as much. In furnished rooms with nobody in sight the copies take 7.5 and 14.3 M instructions.
FRAME_SCALES = (0.35, 0.45, 0.35)
FULL_EVERY = 7
# A followed face is looked for in a square so many times its size, in a copy so many pixels wide, with this threshold; after
# a miss in the second way, too, and in the third where its place looks as it did. In 42 pixels its box is as exact as in 48, for
# 6.3 M instructions instead of 9.9. In copies under 40 pixels the cascade steps by one pixel, not by two: with a threshold that
# lets more pass, 99.6 % of 41 recorded faces are found. In 64 pixels it finds faces half turned away that it else never finds.
ROI_SEARCHES = ((1.5, 42, 0.75), (1.6, 39, 0.95), (1.5, 64, 0.95))
VIEW = 0.92  # of the cascade's box is cut out for the network, as its training pictures are cut
HOLD_MS = 500  # a face not found is still shown so long, fainter, while its place looks as it did: the cascade blinks
STEADY_MS = 120  # a face that neither moves nor changes is searched and read in turn, each again within about so long
STEADY_SCORES = 0.25  # no score of it differs by more from what is shown
COAST_MS = 1000  # a face not found is looked for further along its way so long
FORGET_MS = 2000  # a face that comes back within this keeps its number: from behind another, or a hand
CALIBRATION_MS = 3000  # long enough for a breath, short enough to hold still
CALIBRATE_AT_START = False  # learn the first face's look at rest as soon as it is seen
SETTLE_MS = 2000  # the sensor's exposure needs this long after its reset
RETRY_MS = 3000  # between two tries to load what was missing: time to read the sentence in the frame
PAUSE_MS = 200  # before the next try to get a frame
UART = None  # the number of a UART for reports and commands: 3 is P4 and P5 of an OpenMV Cam H7
UART_BAUD = 115200
BUTTON = None  # name of a pin that a button pulls to ground to start a calibration: "P9"
LIGHTS = True  # the camera's light shows the largest face's emotion
# Milliseconds after which a camera that makes no progress resets itself, for one that works alone: 10000. Not while
# OpenMV IDE is in use: once started it cannot be stopped, and resets the camera when the IDE stops this program.
WATCHDOG_MS = None

# What the command "set" changes and emotion.json keeps: value, least, most.
SETTINGS = {
    "max_faces": (4, 1, 10),  # the largest are shown
    "read_faces": (2, 1, 10),  # how many of them the network reads in a frame, by turns: each costs one run
    "search_ms": (300, 0, 10000),  # between searches of the whole frame for newcomers while a face is followed
    "smooth_ms": (120, 0, 5000),  # scores are averaged over about so long, by the clock and not by frames
    "margin": (0.25, 0, 1),  # another emotion must lead by this before the name changes
    # Under this a face is shown as "?" and reported as null: 3 of 100 of PublicTest's, of which a third would be right.
    "sure": (0.35, 0, 1),
    "lean": (0.0, 0, 1),  # from everyday (0: most are neutral or happy) to expressive (1: all seven equally likely)
    "report_ms": (0, 0, 60000),  # least time between two reports
}
DOUBT = 0.15  # a name is taken back when its score falls so far under "sure"
SETTINGS_FILE = "emotion.json"
COLOURS = {
    "angry": 1,
    "disgust": 2,
    "fear": 4,
    "happy": 3,
    "sad": 5,
    "surprise": 6,
    "neutral": 7,
}  # red 1, green 2, blue 4

CASCADE_FILE = "/rom/haarcascade_frontalface.cascade"  # firmware v4.7.0 and later
CASCADE_NAME = "frontalface"  # built in before that
STAGES = 25  # all of them
MISSING = "%s is not on the camera: copy it beside main.py, then reset."
WINDOW = 24  # pixels: what the cascade looks at must be larger

# v5 takes points and boxes as tuples, and scale= in find_features; before v4.8 they are loose numbers, and v4 knows
# scale_factor= alone.
V5 = omv.version_major >= 5
WHITE, GREY, BLACK = 255, 128, 0
LONGEST_LINE = 500  # bytes: v5's serial port holds 511 on an H7, and loses the whole of a longer line
LETTER_W, LETTER_H = 8, 10  # pixels of the firmware's font


def on_emotion(face):
    """Called with a face's report when its name has changed: set a pin, move a servo, whatever you like."""


class Trouble(Exception):
    """What keeps the program from working, as a sentence for the person in front of it."""


# Camera --------------------------------------------------------------------------------------------------------------


class Camera:
    """Grey frames from csi.CSI (v4.8 and later) or the sensor module (before); opened at need, again after a failure."""

    def __init__(self):
        self.snapshot = None

    def frame(self):
        """The next frame. Raises Trouble when the sensor does not answer; the next call opens it anew."""
        try:
            if self.snapshot is None:
                self.snapshot = open_camera()
            return self.snapshot()
        except (RuntimeError, OSError) as error:
            self.snapshot = None
            raise Trouble("The camera gives no picture (%s): check module and lens cable." % error)


def open_camera():
    """Reset the sensor, set it up, and return its snapshot function."""
    try:
        import csi as module

        sensor, prefix = module.CSI(), ""  # AttributeError on v4.6 and v4.7, where csi is another name for sensor
    except (ImportError, AttributeError):
        import sensor as module

        sensor, prefix = module, "set_"
    sensor.reset()
    getattr(sensor, prefix + "pixformat")(module.GRAYSCALE)
    getattr(sensor, prefix + "framesize")(frame_size(module))
    # v5's three frame buffers leave an H7 27 KB of scratch memory, and a search of the frame takes 64: it would find no face.
    wanted = (("contrast", CONTRAST), ("gainceiling", GAIN_CEILING)) + ((("framebuffers", 2),) if V5 else ())
    for setting, value in wanted:
        try:
            getattr(sensor, prefix + setting)(value)
        except (RuntimeError, ValueError, OSError, AttributeError):
            pass  # some sensors know neither contrast nor gain ceiling
    if prefix:
        sensor.skip_frames(time=SETTLE_MS)
    else:
        sensor.snapshot(time=SETTLE_MS)
    return sensor.snapshot


def frame_size(module):
    if not hasattr(module, FRAME):
        raise Trouble("FRAME is %s, which this camera does not know: see the settings of main.py." % FRAME)
    return getattr(module, FRAME)


# Finding faces -------------------------------------------------------------------------------------------------------


def load_cascade():
    for name in (CASCADE_FILE, CASCADE_NAME):
        try:
            return image.HaarCascade(name, stages=STAGES)
        except (OSError, ValueError):
            pass
    raise Trouble("This firmware has no face cascade: update it in OpenMV IDE (Tools, Install the Latest).")


class Copies:
    """Smaller copies of parts of the frame, drawn into memory that is taken once.

    A copy of the firmware's own takes its pixels from the heap each time: that of an H7 often has no block so large.
    """

    def __init__(self, frame):
        try:
            # Room for the largest copy of the whole frame: 16 KB of QVGA.
            self.memory = bytearray(int(frame.width() * frame.height() * max(FRAME_SCALES) ** 2))
            self.take(frame, (0, 0, 48, 48), 0.5)
        except (MemoryError, TypeError, ValueError, AttributeError):
            self.memory = b""  # no room, or a firmware without such pictures: it makes its own copies

    def take(self, frame, region, scale, hint=image.AREA):
        """The part `region` of the frame, smaller by `scale`. The next copy is drawn over it.

        Raises MemoryError or OSError where there is no room.
        """
        width, height = int(region[2] * scale), int(region[3] * scale)
        how = {"roi": region, "x_scale": scale, "y_scale": scale, "hint": hint}
        if width * height > len(self.memory):
            return frame.copy(**how)
        return image.Image(width, height, image.GRAYSCALE, buffer=self.memory).draw_image(frame, 0, 0, **how)


class Finder:
    """Finds faces in small copies of the frame, or of a part of it, with their contrast stretched.

    A copy of half size has a fifth of the windows; stretched, it shows faces in dim rooms to the cascade, which skips
    windows with a standard deviation under 50.
    """

    def __init__(self, copies):
        self.cascade = load_cascade()
        self.copies = copies
        self.turn = -1

    def everywhere(self, frame):
        """Square boxes of the faces in the whole frame."""
        # The cascade steps over faces, over others at each scale and start.
        self.turn += 1
        width, height = frame.width(), frame.height()
        if self.turn % FULL_EVERY == FULL_EVERY - 1:
            return self.search(frame, (0, 0, width, height), frame, (0, 0), 1, THRESHOLD)
        start = 3 * (self.turn % 5)
        scale = FRAME_SCALES[self.turn % len(FRAME_SCALES)]
        return self.within(frame, (start, start, width - start, height - start), scale, THRESHOLD)

    def near(self, frame, face, now):
        """Square boxes of the faces in the region where a face is expected."""
        boxes, expected = [], face.expected(now)
        for factor, size, threshold in ROI_SEARCHES[: 2 + face.alike]:
            if all(distance(expected, box) > 0.5 for box in boxes):
                region = square(grow(expected, factor), frame.width(), frame.height())
                boxes += self.within(frame, region, min(1, (size + 0.01) / region[2]), threshold)
        return boxes

    def within(self, frame, region, scale, threshold):
        """Square boxes of the faces in a region, searched in a copy that is smaller by `scale`.

        The frame itself is searched where there is no memory for a copy, or the region is too small for one.
        """
        try:
            small = self.copies.take(frame, region, scale)
            small.histeq()
            # A copy begins on its own grid, up to one of its pixels left of and above the region.
            corner = [int(region[i] * scale) / scale for i in (0, 1)]
            return self.search(small, (0, 0, small.width(), small.height()), frame, corner, scale, threshold)
        except (MemoryError, ValueError, OSError):
            return self.search(frame, region, frame, (0, 0), 1, threshold)

    def search(self, picture, roi, frame, corner, scale, threshold):
        """Square boxes, in pixels of the frame, of the faces in a picture that shows it from `corner` on, at a scale."""
        if min(roi[2], roi[3]) <= WINDOW:
            return []
        if V5:
            boxes = picture.find_features(self.cascade, threshold=threshold, scale=SCALE, roi=roi)
        else:
            boxes = picture.find_features(self.cascade, threshold=threshold, scale_factor=SCALE, roi=roi)
        # The cascade rounds down, in pixels of the copy; half of one is given back.
        half = 0.5 if scale < 1 else 0
        boxes = [[(value + half) / scale for value in box] for box in boxes]
        boxes = [(int(corner[0] + x), int(corner[1] + y), int(w), int(h)) for x, y, w, h in boxes]
        return [square(box, frame.width(), frame.height()) for box in boxes]


def square(box, width, height):
    """The square about a box's middle, inside the frame: v4 crops other shapes to the network's, v5 stretches them."""
    x, y, w, h = box
    side = min(max(w, h), width, height)
    x = max(0, min(x + (w - side) // 2, width - side))
    y = max(0, min(y + (h - side) // 2, height - side))
    return (x, y, side, side)


def grow(box, times):
    x, y, w, h = box
    more = int(w * (times - 1) / 2)
    return (x - more, y - more, w + 2 * more, h + 2 * more)


def distance(a, b):
    """How unlike two square boxes are, in sizes of the larger: shift of the middle, and difference in size."""
    size = max(a[2], b[2])
    return (abs(a[0] + a[2] / 2 - b[0] - b[2] / 2) + abs(a[1] + a[3] / 2 - b[1] - b[3] / 2) + abs(a[2] - b[2])) / size


# Following faces -----------------------------------------------------------------------------------------------------


class Face:
    """One face while it is followed: its number, box and speed, and its smoothed scores and name."""

    def __init__(self, number, box, now):
        self.number = number
        self.box = box
        self.speed = (0, 0)  # pixels a millisecond
        self.seen = now
        self.sightings = 1  # frames in which it was found; a closer look in the first of them counts half
        self.missed = 0  # searches since it was found
        self.place = None  # grey levels of its place when it was found
        self.alike = False  # whether its place looks like that now
        self.logs = None  # of its scores, averaged over a moment, as the network gave them
        self.rest = None  # what its scores are multiplied by, by label, for it at rest to look so
        self.scores = None  # as they are shown
        self.read = now  # when the network last read it
        self.mirrored = False  # whether it was read in a mirror
        self.calm = False  # whether its last scores were about those shown
        self.best = None  # index of the name shown, None while uncertain

    def gone(self, now):
        """Milliseconds since it was last found."""
        passed = time.ticks_diff(now, self.seen)
        return passed if passed >= 0 else FORGET_MS  # after 6 days without a frame it is negative

    def is_steady(self, now):
        """Whether it need not be searched and read in one frame: it was found a moment ago, shows what it did, and keeps still,
        which is less than 3 % of its size in 100 ms."""
        moved = abs(self.speed[0]) + abs(self.speed[1])
        return self.calm and self.missed == 0 and self.gone(now) < STEADY_MS and moved < 0.0003 * self.box[2]

    def view(self):
        """The part of its box that is read and reported."""
        x, y, side, _ = self.box
        less = int(side * (1 - VIEW) / 2)
        return (x + less, y + less, side - 2 * less, side - 2 * less)

    def watch(self, frame, now):
        """See what its place in the frame looks like: whether it can still be there though it is not found."""
        place = square(self.expected(now), frame.width(), frame.height())
        x, y, side, _ = place
        step = side // 6
        places = [(x + i % 6 * step, y + i // 6 * step) for i in range(36)]
        seen = [frame.get_pixel(at) if V5 else frame.get_pixel(*at) for at in places]
        if self.gone(now) == 0:
            self.box, self.place = place, seen  # what it was expected to be may have left the frame
        middle = sum(self.place) // 36
        # By less than half of its own contrast: noise, and a face that turns.
        self.alike = 2 * sum([abs(a - b) for a, b in zip(seen, self.place)]) < sum(
            [abs(a - middle) for a in self.place]
        )

    def expected(self, now):
        """Where it is if it moves on as it did, in the frame or not; after COAST_MS it is taken to stand still."""
        passed = min(self.gone(now), COAST_MS)
        x, y, w, h = self.box
        return (int(x + self.speed[0] * passed), int(y + self.speed[1] * passed), w, h)

    def move(self, box, now):
        """Follow it to where it was found. An alpha-beta filter, for the cascade's boxes come in steps of 25 %."""
        passed, expected = max(1, self.gone(now)), self.expected(now)
        if passed > HOLD_MS or distance(expected, box) > 0.5:
            self.speed = (0, 0)
        else:
            dx, dy = (
                box[0] + (box[2] - expected[2]) / 2 - expected[0],
                box[1] + (box[3] - expected[3]) / 2 - expected[1],
            )
            self.speed = (self.speed[0] + 0.2 * dx / passed, self.speed[1] + 0.2 * dy / passed)
            x, y, side, _ = [(a + b + 1) // 2 for a, b in zip(expected, box)]
            box = (x, y, side, side)
        self.box, self.seen = box, now
        self.sightings += 1
        self.missed = 0

    def update(self, logs, bias, now, settings):
        """Blend new logs of scores in by the time that has passed, and change the name if another leads clearly.

        `bias` is added to them before they are shown.
        """
        if self.logs is None:
            self.logs = logs
        else:
            fresh = softmax([a + b for a, b in zip(logs, bias)])
            self.calm = max([abs(a - b) for a, b in zip(fresh, self.scores)]) < STEADY_SCORES
            share = 1 - math.exp(-max(1, time.ticks_diff(now, self.read)) / max(1, settings["smooth_ms"]))
            for i, log in enumerate(logs):
                self.logs[i] += share * (log - self.logs[i])
        self.scores = softmax([a + b for a, b in zip(self.logs, bias)])
        self.read = now
        best, sure, margin = max(self.scores), settings["sure"], settings["margin"]
        if self.best is not None and self.scores[self.best] < sure - DOUBT:
            self.best = None
        if best >= sure and (self.best is None or best > self.scores[self.best] + margin):
            self.best = self.scores.index(best)


def softmax(logs):
    """Scores that add up to 1, from their logs, to which any number may have been added."""
    most = max(logs)
    powers = [math.exp(log - most) for log in logs]
    total = sum(powers)
    return [power / total for power in powers]


class Tracker:
    """Follows faces from frame to frame; searches the whole frame only while there is none, and now and then."""

    number = 0  # the last one given, also by a tracker before this one

    def __init__(self, finder, settings):
        self.finder = finder
        self.settings = settings
        self.faces = []  # followed, or lost for less than FORGET_MS
        self.last = None  # when the last frame was, in ticks
        self.searched = None  # when the whole frame was
        self.turn = 0  # of those that are lost
        self.due = []  # the faces to read: those found in this frame, and steady ones that were not searched

    def follow(self, frame, now):
        """The faces to show, the largest first."""
        forget = FORGET_MS if self.last is None else max(FORGET_MS, 3 * time.ticks_diff(now, self.last))  # slow cameras
        self.last = now
        self.turn += 1
        # What was found but once, and then not again where it was looked for, is no face.
        self.faces = [
            face for face in self.faces if face.gone(now) < forget and (face.sightings > 1 or face.missed < 3)
        ]
        steady = [face for face in self.faces if face.is_steady(now)]
        boxes = []
        for face in self.faces[: self.settings["max_faces"]]:
            if face not in steady and (face.gone(now) < COAST_MS or self.turn % 2):
                face.missed += 1
                boxes += self.finder.near(frame, face, now)
        nobody = not boxes and not any(is_shown(face, now) for face in self.faces)
        if nobody or self.searched is None or time.ticks_diff(now, self.searched) >= self.settings["search_ms"]:
            self.searched = now
            boxes += self.finder.everywhere(frame)
        self.match(boxes, steady, now)
        for face in self.faces:
            if face.sightings == 1 and face.gone(now) == 0:
                self.confirm(frame, face, now)
            if face.gone(now) < HOLD_MS:
                face.watch(frame, now)
        self.due = [face for face in self.faces if face.gone(now) == 0 or face in steady]
        self.faces.sort(key=lambda face: -face.box[2])
        return [face for face in self.faces if is_shown(face, now)][: self.settings["max_faces"]]

    def confirm(self, frame, face, now):
        """Look at a newcomer again, closely: what is not found then is often no face, and not shown."""
        others = [other.expected(now) for other in self.faces if other is not face]
        for box in self.finder.near(frame, face, now):
            if face.sightings == 1 and distance(face.box, box) < 0.5 and is_apart(box, others, 0.5):
                face.box, face.sightings = box, 1.5

    def match(self, boxes, steady, now):
        """Give each face the box that is nearest to where it is expected; a box far from all that were given is a new face.

        Those that are steady were not searched: they keep the boxes that they have.
        """
        pairs = []
        for i, face in enumerate(self.faces):
            for j, box in enumerate(boxes):
                pairs.append((distance(face.expected(now), box), i, j))
        pairs.sort()
        matched, given = [self.faces.index(face) for face in steady], [face.box for face in steady]
        for apart, i, j in pairs:
            # One face is often found twice. The second box is not another's, unless that one was there a moment ago.
            # And a box between two faces is often the mean of both: the firmware joins what overlaps.
            least, most = (0.4, 0.5) if self.faces[i].gone(now) < 250 else (0.75, 1)
            if apart < most and i not in matched and is_apart(boxes[j], given, least):
                self.faces[i].move(boxes[j], now)
                matched.append(i)
                given.append(boxes[j])
        for box in boxes:
            if is_apart(box, given, 0.75):
                Tracker.number += 1
                self.faces.append(Face(Tracker.number, box, now))
                given.append(box)


def is_apart(box, others, least):
    return all(distance(box, other) > least for other in others)


def is_shown(face, now):
    """Whether a face is shown: what was found twice; if in several frames, for a moment longer."""
    if face.sightings < 3:
        return face.sightings > 1 and face.missed == 0
    return face.missed < 2 or (face.alike and face.gone(now) < HOLD_MS)


# Network -------------------------------------------------------------------------------------------------------------


class Network:
    """The model and its labels. Raises Trouble when either is missing or broken."""

    def __init__(self, frame):
        self.labels = load_labels(MODEL.rsplit(".", 1)[0] + ".txt")
        check_model(MODEL)
        self.sha256 = file_sha256(MODEL)
        self.selftest = "none"
        gc.collect()  # the model and its arena each need one free block
        try:
            self.scores, self.size = load_model()
            scores = self.scores(frame, draw_pattern(frame))
        except Exception as error:
            # The firmware says "Failed to allocate tensors" when no free block holds the arena.
            if isinstance(error, MemoryError) or "allocate" in str(error):
                raise Trouble("%s does not fit in memory: use a smaller model." % MODEL)
            if "Failed to load network" in str(error):  # the N6
                raise Trouble("%s can't run here: this camera takes only models made by ST Edge AI." % MODEL)
            raise Trouble("%s can't be used (%s): copy the int8 model again, then reset." % (MODEL, error))
        if len(scores) != len(self.labels):
            raise Trouble(
                "%s gives %d scores, its labels file has %d lines: copy both." % (MODEL, len(scores), len(self.labels))
            )
        try:
            self.take(model_notes(), scores)
        except (ValueError, TypeError):
            raise Trouble("%s is cut short or damaged at its end: copy it again, then reset." % MODEL)

    def take(self, notes, scores):
        """Keep what the model's notes say of its scores, and hold those of the drawn pattern to what they should be.

        Raises ValueError or TypeError for notes that make no sense.
        """
        known, prior, resting = [notes.get(name) for name in ("selftest", "prior", "resting")]
        if any(values and len(values) != len(scores) for values in (known, prior, resting)):
            raise ValueError
        self.temperature = float(notes.get("temperature", 1))
        self.prior = [math.log(share) for share in prior] if prior else [0] * len(scores)
        self.resting = resting
        if known:
            # Kernels may round differently; another model, or a damaged one, is further off than 0.06.
            given, wanted = softmax(self.logs(scores)), softmax(self.logs([byte / 256 for byte in known]))
            if any(abs(a - b) > 0.06 for a, b in zip(given, wanted)):
                raise Trouble("%s gives a wrong answer to its self-test: copy it again, then reset." % MODEL)
            self.selftest = "ok"

    def logs(self, scores):
        """The logs of scores at the model's own temperature. What was rounded to 0 counts as half of the least, 1/256."""
        return [self.temperature * math.log(max(score, 1 / 512)) for score in scores]

    def look(self, frame, box, copies, mirrored):
        """The scores of a face, or of its mirror image. A large one is averaged down, which keeps the sensor's noise out, not
        sampled; a small one is not mirrored."""
        if box[2] <= self.size:
            return self.scores(frame, box)
        scale = (self.size + 0.01) / box[2]  # or rounding makes it one pixel less
        try:
            hint = image.AREA | image.HMIRROR if mirrored else image.AREA
            small = copies.take(frame, box, scale, hint)
        except (MemoryError, OSError):
            return self.scores(frame, box)
        return self.scores(small, (0, 0, small.width(), small.height()))


def draw_pattern(frame):
    """Draw the self-test's 6 x 6 grey squares into a corner of the frame; returns their box."""
    for i in range(36):
        draw_box(frame, i % 6 * 8, i // 6 * 8, 8, 8, color=i * i * 7 % 256, fill=True)
    return (0, 0, 48, 48)


def model_notes():
    """What stands in JSON at the end of the model's file, {} where nothing does; ValueError where it is damaged.

    selftest: the scores of the drawn pattern, in 256ths; temperature: what the logs of the model's scores are multiplied by,
    which are kept low lest small scores be rounded to 0; prior: how frequent it takes each emotion to be; resting: the logs
    of the scores of a face at rest.
    """
    with open(MODEL, "rb") as file:
        file.seek(-min(512, os.stat(MODEL)[6]), 2)
        end = file.read()
    at = end.rfind(b'{"notes"')
    return json.loads(end[at:]) if at >= 0 else {}


# What the firmware follows in a .tflite file, a FlatBuffer: fields of tables by their numbers in TensorFlow's schema.fbs, each
# with the size of its items, or with the fields of the tables that it holds. A field under 0 holds one table, of number -n.
QUANTIZATION = ((0, 4), (1, 4), (2, 4), (3, 8))
GRAPH = ((0, ((0, 4), (3, 1), (-4, QUANTIZATION))), (1, 4), (2, 4), (3, ((1, 4), (2, 4), (-4, ()))))
MODEL_FIELDS = ((1, ((1, 1),)), (2, GRAPH), (4, ((0, 1),)))


def check_model(name):
    """Raises Trouble for a file that is no whole model: the firmware follows its offsets wherever they lead, and a file cut short
    resets the camera, for ever."""
    try:
        with open(name, "rb") as file:

            def number(at, size=4):
                if at < 0 or file.seek(at) != at:
                    raise ValueError
                data = file.read(size)
                if len(data) < size:
                    raise ValueError
                return int.from_bytes(data, "little")

            if number(4) != 0x334C4654 or not number(0):  # TFL3
                raise ValueError
            walk(number, number(0), MODEL_FIELDS)
    except ValueError:
        raise Trouble("%s is no whole TensorFlow Lite model: copy it again, then reset." % name)
    except OSError:
        raise Trouble(MISSING % name)


def walk(number, table, fields):
    """Look at a FlatBuffer's table and all below it; ValueError where something lies outside the file."""
    back = number(table)
    names = table - (back if back < 1 << 31 else back - (1 << 32))
    if number(names, 2) < 4:
        raise ValueError
    for index, held in fields:
        place = 4 + 2 * abs(index)
        at = number(names + place, 2) if place < number(names, 2) else 0
        if at:
            at += table
            at += number(at)
            count = 1 if index < 0 else number(at)
            if type(held) is int:
                if count:
                    number(at + 3 + count * held, 1)
                continue
            for i in range(count):
                here = at + 4 + 4 * i
                walk(number, at if index < 0 else here + number(here), held)


def load_model():
    """A function from (frame, square box) to the list of scores, and the side of the square that the network sees.

    By ml (firmware v4.5.6 and later) or tf (before).
    """
    try:
        import ml
        from ml.preprocessing import Normalization
    except ImportError:
        import tf

        net = tf.load(MODEL)
        return lambda frame, box: tf.classify(net, frame, roi=box)[0].output(), net.input_height()
    model = ml.Model(MODEL)

    def scores(frame, box):
        # A new Normalization for each face: one keeps the first region that it sees.
        return model.predict([Normalization(roi=box)(frame)])[0].flatten().tolist()

    return scores, model.input_shape[0][1]


def load_labels(name):
    try:
        with open(name) as file:
            labels = [line.strip() for line in file.read(1024).split("\n")]
    except UnicodeError:
        raise Trouble("%s is not plain text in UTF-8: write one label a line." % name)
    except OSError:
        raise Trouble(MISSING % name)
    while labels and not labels[-1]:
        labels.pop()
    if not labels or "" in labels:
        raise Trouble("%s is empty or has a blank line: write one label a line." % name)
    return labels


def file_sha256(name):
    """The file's SHA-256 in hexadecimal, read in small pieces."""
    digest = hashlib.sha256()
    buffer = bytearray(512)
    view = memoryview(buffer)
    try:
        with open(name, "rb") as file:
            while True:
                count = file.readinto(buffer)
                if not count:
                    return binascii.hexlify(digest.digest()).decode()
                digest.update(view[:count])
    except OSError:
        raise Trouble(MISSING % name)


# Settings that last, and the look at rest -----------------------------------------------------------------------------


class Memory:
    """Settings and the resting look, kept in a file. A power cut at any moment leaves the old or the new one."""

    def __init__(self):
        self.settings = {name: value[0] for name, value in SETTINGS.items()}
        self.rest = {}  # what the scores of the face learnt last are multiplied by, by label; empty when nothing was learnt
        self.trouble = None
        # The new file is written beside the old one and renamed; FAT removes the old one first, so look at both.
        for name in (SETTINGS_FILE, SETTINGS_FILE + ".new"):
            try:
                with open(name) as file:
                    kept = json.load(file)
                settings, rest = kept.get("settings") or {}, kept.get("rest") or {}
                settings = {name: checked(name, settings[name]) for name in SETTINGS if name in settings}
                rest = {label: within(float(rest[label])) for label in rest}
            except OSError:
                continue
            except Exception:
                self.trouble = "%s is damaged: the settings are as they come." % SETTINGS_FILE
                continue
            self.settings.update(settings)
            self.rest = rest
            self.trouble = None
            return

    def set(self, name, text):
        """Change a setting and keep it; Trouble says why not."""
        self.settings[name] = checked(name, text)
        self.keep()

    def keep(self):
        """Write the file; Trouble when the disk is full or write-protected."""
        try:
            with open(SETTINGS_FILE + ".new", "w") as file:
                file.write(json.dumps({"settings": self.settings, "rest": self.rest}))
            os.rename(SETTINGS_FILE + ".new", SETTINGS_FILE)
        except OSError as error:
            raise Trouble("%s can't be written (%s): this holds until the power goes." % (SETTINGS_FILE, error))


def within(factor):
    """A factor of a score as it may be: no correction is stronger, whatever was learnt."""
    return min(500, max(0.002, factor))


def checked(name, value):
    """The value of a setting, from a number or a text; Trouble where it can't be."""
    if name not in SETTINGS:
        raise Trouble("No setting is called %s: there are %s." % (name, ", ".join(sorted(SETTINGS))))
    usual, least, most = SETTINGS[name]
    try:
        number = type(usual)(value)
    except (ValueError, TypeError):
        raise Trouble("%s takes a %snumber, not %s." % (name, "whole " if type(usual) is int else "", value))
    if not least <= number <= most:
        raise Trouble("%s takes %s to %s, not %s." % (name, least, most, value))
    return number


class Calibration:
    """Learns how the network reads a face at rest: in three seconds, from one look if need be.

    The person's own logs at rest are taken off those of every look from then on, and those of a face at rest added: as far as
    the looks agree with each other and are many.
    """

    BETWEEN = 1.0  # variance of the resting logs between people
    LOOK = 0.5  # of one look at the same one, before it was seen
    SITTING = 0.1  # and of all looks of one sitting: without it resting faces lose more of their expressions

    def __init__(self, since):
        self.since = since  # ticks; None: from when a face is first seen
        self.number = None  # of the face
        self.looks = []  # sums and sums of squares of each label's logs
        self.count = 0

    def add(self, logs, now):
        """One look at the face."""
        if not self.looks:
            self.looks = [(0, 0) for _ in logs]
            self.since = now if self.since is None else self.since
        self.count += 1
        middle = sum(logs) / len(logs)
        self.looks = [(a + log - middle, b + (log - middle) ** 2) for (a, b), log in zip(self.looks, logs)]

    def done(self, now):
        """Whether the time is over."""
        return self.since is not None and time.ticks_diff(now, self.since) >= CALIBRATION_MS

    def result(self, labels, resting):
        """What each score is multiplied by, by label; Trouble when there was no face."""
        if not self.count:
            raise Trouble("Nothing was learnt: look at the camera for three seconds.")
        if "neutral" not in labels:
            raise Trouble("Nothing was learnt: this model has no label neutral.")
        resting = resting or [math.log(0.7 if label == "neutral" else 0.3 / (len(labels) - 1)) for label in labels]
        middle = sum(resting) / len(resting)
        rest = {}
        for label, wanted, (total, squares) in zip(labels, resting, self.looks):
            mean = total / self.count
            spread = (self.LOOK + max(0, squares - self.count * mean * mean)) / self.count
            strength = self.BETWEEN / (self.BETWEEN + self.SITTING + spread / self.count)
            rest[label] = round(within(math.exp(strength * (wanted - middle - mean))), 4)
        return rest


# Commands ------------------------------------------------------------------------------------------------------------

HELP = "status | calibrate | clear | draw on | draw off | set NAME VALUE | help"


class Line:
    """Lines from the serial port or a UART, without ever waiting for one. `read` gives a byte, or None or b"" for none."""

    def __init__(self, read):
        self.read = read
        self.text = ""

    def get(self):
        """A whole line, or None."""
        for _ in range(64):  # no more a frame: a sender that never stops must not stop the faces
            letter = self.read()
            if not letter:
                return None
            if letter in b"\r\n":
                line, self.text = self.text.strip(), ""
                if line and line[0] != "{":  # our own, when a reader sends back what it gets
                    return line
            elif len(self.text) < 80 and b" " <= letter <= b"~":
                self.text += chr(letter[0])
        return None


def serial_line():
    """What is typed on the serial port; None where the firmware can't tell without waiting."""
    try:
        import select

        serial = getattr(sys.stdin, "buffer", sys.stdin)  # bytes: half a letter must not make it wait
        poll = select.poll()
        poll.register(sys.stdin, select.POLLIN)
    except (ImportError, OSError, TypeError, AttributeError):
        return None
    return Line(lambda: serial.read(1) if poll.poll(0) else None)


def uart_line(uart):
    return Line(lambda: uart.read(1) if uart.any() else None) if uart else None


# Drawing and reports -------------------------------------------------------------------------------------------------


def draw_box(frame, x, y, w, h, **how):
    if V5:
        frame.draw_rectangle((x, y, w, h), **how)
    else:
        frame.draw_rectangle(x, y, w, h, **how)


def write(frame, x, y, text):
    """White letters on black, legible on any frame."""
    draw_box(frame, x, y, LETTER_W * len(text) + 2, LETTER_H + 2, color=BLACK, fill=True)
    if V5:
        frame.draw_string((x + 1, y + 1), text, color=WHITE, mono_space=True)
    else:
        frame.draw_string(x + 1, y + 1, text, color=WHITE, mono_space=True)


def draw_face(frame, face, missed):
    """Its box and name; the box fainter where the face was not found this time."""
    x, y, w, h = face["box"]
    text = "%s %d%%" % (face["emotion"] or "?", round(100 * face["score"]))
    draw_box(frame, x, y, w, h, color=GREY if missed else WHITE, thickness=1 if missed else 2)
    left = max(0, min(x, frame.width() - LETTER_W * len(text) - 2))
    above = y - LETTER_H - 3
    write(frame, left, above if above >= 0 else y + 2, text)


def draw_sentence(frame, sentence):
    """A sentence in as many lines as it needs, words kept whole."""
    room = frame.width() // LETTER_W - 1
    y, line = 0, ""
    for word in sentence.split(" ") + [None]:
        if word is not None and len(line) + len(word) < room:
            line = line + " " + word if line else word
        else:
            write(frame, 0, y, line)
            y, line = y + LETTER_H + 2, word


class Reports:
    """One line of JSON to each reader: the serial port, v5's protocol channel, a UART.

    A line is never longer than LONGEST_LINE: what is more follows in lines that begin alike, each but the last with
    "more":true.
    """

    def __init__(self):
        self.channel = self.uart = None
        self.sent = None  # when the last report of faces was
        try:
            import protocol

            self.channel = Channel()
            protocol.register(name="emotion", backend=self.channel)
        except ImportError:
            pass

    def open_uart(self):
        if UART is not None:
            import machine

            self.uart = machine.UART(UART, UART_BAUD)

    def faces(self, every_ms, now, fps, faces):
        """The faces of a frame, at most every `every_ms`."""
        # After 6 days ticks_diff is negative.
        if self.sent is None or not 0 <= time.ticks_diff(now, self.sent) < every_ms:
            self.sent = now
            self.tell('"t":%d,"fps":%.1f,"faces":[' % (now, fps), [face_text(face) for face in faces], "]")

    def event(self, event, **fields):
        """Anything else that is told: an event, with its fields."""
        fields = ["%s:%s" % (json.dumps(name), json.dumps(fields[name])) for name in fields]
        self.tell('"event":"%s"%s' % (event, "," if fields else ""), fields, "")

    def tell(self, head, parts, tail):
        """A line of JSON of so many parts; on the serial port and the UART in several lines where it is too long for one."""
        start, rest = '{"v":1,' + head, tail + ',"more":true}'
        line = start
        for part in parts:
            if line != start and len((line + part + rest).encode()) >= LONGEST_LINE:
                self.send(line + rest)
                line = start
            line += part if line == start else "," + part
        self.send(line + tail + "}")
        if self.channel:
            self.channel.show(start + ",".join(parts) + tail + "}")

    def send(self, line):
        print(line)
        if self.uart is not None:
            self.uart.write(line + "\n")


def face_text(face):
    """A face as JSON. Numbers as short as they are good for: json.dumps gives those of the camera up to 8 places."""
    scores = ",".join(["%.2f" % score for score in face["scores"]])
    return '{"id":%d,"box":[%d,%d,%d,%d],"emotion":%s,"score":%.2f,"scores":[%s]}' % (
        (face["id"],) + tuple(face["box"]) + (json.dumps(face["emotion"]), face["score"], scores)
    )


class Channel:
    """What a program on the PC reads from the camera on firmware v5, always the newest line, whole; and how it gives commands
    there, where nothing reaches the serial port's input."""

    def __init__(self):
        self.line = self.reading = b""
        self.new = False
        self.letters = []  # a list can be added to and taken from in one step: the firmware calls write at any time

    def show(self, line):
        self.line = line.encode()
        self.new = True

    def poll(self):
        return self.new

    def size(self):
        self.reading = self.line  # what the reads that follow are about
        self.new = False
        return len(self.reading)

    def read(self, offset, size):
        return self.reading[offset : offset + size]

    def write(self, offset, data):
        if len(self.letters) < 200:
            self.letters.extend(data)
        return len(data)

    def letter(self):
        return bytes([self.letters.pop(0)]) if self.letters else b""


class Lights:
    """The camera's light in the colour of an emotion."""

    def __init__(self):
        self.leds, self.shown = [], ""
        if LIGHTS:
            try:
                import machine

                self.leds = [machine.LED(name) for name in ("LED_RED", "LED_GREEN", "LED_BLUE")]
            except (ImportError, AttributeError, ValueError, TypeError):
                pass  # older firmware and some boards have none

    def show(self, emotion):
        if emotion != self.shown:
            self.shown = emotion
            for bit, led in enumerate(self.leds):
                led.on() if COLOURS.get(emotion, 0) >> bit & 1 else led.off()


# The program ---------------------------------------------------------------------------------------------------------


class Rate:
    """Frames a second, mostly of the last ten. (time.clock() averages over all since it was made.)"""

    def __init__(self):
        self.last = None  # ticks
        self.passed = 0  # ms a frame

    def tick(self):
        """Count a frame; returns frames a second, 0 at the first."""
        now = time.ticks_ms()
        if self.last is not None:
            passed = max(1, time.ticks_diff(now, self.last))
            self.passed = 0.9 * self.passed + 0.1 * passed if self.passed else passed
        self.last = now
        return round(1000 / self.passed, 1) if self.passed else 0


class Watcher:
    """What looks at frames: tracker and network. Raises Trouble when a part is missing."""

    def __init__(self, frame, memory, reports):
        self.memory = memory
        self.reports = reports
        self.network = Network(frame)  # first: it needs the two largest free blocks
        self.copies = Copies(frame)  # next: one large block, taken once
        self.tracker = Tracker(Finder(self.copies), memory.settings)
        self.rate = Rate()
        self.lights = Lights()
        self.told = {}  # the name last given to on_emotion, by face
        self.draws = True  # a program that collects faces from the frames wants them bare
        self.calibration = Calibration(None) if CALIBRATE_AT_START and not memory.rest else None
        reports.event("ready", **self.about())

    def about(self):
        return {
            "board": omv.board_type(),
            "firmware": "%d.%d.%d" % (omv.version_major, omv.version_minor, omv.version_patch),
            "program": VERSION,
            "model": MODEL,
            "sha256": self.network.sha256,
            "labels": self.network.labels,
            "selftest": self.network.selftest,
        }

    def look(self, frame):
        """Find the faces, name them, report and draw them."""
        now = time.ticks_ms()
        shown = self.tracker.follow(frame, now)
        self.read(frame, shown, now)  # all of it before anything is drawn: a box must not cross the next face
        shown = [face for face in shown if face.scores]
        faces = [self.tell(face) for face in shown]
        fps = self.rate.tick()
        if faces:
            self.reports.faces(self.memory.settings["report_ms"], now, fps, faces)
        self.lights.show(faces[0]["emotion"] if faces else None)
        if self.draws:
            for face, told in zip(shown, faces):
                draw_face(frame, told, face.missed)
            write(frame, 0, frame.height() - LETTER_H - 2, "%.1f fps" % fps)
        if self.calibration:
            self.calibrate(frame, now)
        self.act(faces)

    def read(self, frame, faces, now):
        """Run the network on the faces that are due; where they are many, on those that waited longest."""
        due = [face for face in faces if face in self.tracker.due and self.is_due(face, now)]
        calibration = self.calibration
        if calibration and calibration.number is None and due:
            calibration.number = due[0].number  # the largest
        learnt = calibration and calibration.number
        due.sort(
            key=lambda face: (face.number != learnt, -time.ticks_diff(now, face.read) if face.scores else -FORGET_MS)
        )
        for face in due[: self.memory.settings["read_faces"]]:
            # The mirror image by turns: their mean is right for 1.1 points more of FER+'s faces, and costs nothing here.
            logs = self.network.logs(self.network.look(frame, face.view(), self.copies, face.mirrored))
            face.mirrored = not face.mirrored
            if calibration and face.number == learnt:
                calibration.add(logs, now)
            if face.rest is None:  # what was learnt at another time is taken to be of whoever comes alone
                face.rest = self.memory.rest if len(self.tracker.faces) == 1 else {}
            face.update(logs, self.bias(face), now, self.memory.settings)

    def bias(self, face):
        """What is added to the logs of a face's scores: by the setting lean, and by what was learnt of it at rest."""
        lean, network = self.memory.settings["lean"], self.network
        return [math.log(face.rest.get(label, 1)) - lean * prior for label, prior in zip(network.labels, network.prior)]

    def is_due(self, face, now):
        """A steady face is read in the frames in which it is not searched, and not in each."""
        passed = time.ticks_diff(now, face.read)
        if not face.scores or not face.is_steady(now) or not 0 <= passed < STEADY_MS:
            return True
        return face.gone(now) > 0 and passed >= STEADY_MS // 2

    def tell(self, face):
        """A face as it stands in the report."""
        best = face.scores.index(max(face.scores)) if face.best is None else face.best
        return {
            "id": face.number,
            "box": face.view(),
            "emotion": None if face.best is None else self.network.labels[best],
            "score": face.scores[best],
            "scores": face.scores,
        }

    def act(self, faces):
        """Call on_emotion for each face whose name has changed."""
        told, self.told = self.told, {face["id"]: face["emotion"] for face in faces}
        for face in faces:
            if told.get(face["id"], "") != face["emotion"]:
                on_emotion(face)

    def calibrate(self, frame, now):
        """Say how it goes, and take the result when the time is over."""
        if not self.calibration.done(now):
            return draw_sentence(frame, "Look at the camera, face at rest ...")
        calibration, self.calibration = self.calibration, None
        try:
            self.memory.rest = calibration.result(self.network.labels, self.network.resting)
            for face in self.tracker.faces:
                if face.number == calibration.number:
                    face.rest, face.best = self.memory.rest, None  # its name need not lead by a margin now
            self.reports.event("calibrated", rest=self.memory.rest)
            self.memory.keep()
        except Trouble as trouble:
            self.reports.event("reply", message=str(trouble))


def explain(error):
    """The sentence for a person."""
    if isinstance(error, Trouble):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory is full: use a smaller model or frame."
    return "%s (%s): the program goes on." % (type(error).__name__, error)


class Program:
    """One step a frame. Whatever fails is drawn, reported once, and tried again."""

    def __init__(self):
        self.camera = Camera()
        self.memory = Memory()
        self.reports = Reports()
        self.button = None
        self.pressed = False  # whether the button was, in the last frame
        self.watchdog = None
        self.watcher = None
        self.trouble = None  # the sentence, while something is wrong and for RETRY_MS after
        self.said = None  # the one that was reported last
        self.tried = None  # when the parts were last loaded, in ticks
        self.failed = self.told = 0  # when something last failed, and when that was reported
        self.failures = 0  # frames in a row
        if self.memory.trouble:
            self.fail(Trouble(self.memory.trouble))
        try:
            self.button = open_button()
            self.reports.open_uart()
        except Exception as error:  # the camera has no such pin or UART
            self.fail(Trouble("BUTTON or UART can't be used (%s): see the settings of main.py." % error))
        channel = self.reports.channel
        lines = serial_line(), uart_line(self.reports.uart), Line(channel.letter) if channel else None
        self.lines = [line for line in lines if line]

    def step(self):
        """Take a frame, load what is not loaded, look, and do as told."""
        frame, now = self.camera.frame(), time.ticks_ms()
        try:
            if not self.watcher and (self.tried is None or time.ticks_diff(now, self.tried) >= RETRY_MS):
                self.tried = now
                self.watcher = Watcher(frame, self.memory, self.reports)
            self.listen()
            if self.watcher:
                self.watcher.look(frame)
                self.failures = 0
                self.feed()
        except Exception as error:
            self.fail(error)
        if self.trouble:
            self.tell(frame, now)
        if not self.watcher:
            gc.collect()  # what is kept from now on lies low in the heap, and leaves the model room

    def tell(self, frame, now):
        """Draw what is wrong, until it was well for RETRY_MS."""
        if self.watcher and time.ticks_diff(now, self.failed) >= RETRY_MS:
            self.trouble = self.said = None
            return self.reports.event("recovered")
        try:
            draw_sentence(frame, self.trouble)
        except Exception:
            pass  # no memory to draw with: it was reported

    def fail(self, error):
        """Note and report what is wrong."""
        self.failures += 1
        if isinstance(error, MemoryError) and self.failures > 99:  # sooner it may only be full for a moment
            self.watcher = self.tried = None  # it is loaded anew, into a heap swept clean
        gc.collect()
        self.failed = time.ticks_ms()
        self.trouble = explain(error)
        # Troubles that take turns are not all told: a line a frame would help nobody.
        lately = 0 <= time.ticks_diff(self.failed, self.told) < RETRY_MS
        if self.said is None or (self.said != self.trouble and not lately):
            self.told, self.said = self.failed, self.trouble
            self.reports.event("error", message=self.trouble)

    def listen(self):
        """Do what is typed, or what the button asks for."""
        lines = [line.get() for line in self.lines]
        pressed = self.button is not None and not self.button.value()
        if pressed and not self.pressed:
            lines.append("calibrate")
        self.pressed = pressed
        for line in lines:
            if line:
                self.answer(line.split())

    def answer(self, words):
        """Report the answer to a command, or why it can't be done."""
        try:
            answer = self.obey(words)
        except Trouble as trouble:
            answer = str(trouble)
        if answer:
            self.reports.event("reply", message=answer)

    def obey(self, words):
        """The answer to a command, if any; Trouble with a sentence for one that can't be done."""
        verb, given = words[0], words[1:]
        if verb == "set" and len(given) == 2:
            self.memory.set(given[0], given[1])
            return "%s is %s." % (given[0], self.memory.settings[given[0]])
        if verb == "draw" and given in (["on"], ["off"]):
            return self.draw(given[0])
        if not given and verb in ("status", "calibrate", "clear", "help"):
            return getattr(self, verb)()
        raise Trouble("That is no command: there are %s." % HELP)

    def help(self):
        return HELP

    def status(self):
        about = self.watcher.about() if self.watcher else {}
        memory = self.memory
        gc.collect()  # or what is left over would count as taken
        self.reports.event("status", free=gc.mem_free(), settings=memory.settings, rest=memory.rest, **about)

    def calibrate(self):
        if not self.watcher:
            raise Trouble("Not yet: %s" % self.trouble)
        if self.watcher.calibration:
            return "It is learning already."
        self.watcher.calibration = Calibration(time.ticks_ms())
        return "Look at the camera, face at rest, for 3 s."

    def draw(self, how):
        """Boxes and names on the frame or not, until the next start."""
        if not self.watcher:
            raise Trouble("Not yet: %s" % self.trouble)
        self.watcher.draws = how == "on"
        return "draw is %s." % how

    def clear(self):
        self.memory.rest = {}
        if self.watcher:
            self.watcher.calibration = None
            for face in self.watcher.tracker.faces:
                face.rest, face.best = {}, None
        self.memory.keep()
        return "The resting look is forgotten."

    def feed(self):
        """Keep the watchdog from resetting the camera: it is armed once all works, and fed only when a frame came."""
        if self.watchdog is None and WATCHDOG_MS:
            import machine

            self.watchdog = machine.WDT(timeout=WATCHDOG_MS)
        if self.watchdog is not None:
            self.watchdog.feed()


def open_button():
    if BUTTON is None:
        return None
    import machine

    return machine.Pin(BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)


def main():
    program = None
    while True:
        try:
            program = program or Program()
            program.step()
        except Exception as error:
            # No frame to draw on, or no memory to draw with.
            try:
                program.fail(error)
                program.listen()
            except Exception:
                gc.collect()
            time.sleep_ms(PAUSE_MS)


if __name__ == "__main__":
    main()
