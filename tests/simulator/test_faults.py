"""Each fault does what it says, at its time, and the camera goes on (or starts again) as a real one would."""

import pytest
from camera_programs import ROOT, START
from emotion_camera.simulator import Faults, run
from emotion_camera.simulator.host.sources import Source

pythons = pytest.mark.parametrize("python", ["micropython", "cpython"])

# A full disk

FULL = """
import os
def attempt(line):
    try:
        return eval(line)
    except OSError as error:
        return "OSError", error.errno
for line in (
    "open('new', 'w')", "open('new', 'wb')", "open('old', 'a').write('x')", "open('old', 'r+').write('x')",
    "os.rename('old', 'other')", "os.mkdir('folder')", "open('old').read()", "open('old', 'rb').read()",
    "sorted(os.listdir())", "os.remove('old')", "os.listdir()",
):
    print(attempt(line))
"""


@pythons
def test_a_full_disk_takes_nothing_and_is_still_read(play, firmware, python):
    played = play(FULL, firmware=firmware, python=python, flash={"old": b"text"}, faults=Faults(flash_full=True))
    assert played.lines[:6] == ["('OSError', 28)"] * 6
    assert played.lines[6:] == ["text", "b'text'", "['main.py', 'old']", "None", "['main.py']"]


def test_an_old_file_opened_for_writing_on_a_full_disk_is_lost(play):
    kept: dict[str, bytes] = {}
    play("open('old', 'w').write('new')", flash={"old": b"text"}, kept=kept, faults=Faults(flash_full=True))
    assert kept["old"] == b""


def test_pictures_are_not_saved_on_a_full_disk(play):
    played = play(START + "img.save('x.png')", faults=Faults(flash_full=True))
    assert played.ended.message == "OSError: 28"


# Power cuts, and what is on the disk afterwards

SAVE = """
import os
with open("kept.new", "w") as file:
    file.write("new")
    file.write(" words")
os.rename("kept.new", "kept")
print("saved")
"""


@pythons
@pytest.mark.parametrize("count", [0, 1, 3, 5, 9])
def test_the_power_fails_after_so_many_bytes(play, python, count):
    kept: dict[str, bytes] = {}
    faults = Faults(power_cut_after_bytes=count)
    played = play(SAVE, python=python, flash={"kept": b"old"}, kept=kept, faults=faults)
    assert (played.ended.reason, played.lines) == ("power", [])
    assert (kept["kept"], kept["kept.new"]) == (b"old", b"new words"[:count])


@pythons
def test_the_power_lasts_for_what_is_not_written(play, python):
    kept: dict[str, bytes] = {}
    played = play(SAVE, python=python, kept=kept, faults=Faults(power_cut_after_bytes=10))
    assert (played.ended.reason, played.lines, kept["kept"]) == ("finished", ["saved"], b"new words")


@pythons
def test_a_rename_removes_the_old_file_first_and_the_power_can_fail_between(play, python):
    kept: dict[str, bytes] = {}
    faults = Faults(power_cut_in_rename=True)
    played = play(SAVE, python=python, flash={"kept": b"old"}, kept=kept, faults=faults)
    assert played.ended.reason == "power"
    assert "kept.new was renamed to kept" in played.ended.message.replace("/", "")
    assert ("kept" in kept, kept["kept.new"]) == (False, b"new words")
    assert play(SAVE, python=python, faults=faults).lines == ["saved"], "a new name has nothing to remove"


def test_a_program_cannot_catch_a_power_cut(play):
    program = "try:\n    open('a', 'w').write('text')\nexcept BaseException:\n    print('caught')\nfinally:\n    print('at last')"
    assert play(program, faults=Faults(power_cut_after_bytes=2)).lines == []


def test_the_power_fails_though_the_heap_is_full(play):
    program = """
file = open("a", "w")
junk = []
try:
    while True:
        junk.append(bytearray(16))
except MemoryError:
    pass
while True:
    try:
        file.write("text")
    except MemoryError:
        junk.pop()
"""
    assert play(program, heap=60_000, faults=Faults(power_cut_after_bytes=2)).ended.reason == "power"


@pythons
def test_the_camera_can_be_switched_on_again_with_its_files(play, python):
    program = "import os\nprint('seen' in os.listdir())\nos.mkdir('lib')\nopen('lib/x', 'wb').write(b'y')\nopen('seen', 'w').close()"
    kept: dict[str, bytes] = {"left from before": b""}
    assert play(program, python=python, kept=kept).lines == ["False"]
    assert kept == {"lib/x": b"y", "main.py": program.encode(), "seen": b""}
    again: dict[str, bytes] = {}
    assert play("import os\nprint('seen' in os.listdir())", python=python, flash=kept, kept=again).lines == ["True"]
    assert set(again) == set(kept)


def test_files_are_kept_when_the_run_is_given_up(tmp_path, scene):
    script = tmp_path / "program.py"
    script.write_text(
        "open('a', 'w').write('1')\nprint(1)\nimport machine\nmachine.LED('LED_RED').on()\nwhile True: pass"
    )
    kept: dict[str, bytes] = {}
    events = run(script, kept=kept)
    next(events)
    events.close()
    assert kept["a"] == b"1"


# Writing without a fault is as it was


@pythons
def test_files_are_written_and_read_as_ever(play, firmware, python):
    program = r"""
import json, os
with open("a.json", "w") as file:
    json.dump({"a": [1, 2]}, file)
    print(file.tell())
print(json.load(open("a.json")), open("a.json", "rb").read())
with open("a.json", "a") as file:
    file.write("\nmoré")
    print("printed", file=file)
with open("b", "wb") as file:
    print(file.write(bytearray(b"12345")), file.seek(1), file.write(memoryview(b"xy")))
with open("b", "r+b") as file:
    print(file.read(2), file.read())
with open("a.json", "r+") as file:
    print(file.readline().strip(), file.read().strip())
os.rename("b", "a.json")
print(open("a.json").read(), os.stat("a.json")[6], sorted(os.listdir()))
try:
    os.rename("missing", "a.json")
except OSError as error:
    print(error.errno, open("a.json").read())
"""
    assert play(program, firmware=firmware, python=python).lines == [
        "13",
        """{'a': [1, 2]} b'{"a": [1, 2]}'""",
        "5 1 2",
        "b'1x' b'y45'",
        '{"a": [1, 2]} moréprinted',
        "1xy45 5 ['a.json', 'main.py']",
        "2 1xy45",
    ]


# Files that change from outside


@pythons
def test_files_change_while_the_program_runs(play, python):
    program = (
        START
        + """
for i in range(5):
    try:
        print(time.ticks_ms(), open("labels").read(), "lib" in os.listdir())
    except OSError as error:
        print(time.ticks_ms(), error.errno)
    snapshot()
"""
    )
    changes = [(400, "labels", b"new"), (500, "labels", None), (600, "labels", b"back"), (600, "lib/x", b"")]
    played = play(program, python=python, flash={"labels": b"old"}, faults=Faults(file_changes=changes))
    assert played.lines == ["300 old False", "400 new False", "500 2", "600 back True", "700 back True"]


def test_on_an_sd_card_its_files_change_and_are_kept(play):
    program = START + "snapshot()\nprint(open('/sdcard/a').read(), 'a' in os.listdir('/flash'))"
    kept: dict[str, bytes] = {}
    played = play(program, sdcard={}, kept=kept, faults=Faults(file_changes=[(400, "a", b"x")]))
    assert played.lines == ["x False"]
    assert set(kept) == {"a", "main.py"}


# The heap


def test_the_heap_is_taken_for_a_time(play, firmware):
    program = (
        START
        + """
for i in range(6):
    gc.collect()
    print(gc.mem_free() // 10_000)
    snapshot()
"""
    )
    played = play(program, firmware=firmware, faults=Faults(heap_hog=[(400, 600, 65_000), (700, 10**9, 35_000)]))
    free = [int(line) for line in played.lines]
    assert free[0] == free[3] >= 30
    assert free[1:3] + free[4:] == [6, 6, 3, 3]


def test_copies_fail_while_the_heap_is_taken_and_the_frame_does_not(play, firmware):
    program = (
        START
        + """
for i in range(4):
    try:
        half = img.copy(roi=(0, 0, 320, 240), x_scale=0.5, y_scale=0.5, hint=image.AREA)
        print(half.width(), half.height())
    except MemoryError:
        print("full")
    half = None
    img = snapshot()
"""
    )
    played = play(program, firmware=firmware, faults=Faults(heap_hog=[(400, 600, 15_000)]))
    assert played.lines == ["160 120", "full", "full", "160 120"]


@pytest.mark.parametrize("left", [0, 300, 1000, 3000])
def test_the_camera_outlives_a_heap_without_anything_free(play, firmware, left):
    """Whatever question the memory fails in, the next one gets its own answer."""
    program = (
        START
        + """
cascade = load_cascade()
failed = 0
for i in range(60):
    try:
        time.sleep_ms(100)
        img = snapshot()
        width = img.get_pixel(*((i, 0) if omv.version_major < 5 else ((i, 0),)))
        boxes, half = len(img.find_features(cascade)), img.copy(x_scale=0.5)
    except MemoryError:
        failed += 1
half = None
gc.collect()
print(failed > 0, len(snapshot().find_features(cascade)), snapshot().copy(x_scale=0.5).width(), gc.mem_free() > 200_000)
"""
    )
    played = play(program, firmware=firmware, frames=100, faults=Faults(heap_hog=[(1000, 5000, left)]))
    assert played.lines == ["True 1 160 True"]


# Errors of the firmware

ERRORS = (
    START
    + """
cascade = load_cascade()
def attempt(function):
    try:
        function()
        return "."
    except RuntimeError as error:
        assert str(error) == "injected"
        return "R"
    except MemoryError:
        return "M"
rect = ((1, 1, 9, 9),) if V5 else (1, 1, 9, 9)
print("".join(attempt(lambda: img.find_features(cascade)) for i in range(40)))
print("".join(attempt(lambda: img.draw_rectangle(*rect)) for i in range(40)))
print("".join(attempt(lambda: img.copy(x_scale=0.1)) for i in range(40)))
print("".join(attempt(lambda: img.width()) + attempt(lambda: img.get_pixel(*rect[:2]) if not V5 else 0) for i in range(20)))
"""
)


def test_a_share_of_the_calls_fails(play, firmware):
    lines = play(ERRORS, firmware=firmware, faults=Faults(random_errors=0.4, seed=5)).lines
    for line in lines[:3]:
        assert 8 < 40 - line.count(".") < 26
    assert {letter for line in lines[:3] for letter in line} == set(".RM")
    assert set(lines[3]) == {"."}, "other calls go on as ever"


def test_the_seed_chooses_the_errors(play):
    first, again, other = (play(ERRORS, faults=Faults(random_errors=0.4, seed=seed)).lines for seed in (5, 5, 6))
    assert first == again != other
    assert first == play(ERRORS, python="cpython", faults=Faults(random_errors=0.4, seed=5)).lines


# Slow and absent readers


@pythons
def test_printing_to_a_slow_reader_takes_time(play, firmware, python):
    program = """
import time
a = time.ticks_ms()
print("one", "two", sep="-")
print("no line", end="")
print("")
print(time.ticks_diff(time.ticks_ms(), a))
"""
    played = play(program, firmware=firmware, python=python, faults=Faults(print_ms=400))
    assert played.lines == ["one-two", "no line", "800"]
    assert played.ended.time_ms == 300 + 3 * 400


CHANNEL = """
import protocol
class Backend:
    asked = 0
    def size(self): return 5
    def read(self, offset, size): return b"happy"
    def poll(self):
        self.asked += 1
        return True
backend = Backend()
protocol.register(name="emotion", backend=backend)
snapshot()
snapshot()
print(backend.asked)
"""


def test_a_channel_that_nobody_reads(play):
    assert play(START + CHANNEL).lines == ["2"]
    played = play(START + CHANNEL, faults=Faults(channel_unread=True))
    assert (played.lines, played.sent) == (["0"], [])


# A camera without pictures, and the watchdog

TRIES = (
    START
    + """
failed = 0
for i in range(400):
    try:
        snapshot()
        break
    except RuntimeError:
        failed += 1
        snapshot = open_camera()
print(failed, time.ticks_ms() // 1000, snapshot().width())
"""
)


def test_pictures_come_back_after_a_long_time(play, firmware, scene):
    """Twenty minutes of them: the run is not given up where its time is set."""
    how = {
        "faults": Faults(timeouts=range(1, 400)),
        "source": Source("still", 10, lambda: iter([scene] * 5), still=True),
    }
    played = play(TRIES, firmware=firmware, stop_after_ms=3_600_000, **how)
    assert played.lines == ["399 1197 320"]
    assert play(TRIES, firmware=firmware, **how).ended.message == "no frame came for ten minutes"


DOG = """
import machine
dog = machine.WDT(timeout=10000)
for i in range(9):
    try:
        snapshot()
    except RuntimeError:
        pass
    FEED
print("alive")
"""


@pythons
def test_the_watchdog_counts_while_pictures_fail(play, firmware, python):
    faults = Faults(timeouts=range(1, 10**9))
    fed, unfed = (
        play(START + DOG.replace("FEED", feed), firmware=firmware, python=python, faults=faults)
        for feed in ("dog.feed()", "pass")
    )
    assert (fed.lines, fed.ended.reason) == (["alive"], "finished")
    assert (unfed.lines, unfed.ended.reason) == ([], "watchdog")
    assert unfed.ended.time_ms == 300 + 4 * 3000, "the fourth capture in vain is the first to end after ten seconds"


# What a frame costs


@pythons
def test_the_work_for_each_frame_is_counted(play, firmware, python):
    program = (
        START
        + """
cascade = load_cascade()
whole = len(img.find_features(cascade))
img = snapshot()
for i in range(2):
    img.find_features(cascade, roi=(100, 50, 48, 48))
img = snapshot()
img = snapshot()
"""
    )
    counts = play(program, firmware=firmware, python=python).counts
    assert counts[0][0] > 10 * counts[1][0] > 0
    assert counts[1][0] % 2 == 0
    assert counts[2:] == [(0, 0), (0, 0)]


@pythons
def test_runs_of_the_network_are_counted(play, firmware, python):
    program = (
        START
        + """
box = (100, 50, 120, 120)
try:
    import ml
    from ml.preprocessing import Normalization
    model = ml.Model("emotion.tflite")
    look = lambda: model.predict([Normalization(roi=box)(img)])
except ImportError:
    import tf
    net = tf.load("emotion.tflite")
    look = lambda: tf.classify(net, img, roi=box)
for times in (0, 1, 3):
    for i in range(times):
        look()
    img = snapshot()
"""
    )
    flash = {"emotion.tflite": ROOT / "models" / "emotion.tflite"}
    counts = play(program, firmware=firmware, python=python, flash=flash).counts
    assert counts == [(0, 0), (0, 1), (0, 3), (0, 0)]
