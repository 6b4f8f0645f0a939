"""Frame rate and delay of the live page: ready-made frames, shown to two pages in Chromium.

The delay is from the frame's arrival from the camera until it is drawn in the page. The camera is replaced by a source of
frames, so that only the way to the page is measured.
"""

import asyncio
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from emotion_camera.events import Event, Frame, Line
from emotion_camera.errors import UserError

from bench.metrics import quantile
from bench.runner import Options

PAGES, SECONDS, FPS = 2, 10, 30
SIZE = (240, 320)  # rows, columns: QVGA
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OBSERVE_FRAMES = """
() => { window.delays = []; const frame = document.getElementById("frame");
  new MutationObserver(() => window.delays.push(Number(frame.dataset.delay))).observe(frame, {attributeFilter: ["data-drawn"]}) }
"""


class ReadyFrames:
    """A camera that shows FPS frames per second, each with a report of two faces; see `camera.stream.CameraStream`."""

    name = "ready-made frames"
    limitation = None

    def __init__(self) -> None:
        self._closed = threading.Event()
        blur = np.random.default_rng(1).integers(0, 256, (8, SIZE[0] // 8, SIZE[1] // 8), np.uint8)
        self._pictures = blur.repeat(8, 1).repeat(8, 2)

    def events(self) -> Iterator[Event]:
        start = time.monotonic()
        for number in range(sys.maxsize):
            if self._closed.wait(max(0, start + number / FPS - time.monotonic())):
                return
            time_ms = round(1000 * number / FPS)
            yield Line(time_ms, _report(time_ms))
            yield Frame(time_ms, self._pictures[number % len(self._pictures)])

    def send_command(self, command: str) -> None:
        pass

    def close(self) -> None:
        self._closed.set()


def _report(time_ms: int) -> str:
    emotion = ("happy", "sad")[time_ms // 2000 % 2]
    scores = [0.01, 0.01, 0.01, 0.9, 0.04, 0.02, 0.01]
    faces = [
        {"id": number, "box": [40 * number, 40, 80, 80], "emotion": emotion, "score": 0.9, "scores": scores}
        for number in (1, 2)
    ]
    return json.dumps({"v": 1, "t": time_ms, "fps": FPS, "faces": faces})


def report(options: Options) -> str:
    """Frame rate and delay of each page; they do not depend on program and board."""
    measured = asyncio.run(_measure())
    load = f", load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
    lines = [
        f"Live page: {PAGES} pages in Chromium, {SIZE[1]} x {SIZE[0]}, {FPS} frames per second from the source{load}"
    ]
    for number, delays in enumerate(measured, 1):
        rate, median, late = len(delays) / SECONDS, quantile(delays, 0.5), quantile(delays, 0.95)
        lines.append(
            f"page {number}: {rate:.1f} frames per second; delay {median:.0f} ms (median), {late:.0f} ms (95 %)"
        )
    return "\n".join(lines)


async def _measure() -> list[list[float]]:
    """The delays, ms, of all frames that each page drew."""
    from emotion_camera.commands.watch.command import FILES
    from emotion_camera.commands.watch.hub import Hub
    from emotion_camera.web.live import serving

    hub = Hub(ReadyFrames())
    try:
        async with _browser() as browser, serving(FILES, hub, 0) as url:
            pages = [await (await browser.new_context()).new_page() for _ in range(PAGES)]
            for page in pages:
                await page.goto(url)
                await page.wait_for_selector("#frame[data-drawn]")
            await asyncio.sleep(1)  # the first second loads the charts
            for page in pages:
                await page.evaluate(OBSERVE_FRAMES)
            await asyncio.sleep(SECONDS)
            return [await page.evaluate("window.delays") for page in pages]
    finally:
        hub.close()


@asynccontextmanager
async def _browser() -> AsyncIterator[Any]:
    """A Chromium of this computer, driven by Playwright. UserError where there is none."""
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        raise UserError("the page is measured in a browser: pip install playwright") from None
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise UserError(f"the page is measured in a browser: install one of {', '.join(BROWSERS)}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            await browser.close()
