# mypy: ignore-errors
"""The camera's `time`: MicroPython's, with OpenMV's `clock` class, on a simulated or the real clock.

The simulated clock stands still while the program works; a picture moves it to that picture's time, sleeping moves it,
and every look at it moves it by LOOK_US so that a loop that waits comes to its end.
"""

import time as system

LOOK_US = 10
PERIOD = 1 << 30  # ticks wrap here on the camera's 32-bit MicroPython


class Clock:
    def __init__(self, start_us: int, real: bool) -> None:
        self.now_us = start_us
        self.real = real
        self._offset_us = start_us - _system_us()
        self.alarms = []  # what looks at each new time: watchdogs, whoever takes the heap

    def look(self) -> int:
        """The time now, in microseconds since the camera was switched on."""
        self.set(_system_us() + self._offset_us if self.real else self.now_us + LOOK_US)
        return self.now_us

    def set(self, now_us: int) -> None:
        self.now_us = max(now_us, self.now_us)
        for alarm in self.alarms:
            alarm.check(self.now_us)

    def sleep_us(self, duration_us: int) -> None:
        if self.real:
            system.sleep(max(duration_us, 0) / 1000000)
            self.look()
        else:
            self.set(self.now_us + max(int(duration_us), 0))


def _system_us() -> int:
    return system.time_ns() // 1000


def slow_print(clock: Clock, line_us: int) -> None:
    """From now on each line printed takes so long, as on a serial port with a slow reader."""
    import builtins

    print_at_once = print

    def print_slowly(*words: object, **how: object) -> None:
        print_at_once(*words, **how)
        if how.get("file") is None and "\n" in how.get("end", "\n"):
            clock.sleep_us(line_us)

    builtins.print = print_slowly


def make_clock(clock: Clock) -> type:
    class Clock:
        """OpenMV's `time.clock`: frames a second over the frames since `reset`."""

        def __init__(self) -> None:
            self.reset()

        def reset(self) -> None:
            self._frames = self._total_us = 0
            self._tick_us = clock.look()

        def tick(self) -> None:
            self._tick_us = clock.look()

        def fps(self) -> float:
            self._frames += 1
            self._total_us += self.avg_us()
            return self._frames * 1000000 / max(self._total_us, 1)

        def avg_us(self) -> int:
            return clock.look() - self._tick_us

        def avg(self) -> float:
            return self.avg_us() / 1000

    return Clock


def make_time(module: type, clock: Clock) -> object:
    """The module `time` as the program sees it."""

    def ticks_diff(end: int, start: int) -> int:
        return ((end - start + PERIOD // 2) & (PERIOD - 1)) - PERIOD // 2

    t = module()
    t.__name__ = "time"
    t.clock = make_clock(clock)
    t.ticks_us = lambda: clock.look() & (PERIOD - 1)
    t.ticks_ms = lambda: (clock.look() // 1000) & (PERIOD - 1)
    t.ticks_cpu = t.ticks_us
    t.ticks_add = lambda ticks, delta: (ticks + delta) & (PERIOD - 1)
    t.ticks_diff = ticks_diff
    t.sleep = lambda seconds: clock.sleep_us(int(seconds * 1000000))
    t.sleep_ms = lambda ms: clock.sleep_us(ms * 1000)
    t.sleep_us = clock.sleep_us
    t.time = lambda: clock.look() // 1000000
    t.time_ns = lambda: clock.look() * 1000
    t.gmtime, t.localtime, t.mktime = system.gmtime, system.localtime, system.mktime
    return t
