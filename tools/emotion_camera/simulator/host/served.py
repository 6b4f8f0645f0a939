"""The firmware of a simulated camera at its REPL: its modules' calls are handled on a thread of this process.

with Served(find_firmware("v5.0"), find_board("h7"), open_source()) as served:
    served.config  # what guest/board.py needs to call
"""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from emotion_camera.boards import Board
from emotion_camera.errors import UserError
from emotion_camera.simulator.events import Call
from emotion_camera.simulator.faults import Faults
from emotion_camera.simulator.host.disks import CASCADE, CASCADE_TEXT
from emotion_camera.simulator.host.dispatch import Dispatch
from emotion_camera.simulator.host.firmware import CameraError, Firmware, HardFault
from emotion_camera.simulator.host.link import Link, Request, Response
from emotion_camera.simulator.host.scratch import Scratch
from emotion_camera.simulator.host.sensor import Sensor, SourceEnded
from emotion_camera.simulator.host.sources import Source

ENOENT = 2
CALL_S = 0.2  # between two looks at whether it is to end, while nobody has called
FRAMES = 10_000  # of which the calls are remembered
NEVER_S = 1e6  # a REPL may be silent as long as it likes


class SentFiles:
    """The networks' files: the camera's disks are FAT images, so its program sends what it loads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, Path] = {}

    def add(self, path: str, data: bytes, is_first: bool) -> None:
        """Takes a file in pieces; the first begins it anew."""
        if is_first:
            self._files[path] = self._root / f"{len(self._files)}-{Path(path).name}"
        with self._files[path].open("wb" if is_first else "ab") as file:
            file.write(data)

    def on_host(self, path: str) -> Path:
        """Where the camera's `path` is here; CameraError ENOENT for what was not sent."""
        if path not in self._files:
            raise CameraError("OSError", ENOENT)
        return self._files[path]


class Served:
    """Handles the calls of one interpreter, which may call again when Ctrl-C broke off a request. `close` it when that has ended."""

    def __init__(self, firmware: Firmware, board: Board, source: Source) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="simulated-camera-")
        self._files = SentFiles(Path(self._folder.name))
        self._sensor = Sensor(source, Faults(), Scratch(board, firmware.generation))
        self._dispatch = Dispatch(firmware, board, self._sensor, self._files)  # type: ignore[arg-type]
        self._rom = self._make_rom(firmware, board)
        self._link = Link()
        self._closing = False
        # What was called from one snapshot to the next, for its cost; before the first it is the first of all.
        self.frames: deque[tuple[Call, ...]] = deque(maxlen=FRAMES)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def config(self) -> dict[str, Any]:
        """Where to call, and the folder that is /rom, None on firmware without one."""
        return {"port": self._link.port, "token": self._link.token, "rom": self._rom}

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self._sensor.close()
        self._link.close()
        self._folder.cleanup()

    def _make_rom(self, firmware: Firmware, board: Board) -> str | None:
        if not firmware.cascade_in_rom:
            return None
        rom = Path(self._folder.name, "rom")
        rom.mkdir()
        if firmware.generation >= board.first_cascade:
            (rom / CASCADE).write_bytes(CASCADE_TEXT)
        return str(rom)

    def _serve(self) -> None:
        while not self._closing:
            if self._link.accept(CALL_S):
                self._link.set_timeout(NEVER_S)
                self._converse()

    def _converse(self) -> None:
        """Until the interpreter hangs up."""
        while request := self._link.receive():
            self._sensor.now_us = max(self._sensor.now_us, request.now_us)
            if request.what.endswith("snapshot"):
                self.frames.append(self._dispatch.take_calls())
            response = self._handle(request)
            self._link.reply(self._sensor.now_us, response)

    def _handle(self, request: Request) -> Response:
        if request.what == "boot":
            return Response("value", self._dispatch.config() | self._of_this_run())
        if request.what == "file":
            path, is_first = request.args
            self._files.add(path, request.blob, is_first)
            return Response("value", None)
        if request.what in ("uart.write", "channel", "led", "pin", "end"):  # nobody listens
            return Response("value", None)
        try:
            response = self._dispatch.handle(request)
            return _as_bytes(response) if request.what == "Model.predict" else response
        except HardFault:
            return Response("reset", None)
        except CameraError as error:
            return Response("error", [error.kind, error.message])
        except SourceEnded:
            return Response("error", ["RuntimeError", "Frame capture has timed out."])
        except UserError as error:  # about the source
            return Response("error", ["RuntimeError", str(error)])
        except (TypeError, ValueError, OverflowError) as error:  # about an argument
            return Response("error", [type(error).__name__, str(error)])

    def _of_this_run(self) -> dict[str, Any]:
        return {
            "start_us": self._sensor.now_us,
            "real_clock": self._sensor.source.live,
            "mark": "",
            "marked": (),
            "uart_input": "",
            "channel_input": {},
            "channel_host": False,
            "pressed": {},
            "faults": Faults().of_the_program(),
        }


def _as_bytes(response: Response) -> Response:
    """A network's outputs as float32: as JSON they would take the board's heap ten times of what they take on a camera."""
    outputs = [np.asarray(output, np.float32) for output in response.value]
    return Response("floats", [output.size for output in outputs], b"".join(output.tobytes() for output in outputs))
