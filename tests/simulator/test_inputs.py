"""What comes to the camera while it runs (typed lines, a UART, buttons) and what leaves it by lights and pins."""

import sys

import pytest
from camera_programs import START, TYPED
from emotion_camera.simulator import Line, Sent, run
from emotion_camera.simulator.host.sources import Source

PYTHONS = [
    "micropython",
    pytest.param("cpython", marks=pytest.mark.skipif(sys.platform == "win32", reason="select has no poll on Windows")),
]

# The serial port


@pytest.mark.parametrize("python", PYTHONS)
def test_a_line_is_there_when_its_time_has_come(play, python):
    program = START + TYPED + "for i in range(6):\n    print(time.ticks_ms(), repr(typed()))\n    snapshot()"
    played = play(program, python=python, typed=[(500, b"two\nlines\n"), (600, b"half")])
    assert played.lines == ["300 ''", "400 ''", r"500 'two\nlines\n'", "600 'half'", "700 ''", "800 ''"]


def test_lines_come_in_the_order_of_their_times_and_after_what_was_there(play):
    program = START + TYPED + "print(repr(typed()))\nfor i in range(3):\n    snapshot()\nprint(repr(typed()))"
    played = play(program, serial_input=b"first ", typed=[(500, b"c"), (400, b"a"), (400, b"b")])
    assert played.lines == ["'first '", "'abc'"]


def test_a_line_comes_with_any_answer_of_the_camera(play):
    """A program that only sleeps and prints asks nothing; it has the line once it has asked."""
    program = START + TYPED + "time.sleep_ms(500)\nprint(repr(typed()))\nimg.get_pixel((0, 0))\nprint(repr(typed()))"
    assert play(program, typed=[(400, b"now")]).lines == ["''", "'now'"]


def test_a_flood_of_typing_stops_neither_the_camera_nor_the_program(play):
    """More than a pipe holds; what has no room waits, as USB does."""
    program = """
def read():
    n = 0
    while poll.poll(0):
        n += len(sys.stdin.buffer.read(1))
    return n
for i in range(5): snapshot()
counts = []
for i in range(4):
    counts.append(read())
    snapshot()
print(sum(counts), counts[0] > 1000, counts[1] > 1000)
"""
    assert play(START + TYPED + program, typed=[(300, b"a" * 150_000)]).lines == ["150000 True True"]


@pytest.mark.parametrize("python", PYTHONS)
def test_half_a_letter_is_waited_for_and_a_byte_is_there(play, python):
    """MicroPython's sys.stdin reads whole UTF-8 letters, and waits for the rest of one; sys.stdin.buffer has bytes."""
    text = play(START + TYPED + "snapshot()\ntyped()", python=python, typed=[(400, b"\xc3")], hung_after_s=1)
    assert text.ended.reason == "hung"
    program = START + TYPED + "snapshot()\nwhile poll.poll(0):\n    print(sys.stdin.buffer.read(1))"
    assert play(program, python=python, typed=[(400, b"\xc3\xff")]).lines == [r"b'\xc3'", r"b'\xff'"]


def test_typing_is_the_same_each_time(play):
    program = START + TYPED + "for i in range(8):\n    print(i, repr(typed()))\n    snapshot()"
    typed = [(time_ms, b"%d\n" % time_ms) for time_ms in range(300, 1200, 37)]
    runs = {tuple(play(program, typed=typed).lines) for _ in range(5)}
    assert len(runs) == 1


# UART

READ = """
import machine
port = machine.UART(3, 115200)
buffer = bytearray(4)
print(port.any(), port.read(2), port.readline(), port.any())
print(port.readinto(buffer), bytes(buffer), port.read(1), port.readline(), port.any())
print(port.read(), port.read(3), port.readline(), port.readinto(buffer))
"""


@pytest.mark.parametrize("python", ["micropython", "cpython"])
def test_a_uart_reads_as_micropythons_does(play, firmware, python):
    played = play(READ, firmware=firmware, python=python, uart_input=b"status\n\xff\x00\nxhalf a line")
    assert played.lines == [
        r"22 b'st' b'atus\n' 15",
        r"4 b'\xff\x00\nx' b'h' b'alf a line' 0",
        "None None None None",
    ]


def test_a_uart_opened_again_goes_on_where_it_was(play):
    program = "import machine\nprint(machine.UART(1).read(2), machine.UART(1).read(2), machine.UART(3).read())"
    assert play(program, uart_input=b"abc").lines == ["b'ab' b'c' b'abc'"]


def test_a_uart_with_nothing_has_none(play):
    program = "import machine\nport = machine.UART(3)\nprint(port.any(), port.read(), port.read(1), port.readline())"
    assert play(program).lines == ["0 None None None"]


# Pins and lights


@pytest.mark.parametrize("python", ["micropython", "cpython"])
def test_a_button_pulls_its_pin_to_ground_for_a_time(play, firmware, python):
    program = (
        START
        + """
import machine
button = machine.Pin("P9", machine.Pin.IN, machine.Pin.PULL_UP)
other = machine.Pin("P8", machine.Pin.IN, machine.Pin.PULL_UP)
print(button.value(), other.value(), machine.Pin("P7").value())
for i in range(5):
    print(button(), other.value())
    snapshot()
"""
    )
    played = play(program, firmware=firmware, python=python, pressed={"P9": [(400, 600), (700, 701)]})
    assert played.lines == ["1 1 0", "1 1", "0 1", "0 1", "1 1", "0 1"]


def test_waiting_for_a_button_comes_to_its_end(play):
    program = 'import machine, time\nbutton = machine.Pin("P9", machine.Pin.IN, machine.Pin.PULL_UP)\nwhile button.value(): pass\nprint(time.ticks_ms())'
    assert play(program, pressed={"P9": [(450, 500)]}).lines == ["450"]


@pytest.mark.parametrize("python", ["micropython", "cpython"])
def test_lights_and_pins_tell_when_they_change(play, firmware, python):
    program = """
import machine, time
red, again = machine.LED("LED_RED"), machine.LED("LED_RED")
red.off()
red.on()
again.on()
time.sleep_ms(100)
again.toggle()
pin = machine.Pin("P7", machine.Pin.OUT, value=0)
pin.value(1)
pin.high()
pin(0)
"""
    played = play(program, firmware=firmware, python=python)
    assert played.sent == [
        Sent(300, "led LED_RED", b"1"),
        Sent(400, "led LED_RED", b"0"),
        Sent(400, "pin P7", b"1"),
        Sent(400, "pin P7", b"0"),
    ]


def test_lights_keep_their_place_among_the_lines(tmp_path, scene):
    script = tmp_path / "program.py"
    script.write_text("import machine\nprint(1)\nmachine.LED('LED_RED').on()\nprint(2)")
    events = list(run(script, source=Source("scene", 10, lambda: iter([scene]))))
    assert [event.text if isinstance(event, Line) else event.data for event in events[:3]] == ["1", b"1", "2"]  # type: ignore[union-attr]
