"""The command line of `watch`."""

from __future__ import annotations

import argparse
import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.errors import UserError
from emotion_camera.terminal import print_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from emotion_camera.commands.watch.hub import Hub

HTTP_PORT = 8765
PAGE = Path(__file__).with_name("page")
REPORT_POLICY = (  # it is one file with its own styles and scripts; they reach neither this page nor its socket
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "sandbox allow-scripts allow-downloads allow-modals allow-popups"
)
FILES = {"/": PAGE / "page.html"} | {
    f"/{name}": PAGE / name for name in ("page.css", "page.js", "faces.js", "marks.js", "timeline.js")
}

EXAMPLES = """
examples:
  emotion-camera watch                       the camera on USB
  emotion-camera watch --source webcam       no camera: your webcam, seen by the simulated camera
  emotion-camera watch --source party.mp4    or a picture, a folder, rtsp://host/stream, or clip, the bundled one
  emotion-camera watch --port simulator:h7   another board; its disk is .simulated-camera/h7
  emotion-camera watch --port /dev/ttyACM1   one of two cameras
  emotion-camera watch --port recordings/monday

The page shows the camera's frame with boxes and names, each face's scores, and how they went over the last minute. It can
calibrate the camera and record. Only who knows its address, on this computer, can open it. End it with Ctrl-C.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    from emotion_camera.camera.ports import SOURCE_HELP

    parser.description = "Open a page that shows what the camera sees and reports, live."
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--port", help="/dev/ttyACM0 or COM3, simulator, or a recording's folder (default: the OpenMV camera on USB)")
    add("--source", help=SOURCE_HELP)
    add("--http-port", type=_port, default=HTTP_PORT, metavar="N", help=f"of the page (default: {HTTP_PORT}; 0: any)")
    add("--no-browser", action="store_true", help="only print the page's address")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number up to 65535")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Serves the page until Ctrl-C; 0. UserError when the camera or the port can't be had."""
    from emotion_camera.camera.stream import open_stream
    from emotion_camera.commands.watch.hub import Hub

    stream = open_stream(arguments.port, arguments.source)
    hub = Hub(stream)
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_serve(hub, arguments.http_port, not arguments.no_browser))
    finally:
        hub.close()
    return 0


def report_handler(hub: Hub) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answers with the page of the newest recording."""
    from aiohttp import web

    async def report(_: web.Request) -> web.StreamResponse:
        try:
            page = await asyncio.to_thread(hub.report)
        except UserError as error:
            return web.Response(text=str(error), status=404)
        headers = {"Content-Security-Policy": REPORT_POLICY}
        return web.Response(body=page, content_type="text/html", charset="utf-8", headers=headers)

    return report


async def _serve(hub: Hub, port: int, opens_browser: bool) -> None:
    from emotion_camera.web.live import serving

    over = asyncio.Event()
    with suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, over.set)
    async with serving(FILES, hub, port, {"/report": report_handler(hub)}, opens_browser=opens_browser) as url:
        print_line(f"{hub.name}: see {url} (Ctrl-C ends it)")
        await over.wait()
