# Facial emotion recognition on an OpenMV Cam, in real time and on the camera alone.
#
# The program finds the faces in view, tracks them and classifies the expression of each: angry, disgust, fear, happy,
# sad, surprise or neutral. It draws a box and a name on each face and prints one line of JSON per frame with faces:
#
#   {"v":1,"t":123456,"fps":14.2,"faces":[{"id":3,"box":[96,52,88,88],"emotion":"happy","score":0.91,
#    "valence":0.69,"arousal":0.44,"scores":[...]}]}
#
# Run it     Copy this file, emotion.tflite and emotion.txt to the camera's disk and open OpenMV IDE: Connect, Start.
#            On an OpenMV Cam H7 or a Nicla Vision, which have little memory, use device/compact in its place.
# Use it     Write your own code into on_emotion() below: set a pin, move a servo. Or read the JSON lines from USB, from a
#            UART, or on firmware v5 from the protocol channel "emotion". `emotion` is null while the program
#            can't tell, and `why` says what keeps it: far, dark, blurred, turned, covered or unsure.
# Adapt it   Change the settings below, or send a command on the same port: "help" lists them, "calibrate" adapts the
#            scores to your own neutral face.
#
# How it works, frame by frame:
#   Camera        takes a grey frame of 320 x 240 pixels.
#   FaceDetector  runs the firmware's Haar cascade on small copies of the frame: 3 to 5 times faster than on the frame.
#   Tracker       gives each face an id and follows it in a region of interest (ROI); it searches the whole frame only
#                 every 300 ms, and keeps a face in view for a moment where the cascade misses it.
#   Network       an int8 network sees each face as 48 x 48 pixels, cropped as in training, and gives seven scores.
#   Track         adds up the evidence of the readings, and changes the name only when another emotion leads clearly.
#   Pipeline      runs these in turn, then reports and draws.
#   Program       loads it all, executes commands and recovers from every error: each is a sentence on the frame.
#
# Runs on firmware v4.5.5 to v5. It stores no picture, and sends none but the preview in OpenMV IDE or the live page.

import binascii
import gc
import hashlib
import json
import math
import os
import struct  # full program only
import sys
import time

import image
import omv

VERSION = "0.3.0"  # of this program, reported by the event "ready"

# Settings ------------------------------------------------------------------------------------------------------------

MODEL = "emotion.tflite"  # int8; its labels are in the .txt file of the same name, one per line
FRAME = "QVGA"  # 320 x 240: in smaller frames a face across a table is below the cascade's 24 pixels
CONTRAST = 3  # the cascade skips windows with a standard deviation under 50 grey levels: more contrast, more faces
GAIN_CEILING = 16  # brightens dim rooms; the cascade tolerates the noise
THRESHOLD = 0.75  # of each cascade stage: higher finds more faces and more false positives (many from 1.3 on)
SCALE = 1.25  # between two face sizes: 1.1 finds more faces at four times the cost, 1.5 misses faces
# The whole frame is searched in copies of these scales in turn, and every so many searches at full size, which finds small
# faces and costs 2 to 3 times as much. In furnished rooms without people the copies take 7.5 and 14.3 M instructions.
FRAME_SCALES = (0.35, 0.45, 0.35)
FULL_EVERY = 7
# A tracked face is searched in a square ROI: its size as a multiple of the face's, pixels of the copy, threshold. The second
# is tried after a miss in the first, the third if the place also looks unchanged. A 42-pixel copy gives boxes as exact as one of
# 48, for 6.3 M instructions instead of 9.9. In copies under 40 pixels the cascade steps by one pixel, not two: with a higher
# threshold this finds 99.6 % of 41 recorded faces. The 64-pixel copy finds half-turned faces that the others miss.
ROI_SEARCHES = ((1.5, 42, 0.75), (1.6, 39, 0.95), (1.5, 64, 0.95))
CROP = 0.92  # of the cascade's box is what the network sees: the crop of its training pictures
HOLD_MS = 500  # a face that is lost stays on screen this long, drawn thinner, while its place looks unchanged
STEADY_MS = 120  # a face that neither moves nor changes is searched and classified in turn, each about this often
SETTLED = 0.8  # a face whose name gets this score in a reading need not be classified in the next frame
FAR = 32  # pixels: a face that can't be told and is smaller is "far". At 24 FER+'s faces are told 5 points worse than at 48
DARK = 5  # grey levels: a face whose pixels differ less from their mean is too dark; 7 keeps 78 % of the right names, 4 half
COAST_MS = 1000  # a face that is lost is searched along its predicted path this long
FORGET_MS = 2000  # a face that is found again within this time keeps its id: it was behind a hand or another head
CALIBRATION_MS = 3000  # long enough to average over, short enough to keep still
CALIBRATE_AT_START = False  # calibrate to the first face that is seen
SETTLE_MS = 2000  # for the sensor's automatic exposure, after a reset
RETRY_MS = 3000  # between attempts to load what was missing: time to read the message on the frame
PAUSE_MS = 200  # before the next attempt to capture a frame
UART = None  # number of a UART for reports and commands: 3 is P4 and P5 of an OpenMV Cam H7
UART_BAUD = 115200
BUTTON = None  # name of a pin, such as "P9", that a button pulls to ground to start a calibration
LIGHTS = True  # the camera's RGB LED shows the emotion of the largest face
# Drawn for the first seconds: people have a right to know, in the EU by law (docs/notice.md). "" draws nothing.
NOTICE = "This camera reads facial expressions."
NOTICE_MS = 5000
# For a camera that works unattended, 10000: it resets itself when no frame is processed for so many milliseconds. Leave
# it off with OpenMV IDE: a watchdog cannot be stopped, and resets the camera after the IDE has stopped the program.
WATCHDOG_MS = None

# Settings of the command "set", stored in emotion.json: default, minimum, maximum.
SETTINGS = {
    "max_faces": (4, 1, 10),  # faces shown and reported, the largest first
    "read_faces": (2, 1, 10),  # faces classified per frame, in turn: each costs one inference
    "search_ms": (300, 0, 10000),  # between searches of the whole frame for new faces while others are tracked
    "smooth_ms": (120, 0, 5000),  # time constant of scores and evidence, independent of the frame rate
    "margin": (0.8, 0, 1),  # probability by which another emotion must lead before the name changes
    "surprise_ms": (250, 0, 5000),  # how long a face must look surprised: a mouth that talks is open for less
    # Least probability that a name is right, if emotions are as frequent as in FER+; below it a face has a reason in place of a
    # name: 2 of 100 PublicTest faces, three quarters of them named wrong. At 0.55 it is 20, and of the others 92 % are right.
    "sure": (0.3, 0, 1),
    "lean": (0.0, 0, 1),  # class prior, from everyday (0: most faces are neutral or happy) to uniform (1)
    "report_ms": (0, 0, 60000),  # minimum time between two reports
}


def on_emotion(face):
    """Called with the report of a face, a dict, when its emotion changes: set a pin, move a servo."""


# Constants -----------------------------------------------------------------------------------------------------------

HYSTERESIS = 0.15  # a name is dropped only when its probability falls this far below "sure"
SETTINGS_FILE = "emotion.json"
# By the first letters of an emotion's names, see stem(): the colour of the LED, which is the sum of red 1, green 2 and blue 4;
# valence and arousal in hundredths (Russell and Mehrabian 1977, "Evidence for a three-factor theory of emotions").
ANGER, FEAR, JOY, SADNESS = (1, -51, 59), (4, -64, 60), (3, 76, 48), (5, -63, -27)
EMOTIONS = {
    "ange": ANGER, "angr": ANGER, "disg": (2, -60, 35), "fear": FEAR, "scar": FEAR, "happ": JOY, "joy": JOY,
    "sad": SADNESS, "sadn": SADNESS, "surp": (6, 40, 67), "neut": (7, 0, 0),
}  # fmt: skip
MISSING = "%s is not on the camera: copy it beside main.py, then reset."

# v5 takes points and boxes as tuples and find_features(scale=). Before v4.8 they are separate numbers, and v4 ignores
# scale= and takes scale_factor=.
V5 = omv.version_major >= 5
WHITE, GREY, BLACK = 255, 128, 0
LONGEST_LINE = 500  # bytes: the serial port of v5 buffers 511 on an H7 and drops a longer line whole
LETTER_W, LETTER_H = 8, 10  # pixels of the firmware's font


class UserError(Exception):
    """What keeps the program from working, as a sentence for the person in front of the camera."""


def elapsed(since, now):
    """Milliseconds from `since` to `now`, both of ticks_ms; 6 days where `since` is None.

    ticks_ms wraps around after 12 days and ticks_diff measures up to 6: beyond that it is negative, and whatever waits for
    a time to pass would wait for days more.
    """
    passed = -1 if since is None else time.ticks_diff(now, since)
    return passed if passed >= 0 else 1 << 29


# Camera --------------------------------------------------------------------------------------------------------------


class Camera:
    """Grey frames from csi.CSI (v4.8 and later) or the sensor module (before). The sensor is set up on first use and again
    after each failure."""

    def __init__(self):
        self.snapshot = None

    def frame(self):
        """The next frame. Raises UserError when the sensor does not answer; the next call resets it."""
        try:
            if self.snapshot is None:
                self.snapshot = open_camera()
            return self.snapshot()
        except (RuntimeError, OSError) as error:
            self.snapshot = None
            raise UserError("The camera gives no picture (%s): check module and lens cable." % error)


def open_camera():
    """Reset the sensor, set it up, and return its snapshot function."""
    try:
        import csi as module

        sensor, prefix = module.CSI(), ""  # AttributeError on v4.6 and v4.7, where csi is another name for sensor
    except (ImportError, AttributeError):
        import sensor as module

        sensor, prefix = module, "set_"
    if not hasattr(module, FRAME):
        raise UserError("FRAME is %s, which this camera does not know: see the settings of main.py." % FRAME)
    sensor.reset()
    getattr(sensor, prefix + "pixformat")(module.GRAYSCALE)
    getattr(sensor, prefix + "framesize")(getattr(module, FRAME))
    # v5's three frame buffers leave an H7 27 KB of scratch memory. A search of the frame needs 64 KB and would find nothing.
    options = (("contrast", CONTRAST), ("gainceiling", GAIN_CEILING)) + ((("framebuffers", 2),) if V5 else ())
    for name, value in options:
        try:
            getattr(sensor, prefix + name)(value)
        except (RuntimeError, ValueError, OSError, AttributeError):
            pass  # some sensors have neither contrast nor gain ceiling
    if prefix:
        sensor.skip_frames(time=SETTLE_MS)
    else:
        sensor.snapshot(time=SETTLE_MS)
    return sensor.snapshot


# Face detection ------------------------------------------------------------------------------------------------------


def load_cascade():
    for name in ("/rom/haarcascade_frontalface.cascade", "frontalface"):  # from v4.7.0 on; built in before that
        try:
            return image.HaarCascade(name, stages=25)  # all of them
        except (OSError, ValueError):
            pass
    raise UserError("This firmware has no face cascade: update it in OpenMV IDE (Tools, Install the Latest).")


class Scaler:
    """Scaled-down copies of regions of the frame, in one buffer that is allocated once.

    The firmware's copy() allocates its pixels on the heap each time: an H7 often has no free block of 36 KB.
    """

    def __init__(self, frame):
        try:
            # Room for the largest copy of the whole frame: 16 KB at QVGA.
            self.buffer = bytearray(int(frame.width() * frame.height() * max(FRAME_SCALES) ** 2))
            self.copy(frame, (0, 0, 48, 48), 0.5)
        except (MemoryError, TypeError, ValueError, AttributeError):
            self.buffer = b""  # no memory, or a firmware without Image(buffer=): frame.copy() is used

    def copy(self, frame, region, scale, hint=image.AREA):
        """The part `region` of the frame, scaled by `scale`. The next copy overwrites it.

        Raises MemoryError or OSError where there is no room.
        """
        width, height = int(region[2] * scale), int(region[3] * scale)
        how = {"roi": region, "x_scale": scale, "y_scale": scale, "hint": hint}
        if width * height > len(self.buffer):
            return frame.copy(**how)
        return image.Image(width, height, image.GRAYSCALE, buffer=self.buffer).draw_image(frame, 0, 0, **how)


class FaceDetector:
    """Finds faces with the firmware's Haar cascade, in small copies of the frame or of a region, with equalised histograms.

    A copy of half size has a fifth of the windows. The cascade skips windows with a standard deviation under 50 grey
    levels; with its histogram equalised, a dim face is above that.
    """

    def __init__(self, scaler):
        self.cascade = load_cascade()
        self.scaler = scaler
        self.turn = -1

    def detect(self, frame):
        """Square boxes of the faces in the whole frame."""
        # The cascade steps over some faces; over which depends on the scale and on the corner where it starts.
        self.turn += 1
        width, height = frame.width(), frame.height()
        if self.turn % FULL_EVERY == FULL_EVERY - 1:
            return self.search(frame, (0, 0, width, height), frame, (0, 0), 1, THRESHOLD)
        start = 3 * (self.turn % 5)
        scale = FRAME_SCALES[self.turn % len(FRAME_SCALES)]
        return self.detect_in(frame, (start, start, width - start, height - start), scale, THRESHOLD)

    def detect_near(self, frame, track, now):
        """Square boxes of the faces where a tracked face is predicted."""
        boxes, predicted = [], track.predict(now)
        for factor, size, threshold in ROI_SEARCHES[: 2 + track.unchanged]:
            if all(distance(predicted, box) > 0.5 for box in boxes):
                region = square(expand(predicted, factor), frame.width(), frame.height())
                boxes += self.detect_in(frame, region, min(1, (size + 0.01) / region[2]), threshold)
        return boxes

    def detect_in(self, frame, region, scale, threshold):
        """Square boxes of the faces in a region, searched in a copy scaled by `scale`.

        Without memory for a copy, or where the region is too small for one, the frame itself is searched.
        """
        try:
            small = self.scaler.copy(frame, region, scale)
            small.histeq()
            # The firmware aligns a copy to its own grid: it starts up to one of its pixels left of and above the region.
            corner = [int(region[i] * scale) / scale for i in (0, 1)]
            return self.search(small, (0, 0, small.width(), small.height()), frame, corner, scale, threshold)
        except (MemoryError, ValueError, OSError):
            return self.search(frame, region, frame, (0, 0), 1, threshold)

    def search(self, picture, roi, frame, corner, scale, threshold):
        """Square boxes, in pixels of the frame, of the faces in a picture that shows the frame from `corner` on, scaled."""
        if min(roi[2], roi[3]) <= 24:  # pixels of the cascade's window: an error in the firmware
            return []
        if V5:
            boxes = picture.find_features(self.cascade, threshold=threshold, scale=SCALE, roi=roi)
        else:
            boxes = picture.find_features(self.cascade, threshold=threshold, scale_factor=SCALE, roi=roi)
        # The cascade rounds down to whole pixels of the copy; half a pixel corrects the mean error.
        half = 0.5 if scale < 1 else 0
        boxes = [[(value + half) / scale for value in box] for box in boxes]
        boxes = [(int(corner[0] + x), int(corner[1] + y), int(w), int(h)) for x, y, w, h in boxes]
        return [square(box, frame.width(), frame.height()) for box in boxes]


def square(box, width, height):
    """The square around a box's centre, moved inside the frame. Of other shapes v4 crops the network's input, v5 stretches it."""
    x, y, w, h = box
    side = min(max(w, h), width, height)
    x = max(0, min(x + (w - side) // 2, width - side))
    y = max(0, min(y + (h - side) // 2, height - side))
    return (x, y, side, side)


def expand(box, factor):
    x, y, w, h = box
    more = int(w * (factor - 1) / 2)
    return (x - more, y - more, w + 2 * more, h + 2 * more)


def distance(a, b):
    """Distance of two square boxes, in sizes of the larger: offset of the centres plus difference in size."""
    size = max(a[2], b[2])
    return (abs(a[0] + a[2] / 2 - b[0] - b[2] / 2) + abs(a[1] + a[3] / 2 - b[1] - b[3] / 2) + abs(a[2] - b[2])) / size


# Tracking ------------------------------------------------------------------------------------------------------------


class Track:
    """One tracked face: its id, box and velocity, its smoothed scores and its label."""

    def __init__(self, id, box, now):
        self.id = id
        self.box = box
        self.velocity = (0, 0)  # pixels per millisecond
        self.last_seen = now  # ticks
        self.hits = 1  # frames in which it was found; a second look in the first of them counts half
        self.misses = 0  # searches since it was found
        self.patch = None  # 36 grey levels of its place when it was last found
        self.unchanged = False  # whether its place looks like that now
        self.dark = False  # whether it is too dark to be read
        self.logits = None  # the network's, averaged over time
        self.belief = None  # probabilities of the emotions by all readings, the older ones forgotten
        self.resting_bias = None  # factor on each score, by label, from a calibration
        self.scores = None  # as shown: softmax of the logits and all biases
        self.last_infer = None  # ticks
        self.mirror = False  # whether the network sees its mirror image next
        self.stable = False  # whether its last reading was close to the average
        self.settled = False  # whether it left no doubt about the name
        self.label = None  # index of the name shown; None while it can't be told
        self.lead_start = None  # ticks since when it looks surprised, if that is not its name
        self.why = self.next_why = ""  # the reason shown in place of a name, and the one last found

    def age(self, now):
        """Milliseconds since it was last found."""
        return elapsed(self.last_seen, now)

    def is_steady(self, now):
        """Whether one frame can skip its search: it was found a moment ago, its scores are stable, and it moves by less than 3 % of
        its size in 100 ms."""
        speed = abs(self.velocity[0]) + abs(self.velocity[1])
        return self.stable and self.misses == 0 and self.age(now) < STEADY_MS and speed < 0.0003 * self.box[2]

    def crop(self):
        """The part of its box that the network sees and that is reported."""
        x, y, side, _ = self.box
        less = int(side * (1 - CROP) / 2)
        return (x + less, y + less, side - 2 * less, side - 2 * less)

    def compare_patch(self, frame, now):
        """Compare its place in the frame with when it was found: can it still be there though the cascade misses it?"""
        place = square(self.predict(now), frame.width(), frame.height())
        x, y, side, _ = place
        step = side // 6
        points = [(x + i % 6 * step, y + i // 6 * step) for i in range(36)]
        greys = [frame.get_pixel(point) if V5 else frame.get_pixel(*point) for point in points]
        if self.age(now) == 0:
            self.box, self.patch = place, greys  # the predicted box may have left the frame
        mean = sum(self.patch) // 36
        # A change by less than half of the patch's own contrast is noise, or a face that turns.
        change, contrast = [abs(a - b) for a, b in zip(greys, self.patch)], [abs(a - mean) for a in self.patch]
        self.unchanged = 2 * sum(change) < sum(contrast)
        self.dark = sum(contrast) < 36 * DARK

    def predict(self, now):
        """Its box at constant velocity, inside the frame or not; it stops after COAST_MS."""
        passed = min(self.age(now), COAST_MS)
        x, y, w, h = self.box
        return (int(x + self.velocity[0] * passed), int(y + self.velocity[1] * passed), w, h)

    def update(self, box, now):
        """Move it to where it was found, by an alpha-beta filter: the cascade's boxes come in steps of 25 %."""
        passed, predicted = max(1, self.age(now)), self.predict(now)
        if passed > HOLD_MS or distance(predicted, box) > 0.5:
            self.velocity = (0, 0)
        else:
            more = (box[2] - predicted[2]) / 2
            dx, dy = box[0] + more - predicted[0], box[1] + more - predicted[1]
            self.velocity = (self.velocity[0] + 0.2 * dx / passed, self.velocity[1] + 0.2 * dy / passed)
            x, y, side, _ = [(a + b + 1) // 2 for a, b in zip(predicted, box)]
            box = (x, y, side, side)
        self.box, self.last_seen = box, now
        self.hits += 1
        self.misses = 0

    def smooth(self, logits, bias, natural, surprise, now, settings):
        """Average in new logits, add up their evidence, and change the name if that says so.

        `bias` is added to the logits before the softmax; with `natural` in its place a score is the probability that a name is
        right. `surprise`: index of that emotion, or None.
        """
        passed, smooth_ms = max(1, elapsed(self.last_infer, now)), max(1, settings["smooth_ms"])
        keep = math.exp(-passed / smooth_ms)
        if self.logits is None:
            self.logits, self.belief, evidence = logits, [1] * len(logits), 1
        else:
            # Fitted on scenes with people (bench flicker): readings that follow closely repeat each other's errors.
            evidence = min(passed, 200) / 45
            for i, logit in enumerate(logits):
                self.logits[i] += (1 - keep) * (logit - self.logits[i])
        fresh = add(logits, bias)
        # The forward algorithm of a hidden Markov model: expressions change at random, readings tell which it is.
        change = (1 - keep) / len(logits)
        self.belief = softmax([math.log(keep * old + change) + evidence * new for old, new in zip(self.belief, fresh)])
        self.scores = softmax(add(self.logits, bias))
        self.last_infer = now
        self.name(softmax(add(self.logits, natural)), surprise, now, settings)
        fresh = softmax(fresh)
        self.stable = max([abs(a - b) for a, b in zip(fresh, self.scores)]) < 0.1
        self.settled = self.label is not None and fresh[self.label] > SETTLED

    def name(self, trust, surprise, now, settings):
        """Change the name by the belief; `trust` is the probability of each name to be right."""
        best, label = self.belief.index(max(self.belief)), self.label
        if label is not None and self.belief[best] < self.belief[label] + settings["margin"]:
            best = label
        if best != surprise or label == surprise:
            self.lead_start = None
        elif self.lead_start is None:
            self.lead_start = now
        waits = self.lead_start is not None and elapsed(self.lead_start, now) < settings["surprise_ms"]
        if self.dark or (not waits and trust[best] < settings["sure"] - (0 if label is None else HYSTERESIS)):
            self.label = None
        elif not waits:
            self.label = best


def add(logits, bias):
    return [a + b for a, b in zip(logits, bias)]


def softmax(logits):
    """Scores that add up to 1."""
    most = max(logits)
    powers = [math.exp(logit - most) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


# Weights by which it is told from the pixels of a face what is wrong with it: of the logs of gradients and spreads (see reason),
# and of 1. Each byte is 16 times the weight, plus 128. From FER2013's training pictures, darkened, blurred, turned and covered:
# `emotion-camera train reasons` fits them.
REASONS = ("unsure", "dark", "blurred", "turned", "covered")
REASON_WEIGHTS = (
    b"\x41\x73\x75\x75\x76\x71\x73\x71\x7b\x74\x80\x71\x72\x7e\x72\x71\x7d\x88\x72",  # dark
    b"\x24\x91\x9a\x87\x8d\x90\x80\x93\x8f\x83\x70\x55\x73\x6a\x6b\x70\x6a\x79\x7a",  # blurred
    b"\x56\x81\x94\x82\x81\x89\x7d\x82\x8c\x7e\x83\x64\x8c\x8a\x6e\x92\x6f\x8e\x8b",  # turned
    b"\x5a\x75\x78\x8f\x89\x95\x93\x7e\x96\x8a\x89\x81\x7a\x86\x66\x82\x83\x7b\x80",  # covered
)


def reason(pixels, side):
    """Why a face of `side` x `side` grey levels can't be told: one of REASONS, by a linear classifier. 12,000 bytecodes."""
    step, next = side // 12, max(1, side // 48)
    edges, totals, squares = [1] * 9, [0] * 9, [0] * 9
    for row in range(12):
        at = (row * step + next) * side + next
        for column in range(12):
            grey, part = pixels[at], row // 4 * 3 + column // 4
            totals[part] += grey
            squares[part] += grey * grey
            edges[part] += abs(grey - pixels[at + next]) + abs(grey - pixels[at + next * side])
            at += step
    logs = [math.log(edge / 300) for edge in edges]
    logs += [math.log((16 + math.sqrt(16 * square - total * total)) / 320) for total, square in zip(totals, squares)]
    features = [1]
    while logs:
        a, b, c = logs.pop(), logs.pop(), logs.pop()
        features += (a + c, b, abs(a - c))  # the same for the mirror image
    sums = [0] + [sum([(byte - 128) * it for byte, it in zip(weights, features)]) for weights in REASON_WEIGHTS]
    return REASONS[sums.index(max(sums))]


class Tracker:
    """Tracks faces from frame to frame. The whole frame is searched while there is no face, and every search_ms."""

    last_id = 0  # never given twice, also not after the program was loaded anew

    def __init__(self, detector, settings):
        self.detector = detector
        self.settings = settings
        self.tracks = []  # in view, or lost for less than FORGET_MS
        self.last_frame = None  # ticks
        self.last_search = None  # of the whole frame, ticks
        self.turn = 0
        self.visible = []  # the tracks to classify: found in this frame, or steady and not searched

    def track(self, frame, now):
        """The tracks to show, the largest face first."""
        # On a camera slower than a frame a second nothing would be found again in time.
        forget = FORGET_MS if self.last_frame is None else max(FORGET_MS, 3 * time.ticks_diff(now, self.last_frame))
        self.last_frame = now
        self.turn += 1
        # A box that was found once and then missed three times is a false positive.
        self.tracks = [it for it in self.tracks if it.age(now) < forget and (it.hits > 1 or it.misses < 3)]
        steady = [track for track in self.tracks if track.is_steady(now)]
        boxes = []
        for track in self.tracks[: self.settings["max_faces"]]:
            if track not in steady and (track.age(now) < COAST_MS or self.turn % 2):
                track.misses += 1
                boxes += self.detector.detect_near(frame, track, now)
        nobody = not boxes and not any(is_shown(track, now) for track in self.tracks)
        if nobody or elapsed(self.last_search, now) >= self.settings["search_ms"]:
            self.last_search = now
            boxes += self.detector.detect(frame)
        self.match(boxes, steady, now)
        for track in self.tracks:
            if track.hits == 1 and track.age(now) == 0:
                self.confirm(frame, track, now)
            if track.age(now) < HOLD_MS:
                track.compare_patch(frame, now)
        self.visible = [track for track in self.tracks if track.age(now) == 0 or track in steady]
        self.tracks.sort(key=lambda track: -track.box[2])
        return [track for track in self.tracks if is_shown(track, now)][: self.settings["max_faces"]]

    def confirm(self, frame, track, now):
        """Search a new face again, closely: what is not found twice is often a false positive, and not shown."""
        others = [other.predict(now) for other in self.tracks if other is not track]
        for box in self.detector.detect_near(frame, track, now):
            if track.hits == 1 and distance(track.box, box) < 0.5 and is_apart(box, others, 0.5):
                track.box, track.hits = box, 1.5

    def match(self, boxes, steady, now):
        """Assign boxes to tracks, the nearest pairs first; a box far from all that were assigned is a new face.

        Steady tracks were not searched: they keep their boxes.
        """
        pairs = []
        for i, track in enumerate(self.tracks):
            for j, box in enumerate(boxes):
                pairs.append((distance(track.predict(now), box), i, j))
        pairs.sort()
        matched, taken = [self.tracks.index(track) for track in steady], [track.box for track in steady]
        for apart, i, j in pairs:
            # One face is often found twice: a second box belongs to another track only if that was there a moment ago.
            # A box between two faces is often the mean of both: the firmware merges boxes that overlap.
            least, most = (0.4, 0.5) if self.tracks[i].age(now) < 250 else (0.75, 1)
            if apart < most and i not in matched and is_apart(boxes[j], taken, least):
                self.tracks[i].update(boxes[j], now)
                matched.append(i)
                taken.append(boxes[j])
        for box in boxes:
            if is_apart(box, taken, 0.75):
                Tracker.last_id += 1
                self.tracks.append(Track(Tracker.last_id, box, now))
                taken.append(box)


def is_apart(box, others, least):
    return all(distance(box, other) > least for other in others)


def is_shown(track, now):
    """Whether a face is shown: once it was found twice; after three hits it stays for a moment when it is missed."""
    if track.hits < 3:
        return track.hits > 1 and track.misses == 0
    return track.misses < 2 or (track.unchanged and track.age(now) < HOLD_MS)


# Network -------------------------------------------------------------------------------------------------------------


class Network:
    """The model and its labels. Raises UserError when either is missing or damaged."""

    def __init__(self, frame):
        self.labels = load_labels(MODEL.rsplit(".", 1)[0] + ".txt")
        if omv.board_type() != "N6":  # whose networks are of ST's own form
            check_model(MODEL)
        self.sha256 = file_sha256(MODEL)
        self.selftest = "none"
        gc.collect()  # the model and its arena each need one free block
        try:
            self.run, self.size, scale = load_model()
            scores = self.run(frame, draw_pattern(frame))
        except Exception as error:
            # The firmware says "Failed to allocate tensors" when no free block holds the arena.
            if isinstance(error, MemoryError) or "allocate" in str(error):
                raise UserError("%s does not fit in memory: use a smaller model." % MODEL)
            if "Failed to load network" in str(error):  # full program only
                raise UserError(n6_problem())  # full program only
            raise UserError("%s can't be used (%s): copy the int8 model again, then reset." % (MODEL, error))
        if len(scores) != len(self.labels):
            raise UserError(
                "%s gives %d scores, its labels file has %d lines: copy both." % (MODEL, len(scores), len(self.labels))
            )
        self.raw = abs(scale - 1 / 256) > 0.0001  # logits: what a softmax gives has this scale
        try:
            self.configure(read_metadata(), scores)
        except (ValueError, TypeError):
            raise UserError("%s is cut short or damaged at its end: copy it again, then reset." % MODEL)

    def configure(self, metadata, scores):
        """Take over the model's metadata, and compare `scores`, those of the test pattern, with what they should be.

        Raises ValueError or TypeError for metadata that make no sense.
        """
        expected, prior, resting = [metadata.get(name) for name in ("selftest", "prior", "resting")]
        if any(values and len(values) != len(scores) for values in (expected, prior, resting)):
            raise ValueError
        self.temperature = float(metadata.get("temperature", 1))
        self.log_prior = [math.log(share) for share in prior] if prior else [0] * len(scores)
        self.resting = resting
        stems = [stem(label) for label in self.labels]
        self.affect = [EMOTIONS.get(it, (0, 0, 0)) for it in stems] if "neut" in stems else None
        self.surprise = stems.index("surp") if "surp" in stems else None
        if expected:
            # Kernels may round differently, by less than 0.06; another model, or a damaged one, differs by more.
            given, wanted = softmax(self.logits(scores)), softmax(self.logits([byte / 256 for byte in expected]))
            if any(abs(a - b) > 0.06 for a, b in zip(given, wanted)):
                raise UserError("%s gives a wrong answer to its self-test: copy it again, then reset." % MODEL)
            self.selftest = "ok"

    def logits(self, scores):
        """Log scores, scaled by the model's temperature. A score that was rounded to 0 counts as half a step of 1/256."""
        if self.raw:
            return [self.temperature * score for score in scores]
        return [self.temperature * math.log(max(score, 1 / 512)) for score in scores]

    def infer(self, frame, box, scaler, mirror):
        """The scores of a face, or of its mirror image. A face larger than the network's input is averaged down, which removes
        noise that the firmware's bilinear sampling would keep; a smaller one is not mirrored."""
        if box[2] <= self.size:
            return self.run(frame, box)
        scale = (self.size + 0.01) / box[2]  # without the 0.01, rounding makes it one pixel less
        try:
            hint = image.AREA | image.HMIRROR if mirror else image.AREA
            small = scaler.copy(frame, box, scale, hint)
        except (MemoryError, OSError):
            return self.run(frame, box)
        return self.run(small, (0, 0, small.width(), small.height()))


def draw_pattern(frame):
    """Draw the self-test's pattern of 6 x 6 grey squares into a corner of the frame; returns its box."""
    for i in range(36):
        draw_box(frame, i % 6 * 8, i // 6 * 8, 8, 8, color=i * i * 7 % 256, fill=True)
    return (0, 0, 48, 48)


def read_metadata():
    """The JSON object at the end of the model's file, {} without one; ValueError for a damaged one.

    selftest: scores of the test pattern, in 256ths; temperature: factor on the log scores, which the model keeps small so that
    low scores are not rounded to 0; prior: class prior of the training; resting: mean logits of neutral faces at rest.
    """
    with open(MODEL, "rb") as file:
        file.seek(-min(512, os.stat(MODEL)[6]), 2)
        end = file.read()
    at = end.rfind(b'{"notes"')
    return json.loads(end[at:]) if at >= 0 else {}


# The offsets in a .tflite file, a FlatBuffer, that the firmware follows: fields of tables by their numbers in TensorFlow's
# schema.fbs, each with the size of its items or with the fields of the tables in it. A number -n is a single table in field n.
QUANTIZATION = ((0, 4), (1, 4), (2, 4), (3, 8))
GRAPH = ((0, ((0, 4), (3, 1), (-4, QUANTIZATION))), (1, 4), (2, 4), (3, ((1, 4), (2, 4), (-4, ()))))
MODEL_FIELDS = ((1, ((1, 1),)), (2, GRAPH), (4, ((0, 1),)))


def check_model(name):
    """Raises UserError for a file that is not a complete model. The firmware checks no offset: a file that is cut short is a
    HardFault, which resets the camera again and again."""
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
            check_table(number, number(0), MODEL_FIELDS)
    except ValueError:
        raise UserError("%s is not a complete model: copy it again, then reset." % name)
    except OSError:
        raise UserError(MISSING % name)


def check_table(number, table, fields):
    """Follow a FlatBuffer's table and all below it; ValueError where an offset leads out of the file."""
    back = number(table)
    names = table - (back if back < 1 << 31 else back - (1 << 32))
    if number(names, 2) < 4:
        raise ValueError
    for index, items in fields:
        place = 4 + 2 * abs(index)
        at = number(names + place, 2) if place < number(names, 2) else 0
        if at:
            at += table
            at += number(at)
            count = 1 if index < 0 else number(at)
            if type(items) is int:
                if count:
                    number(at + 3 + count * items, 1)
                continue
            for i in range(count):
                here = at + 4 + 4 * i
                check_table(number, at if index < 0 else here + number(here), items)


def load_model():
    """A function from (frame, square box) to the list of scores, the side of the network's input in pixels, and the scale of
    its output. By ml (firmware v4.5.6 and later) or tf (before)."""
    try:
        import ml
        from ml.preprocessing import Normalization
    except ImportError:
        import tf

        net = tf.load(MODEL)
        return lambda frame, box: tf.classify(net, frame, roi=box)[0].output(), net.input_height(), net.output_scale()
    model = ml.Model(MODEL)

    def run(frame, box):
        # A new Normalization for each face: an object keeps the first region it sees.
        return model.predict([Normalization(roi=box)(frame)])[0].flatten().tolist()

    return run, model.input_shape[0][1], model.output_scale[0]


# full program only: from here.
def n6_problem():
    """Why an N6 does not load the model's file, as a sentence."""
    with open(MODEL, "rb") as file:
        if file.read(8)[4:] == b"TFL3":
            return "%s is a plain .tflite: an N6 takes only networks made by ST Edge AI." % MODEL
    return "%s is not loaded: firmware before September 2026 takes none under 1 MB from a file; update it." % MODEL


# full program only: to here.


def load_labels(name):
    try:
        with open(name) as file:
            # Notepad begins a file in UTF-8 with the mark U+FEFF, which nobody sees.
            labels = [line.strip() for line in file.read(1024).replace("\ufeff", "").split("\n")]
    except UnicodeError:
        raise UserError("%s is not plain text in UTF-8: write one label a line." % name)
    except OSError:
        raise UserError(MISSING % name)
    while labels and not labels[-1]:
        labels.pop()
    if not labels or "" in labels:
        raise UserError("%s is empty or has a blank line: write one label a line." % name)
    return labels


def stem(label):
    """By what an emotion is known in any form and case: "happ" of "happy" and of "Happiness"."""
    return (label or "")[:4].lower()


def file_sha256(name):
    """The file's SHA-256 in hexadecimal, read 512 bytes at a time."""
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
        raise UserError(MISSING % name)


# Preferences and calibration -----------------------------------------------------------------------------------------


class Preferences:
    """The settings and the last calibration, kept in a file. A power cut at any moment leaves the old file or the new one."""

    def __init__(self):
        self.settings = {name: value[0] for name, value in SETTINGS.items()}
        self.resting_bias = {}  # factor on each score, by label, from the last calibration; empty without one
        self.problem = None
        # The new file is written beside the old one and renamed. FAT removes the old one first, so both are read.
        for name in (SETTINGS_FILE, SETTINGS_FILE + ".new"):
            try:
                with open(name) as file:
                    stored = json.load(file)
                settings, bias = stored.get("settings") or {}, stored.get("rest") or {}
                settings.update(edited(stored))  # full program only
                settings = {name: validate(name, settings[name]) for name in SETTINGS if name in settings}
                bias = {label: clamp(float(bias[label])) for label in bias}
            except OSError:
                continue
            except Exception:
                self.problem = "%s is damaged: the default settings are used." % SETTINGS_FILE
                continue
            self.settings.update(settings)
            self.resting_bias = bias
            self.problem = None
            return

    def set(self, name, text):
        """Change a setting and save it; UserError says why not."""
        self.settings[name] = validate(name, text)
        self.save()

    def save(self):
        """Write the file; UserError when the disk is full or write-protected."""
        stored = {"settings": self.settings, "rest": self.resting_bias}
        stored.update(editor_form(self.settings))  # full program only
        try:
            with open(SETTINGS_FILE + ".new", "w") as file:
                file.write(json.dumps(stored))
            os.rename(SETTINGS_FILE + ".new", SETTINGS_FILE)
        except OSError as error:
            raise UserError("%s can't be written (%s): this holds until the next reset." % (SETTINGS_FILE, error))


def clamp(factor):
    """A factor on a score within limits: a calibration may correct so much and no more."""
    return min(500, max(0.002, factor))


def validate(name, value):
    """The value of a setting, from a number or a text; UserError for a wrong one."""
    if name not in SETTINGS:
        raise UserError("No setting is called %s: there are %s." % (name, ", ".join(sorted(SETTINGS))))
    default, least, most = SETTINGS[name]
    try:
        number = type(default)(value)
    except (ValueError, TypeError):
        raise UserError("%s takes a %snumber, not %s." % (name, "whole " if type(default) is int else "", value))
    if not least <= number <= most:
        raise UserError("%s takes %s to %s, not %s." % (name, least, most, value))
    return number


class Calibration:
    """Measures how the network scores a person's neutral face, in three seconds, or from a single sample.

    The difference between the logits of a typical neutral face and this person's becomes the resting bias, which is added
    from then on. It is shrunk towards 0, as an empirical Bayes estimate: the fewer samples and the less they agree, the more.
    """

    def __init__(self, start):
        self.start = start  # ticks; None: when a face is first seen
        self.id = None  # of the track
        self.sums = []  # sum and sum of squares of the logits, by label
        self.count = 0

    def add(self, logits, now):
        """Add one sample of the face."""
        if not self.sums:
            self.sums = [(0, 0) for _ in logits]
            self.start = now if self.start is None else self.start
        self.count += 1
        mean = sum(logits) / len(logits)
        self.sums = [(a + logit - mean, b + (logit - mean) ** 2) for (a, b), logit in zip(self.sums, logits)]

    def done(self, now):
        """Whether the time is over."""
        return self.start is not None and elapsed(self.start, now) >= CALIBRATION_MS

    def result(self, labels, resting):
        """The factor on each score, by label; UserError when no face was seen."""
        if not self.count:
            raise UserError("Nothing was learnt: look at the camera for three seconds.")
        stems = [stem(label) for label in labels]
        if "neut" not in stems:
            raise UserError("Nothing was learnt: this model has no label neutral.")
        resting = resting or [math.log(0.7 if it == "neut" else 0.3 / (len(labels) - 1)) for it in stems]
        middle = sum(resting) / len(resting)
        # Variances of the logits of faces at rest: between people; between samples of one person, before any was seen; of all
        # samples of one session, without which resting faces lose more of their expressions.
        people, sample, session = 1.0, 0.5, 0.1
        bias = {}
        for label, typical, (total, squares) in zip(labels, resting, self.sums):
            mean = total / self.count
            variance = (sample + max(0, squares - self.count * mean * mean)) / self.count
            shrinkage = people / (people + session + variance / self.count)
            bias[label] = round(clamp(math.exp(shrinkage * (typical - middle - mean))), 4)
        return bias


# Commands ------------------------------------------------------------------------------------------------------------

HELP = "status | calibrate | clear | draw on | draw off | set NAME VALUE | help"


class LineReader:
    """Lines from the serial port or a UART, without ever waiting. `read` gives one byte, or None or b"" for none."""

    def __init__(self, read):
        self.read = read
        self.text = ""

    def readline(self):
        """A whole line, or None."""
        for _ in range(64):  # at most, per frame: a sender that never stops must not stop the frames
            byte = self.read()
            if not byte:
                return None
            if byte in b"\r\n":
                line, self.text = self.text.strip(), ""
                if line and line[0] != "{":  # our own report, echoed by a terminal
                    return line
            elif len(self.text) < 80 and b" " <= byte <= b"~":
                self.text += chr(byte[0])
        return None


def serial_reader():
    """Reads the serial port, or nothing where the firmware cannot tell without waiting whether there is input."""
    try:
        import select

        serial = getattr(sys.stdin, "buffer", sys.stdin)  # bytes: half a UTF-8 character must not make it wait
        poll = select.poll()
        poll.register(sys.stdin, select.POLLIN)
    except (ImportError, OSError, TypeError, AttributeError):
        return LineReader(lambda: None)
    return LineReader(lambda: serial.read(1) if poll.poll(0) else None)


# Drawing and reports -------------------------------------------------------------------------------------------------


def draw_box(frame, x, y, w, h, **how):
    if V5:
        frame.draw_rectangle((x, y, w, h), **how)
    else:
        frame.draw_rectangle(x, y, w, h, **how)


def draw_text(frame, x, y, text):
    """White letters on black, legible on any frame."""
    draw_box(frame, x, y, LETTER_W * len(text) + 2, LETTER_H + 2, color=BLACK, fill=True)
    if V5:
        frame.draw_string((x + 1, y + 1), text, color=WHITE, mono_space=True)
    else:
        frame.draw_string(x + 1, y + 1, text, color=WHITE, mono_space=True)


def draw_face(frame, face, missed):
    """The box and name of a face's report; the box is grey and thin where the face was not found in this frame."""
    x, y, w, h = face["box"]
    text = "%s %d%%" % (face["emotion"], round(100 * face["score"])) if face["emotion"] else face["why"]
    draw_box(frame, x, y, w, h, color=GREY if missed else WHITE, thickness=1 if missed else 2)
    left = max(0, min(x, frame.width() - LETTER_W * len(text) - 2))
    above = y - LETTER_H - 3
    draw_text(frame, left, above if above >= 0 else y + 2, text)


def draw_message(frame, message):
    """A sentence in as many lines as it needs, broken between words."""
    room = frame.width() // LETTER_W - 1
    y, line = 0, ""
    for word in message.split(" ") + [None]:
        if word is not None and len(line) + len(word) < room:
            line = line + " " + word if line else word
        else:
            draw_text(frame, 0, y, line)
            y, line = y + LETTER_H + 2, word


class Reports:
    """Sends lines of JSON to the serial port, to v5's protocol channel and to a UART.

    No line is longer than LONGEST_LINE: a longer report is split into several with the same head, each but the last with
    "more":true.
    """

    def __init__(self):
        self.channel = self.uart = None
        self.controls = None  # full program only
        self.last_sent = None  # report of faces, ticks
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
        """Report the faces of a frame, at most every `every_ms`."""
        if elapsed(self.last_sent, now) >= every_ms:
            self.last_sent = now
            self.write('"t":%d,"fps":%.1f,"faces":[' % (now, fps), [face_json(face) for face in faces], "]")

    def event(self, event, **fields):
        """Report anything else: an event, with its fields."""
        fields = ["%s:%s" % (json.dumps(name), json.dumps(fields[name])) for name in fields]
        self.write('"event":"%s"%s' % (event, "," if fields else ""), fields, "")

    def write(self, head, parts, tail):
        """Send one JSON object of these parts, split where it is too long; the channel gets it whole."""
        start, more = '{"v":1,' + head, tail + ',"more":true}'
        line = start
        for part in parts:
            if line != start and len((line + part + more).encode()) >= LONGEST_LINE:
                self.send(line + more)
                line = start
            line += part if line == start else "," + part
        self.send(line + tail + "}")
        if self.channel:
            self.channel.publish(start + ",".join(parts) + tail + "}")

    def send(self, line):
        print(line)
        if self.uart is not None:
            self.uart.write(line + "\n")


def face_json(face):
    """A face as JSON, with two decimals: json.dumps writes up to 8 on the camera."""
    told = json.dumps(face["emotion"]) if face["emotion"] else 'null,"why":"%s"' % face["why"]
    if "valence" in face:
        told += ',"valence":%.2f,"arousal":%.2f' % (face["valence"], face["arousal"])
    scores = ",".join(["%.2f" % score for score in face["scores"]])
    return '{"id":%d,"box":[%d,%d,%d,%d],"emotion":%s,"score":%.2f,"scores":[%s]}' % (
        (face["id"],) + tuple(face["box"]) + (told, face["score"], scores)
    )


class Channel:
    """The protocol channel "emotion" of firmware v5. A PC reads the newest line from it, whole, and writes commands to it,
    which do not reach the serial port's input there. The firmware calls poll, size, read and write, at any time."""

    def __init__(self):
        self.line = self.reading = b""
        self.new = False
        self.received = []  # a list can be extended and popped in one step each

    def publish(self, line):
        self.line = line.encode()
        self.new = True

    def poll(self):
        return self.new

    def size(self):
        self.reading = self.line  # for the reads that follow
        self.new = False
        return len(self.reading)

    def read(self, offset, size):
        return self.reading[offset : offset + size]

    def write(self, offset, data):
        if len(self.received) < 200:
            self.received.extend(data)
        return len(data)

    def read_byte(self):
        return bytes([self.received.pop(0)]) if self.received else b""


class Light:
    """The camera's RGB LED, in the colour of an emotion."""

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
                led.on() if EMOTIONS.get(stem(emotion), (0,))[0] >> bit & 1 else led.off()


# full program only: from here. `make compact` leaves this section out, and each line that ends in this mark.

# Controls in OpenMV IDE ----------------------------------------------------------------------------------------------

SAMPLE_MS = 125  # between two samples of the plot: a CSV needs a constant rate, and 1/8 s is exact as a float
SAMPLES = 16  # that wait for the IDE, 2 s; older ones are overwritten
MOST_SERIES = 16  # of a model with more labels, the first are plotted
LONGEST_TEXT = 40  # bytes
# Keys of a record: SenML's (RFC 8428), and from -20 on OpenMV's own.
NAME, UNIT, VALUE, TEXT, TIME, PERIOD, DATA = 0, 1, 2, 3, 6, 7, 8
WIDTH, HEIGHT, PLOT_MIN, PLOT_MAX = -20, -21, -23, -24
WIDGET, LEAST, MOST, STEP, OPTIONS = -30, -31, -32, -33, -34


class ControlChannel:
    """The protocol channel "controls", which OpenMV IDE shows in its Channels view: the largest face's emotion and scores, and
    each setting as a slider. It is CBOR, as the firmware's CBORChannel would send, which only three boards have.

    The firmware calls poll, size, read and write between any two bytecodes of the program, so `show` hands over by single
    assignments. It is encoded when a host asks, into a buffer that is allocated once: 1.5 KB in all.
    """

    def __init__(self, settings, labels):
        self.settings = settings
        self.pending = {}  # what was clicked or moved, by name, until take_commands
        self.emotion = self.reason = ""
        self.series = min(len(labels), MOST_SERIES)
        # A ring, with one place more than is sent: for the sample that is being written.
        self.samples = bytearray((SAMPLES + 1) * self.series)
        self.written = self.delivered = 0  # counts of samples
        self.first, self.end = 0, 0  # samples in the buffer
        self.last_sample = None  # ticks
        controls = [(name, slider(name)) for name in sorted(SETTINGS)]
        buttons = [record(NAME, name, WIDGET, "pushbutton", VALUE, False) for name in ("Calibrate", "Clear")]
        # What goes before each value that changes; the value's own bytes, here a 0, are cut off.
        self.heads = (
            cbor_head(4, 3 + len(buttons) + len(controls)) + record(NAME, "emotion", WIDGET, "label", VALUE, 0)[:-1],
            record(NAME, "reason", WIDGET, "label", VALUE, 0)[:-1],
            plot(labels[: self.series]),
        )
        tail = b"".join(buttons)
        space = sum([len(head) for head in self.heads]) + 2 * (2 + LONGEST_TEXT) + 15 + SAMPLES * self.series
        self.tail = self.start = space  # where the part begins that keeps its place, and where the whole does
        self.places = {}  # of the settings' values in it
        for name, data in controls:
            tail += data
            self.places[name] = space + len(tail) - 2
        self.buffer = bytearray(space) + tail
        self.size()

    def show(self, now, faces):
        """Take over the report of the largest face, and its scores where a sample is due."""
        face = faces[0] if faces else {}
        self.emotion = face.get("emotion") or ("?" if face else "no face")
        self.reason = face.get("why") or ""
        due = elapsed(self.last_sample, now) // SAMPLE_MS
        if due > SAMPLES:  # the first sample, or the program stood still: the plot goes on from now
            self.last_sample, due = now, 1
        elif due:
            self.last_sample = time.ticks_add(self.last_sample, due * SAMPLE_MS)
        if due:
            scores, samples = face.get("scores") or [0] * self.series, self.samples
            for _ in range(due):
                at = self.written % (SAMPLES + 1) * self.series
                for score in scores[: self.series]:
                    samples[at] = int(100 * score + 0.5)
                    at += 1
                self.written += 1

    def take_commands(self):
        """Commands for what was clicked and moved since the last call; of a slider its last place."""
        if not self.pending:
            return []
        pending, self.pending = self.pending, {}
        return ["set %s %s" % (name, value) if value else name.lower() for name, value in pending.items()]

    def poll(self):
        return self.written > self.delivered

    def size(self):
        """Encode what is to be seen now, backwards from the part that keeps its place. The reads that follow get this.

        A host that reads again before there is a new sample gets the last ones again, with their time, by which the IDE knows
        them. Samples of a read that was broken off come again in the next.
        """
        if self.written > self.end:
            self.first, self.end = max(self.delivered, self.written - SAMPLES), self.written
        for name, place in self.places.items():
            self.buffer[place : place + 2] = as_shown(name, self.settings[name]).to_bytes(2, "big")
        self.start = self.tail
        count, series, ring = self.end - self.first, self.series, len(self.samples)
        for i in range(self.end - 1, self.first - 1, -1):
            at = i * series % ring
            self.put(memoryview(self.samples)[at : at + series])
        self.put(cbor_head(2, count * series))
        self.put(cbor(TIME) + cbor(self.end * SAMPLE_MS * 1000) + cbor(WIDTH) + cbor(count) + cbor(DATA))
        self.put(self.heads[2])
        for head, text in ((self.heads[1], self.reason), (self.heads[0], self.emotion)):
            self.put(short_text(text))
            self.put(head)
        return len(self.buffer) - self.start

    def put(self, data):
        self.start -= len(data)
        self.buffer[self.start : self.start + len(data)] = data

    def read(self, offset, size):
        end = self.start + offset + size
        if end >= len(self.buffer):
            self.delivered = self.end
        return bytes(self.buffer[self.start + offset : end])

    def write(self, offset, data):
        """Note the values that a host sets, [{0: name, 2: value}, ...]; take_commands gives them to the program, which checks
        them. What is none of that is ignored: it comes from outside."""
        try:
            for item in cbor_item(data, 0, 3)[0]:
                name, value = item[NAME], item[VALUE]
                if name in ("Calibrate", "Clear"):
                    if value is True:
                        self.pending[name] = None
                elif name in SETTINGS and -1e6 < value < 1e6:
                    # By the text: the camera's floats have 30 bits, and 0.35 would become 0.35000002.
                    self.pending[name] = "%.2f" % (value / 100) if is_share(name) else "%d" % round(value)
        except (ValueError, TypeError, LookupError):
            pass
        return len(data)


def open_controls(settings, labels):
    """The channel, registered; None where the firmware has no protocol or no room for it."""
    try:
        import protocol

        channel = ControlChannel(settings, labels)
        protocol.register(name="controls", backend=channel)
        return channel
    except (ImportError, MemoryError, RuntimeError):
        return None


def is_share(name):
    """Whether a setting is a share, 0 to 1. The IDE writes one decimal of a float, so these are shown as per cent."""
    return type(SETTINGS[name][0]) is float


def as_shown(name, value):
    return round(100 * value) if is_share(name) else value


def slider(name):
    """A setting's record; its last two bytes are the value's."""
    least, most = [as_shown(name, limit) for limit in SETTINGS[name][1:]]
    unit = "%" if is_share(name) else "ms" if name.endswith("_ms") else ""
    limits = (LEAST, least, MOST, most, STEP, 10 if most > 100 else 1)
    return record(NAME, name, UNIT, unit, WIDGET, "slider", *limits, VALUE, 0xFFFF)


def plot(labels):
    """The record of the scores up to its last three values: time, width and samples."""
    names = cbor(labels)
    names = names if len(names) <= 256 else cbor([])  # the IDE then numbers them
    items = (NAME, "scores", WIDGET, "waveform", UNIT, "%", PLOT_MIN, 0, PLOT_MAX, 100, TEXT, "B")
    items += (PERIOD, SAMPLE_MS / 1000, HEIGHT, len(labels), OPTIONS)
    return cbor_head(5, 12) + b"".join([cbor(item) for item in items]) + names


def record(*items):
    """A map of these keys and values in turn."""
    return cbor_head(5, len(items) // 2) + b"".join([cbor(item) for item in items])


def short_text(text):
    while len(text.encode()) > LONGEST_TEXT:
        text = text[:-1]
    return cbor(text)


def cbor(value):
    """A whole number, float (in 32 bits), bool, text or list in CBOR (RFC 8949)."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, float):
        return b"\xfa" + struct.pack(">f", value)
    if isinstance(value, int):
        return cbor_head(0, value) if value >= 0 else cbor_head(1, -1 - value)
    if isinstance(value, str):
        data = value.encode()
        return cbor_head(3, len(data)) + data
    return cbor_head(4, len(value)) + b"".join([cbor(item) for item in value])


def cbor_head(kind, number):
    """An item's first bytes: its kind, 0 to 7, and a number or length."""
    if number < 24:
        return bytes([kind << 5 | number])
    power = 0
    while number >> (8 << power):
        power += 1
    return bytes([kind << 5 | 24 + power]) + number.to_bytes(1 << power, "big")


def cbor_item(data, at, depth):
    """The item at `at`, and where the next begins: a number, text, bool, None, or a list or dict of them, at most `depth` levels.

    Raises ValueError, TypeError or LookupError for anything else.
    """
    kind, number = data[at] >> 5, data[at] & 31
    at += 1
    if number > 27 or not depth:
        raise ValueError
    if number > 23:
        raw = bytes(data[at : at + (1 << (number - 24))])
        at += 1 << (number - 24)
        if at > len(data):
            raise ValueError
        if kind == 7:
            return (struct.unpack(">f" if number == 26 else ">d", raw)[0] if number > 25 else None), at
        number = int.from_bytes(raw, "big")
    if kind == 7:
        return {20: False, 21: True}.get(number), at
    if kind < 2:
        return -1 - number if kind else number, at
    if kind == 3:
        if at + number > len(data):
            raise ValueError
        return str(bytes(data[at : at + number]), "utf-8"), at + number
    if kind not in (4, 5):
        raise ValueError
    items = []
    for _ in range(number if kind == 4 else 2 * number):
        item, at = cbor_item(data, at, depth - 1)
        items.append(item)
    return (items if kind == 4 else dict(zip(items[::2], items[1::2]))), at


# Settings in OpenMV IDE's Settings Editor ----------------------------------------------------------------------------


def editor_form(settings):
    """What the Settings Editor makes a dialog of: it edits each control's "value" in emotion.json and keeps all else."""
    controls = [{"type": "label", "text": "Save, then reset the camera. The names are those of the command set."}]
    for name in sorted(SETTINGS):
        _, least, most = SETTINGS[name]
        how = {"name": name, "label": name, "value": settings[name], "min": least, "max": most}
        if is_share(name):
            how.update(type="doublespinbox", step=0.05)
        else:
            how.update(type="spinbox", suffix=" ms" if name.endswith("_ms") else "")
        controls.append(how)
    return {"title": "Emotion camera", "controls": controls}


def edited(stored):
    """The settings in such a form, by name; {} where emotion.json has none."""
    return {it.get("name"): it["value"] for it in stored.get("controls") or () if "value" in it}


# full program only: to here.


# The program ---------------------------------------------------------------------------------------------------------


class FrameRate:
    """Frames per second, mostly of the last ten frames. (time.clock() averages over all since it was made.)"""

    def __init__(self):
        self.last = None  # ticks
        self.period = 0  # ms

    def tick(self):
        """Count a frame; returns frames per second, 0 at the first."""
        now = time.ticks_ms()
        if self.last is not None:
            passed = max(1, time.ticks_diff(now, self.last))
            self.period = 0.9 * self.period + 0.1 * passed if self.period else passed
        self.last = now
        return round(1000 / self.period, 1) if self.period else 0


class Pipeline:
    """What happens to a frame: detect, track, classify, report, draw. Raises UserError when a part is missing."""

    def __init__(self, frame, prefs, reports):
        self.prefs = prefs
        self.reports = reports
        self.network = Network(frame)  # first: it needs the two largest free blocks
        self.scaler = Scaler(frame)  # next: one large block, for good
        self.tracker = Tracker(FaceDetector(self.scaler), prefs.settings)
        self.rate = FrameRate()
        self.light = Light()
        self.started = time.ticks_ms()
        self.notified = {}  # the emotion last given to on_emotion, by face id
        self.draws = True  # "draw off": a program that collects face pictures needs bare frames
        self.calibration = Calibration(None) if CALIBRATE_AT_START and not prefs.resting_bias else None
        reports.controls = reports.controls or open_controls(prefs.settings, self.network.labels)  # full program only
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

    def process(self, frame):
        """Find the faces of a frame, classify, report and draw them."""
        now = time.ticks_ms()
        tracks = self.tracker.track(frame, now)
        self.infer(frame, tracks, now)  # before anything is drawn: a box must not cross the next face
        tracks = [track for track in tracks if track.scores]
        faces = [self.report(track) for track in tracks]
        fps = self.rate.tick()
        if faces:
            self.reports.faces(self.prefs.settings["report_ms"], now, fps, faces)
        self.light.show(faces[0]["emotion"] if faces else None)
        if self.reports.controls:  # full program only
            self.reports.controls.show(now, faces)  # full program only
        if self.draws:
            for track, face in zip(tracks, faces):
                draw_face(frame, face, track.misses)
            draw_text(frame, 0, frame.height() - LETTER_H - 2, "%.1f fps" % fps)
        if self.calibration:
            self.calibrate(frame, now)
        elif NOTICE and self.draws and elapsed(self.started, now) < NOTICE_MS:
            draw_message(frame, NOTICE)
        self.notify(faces)

    def infer(self, frame, tracks, now):
        """Run the network on the faces that are due, at most read_faces of them: those that waited longest."""
        due = [track for track in tracks if track in self.tracker.visible and self.is_due(track, now)]
        calibration = self.calibration
        if calibration and calibration.id is None and tracks:
            calibration.id = tracks[0].id  # the largest
        learnt = calibration and calibration.id
        due.sort(
            key=lambda track: (
                track.id != learnt,
                -time.ticks_diff(now, track.last_infer) if track.scores else -FORGET_MS,
            )
        )
        for track in due[: self.prefs.settings["read_faces"]]:
            # Every second time the mirror image: the mean of both is right for 1.1 points more of FER+'s faces, at no cost.
            logits = self.network.logits(self.network.infer(frame, track.crop(), self.scaler, track.mirror))
            track.mirror = not track.mirror
            if calibration and track.id == learnt:
                calibration.add(logits, now)
            if track.resting_bias is None:  # a stored calibration is applied to whoever comes alone
                track.resting_bias = self.prefs.resting_bias if len(self.tracker.tracks) == 1 else {}
            bias = self.bias(track, -self.prefs.settings["lean"])
            # Shipped models have the class prior's log taken off their logits, times 0.4; 0.67 of what is left brings it back. How sure
            # a name is, is told best with it: 0.87 of AUROC on PublicTest, 0.84 without.
            natural = self.bias(track, 0.67)
            track.smooth(logits, bias, natural, self.network.surprise, now, self.prefs.settings)
            if track.label is None:
                self.explain(track)

    def bias(self, track, share):
        """What is added to a face's logits: its resting bias, and a share of the class prior."""
        return [
            math.log(track.resting_bias.get(label, 1)) + share * prior
            for label, prior in zip(self.network.labels, self.network.log_prior)
        ]

    def explain(self, track):
        """Find why a face that was just classified can't be told; another reason must be found twice in a row."""
        size, seen, why = self.network.size, track.crop()[2], "unsure"
        if seen < FAR:
            why = "far"
        elif track.dark:
            why = "dark"
        elif seen > size and len(self.scaler.buffer) >= size * size:
            why = reason(self.scaler.buffer, size)  # what the network saw is still there
        if why == track.next_why or not track.why:
            track.why = why
        track.next_why = why

    def is_due(self, track, now):
        """A steady face is classified in the frames in which it is not searched, and not in each of them while it is settled."""
        passed = elapsed(track.last_infer, now)
        if not track.settled or not track.is_steady(now) or passed >= STEADY_MS:
            return True
        return track.age(now) > 0 and passed >= STEADY_MS // 2

    def report(self, track):
        """A face as it stands in the report."""
        scores, label = track.scores, track.label
        face = {"id": track.id, "box": track.crop(), "emotion": None, "scores": scores}
        if label is None:
            face["why"], face["score"] = track.why or "unsure", max(scores)
        else:
            face["emotion"], face["score"] = self.network.labels[label], scores[label]
            track.why = ""
        if self.network.affect:
            for i, name in enumerate(("valence", "arousal"), 1):
                face[name] = sum([score * pair[i] for score, pair in zip(scores, self.network.affect)]) / 100
        return face

    def notify(self, faces):
        """Call on_emotion for each face whose emotion has changed."""
        before, self.notified = self.notified, {face["id"]: face["emotion"] for face in faces}
        for face in faces:
            if before.get(face["id"], "") != face["emotion"]:
                on_emotion(face)

    def calibrate(self, frame, now):
        """Show that a calibration is running, and apply its result when the time is over."""
        if not self.calibration.done(now):
            return draw_message(frame, "Keep a neutral face ...")
        calibration, self.calibration = self.calibration, None
        try:
            self.prefs.resting_bias = calibration.result(self.network.labels, self.network.resting)
            for track in self.tracker.tracks:
                if track.id == calibration.id:
                    track.resting_bias, track.label = self.prefs.resting_bias, None  # no margin for the new label
            self.reports.event("calibrated", rest=self.prefs.resting_bias)
            self.prefs.save()
        except UserError as error:
            self.reports.event("reply", message=str(error))


def message_for(error):
    """A sentence for the person in front of the camera."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory is full: use a smaller model or frame."
    return "%s (%s): the program goes on." % (type(error).__name__, error)


class Program:
    """Processes one frame per step. Whatever fails is drawn on the frame, reported once, and tried again."""

    def __init__(self):
        self.camera = Camera()
        self.prefs = Preferences()
        self.reports = Reports()
        self.button = None
        self.pressed = False  # whether the button was, in the last frame
        self.watchdog = None
        self.pipeline = None
        self.problem = None  # message, while something is wrong and for RETRY_MS after
        self.reported = None  # the last message that was reported
        self.last_load = self.last_failure = self.last_sent = None  # ticks
        self.failures = 0  # consecutive frames
        if self.prefs.problem:
            self.fail(UserError(self.prefs.problem))
        try:
            self.button = open_button()
            self.reports.open_uart()
        except Exception as error:  # the camera has no such pin or UART
            self.fail(UserError("BUTTON or UART can't be used (%s): see the settings of main.py." % error))
        channel, uart = self.reports.channel, self.reports.uart
        self.inputs = [serial_reader()]
        if uart:
            self.inputs.append(LineReader(lambda: uart.read(1) if uart.any() else None))
        if channel:
            self.inputs.append(LineReader(channel.read_byte))

    def step(self):
        """Take a frame, load the pipeline if need be, execute commands, process the frame."""
        frame, now = self.camera.frame(), time.ticks_ms()
        try:
            if not self.pipeline and elapsed(self.last_load, now) >= RETRY_MS:
                self.last_load = now
                self.pipeline = Pipeline(frame, self.prefs, self.reports)
            self.listen()
            if self.pipeline:
                self.pipeline.process(frame)
                self.failures = 0
                self.feed()
        except Exception as error:
            self.fail(error)
        if self.problem:
            self.show_problem(frame, now)
        if not self.pipeline:
            gc.collect()  # what is allocated from now on lies low in the heap and leaves the model a large block

    def show_problem(self, frame, now):
        """Draw what is wrong, until nothing was for RETRY_MS."""
        if self.pipeline and elapsed(self.last_failure, now) >= RETRY_MS:
            self.problem = self.reported = None
            return self.reports.event("recovered")
        try:
            draw_message(frame, self.problem)
        except Exception:
            pass  # no memory to draw with: it was reported

    def fail(self, error):
        """Note and report what is wrong."""
        self.failures += 1
        if isinstance(error, MemoryError) and self.failures > 99:  # sooner, the memory may be full only for a moment
            self.pipeline = self.last_load = None  # free all of it and load it again: that defragments the heap
        gc.collect()
        self.last_failure = time.ticks_ms()
        self.problem = message_for(error)
        # Of failures that alternate not all are reported, or there would be a line per frame.
        lately = elapsed(self.last_sent, self.last_failure) < RETRY_MS
        if self.reported is None or (self.reported != self.problem and not lately):
            self.last_sent, self.reported = self.last_failure, self.problem
            self.reports.event("error", message=self.problem)

    def listen(self):
        """Execute the commands that came in, and start a calibration when the button is pressed."""
        lines = [reader.readline() for reader in self.inputs]
        pressed = self.button is not None and not self.button.value()
        if pressed and not self.pressed:
            lines.append("calibrate")
        if self.reports.controls:  # full program only
            lines += self.reports.controls.take_commands()  # full program only
        self.pressed = pressed
        for line in lines:
            if line:
                self.answer(line.split())

    def answer(self, words):
        """Execute a command, and report its answer or why it failed."""
        try:
            message = self.execute(words)
        except UserError as error:
            message = str(error)
        if message:
            self.reports.event("reply", message=message)

    def execute(self, words):
        """The answer to a command, if any; UserError with a sentence for one that is wrong."""
        verb, arguments = words[0], words[1:]
        if verb == "set" and len(arguments) == 2:
            self.prefs.set(arguments[0], arguments[1])
            return "%s is %s." % (arguments[0], self.prefs.settings[arguments[0]])
        if verb == "draw" and arguments in (["on"], ["off"]):
            return self.draw(arguments[0])
        if not arguments and verb in ("status", "calibrate", "clear", "help"):
            return getattr(self, verb)()
        raise UserError("That is no command: there are %s." % HELP)

    def help(self):
        return HELP

    def status(self):
        about = self.pipeline.about() if self.pipeline else {}
        prefs = self.prefs
        gc.collect()  # or garbage would count as used
        about.update({"problem": self.problem, "free": gc.mem_free()})  # an error is told once, perhaps to nobody
        self.reports.event("status", settings=prefs.settings, rest=prefs.resting_bias, **about)

    def calibrate(self):
        if not self.pipeline:
            raise UserError("Not yet: %s" % self.problem)
        if self.pipeline.calibration:
            return "A calibration is running."
        self.pipeline.calibration = Calibration(time.ticks_ms())
        return "Keep a neutral face for 3 s."

    def draw(self, how):
        """Boxes and names on the frame or not, until the next start."""
        if not self.pipeline:
            raise UserError("Not yet: %s" % self.problem)
        self.pipeline.draws = how == "on"
        return "draw is %s." % how

    def clear(self):
        self.prefs.resting_bias = {}
        if self.pipeline:
            self.pipeline.calibration = None
            for track in self.pipeline.tracker.tracks:
                track.resting_bias, track.label = {}, None
        self.prefs.save()
        return "The resting look is forgotten."

    def feed(self):
        """Feed the watchdog, which is armed when the first frame was processed."""
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
