"""The page of `collect`: the camera's picture, the face to be stored, and a button for each label."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from emotion_camera.boards import full_name
from emotion_camera.commands.collect.crop import is_inside, model_view
from emotion_camera.commands.collect.matching import Match
from emotion_camera.commands.collect.session import Session, State, train_command
from emotion_camera.jpeg import data_url, jpeg
from emotion_camera.reports.parse import Face
from emotion_camera.reports.reasons import REASONS
from emotion_camera.web import live

HERE = Path(__file__).parent
FILES = {"/": HERE / "page.html", "/page.css": HERE / "page.css", "/page.js": HERE / "page.js"}
QUALITY = 85  # of JPEG
CROP_QUALITY = 95
STRIP = 60  # of the session's newest pictures, which the page shows
INTERVAL_S = 0.05  # between two updates of the page


class PageHub:
    """Shows a session on all open pages, and does what is clicked there; see `emotion_camera.web.live.Hub`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pages: set[live.Page] = set()
        self._message: dict[str, Any] = {}
        self._match: Match | None = None
        self._frame: tuple[int, bytes] | None = None  # the last one and its number

    def join(self, page: live.Page) -> None:
        page.send(self._message or _message(self._session.state()))
        if self._frame:
            page.show(*self._frame)
        self._pages.add(page)

    def leave(self, page: live.Page) -> None:
        self._pages.discard(page)

    def do(self, request: Any) -> None:
        """What was clicked: {"do": "agree", "refuse", "store", "delete", "undo" or "next", "value": a person's name, a label, or
        a picture's name}; all else is ignored."""
        what, value = (request.get("do"), request.get("value")) if isinstance(request, dict) else (None, None)
        if what == "agree" and isinstance(value, str | None):
            self._session.agree((value or "").strip()[:40] or None)
        elif what == "store" and isinstance(value, str):
            self._session.store(value)
        elif what == "delete" and isinstance(value, str):
            self._session.remove(value)
        elif what == "refuse":
            self._session.refuse()
        elif what == "undo":
            self._session.undo()
        elif what == "next":
            self._session.next_person()

    async def publish(self) -> None:
        """Send the newest state and picture again and again, until cancelled."""
        while True:
            self._update(self._session.state())
            await asyncio.sleep(INTERVAL_S)

    def _update(self, state: State) -> None:
        if (message := _message(state)) != self._message:
            self._message = message
            for page in self._pages:
                page.send(message)
        if state.match is None or state.match is self._match:
            return
        self._match = state.match
        number = self._frame[0] + 1 if self._frame else 1
        self._frame = number, live.pack(number, jpeg(state.match.picture, QUALITY))
        for page in self._pages:
            page.show(*self._frame)


@asynccontextmanager
async def serving(session: Session, port: int, opens_browser: bool = False) -> AsyncIterator[str]:
    """Serve the page on `port`, 0 for any, while the context lasts; its address. UserError when the port is taken."""
    hub = PageHub(session)
    publishing = asyncio.create_task(hub.publish())

    async def stored(request: web.Request) -> web.StreamResponse:
        picture = session.picture("{label}/{file}".format_map(request.match_info))
        if picture is None:
            raise web.HTTPNotFound
        return web.Response(body=picture, content_type="image/png", headers={"Cache-Control": "no-store"})

    try:
        async with live.serving(FILES, hub, port, {"/stored/{label}/{file}": stored}, opens_browser) as url:
            yield url
    finally:
        publishing.cancel()


def _message(state: State) -> dict[str, Any]:
    """The state as the page gets it; the picture is sent as a frame."""
    fields = {key: value for key, value in vars(state).items() if key not in ("match", "stored")}
    face = state.match.face if state.match else None
    fields |= {"wanted": state.wanted, "picture": state.match is not None}
    fields |= {
        "stored": len(state.stored),
        "strip": state.stored[: -STRIP - 1 : -1],
        "train": train_command(state.folder),
    }
    fields["camera"] = full_name(state.camera)
    fields["face"] = face and _face(face)
    fields["crop"] = _crop(state.match)
    return {"type": "state", **fields}


def _face(face: Face) -> dict[str, Any]:
    why = REASONS[face.why].what if face.why else None
    return {"box": face.box, "emotion": face.emotion, "score": face.score, "why": why}


def _crop(match: Match | None) -> str | None:
    """The face to be stored as a data: URL."""
    if match is None or match.face is None or not is_inside(match.face.box, match.picture):
        return None
    return data_url(jpeg(model_view(match.picture, match.face.box), CROP_QUALITY))
