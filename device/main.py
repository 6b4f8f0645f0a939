# Facial emotion recognition on the OpenMV Cam.
#
# Copy this file, emotion.tflite and emotion.txt to the camera, open OpenMV IDE and run: each face in the frame buffer
# is boxed and named. Nothing leaves the camera but one line of JSON for each frame with a face, on the serial port.
#
# Why it works: the Haar cascade that the firmware carries looks for faces in each grey frame; a small int8 network
# then sees each face as 48 x 48 pixels, cut as its training pictures were, and gives a score for each emotion.
# It runs on firmware v4.5.5 to v5.

import binascii
import gc
import hashlib
import json
import time

import image
import omv

# Settings ------------------------------------------------------------------------------------------------------------

MODEL = "emotion.tflite"  # int8; its labels are in the .txt of the same name, one a line
FRAME = "QVGA"  # 320 x 240: in smaller frames a face across the table falls under the cascade's 24 pixels
CONTRAST = 3  # the cascade skips windows with a standard deviation under 50 grey levels, so contrast finds faces
GAIN_CEILING = 16  # lifts dim rooms, with noise that the cascade still bears
THRESHOLD = 0.75  # of each cascade stage: higher finds more, and more that is no face (1.3 already does)
SCALE = 1.25  # from one face size to the next: 1.1 finds more at four times the cost, 1.5 misses faces
MAX_FACES = 4  # the largest ones; each costs one run of the network
REMEMBER = 5  # frames that a face keeps its number unseen: it blinks out of the cascade's sight for one or two
SURE = 0.40  # a face whose best score is lower is shown as "?" and reported as null; a guess among seven has 0.14
SETTLE_MS = 2000  # the sensor's exposure needs this long after its reset
RETRY_MS = 3000  # between two tries to load what was missing: time to read the sentence in the frame

CASCADE_FILE = "/rom/haarcascade_frontalface.cascade"  # firmware v4.7.0 and later
CASCADE_NAME = "frontalface"  # built in before that
STAGES = 25  # all of them

# v5 takes points and boxes as tuples, and scale= in find_features; before v4.8 they are loose numbers, and v4 knows
# scale_factor= alone.
V5 = omv.version_major >= 5
WHITE, BLACK = 255, 0
LETTER_W, LETTER_H = 8, 10  # pixels of the firmware's font


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
            raise Trouble("The camera gives no picture (%s): check its module and lens cable." % error)


def open_camera():
    """Reset the sensor, set it up, and return its snapshot function."""
    try:
        import csi

        sensor = csi.CSI()  # AttributeError on v4.6 and v4.7, where csi is another name for sensor
    except (ImportError, AttributeError):
        return open_sensor()
    sensor.reset()
    sensor.pixformat(csi.GRAYSCALE)
    sensor.framesize(getattr(csi, FRAME))
    try_to(sensor.contrast, CONTRAST)
    try_to(sensor.gainceiling, GAIN_CEILING)
    sensor.snapshot(time=SETTLE_MS)
    return sensor.snapshot


def open_sensor():
    import sensor

    sensor.reset()
    sensor.set_pixformat(sensor.GRAYSCALE)
    sensor.set_framesize(getattr(sensor, FRAME))
    try_to(sensor.set_contrast, CONTRAST)
    try_to(sensor.set_gainceiling, GAIN_CEILING)
    sensor.skip_frames(time=SETTLE_MS)
    return sensor.snapshot


def try_to(setting, value):
    """Some sensors know neither contrast nor gain ceiling; they do without."""
    try:
        setting(value)
    except (RuntimeError, ValueError, OSError):
        pass


# Faces ---------------------------------------------------------------------------------------------------------------


def load_cascade():
    for name in (CASCADE_FILE, CASCADE_NAME):
        try:
            return image.HaarCascade(name, stages=STAGES)
        except (OSError, ValueError):
            pass
    raise Trouble("This firmware has no face cascade: update it in OpenMV IDE (Tools, Install the Latest).")


def find_faces(frame, cascade):
    """Square boxes (x, y, side, side) of the faces in a frame, the largest first."""
    if V5:
        boxes = frame.find_features(cascade, threshold=THRESHOLD, scale=SCALE)
    else:
        boxes = frame.find_features(cascade, threshold=THRESHOLD, scale_factor=SCALE)
    boxes = [square(box, frame.width(), frame.height()) for box in boxes]
    boxes.sort(key=lambda box: -box[2])
    return boxes[:MAX_FACES]


def square(box, width, height):
    """The square about a box's middle, inside the frame: v4 crops other shapes to the network's, v5 stretches them."""
    x, y, w, h = box
    side = min(max(w, h), width, height)
    x = max(0, min(x + (w - side) // 2, width - side))
    y = max(0, min(y + (h - side) // 2, height - side))
    return (x, y, side, side)


class Names:
    """Numbers for faces: a face whose box covers the middle of one seen a moment ago keeps its number."""

    def __init__(self):
        self.last = []  # (number, box, frames since it was seen)
        self.next = 1

    def give(self, boxes):
        """A number for each box."""
        left, seen = self.last, []
        for box in boxes:
            same = [old for old in left if covers(box, old[1])]
            if same:
                left = [old for old in left if old is not same[0]]
                seen.append((same[0][0], box, 0))
            else:
                seen.append((self.next, box, 0))
                self.next += 1
        self.last = seen + [(number, box, gone + 1) for number, box, gone in left if gone < REMEMBER]
        return [number for number, _, _ in seen]


def covers(box, other):
    x, y = other[0] + other[2] // 2, other[1] + other[3] // 2
    return box[0] <= x < box[0] + box[2] and box[1] <= y < box[1] + box[3]


# Network -------------------------------------------------------------------------------------------------------------


class Network:
    """The model and its labels. Raises Trouble when either is missing or broken."""

    def __init__(self, frame):
        self.labels = load_labels(MODEL.split(".")[0] + ".txt")
        self.sha256 = file_sha256(MODEL)
        gc.collect()  # the model and its arena each need one free block
        try:
            self.scores = load_model()
            count = len(self.scores(frame, (0, 0, 48, 48)))
        except Exception as error:
            # The firmware says "Failed to allocate tensors" when no free block holds the arena.
            if isinstance(error, MemoryError) or "allocate" in str(error):
                raise Trouble("%s does not fit in this camera's memory: use a smaller model." % MODEL)
            if "Failed to load network" in str(error):  # the N6
                raise Trouble("%s can't run here: this camera takes only models made by ST Edge AI." % MODEL)
            raise Trouble("%s can't be used (%s): copy the int8 model again, then reset." % (MODEL, error))
        if count != len(self.labels):
            raise Trouble(
                "%s gives %d scores, its labels file has %d lines: copy both." % (MODEL, count, len(self.labels))
            )


def load_model():
    """A function from (frame, square box) to the list of scores, by ml (v4.5.6 and later) or tf (before)."""
    try:
        import ml
        from ml.preprocessing import Normalization
    except ImportError:
        import tf

        net = tf.load(MODEL)
        return lambda frame, box: tf.classify(net, frame, roi=box)[0].output()
    model = ml.Model(MODEL)
    # A new Normalization for each face: one keeps the first region that it sees.
    return lambda frame, box: model.predict([Normalization(roi=box)(frame)])[0].flatten().tolist()


def load_labels(name):
    try:
        with open(name) as file:
            labels = [line.strip() for line in file.read(1024).split("\n")]
    except UnicodeError:
        raise Trouble("%s is not plain text in UTF-8: write one label a line." % name)
    except OSError:
        raise Trouble("%s is not on the camera: copy it beside main.py, then reset." % name)
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
        raise Trouble("%s is not on the camera: copy it beside main.py, then reset." % name)


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


def draw_face(frame, face):
    x, y, w, h = face["box"]
    text = "%s %d%%" % (face["emotion"] or "?", round(100 * face["score"]))
    draw_box(frame, x, y, w, h, color=WHITE, thickness=2)
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


def report(**fields):
    fields["v"] = 1
    print(json.dumps(fields))


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
        return 1000 / self.passed if self.passed else 0


class Watcher:
    """What looks at frames: cascade, network and the faces' numbers. Raises Trouble when a part is missing."""

    def __init__(self, frame):
        self.cascade = load_cascade()
        self.network = Network(frame)
        self.names = Names()
        self.rate = Rate()
        report(
            event="ready",
            board=omv.board_type(),
            firmware="%d.%d.%d" % (omv.version_major, omv.version_minor, omv.version_patch),
            model=MODEL,
            sha256=self.network.sha256,
            labels=self.network.labels,
        )

    def look(self, frame):
        """Find the faces, name them, report and draw them."""
        boxes = find_faces(frame, self.cascade)
        # All are classified before anything is drawn: a box must not cross the next face.
        faces = [self.name(frame, number, box) for number, box in zip(self.names.give(boxes), boxes)]
        fps = round(self.rate.tick(), 1)
        if faces:
            report(t=time.ticks_ms(), fps=fps, faces=faces)
        for face in faces:
            draw_face(frame, face)
        write(frame, 0, frame.height() - LETTER_H - 2, "%.1f fps" % fps)

    def name(self, frame, number, box):
        scores = [round(score, 3) for score in self.network.scores(frame, box)]
        best = max(scores)
        emotion = self.network.labels[scores.index(best)] if best >= SURE else None
        return {"id": number, "box": box, "emotion": emotion, "score": best, "scores": scores}


def explain(error):
    """The sentence for a person."""
    if isinstance(error, Trouble):
        return str(error)
    if isinstance(error, MemoryError):
        return "The camera's memory is full: use a smaller model or frame."
    return "%s (%s): the program goes on." % (type(error).__name__, error)


class Program:
    """One step a frame. Whatever fails is drawn, printed once, and tried again."""

    def __init__(self):
        self.camera = Camera()
        self.watcher = None
        self.trouble = None  # the sentence, while something is wrong
        self.failed = 0  # when, in ticks

    def step(self):
        """Take a frame, load what is not loaded, look."""
        frame = self.camera.frame()
        try:
            if self.watcher is None:
                if self.trouble and time.ticks_diff(time.ticks_ms(), self.failed) < RETRY_MS:
                    return draw_sentence(frame, self.trouble)
                self.watcher = Watcher(frame)
            self.watcher.look(frame)
        except Exception as error:
            self.fail(error)
            return draw_sentence(frame, self.trouble)
        if self.trouble:
            self.trouble = None
            report(event="recovered")

    def fail(self, error):
        """Note and print what is wrong."""
        if isinstance(error, MemoryError):
            self.watcher = None  # it is loaded anew, into a heap swept clean
        gc.collect()
        self.failed = time.ticks_ms()
        sentence = explain(error)
        if sentence != self.trouble:
            self.trouble = sentence
            report(event="error", message=sentence)


def main():
    program = Program()
    while True:
        try:
            program.step()
        except Exception as error:
            # No frame to draw on, or no memory to draw with.
            try:
                program.fail(error)
            except Exception:
                gc.collect()
            time.sleep_ms(RETRY_MS)


if __name__ == "__main__":
    main()
