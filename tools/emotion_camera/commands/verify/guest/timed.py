# mypy: ignore-errors
# ruff: noqa: F821, SIM105, UP031
"""Runs the camera's own main.py before drawn scenes, with a clock at every call of the firmware.

Sent after common.py. The firmware's modules are covered by ones that pass every call on and add up what it takes; what the
sensor has captured is drawn over before the program sees it. So this knows nothing of the program, and the program nothing
of this. What it prints gets the mark, so that a camera that was reset meanwhile, and prints without, is known.
Nothing is written: files do not open for it. No watchdog starts.
"""

import builtins
import sys
import time

COPIES = ("copy", "crop", "scale", "to_grayscale", "histeq", "draw_image")
STAGES = {"snapshot": "capture", "find_features": "search", "predict": "network", "classify": "network"}
STAGES.update(dict.fromkeys(COPIES, "copy"))
STAGES.update({"__call__": "network", "dumps": "report"})  # a Normalization is called
MAKERS = ("CSI", "Image", "Model", "load", "Normalization", "HaarCascade")
QUICK = ("get_pixel", "width", "height")  # called so often that a clock would cost more than they do
MODULES = ("csi", "sensor", "image", "ml", "ml.preprocessing", "tf", "json")
EROFS = 30
WIDEST, NARROWEST = 1664, 25  # pixels of the pictures that are tried to know what scratch memory is left

spent = {}  # us by stage, of the frames that count
kept = {}  # the cascade, and the class of pictures
real_open = open


class Done(BaseException):
    """All scenes have been played."""


class Timed:
    """Covers a module, or an object that one gave."""

    def __init__(self, it, is_module=False):
        self._it = it
        self._is_module = is_module

    def __getattr__(self, name):
        value = getattr(self._it, name)
        if not callable(value) or name in QUICK or (self._is_module and name not in STAGES and name not in MAKERS):
            return value
        return timed(value, name)

    def __call__(self, *args, **kwargs):
        return timed(self._it, "__call__")(*args, **kwargs)

    def __getitem__(self, index):
        return self._it[index]

    def __len__(self):
        return len(self._it)


def bare(value):
    """`value` as the firmware knows it."""
    if isinstance(value, Timed):
        return value._it
    if isinstance(value, list) or (isinstance(value, tuple) and value and isinstance(value[0], Timed)):
        return [bare(item) for item in value]
    return value


def timed(function, name):
    stage = STAGES.get(name) or ("draw" if name.startswith("draw_") else None)

    def call(*args, **kwargs):
        is_frame = name == "snapshot" and not args and not ("time" in kwargs or "frames" in kwargs)  # those only skip
        args = [bare(value) for value in args]
        kwargs = {key: bare(kwargs[key]) for key in kwargs}
        if is_frame:
            scenes.before_capture()
        start = time.ticks_us()
        try:
            result = function(*args, **kwargs)
        finally:
            if stage:
                add(stage, time.ticks_diff(time.ticks_us(), start))
        if is_frame and result is not None:
            scenes.captured(result)
        return covered(result, name)

    return call


def add(stage, us):
    spent[stage] = spent.get(stage, 0) + us


def covered(result, name):
    if name == "HaarCascade":
        kept["cascade"] = result
        return result
    if name == "Image" or (name == "snapshot" and result is not None):
        kept["class"] = type(result)
    made = name in MAKERS or name == "__call__"
    return Timed(result) if made or ("class" in kept and isinstance(result, kept["class"])) else result


class Scenes:
    """Plays each scene (name, grey, faces): first until the program has got used to it, then for the count."""

    def __init__(self, scenes, warm_ms, count_ms, least):
        self.scenes = scenes
        self.warm_ms, self.count_ms, self.least = warm_ms, count_ms, least
        self.number = -1
        self.frames = 0  # of all
        self.working_since = None

    def before_capture(self):
        """The program has done with a frame."""
        if self.working_since is None:
            return
        self.total_us += time.ticks_diff(time.ticks_us(), self.working_since)
        self.count += 1
        passed = time.ticks_diff(time.ticks_ms(), self.since)
        if not self.counts and passed >= self.warm_ms and self.count >= self.least:
            self.begin(True)
        elif self.counts and passed >= self.count_ms and self.count >= self.least:
            self.told()
            self.next()

    def captured(self, frame):
        """Draw the scene over what the sensor saw."""
        if self.number < 0:
            self.next()
        width, height = frame.width(), frame.height()
        pixels = frame.bytearray()
        if len(pixels) == width * height:  # grey
            _, grey, faces = self.scenes[self.number]
            draw(pixels, width, height, grey, faces)
            kept["pixels"] = pixels
        self.frames += 1
        self.working_since = time.ticks_us()

    def next(self):
        self.number += 1
        if self.number == len(self.scenes):
            say("left", free(), largest_block(), scratch_left())
            raise Done
        self.begin(False)

    def begin(self, counts):
        self.counts, self.count, self.total_us = counts, 0, 0
        self.since, self.first = time.ticks_ms(), self.frames
        spent.clear()
        if counts:
            say("count", self.scenes[self.number][0])

    def told(self):
        """The last capture's time is in `spent`, the scene's total has none of them."""
        say("scene", self.scenes[self.number][0], self.first, self.count, self.total_us, dict(spent))


def largest_block():
    """Bytes of the largest block that the heap still has, to 1 KB."""
    size = 512 * 1024
    step = size
    while step >= 1024:
        try:
            bytearray(size)
            if size == 512 * 1024:
                break
            size += step // 2
        except MemoryError:
            size -= step // 2
        step //= 2
    return size


def scratch_left():
    """How wide a picture can be searched, and whether it was not scratch memory that ended the trying; None without a cascade."""
    if "cascade" not in kept:
        return None
    low, high, is_most = 0, WIDEST + 1, True
    while high - low > 8:
        width = (low + high) // 2
        if width < NARROWEST:
            break
        gc.collect()
        try:
            strip = make_strip(width)
        except MemoryError:
            high, is_most = width, True
            continue
        try:
            strip.find_features(kept["cascade"])
            low = width
        except MemoryError:
            high, is_most = width, False
        strip = None
    return low, is_most


def make_strip(width):
    """A picture that can just be searched: in the frame buffer where the firmware can, otherwise in the heap."""
    import image as cover

    make = cover._it.Image
    try:
        return make(width, NARROWEST, grayscale(), buffer=kept["pixels"])
    except (TypeError, ValueError, KeyError):
        return make(width, NARROWEST, grayscale())


def grayscale():
    import image as cover

    try:
        return cover.GRAYSCALE
    except AttributeError:
        import sensor

        return sensor.GRAYSCALE


def timed_print(*words, **how):
    start = time.ticks_us()
    plain_print(MARK + "print", *words, **how)
    add("report", time.ticks_diff(time.ticks_us(), start))


def read_only(path, mode="r", *rest, **how):
    if any(letter in mode for letter in "wax+"):
        raise OSError(EROFS)
    return real_open(path, mode, *rest, **how)


class Later(Timed):
    """Covers `sensor` where it is a program of its own, since v4.8, which could take the camera: loaded when it is used."""

    def __init__(self):
        self._is_module = True

    def __getattr__(self, name):
        if name != "_it":
            return super().__getattr__(name)
        del sys.modules["sensor"]
        self._it = __import__("sensor")
        sys.modules["sensor"] = self
        return self._it


class Machine(Timed):
    """Starts no watchdog: it would reset the camera once the program is stopped."""

    def WDT(self, *args, **kwargs):
        return self

    def feed(self):
        pass


def cover_firmware():
    covers = {}
    for name in MODULES:
        if name == "sensor" and name not in sys.modules and hasattr(covers.get("csi"), "CSI"):
            covers[name] = Later()
            continue
        try:
            covers[name] = Timed(__import__(name, None, None, ("",)), True)
        except ImportError:
            pass
    import machine

    sys.modules.update(covers)
    sys.modules["machine"] = Machine(machine, True)
    builtins.print, builtins.open = timed_print, read_only


scenes = None


def run(code, *plan):
    """Run main.py, or `code` where there is any, before the scenes; says what came of it."""
    global scenes
    scenes = Scenes(*plan)
    cover_firmware()
    names = {"__name__": "__main__"}
    try:
        exec(code, names) if code else execfile("main.py", names)
        say("ended", "")
    except Done:
        say("done", scenes.frames)
    except BaseException as error:
        say("ended", "%s: %s" % (type(error).__name__, error))
