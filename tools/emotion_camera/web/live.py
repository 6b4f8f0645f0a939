"""The socket between a page and the program that serves it: JSON messages and frames to the page, JSON requests from it.

A page on a slow computer must not delay the others, nor the camera: it gets fewer frames, always the newest. The page
acknowledges each frame that it has drawn, because the socket's own buffers hold seconds of them.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from emotion_camera.errors import UserError
from emotion_camera.web import server

HEADER = struct.Struct("<Id")  # before a frame's JPEG: its number, and when it came (ms since 1970)
IN_FLIGHT = 2  # frames sent and not drawn yet: one more while the page draws the one before
MAX_UNSENT = 1000  # messages queued for a slow page; then it loses the oldest
MAX_REQUEST = 4096  # bytes
PING_S = 20  # a page that does not answer for so long has gone


def pack(number: int, jpeg: bytes) -> bytes:
    """A frame that came now, as pages get it."""
    return HEADER.pack(number, 1000 * time.time()) + jpeg


class Page:
    """One open page. `send` and `show` may be called from any thread and don't wait."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self._loop = asyncio.get_running_loop()
        self._messages: deque[dict[str, Any]] = deque(maxlen=MAX_UNSENT)
        self._frame: tuple[int, bytes] | None = None
        self._in_flight: deque[int] = deque()  # numbers of frames
        self._changed = asyncio.Event()

    def send(self, message: dict[str, Any]) -> None:
        """Queue a message."""
        self._messages.append(message)
        self._wake()

    def show(self, number: int, frame: bytes) -> None:
        """Queue a frame, see `pack`; it replaces one that was not sent yet. Numbers must rise."""
        self._frame = number, frame
        self._wake()

    def has_drawn(self, number: int) -> None:
        """The page has drawn the frames up to this one."""
        while self._in_flight and self._in_flight[0] <= number:
            self._in_flight.popleft()
        self._changed.set()

    async def deliver(self) -> None:
        """Send what is queued, until cancelled or the page has gone."""
        with suppress(ConnectionError):  # the page was closed
            while not self.socket.closed:
                await self._changed.wait()
                self._changed.clear()
                while self._messages:
                    await self.socket.send_str(json.dumps(self._messages.popleft(), separators=(",", ":")))
                if self._frame and len(self._in_flight) < IN_FLIGHT:
                    (number, frame), self._frame = self._frame, None
                    self._in_flight.append(number)
                    await self.socket.send_bytes(frame)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._changed.set)


class Hub(Protocol):
    """What is behind the pages."""

    def join(self, page: Page) -> None:
        """A page was opened: it is to get what there is now, and from now on what is new. Must not wait."""

    def leave(self, page: Page) -> None:
        """A page was closed."""

    def do(self, request: Any) -> None:
        """A page's request, any JSON; called in a thread of its own. UserError with a sentence for the page."""


@asynccontextmanager
async def serving(
    files: Mapping[str, Path],
    hub: Hub,
    port: int,
    handlers: Mapping[str, server.Handler] | None = None,
    opens_browser: bool = False,
) -> AsyncIterator[str]:
    """Serve a page's files and `handlers` by their paths, and its socket, on `port` (0: any) while the context lasts; the
    page's address.

    UserError when the port is taken.
    """
    pages: set[Page] = set()

    async def live(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=MAX_REQUEST, compress=False)
        await socket.prepare(request)
        page = Page(socket)
        pages.add(page)
        delivery = asyncio.create_task(page.deliver())
        hub.join(page)
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await _answer(hub, page, message.data)
        finally:
            hub.leave(page)
            pages.discard(page)
            delivery.cancel()
        return socket

    async def close_pages(_: web.Application) -> None:
        for page in tuple(pages):
            await page.socket.close(code=1001, message=b"the program has ended")

    application = server.application(files, {"/live": live, **(handlers or {})})
    application.on_shutdown.append(close_pages)
    async with server.serving(application, port, opens_browser) as url:
        yield url


async def _answer(hub: Hub, page: Page, text: str) -> None:
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(request, dict) and type(request.get("drawn")) is int:
        page.has_drawn(request["drawn"])
        return
    try:
        await asyncio.to_thread(hub.do, request)  # a disk may be slow
    except UserError as error:
        page.send({"type": "notice", "message": str(error), "bad": True})
