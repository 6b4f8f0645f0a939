# mypy: ignore-errors
"""The program's end of the link to the host: one request at a time, and its response.

A message is two lengths (4 bytes each, big-endian), that many bytes of JSON and that many bytes of pixels or numbers.
Runs under MicroPython as well as CPython. Every request carries the simulated clock.
"""

import json
import os
import socket
import struct
import sys

BUFFER = 8192  # responses are read into this, so that a full heap cannot break an exchange half way


class Link:
    def __init__(self, port: int, token: str) -> None:
        self.socket = socket.socket()
        self.socket.connect(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        self.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: a request is one short message, and its response is awaited
        if sys.implementation.name == "micropython":
            self._write, self._readinto = self.socket.write, self.socket.readinto
        else:
            self._write, self._readinto = self.socket.sendall, self.socket.makefile("rb").readinto
        self._header = bytearray(8)
        self._buffer = bytearray(BUFFER)
        self._left = 0  # bytes of the last response that nobody has read, for one when the heap was full
        self._send(token.encode())

    def pack(self, now_us: int, what: str, args: list, kwargs: dict, blob_size: int) -> bytes:
        """A request as it is sent. What needs memory is done here, before anybody knows of the request."""
        self._skip()
        text = json.dumps([now_us, what, args, kwargs]).encode()
        return struct.pack(">II", len(text), blob_size) + text

    def ask(self, request: bytes, blob: bytes, more: tuple = ()) -> tuple:
        """Ask the host; the response's clock, kind, value and the size of the bytes that follow it."""
        self._send(request)
        for part in (blob,) + tuple(more):
            if len(part):
                self._send(part)
        self._read(self._header)
        size, more = number(self._header, 0), number(self._header, 4)
        self._left = size + more
        buffer = self._buffer if size <= BUFFER else bytearray(size)
        self._read(memoryview(buffer)[:size])
        self._left = more
        now_us, kind, value = json.loads(bytes(memoryview(buffer)[:size]))
        return now_us, kind, value, self._left

    def read_blob(self, into: bytearray) -> bytearray:
        """The bytes that follow the last response; `into` has exactly their size."""
        self._read(into)
        self._left = 0
        return into

    def _send(self, data: bytes) -> None:
        try:
            self._write(data)
        except OSError:
            leave()

    def _read(self, into: bytearray) -> None:
        try:
            count = self._readinto(into)
        except OSError:
            count = 0
        if count != len(into):
            leave()

    def _skip(self) -> None:
        while self._left:
            part = memoryview(self._buffer)[: min(self._left, BUFFER)]
            self._read(part)
            self._left -= len(part)


def number(data: bytearray, at: int) -> int:
    """Four bytes, big-endian; struct would need memory."""
    return data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def leave() -> None:
    """The host has gone: end this process. Any exception, SystemExit too, could be caught by a program that tries for ever."""
    if hasattr(os, "_exit"):
        os._exit(1)
    os.system("kill -9 $PPID")  # MicroPython has no other way
