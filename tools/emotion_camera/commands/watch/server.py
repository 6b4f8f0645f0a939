"""What a page of `watch` is sent, and what it asks for, over a socket."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from emotion_camera.commands.watch.hub import Hub
from emotion_camera.errors import UserError
from emotion_camera.web import server

HERE = Path(__file__).with_name("page")
FILES = {
    "/": HERE / "page.html",
    "/page.css": HERE / "page.css",
    "/page.js": HERE / "page.js",
    "/camera.js": HERE / "camera.js",
    "/faces.js": HERE / "faces.js",
    "/timeline.js": HERE / "timeline.js",
}
ON_THE_WAY = 2  # frames that a page was sent and has not drawn: one more while it draws the one before
UNSENT = 1000  # messages kept for a page that is slow; then the oldest are lost to it
LONGEST = 4096  # bytes that a page may say at once
ALIVE_S = 20  # a page that does not answer for so long has gone

HUB = web.AppKey("hub", Hub)
PAGES: web.AppKey[set[Any]] = web.AppKey("pages", set)


class Page:
    """One open page: what it is still to be sent. A slow one is sent fewer frames, the newest, and delays no other."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self._loop = asyncio.get_running_loop()
        self._messages: deque[dict[str, Any]] = deque(maxlen=UNSENT)
        self._frame: tuple[int, bytes] | None = None
        self._sent = self._drawn = 0  # frames' numbers
        self._on_the_way: deque[int] = deque()
        self._changed = asyncio.Event()

    def send(self, message: dict[str, Any]) -> None:
        """From any thread."""
        self._messages.append(message)
        self._wake()

    def show(self, number: int, frame: bytes) -> None:
        """From any thread; replaces a frame that was not sent yet."""
        self._frame = number, frame
        self._wake()

    def has_drawn(self, number: int) -> None:
        while self._on_the_way and self._on_the_way[0] <= number:
            self._on_the_way.popleft()
        self._changed.set()

    async def deliver(self) -> None:
        """Sends what there is, until it is cancelled or the page has gone."""
        while not self.socket.closed:
            await self._changed.wait()
            self._changed.clear()
            while self._messages:
                await self.socket.send_str(json.dumps(self._messages.popleft(), separators=(",", ":")))
            if self._frame and len(self._on_the_way) < ON_THE_WAY:
                (number, frame), self._frame = self._frame, None
                self._on_the_way.append(number)
                await self.socket.send_bytes(frame)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._changed.set)


@asynccontextmanager
async def serving(hub: Hub, port: int) -> AsyncIterator[str]:
    """Serves the page on `port`, 0 for any, while the context lasts; its address. UserError when the port is taken."""
    application = server.application(FILES, _live)
    application[HUB], application[PAGES] = hub, set()
    application.on_shutdown.append(_close_pages)
    async with server.serving(application, port) as url:
        yield url


async def _live(request: web.Request) -> web.StreamResponse:
    """The socket over which a page gets what happens, and asks for what is to be done."""
    socket = web.WebSocketResponse(heartbeat=ALIVE_S, max_msg_size=LONGEST, compress=False)
    await socket.prepare(request)
    page, hub = Page(socket), request.app[HUB]
    request.app[PAGES].add(page)
    delivery = asyncio.create_task(_deliver(page))
    hub.join(page, page.send, page.show)
    try:
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await _answer(hub, page, message.data)
    finally:
        hub.leave(page)
        request.app[PAGES].discard(page)
        delivery.cancel()
    return socket


async def _deliver(page: Page) -> None:
    with suppress(ConnectionError):  # the page was closed
        await page.deliver()


async def _answer(hub: Hub, page: Page, text: str) -> None:
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(asked, dict) and type(asked.get("drawn")) is int:
        page.has_drawn(asked["drawn"])
        return
    try:
        await asyncio.to_thread(hub.do, asked)  # a recording's disk may be slow
    except UserError as error:
        page.send({"type": "notice", "message": str(error), "bad": True})


async def _close_pages(application: web.Application) -> None:
    pages = application[PAGES]
    for page in tuple(pages):
        await page.socket.close(code=1001, message=b"the program has ended")
