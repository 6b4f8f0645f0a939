"""A camera that speaks OpenMV's protocol V2 on a cable, for tests: packets by the `openmv` package's own modules.

As firmware v5.0.0 answers, by its omv_protocol.c and openmv's `Camera`; without acknowledgements, which the camera may
leave out. It shows one frame again and again, prints the lines it is given, and hears what is written to its channel, or has the
channels of a program on the simulator.
"""

import os
import queue
import random
import select
import struct
import threading

from openmv.constants import ChannelIOCTL, Flags, Opcode, Protocol, Status
from openmv.exceptions import OMVException
from openmv.image import PIXFORMAT_GRAYSCALE
from openmv.transport import Transport

READ, WRITE, LOCK = 1, 2, 8  # a channel's flags
STDIN, STDOUT, STREAM, EMOTION = 1, 2, 3, 4
STDOUT_ROOM = 1024  # bytes; on overflow what was there is lost
USB = 0x37C5124A  # an OpenMV Cam H7 Plus
HEADER = 20  # bytes before a frame's pixels
PATIENCE_S = 30  # for an answer of the program
PIECE = 512  # bytes that the firmware reads at a time of a program's channel


class Wire:
    """The camera's end of a pseudo-terminal, with what `Transport` uses of pyserial."""

    is_open = True

    def __init__(self, end: int) -> None:
        self._end = end

    @property
    def in_waiting(self) -> int:
        return 4096 if select.select([self._end], [], [], 0.01)[0] else 0

    def read(self, size: int) -> bytes:
        return os.read(self._end, size)

    def write(self, data: bytes) -> None:
        rest = bytes(data)
        while rest:
            select.select([], [self._end], [], 1)
            rest = rest[os.write(self._end, rest) :]


class ProgramChannels:
    """The channels of a program that runs on the simulator, whose `channel_host` this is; `ask` comes from another thread.

    From the first request until `leave`, the program goes on only now and then, also between a size and its reads.
    """

    def __init__(self) -> None:
        self.flags: dict[str, int] = {}
        self._requests: queue.Queue[tuple | None] = queue.Queue()
        self._answers: queue.Queue[int | bytes | None] = queue.Queue()
        self._asked = False
        self.left = False
        self._attached = False
        self._random = random.Random(1)

    def __call__(self, flags: dict[str, int], answer: int | bytes | None) -> tuple | None:
        self.flags = flags
        if self._asked:
            self._answers.put(answer)
        self._asked = False
        if not self._attached or self.left or self._random.random() < 0.02:
            return None
        request = self._requests.get()
        self._asked = request is not None
        return request

    def ask(self, *request: object) -> int | bytes | None:
        self._attached = True
        self._requests.put(request)
        try:
            return self._answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise OSError("the program has ended") from None

    def leave(self) -> None:
        """The program goes on alone."""
        self.left = True
        self._requests.put(None)


class ProtocolCamera:
    """Answers on `end`, a file descriptor, in a thread of its own until `unplug`."""

    def __init__(
        self,
        end: int,
        picture: bytes,
        size: tuple[int, int],
        takes_commands: bool = True,
        program: ProgramChannels | None = None,
    ) -> None:
        self.heard = b""  # by the program's channel
        self.streams = False
        self._channels = {STDIN: ("stdin", WRITE), STDOUT: ("stdout", READ), STREAM: ("stream", READ | LOCK)}
        self._program = program
        if program:
            self._channels.update(enumerate(program.flags.items(), EMOTION))
        else:
            self._channels[EMOTION] = ("emotion", READ | WRITE if takes_commands else READ)
        self._stdout = b""
        self._frame = struct.pack("<5I", *size, PIXFORMAT_GRAYSCALE, 1, HEADER) + picture
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._transport = Transport(Wire(end), True, True, 4096, 1.0, lambda *_: None)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def print(self, line: str) -> None:
        self.print_bytes(line.encode() + b"\r\n")

    def print_bytes(self, data: bytes) -> None:
        with self._lock:
            self._stdout = data if len(self._stdout) + len(data) > STDOUT_ROOM else self._stdout + data

    def unplug(self) -> None:
        self._over.set()
        self._thread.join()

    def _serve(self) -> None:
        transport = self._transport
        while not self._over.is_set():
            try:
                if transport.serial.in_waiting:
                    transport.buf.extend(transport.serial.read(4096))
                while packet := transport._process():
                    self._answer(packet)
            except (OSError, OMVException):
                self._over.wait(0.01)  # nobody is at the other end

    def _answer(self, packet: dict) -> None:
        opcode, channel, payload = packet["opcode"], packet["channel"], bytes(packet["payload"] or b"")
        if opcode == Opcode.PROTO_SYNC:
            self._transport.sequence = packet["sequence"]
            self._send(opcode, channel, None)
            self._transport.sequence = 0
            return
        with self._lock:
            reply = self._reply(opcode, channel, payload)
        if reply is False:
            status = struct.pack("<H", Status.FAILED)
            self._transport.send_packet(opcode, channel, Flags.NAK, status)
            self._transport.sequence = (self._transport.sequence + 1) & 0xFF
        else:
            self._send(opcode, channel, reply)

    def _send(self, opcode: int, channel: int, data: bytes | None) -> None:
        """A payload in as many packets as it needs; None: an acknowledgement."""
        room = PIECE if self._program and channel >= EMOTION else 4096
        parts = [data[start : start + room] for start in range(0, len(data), room)] if data else [b""]
        for part in parts:
            flags = Flags.FRAGMENT if part is not parts[-1] else 0 if data else Flags.ACK
            self._transport.send_packet(opcode, channel, flags, part)
            self._transport.sequence = (self._transport.sequence + 1) & 0xFF

    def _reply(self, opcode: int, channel: int, payload: bytes) -> bytes | bool | None:
        """The answer's payload, None for a bare acknowledgement, False for a refusal."""
        if opcode == Opcode.PROTO_GET_CAPS:
            return struct.pack("<IH10x", 0b1011, 4096)
        if opcode == Opcode.PROTO_VERSION:
            return struct.pack("<3B3B3B7x", 2, 0, 0, 1, 0, 0, 5, 0, 0)
        if opcode == Opcode.SYS_INFO:
            return struct.pack("<19I", *(USB if place == 4 else 0 for place in range(19)))
        if opcode == Opcode.CHANNEL_LIST:
            return b"".join(
                struct.pack("<BB14s", key, flags, name.encode()) for key, (name, flags) in self._channels.items()
            )
        if self._program and (opcode == Opcode.CHANNEL_POLL or channel >= EMOTION):
            return self._ask_program(self._program, opcode, channel, payload)
        if opcode == Opcode.CHANNEL_POLL:
            return struct.pack("<I", (bool(self._stdout) << STDOUT) | (self.streams << STREAM))
        if opcode == Opcode.CHANNEL_SIZE:
            return struct.pack("<I", {STDOUT: len(self._stdout), STREAM: len(self._frame)}.get(channel, 0))
        if opcode == Opcode.CHANNEL_READ:
            return self._read(channel, *struct.unpack("<II", payload))
        if opcode == Opcode.CHANNEL_WRITE:
            return self._write(channel, payload[8:])
        if opcode == Opcode.CHANNEL_IOCTL and channel == STREAM:
            command, value = struct.unpack("<II", payload)
            self.streams = bool(value) if command == ChannelIOCTL.STREAM_CTRL else self.streams
        return None

    def _ask_program(self, program: ProgramChannels, opcode: int, channel: int, payload: bytes) -> bytes | bool | None:
        if opcode == Opcode.CHANNEL_POLL:
            ready = [key for key in self._channels if key >= EMOTION and program.ask(self._channels[key][0], "poll")]
            return struct.pack("<I", sum(1 << key for key in ready))
        name = self._channels[channel][0]
        if opcode == Opcode.CHANNEL_SIZE:
            return struct.pack("<I", program.ask(name, "size") or 0)
        offset, length = struct.unpack("<II", payload[:8])
        if opcode == Opcode.CHANNEL_WRITE:
            return None if program.ask(name, "write", offset, payload[8:]) != 0 else False
        data = b""
        while len(data) < length:
            piece = program.ask(name, "read", offset + len(data), min(PIECE, length - len(data)))
            if not piece:
                return False
            data += piece
        return data

    def _read(self, channel: int, offset: int, size: int) -> bytes:
        if channel == STREAM:
            return self._frame[offset : offset + size]
        data, self._stdout = self._stdout[:size], self._stdout[size:]
        return data

    def _write(self, channel: int, data: bytes) -> bool | None:
        if channel != EMOTION or not self._channels[EMOTION][1] & WRITE:
            return False
        self.heard += data
        return None


assert Protocol.SYNC_WORD == 0xD5AA  # the protocol that this was written for
