"""Serves a page on the loopback address, to who has its address alone.

Every program and user of a computer can connect to its loopback address. So each path starts with a random token: without
it page and socket are refused. A browser's command line can be read by the computer's other users, so the browser is opened
with a link that works once and redirects to the page.
"""

from __future__ import annotations

import secrets
import threading
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from emotion_camera.errors import UserError

ADDRESS = "127.0.0.1"
SHARED = Path(__file__).parent
SHARED_FILES = {
    "/theme.css": SHARED / "theme.css",
    "/emotions.js": SHARED / "emotions.js",
    "/live.js": SHARED / "live.js",
    "/echarts.min.js": SHARED / "echarts.min.js",
}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

TOKEN_BYTES = 16
TOKEN = web.AppKey("token", str)
LINKS = web.AppKey("links", set[str])  # that work once

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(files: Mapping[str, Path], handlers: Mapping[str, Handler]) -> web.Application:
    """The page's files and `handlers` by their paths, such as "/page.js", below the token, and SHARED_FILES."""

    def serve(path: Path) -> Handler:
        async def file(_: web.Request) -> web.StreamResponse:
            return web.Response(body=path.read_bytes(), content_type=TYPES[path.suffix], charset="utf-8")

        return file

    made = web.Application(middlewares=[_guard])
    made[TOKEN], made[LINKS] = secrets.token_urlsafe(TOKEN_BYTES), set()
    for path, handler in {
        **{path: serve(file) for path, file in {**SHARED_FILES, **files}.items()},
        **handlers,
    }.items():
        made.router.add_get(f"/{made[TOKEN]}{path}", handler)
    return made


@asynccontextmanager
async def serving(made: web.Application, port: int, opens_browser: bool = False) -> AsyncIterator[str]:
    """Serves on `port`, 0 for any, while the context lasts; the page's address, for who may see it. UserError when the port is taken."""
    runner = web.AppRunner(made, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, ADDRESS, port).start()
        except OSError as error:
            why = error.strerror or error
            raise UserError(f"the page's port {port} can't be had ({why}): give another with --http-port") from None
        url = f"http://{ADDRESS}:{runner.addresses[0][1]}/"
        if opens_browser:
            link = secrets.token_urlsafe(TOKEN_BYTES)
            made[LINKS].add(link)
            threading.Thread(target=webbrowser.open, args=(url + link,), daemon=True).start()
        yield f"{url}{made[TOKEN]}/"
    finally:
        await runner.cleanup()


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses another Host (DNS rebinding: a foreign name that resolves to this computer), a path without the token, and a
    socket to a page of another Origin. The Content-Security-Policy forbids the page to load anything from elsewhere."""
    if request.host not in _names(request):
        raise web.HTTPForbidden(text=f"This page is served to this computer alone, as http://{ADDRESS}.")
    token, _, path = request.path[1:].partition("/")
    if token in request.app[LINKS]:
        request.app[LINKS].discard(token)
        raise web.HTTPFound(f"/{request.app[TOKEN]}/", headers={"Cache-Control": "no-store"})
    if not secrets.compare_digest(token.encode("utf-8", "replace"), request.app[TOKEN].encode()):
        raise web.HTTPForbidden(text="Open the whole address that the program has printed.")
    if path == "live" and request.headers.get("Origin") != f"http://{request.host}":
        raise web.HTTPForbidden(text="Only the page that was served here may listen.")
    response = await handler(request)
    if not response.prepared:
        for name, value in _headers(request).items():
            response.headers.setdefault(name, value)
    return response


def _names(request: web.Request) -> tuple[str, ...]:
    """The valid Hosts of this server."""
    assert request.transport
    port = request.transport.get_extra_info("sockname")[1]
    return f"{ADDRESS}:{port}", f"localhost:{port}"


def _headers(request: web.Request) -> dict[str, str]:
    own = f"script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self' ws://{request.host}"
    none = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": f"{none}; {own}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
