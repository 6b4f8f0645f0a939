"""The page: what the camera sees, and a button for each label."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from aiohttp import WSCloseCode, WSMsgType, web

from emotion_camera.commands.collect.crop import is_inside, model_view
from emotion_camera.commands.collect.session import Session, State
from emotion_camera.jpeg import jpeg
from emotion_camera.web import server

HERE = Path(__file__).parent
FILES = {"/": HERE / "page.html", "/page.css": HERE / "page.css", "/page.js": HERE / "page.js"}
QUALITY = 85  # of the JPEGs on the page
PACE_S = 0.05  # between two pictures on the page


class Page:
    """A session as a page, and what is clicked there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open: set[web.WebSocketResponse] = set()

    @asynccontextmanager
    async def serving(self, port: int) -> AsyncIterator[str]:
        """Serves it on `port`, 0 for any, while the context lasts; its address. UserError when the port is taken."""
        application = server.application(FILES, self._live)
        application.on_shutdown.append(self._close)
        async with server.serving(application, port) as url:
            yield url

    async def _close(self, _: web.Application) -> None:
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        """State and picture to the page, what is clicked from it."""
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=4096)
        await socket.prepare(request)
        self._open.add(socket)
        sending = asyncio.create_task(self._send(socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await asyncio.to_thread(self._do, message.data)
        finally:
            self._open.discard(socket)
            sending.cancel()
        return socket

    async def _send(self, socket: web.WebSocketResponse) -> None:
        """The newest state and picture again and again; a slow page skips some."""
        sent, shown = None, None
        with suppress(ConnectionError):
            while not socket.closed:
                state = self._session.state()
                if (text := _text(state)) != sent:
                    await socket.send_str(text)
                    sent = text
                if state.seen is not None and state.seen is not shown:
                    shown = state.seen
                    await socket.send_bytes(b"F" + jpeg(shown.picture, QUALITY))
                    if shown.face is not None and is_inside(shown.face.box, shown.picture):
                        await socket.send_bytes(b"C" + jpeg(model_view(shown.picture, shown.face.box), 95))
                await asyncio.sleep(PACE_S)

    def _do(self, text: str) -> None:
        try:
            given = json.loads(text)
            what, value = given["do"], given.get("value")
        except (ValueError, TypeError, KeyError, AttributeError):
            return
        session = self._session
        if what == "agree" and isinstance(value, str | None):
            session.agree((value or "").strip()[:40] or None)
        elif what == "store" and isinstance(value, str):
            session.store(value)
        elif what == "undo":
            session.undo()
        elif what == "next":
            session.next_person()


def _text(state: State) -> str:
    """The state as the page gets it; the picture comes by itself."""
    fields = {key: value for key, value in vars(state).items() if key not in ("seen", "stored")}
    face = state.seen.face if state.seen else None
    fields |= {"wanted": state.wanted, "stored": len(state.stored), "picture": state.seen is not None}
    fields["face"] = face and {"box": face.box, "emotion": face.emotion, "score": face.score}
    return json.dumps(fields)
