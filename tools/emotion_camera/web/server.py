"""Serves a page on the loopback address, and its socket only to pages that it has served itself."""

from __future__ import annotations

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

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(files: Mapping[str, Path], live: Handler) -> web.Application:
    """The page's files by their paths, those of SHARED_FILES, and `live`, which answers at /live by a socket."""
    served = {**SHARED_FILES, **files}

    async def file(request: web.Request) -> web.StreamResponse:
        found = served[request.path]
        return web.Response(body=found.read_bytes(), content_type=TYPES[found.suffix], charset="utf-8")

    made = web.Application(middlewares=[_guard])
    made.router.add_get("/live", live)
    for path in served:
        made.router.add_get(path, file)
    return made


@asynccontextmanager
async def serving(made: web.Application, port: int) -> AsyncIterator[str]:
    """Serves on `port`, 0 for any, while the context lasts; the page's address. UserError when the port is taken."""
    runner = web.AppRunner(made, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, ADDRESS, port).start()
        except OSError as error:
            why = error.strerror or error
            raise UserError(f"the page's port {port} can't be had ({why}): give another with --http-port") from None
        yield f"http://{ADDRESS}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses another Host (DNS rebinding: a foreign name that resolves to this computer), and a socket to a page of another
    Origin. The Content-Security-Policy forbids the page to load anything from elsewhere."""
    if request.host not in _names(request):
        raise web.HTTPForbidden(text=f"This page is served to this computer alone, as http://{ADDRESS}.")
    if request.path == "/live" and request.headers.get("Origin") != f"http://{request.host}":
        raise web.HTTPForbidden(text="Only the page that was served here may listen.")
    response = await handler(request)
    if not response.prepared:
        response.headers.update(_headers(request))
    return response


def _names(request: web.Request) -> tuple[str, ...]:
    """The valid Hosts of this server."""
    assert request.transport
    port = request.transport.get_extra_info("sockname")[1]
    return f"{ADDRESS}:{port}", f"localhost:{port}"


def _headers(request: web.Request) -> dict[str, str]:
    own = f"script-src 'self'; style-src 'self'; img-src blob: data:; connect-src 'self' ws://{request.host}"
    none = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": f"{none}; {own}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
