"""A network camera of its own: frames as MJPEG over HTTP on this computer, which OpenCV reads as it does a real one's."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

FPS = 30


class MjpegStream:
    """Serves `frames` over and over, each with what `stamp` draws on it, from creation to `stop`; `start` serves again at the same address."""

    def __init__(self, frames: list[np.ndarray], fps: float = FPS, stamp=lambda frame: frame) -> None:
        self._frames, self._fps, self._stamp = frames, fps, stamp
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stream.mjpg"

    def start(self) -> None:
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """The cable is pulled: connections end, and none can be made."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stream, over = self, self._over

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                start, number = time.monotonic(), 0
                while not over.wait(max(0, start + number / stream._fps - time.monotonic())):
                    frame = stream._stamp(stream._frames[number % len(stream._frames)].copy())
                    data = cv2.imencode(".jpg", frame)[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + data + b"\r\n")
                    except OSError:
                        return
                    number += 1

            def log_message(self, *words: object) -> None:
                pass

        return Handler
