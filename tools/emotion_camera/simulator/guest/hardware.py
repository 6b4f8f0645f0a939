# mypy: ignore-errors
"""`machine`, `omv` and `protocol` as the program sees them."""

# v5's protocol: the flags of a channel and the numbers of the firmware's own. The values are the stand-in's.
CHANNELS = {
    "CHANNEL_FLAG_READ": 1,
    "CHANNEL_FLAG_WRITE": 2,
    "CHANNEL_FLAG_LOCK": 4,
    "CHANNEL_FLAG_PHYSICAL": 8,
    "CHANNEL_ID_TRANSPORT": 0,
    "CHANNEL_ID_STDIN": 1,
    "CHANNEL_ID_STDOUT": 2,
    "CHANNEL_ID_STREAM": 3,
    "CHANNEL_ID_PROFILE": 4,
}


class Watchdog:
    """The STM32's watchdog: cannot be stopped, and resets the camera when it is not fed in time."""

    def __init__(self, camera: object, timeout_ms: int) -> None:
        self._camera = camera
        self._timeout_us = timeout_ms * 1000
        self.feed()

    def feed(self) -> None:
        self._fed_us = self._camera.clock.now_us

    def check(self, now_us: int) -> None:
        if now_us - self._fed_us > self._timeout_us:
            self._camera.end("watchdog", "the watchdog was not fed for %d ms" % (self._timeout_us // 1000))


class Received:
    """What has arrived at a UART and is not read yet."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def any(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes | None:
        """At most `size` bytes, None where there are none."""
        data = self._data[self._at : self._at + size]
        self._at += len(data)
        return data or None

    def line(self) -> bytes | None:
        """Up to the end of the line, or all there is."""
        end = self._data.find(b"\n", self._at)
        return self.take(self.any() if end < 0 else end + 1 - self._at)


def make_uart(camera: object) -> type:
    received = {}  # by port
    input = bytes(ord(letter) for letter in camera.config["uart_input"])

    class UART:
        """A serial port; what the program writes to it comes to the host as an event."""

        def __init__(self, port: int, baudrate: int = 9600, **settings: object) -> None:
            self._port = port
            self._received = received.setdefault(port, Received(input))

        def init(self, baudrate: int = 9600, **settings: object) -> None:
            pass

        def write(self, data: bytes) -> int:
            data = data.encode() if isinstance(data, str) else bytes(data)
            camera.send("uart.write", self._port, data)
            return len(data)

        def any(self) -> int:
            return self._received.any()

        def read(self, size: int = -1) -> bytes | None:
            return self._received.take(self.any() if size < 0 else size)

        def readline(self) -> bytes | None:
            return self._received.line()

        def readinto(self, buffer: bytearray, size: int = -1) -> int | None:
            data = self._received.take(len(buffer) if size < 0 else min(size, len(buffer)))
            if data is None:
                return None
            buffer[: len(data)] = data
            return len(data)

        def deinit(self) -> None:
            pass

    return UART


def check_pin(name: str, way: str) -> str:
    """`name`, where a board may have a pin or light of that name; which of them it has is not played."""
    known = (
        name.startswith("LED") or name.isdigit()
        if way == "led"
        else not (name[:1] == "P" and len(name) > 2 and name > "P20")
    )
    if not known:
        raise ValueError("Pin(%s) doesn't exist" % name)
    return name


def make_pins(camera: object) -> tuple:
    """The classes Pin and LED; each change of an output comes to the host as an event."""
    pressed = camera.config["pressed"]
    levels = {}  # of the outputs by "pin" or "led" and name

    class Pin:
        IN, OUT, PULL_UP, PULL_DOWN = 0, 1, 1, 2
        way = "pin"

        def __init__(self, name: str, mode: int = 0, pull: int | None = None, value: int | None = None) -> None:
            self._name = check_pin(str(name), self.way)
            self.init(mode, pull, value)

        def init(self, mode: int = 0, pull: int | None = None, value: int | None = None) -> None:
            self._mode, self._pull = mode, pull
            if value is not None:
                self.value(value)

        def value(self, value: int | None = None) -> int | None:
            if value is not None:
                self._set(int(bool(value)))
                return None
            if self._mode == Pin.OUT:
                return levels.get((self.way, self._name), 0)
            return 0 if self._is_pressed() else int(self._pull == Pin.PULL_UP)

        def _set(self, level: int) -> None:
            key = (self.way, self._name)
            if level != levels.get(key, 0):
                camera.send(self.way, self._name, b"%d" % level)
                levels[key] = level

        def _is_pressed(self) -> bool:
            now_ms = camera.clock.look() // 1000
            return any(start <= now_ms < end for start, end in pressed.get(self._name, ()))

        def on(self) -> None:
            self.value(1)

        def off(self) -> None:
            self.value(0)

        def __call__(self, value: int | None = None) -> int | None:
            return self.value(value)

        high, low = on, off

        def toggle(self) -> None:
            self.value(1 - levels.get((self.way, self._name), 0))

    class LED(Pin):
        """One of the camera's lights, `LED("LED_BLUE")`."""

        way = "led"

        def __init__(self, name: str) -> None:
            super().__init__(name, Pin.OUT)

    return Pin, LED


def make_machine(module: type, camera: object) -> object:
    class WDT:
        def __init__(self, id: int = 0, timeout: int = 5000) -> None:
            watchdog = Watchdog(camera, timeout)
            camera.clock.alarms.append(watchdog)
            self.feed = watchdog.feed

    m = module()
    m.__name__ = "machine"
    m.WDT, m.UART = WDT, make_uart(camera)
    m.Pin, m.LED = make_pins(camera)
    m.unique_id = lambda: b"simulated camera"[:12]
    m.freq = lambda: 480000000
    m.reset = lambda: camera.end("reset", "the program called machine.reset()")
    m.soft_reset = lambda: camera.end("reset", "the program called machine.soft_reset()")
    m.reset_cause = lambda: 1
    m.idle = lambda: None
    return m


def make_omv(module: type, config: dict) -> object:
    m = module()
    m.__name__ = "omv"
    m.version_major, m.version_minor, m.version_patch = config["version"]
    m.version_string = lambda: "%d.%d.%d" % tuple(config["version"])
    m.board_type = lambda: config["board_type"]
    m.arch = lambda: config["arch"]
    m.board_id = lambda: "000000000000000000000000"
    m.debug_mode = lambda: config["debug_mode"]
    return m


def make_protocol(module: type, camera: object) -> object:
    """v5's channels: the host reads each one after every frame, as a tool that polls the camera would, or none does."""
    unread = camera.config["faults"]["channel_unread"]

    class ProtocolChannel:
        def send_event(self, event: int, wait_ack: bool = False) -> None:
            pass

    def register(*args: object, **kwargs: object) -> ProtocolChannel:
        given = dict(zip(("name", "flags", "backend"), args))
        given.update(kwargs)
        for name in ("name", "backend"):
            if name not in given:
                raise TypeError("'%s' argument required" % name)
        if len(args) > 3 or not all(name in ("name", "flags", "backend") for name in given):
            raise TypeError("extra %s arguments given" % ("positional" if len(args) > 3 else "keyword"))
        if not unread:
            camera.channels.append((given["name"][:13], given["backend"]))
        return ProtocolChannel()

    m = module()
    m.__name__ = "protocol"
    m.register = register
    m.is_active = lambda: False
    m.init = lambda *args, **kwargs: None
    for name, value in CHANNELS.items():
        setattr(m, name, value)
    return m
