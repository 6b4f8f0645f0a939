# mypy: ignore-errors
"""`machine`, `omv` and `protocol` as the program sees them."""


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


class Pin:
    IN, OUT, PULL_UP, PULL_DOWN = 0, 1, 1, 2

    def __init__(self, name: str, mode: int = 0, pull: int = 0, value: int = 0) -> None:
        self._value = value

    def value(self, value: int | None = None) -> int | None:
        if value is None:
            return self._value
        self._value = int(bool(value))
        return None

    __call__ = value

    def on(self) -> None:
        self._value = 1

    def off(self) -> None:
        self._value = 0

    high, low = on, off

    def toggle(self) -> None:
        self._value = 1 - self._value


class LED(Pin):
    """One of the camera's lights, `LED("LED_BLUE")`."""


def make_machine(module: type, camera: object) -> object:
    class WDT:
        def __init__(self, id: int = 0, timeout: int = 5000) -> None:
            watchdog = Watchdog(camera, timeout)
            camera.clock.watchdogs.append(watchdog)
            self.feed = watchdog.feed

    class UART:
        """A serial port; what the program writes to it comes to the host as an event."""

        def __init__(self, port: int, baudrate: int = 9600, **settings: object) -> None:
            self._port = port

        def init(self, baudrate: int = 9600, **settings: object) -> None:
            pass

        def write(self, data: bytes) -> int:
            data = data.encode() if isinstance(data, str) else bytes(data)
            camera.call("uart.write", (self._port,), {}, data)
            return len(data)

        def any(self) -> int:
            return 0

        def read(self, size: int = -1) -> None:
            return None

        readline = read

        def deinit(self) -> None:
            pass

    m = module()
    m.__name__ = "machine"
    m.WDT, m.UART, m.Pin, m.LED = WDT, UART, Pin, LED
    m.unique_id = lambda: b"virtual camera"[:12]
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
    return m


def make_protocol(module: type, camera: object) -> object:
    """v5's channels: the host reads each one after every frame, as a tool that polls the camera would."""

    def register(name: str, backend: object, flags: int = 0) -> object:
        camera.channels.append((name[:13], backend))
        return Channel()

    class Channel:
        def send_event(self, event: int, wait_ack: bool = False) -> None:
            pass

    m = module()
    m.__name__ = "protocol"
    m.register = register
    m.is_active = lambda: False
    m.poll = lambda: None
    return m
