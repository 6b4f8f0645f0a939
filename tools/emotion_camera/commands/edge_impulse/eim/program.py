"""`emotion.eim SOCKET`: listens on a Unix socket and answers each client until it is stopped."""

from __future__ import annotations

import contextlib
import json
import os
import pkgutil
import signal
import socket
import socketserver
import stat
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from .protocol import Responder

# Bytes of a message. 48 x 48 packed pixels take 20 thousand, and the 307,200 of a VGA picture, which is the wrong size, 3 million:
# that client gets an error that says what is expected.
MAX_BYTES = 4_000_000
CHUNK = 1 << 16
POLL_S = 0.5  # between two checks whether the runner is still needed
STARTER = os.getppid()  # the process that started the runner
PATIENCE_S = 5  # without a byte, until a client that sent too much is disconnected

USAGE = """usage: {name} SOCKET         answer Edge Impulse's Linux clients on a Unix socket
       {name} --print-info   print the model's parameters as JSON

It ends by SIGINT, SIGTERM or SIGHUP, when the socket's file is removed, and when the program that started it has gone and no
client is connected."""


class Failed(Exception):
    """Why the runner can't start, in a sentence."""


def main() -> NoReturn:
    """The program: exit status 0 stopped, 1 can't start (a sentence on stderr), 2 wrong usage."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), lambda *_: sys.exit(0))
    words = sys.argv[1:]
    if len(words) != 1 or not words[0] or (words[0].startswith("-") and words[0] != "--print-info"):
        print(USAGE.format(name=os.path.basename(sys.argv[0])), file=sys.stderr)
        sys.exit(2)
    try:
        responder = _load()
        if words[0] == "--print-info":
            with contextlib.suppress(BrokenPipeError):  # `head` has enough
                print(json.dumps({"id": 1, "success": True, **responder.hello()}, indent=2), flush=True)
            os._exit(0)
        serve(words[0], responder)
    except Failed as failed:
        print(f"{os.path.basename(sys.argv[0])}: {failed}", file=sys.stderr)
        sys.exit(1)


def _load() -> Responder:
    try:
        from .network import Network
        from .protocol import Responder
    except ImportError as error:
        raise Failed(
            f"{sys.executable} can't load {error.name or 'LiteRT'} ({error}); install it there with: "
            f"{sys.executable} -m pip install ai-edge-litert numpy"
        ) from None
    return Responder(Network(_packed("model.tflite")), json.loads(_packed("info.json")))


def _packed(name: str) -> bytes:
    data = pkgutil.get_data(__package__, name)
    assert data is not None  # only a loader without files has none
    return data


def serve(path: str, responder: Responder) -> NoReturn:
    """Serve clients on a Unix socket until a signal comes or nobody needs it; Failed where it can't listen there."""
    server = _listen(path, responder)
    try:
        server.serve_forever(POLL_S)
    except SystemExit:
        pass
    finally:
        with contextlib.suppress(OSError):  # a client that stops us removes the folder at the same time
            if server.is_there():
                os.unlink(path)
    os._exit(0)  # at once: threads may be within LiteRT, or wait for their clients


def _listen(path: str, responder: Responder) -> _Server:
    """A server on a Unix socket, which has its name once it listens: the Go client gives up if it is refused even once."""
    beside = f"{path}~"
    for place in (path, beside):
        _refuse_what_is_there(place)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        server = _Server(beside, _Client)
        server.serves(path, _identity(beside), responder)
        os.replace(beside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        why = error.strerror or "the path is too long for a Unix socket"
        raise Failed(f"{path}: can't listen there ({why}); give a path in a folder of yours, such as /tmp") from None
    return server


def _refuse_what_is_there(path: str) -> None:
    """Failed where a file or a runner at work is in the way; a socket where nobody listens any more may be replaced."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise Failed(f"{path}: is there and is no socket; give a path where nothing is")
    except OSError:
        return  # nothing there, or it can't be reached: then listening fails and says why
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except OSError:
            pass  # too busy, or somebody else's
    raise Failed(f"{path}: another runner listens there; stop it, or give another path")


def _identity(path: str) -> tuple[int, ...] | None:
    """What tells a file from a later one of the same name, which may get the same inode."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True  # a client that stays connected holds nothing up
    request_queue_size = 128

    def serves(self, path: str, file: tuple[int, ...] | None, responder: Responder) -> None:
        """Takes note of what is served where, and of the file by which it is known."""
        self.path, self.file, self.responder = path, file, responder

    def is_there(self) -> bool:
        """Whether the socket's file is still there, and this server's."""
        return _identity(self.path) == self.file

    def service_actions(self) -> None:
        """Ends the runner when nobody needs it: a client that is killed stops nobody."""
        orphan = os.getppid() != STARTER and threading.active_count() == 1
        if orphan or not self.is_there():
            sys.exit(0)


class _Client(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client has gone
            talk(self.request, self.server.responder)  # type: ignore[attr-defined]


def talk(client: socket.socket, responder: Responder) -> None:
    """Serve one client until it disconnects; one that sends too long a message gets an error and is disconnected."""
    from .messages import Splitter, TooLong
    from .protocol import encode

    splitter = Splitter(MAX_BYTES)
    try:
        while data := client.recv(CHUNK):
            for message in splitter.feed(data):
                client.sendall(encode(responder.respond(message)))
    except TooLong:
        error = f"the message is longer than {MAX_BYTES:,} bytes; send one picture of the model's size in each"
        client.sendall(encode({"id": None, "success": False, "error": error}))
        _hang_up(client)


def _hang_up(client: socket.socket) -> None:
    """Read past what a client still sends: disconnected while it sends, it would not see the answer."""
    client.shutdown(socket.SHUT_WR)
    client.settimeout(PATIENCE_S)
    while client.recv(CHUNK):
        pass
