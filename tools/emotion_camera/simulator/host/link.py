"""The host's end of the link to the camera program: requests come in, responses go out.

See `guest/link.py` for the messages. A loopback socket works on every system; a random token keeps others out.
"""

import contextlib
import json
import secrets
import socket
import struct
from typing import Any, NamedTuple

TOKEN_S = 10  # for one who has called to say who it is


class Request(NamedTuple):
    """What the program asks: the simulated time, what, with which arguments, and the bytes that come with them."""

    now_us: int
    what: str
    args: list[Any]
    kwargs: dict[str, Any]
    blob: bytes


class Response(NamedTuple):
    """`kind` says how the guest turns `value` and `blob` into an object of the firmware's."""

    kind: str
    value: Any
    blob: bytes = b""


class Link:
    """Waits for one program on a port of its own. `close` when done."""

    def __init__(self) -> None:
        self.token = secrets.token_hex(16)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connection: socket.socket | None = None

    def accept(self, timeout_s: float) -> bool:
        """Whether the program that knows the token came within `timeout_s`."""
        self._listener.settimeout(timeout_s)
        while True:
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                return False
            if self._is_told_token(connection):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connection = connection
                return True
            connection.close()

    def _is_told_token(self, connection: socket.socket) -> bool:
        connection.settimeout(TOKEN_S)
        try:
            return _receive(connection, len(self.token)) == self.token.encode()
        except TimeoutError:
            return False

    def set_timeout(self, timeout_s: float) -> None:
        """How long `receive` waits from now on."""
        assert self._connection is not None
        self._connection.settimeout(timeout_s)

    def receive(self) -> Request | None:
        """The next request, or None when the program has gone. TimeoutError when none comes in time."""
        assert self._connection is not None
        header = _receive(self._connection, 8)
        if len(header) < 8:
            return None
        text_size, blob_size = struct.unpack(">II", header)
        text = _receive(self._connection, text_size)
        blob = _receive(self._connection, blob_size)
        if len(text) < text_size or len(blob) < blob_size:
            return None
        now_us, what, args, kwargs = json.loads(text)
        return Request(now_us, what, args, kwargs, blob)

    def reply(self, now_us: int, response: Response) -> None:
        """Sends the response to the request received last; it does not matter if the program has gone."""
        assert self._connection is not None
        text = json.dumps([now_us, response.kind, response.value]).encode()
        with contextlib.suppress(OSError):
            self._connection.sendall(struct.pack(">II", len(text), len(response.blob)) + text + response.blob)

    def close(self) -> None:
        self._listener.close()
        if self._connection is not None:
            self._connection.close()


def _receive(connection: socket.socket, size: int) -> bytes:
    """`size` bytes, or fewer when the other end has closed."""
    parts = bytearray()
    while len(parts) < size:
        try:
            part = connection.recv(size - len(parts))
        except ConnectionError:
            break
        if not part:
            break
        parts += part
    return bytes(parts)
