"""How fast the page is: `python -m emotion_camera.commands.watch.bench` shows ready-made frames to two pages, and prints what arrives.

The delay is from the moment when a frame came from the camera until it is drawn in the page, by this computer's clock. The
camera is replaced by a source of frames, so that the page's way alone is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from emotion_camera.camera.events import Event, Frame, Line
from emotion_camera.errors import UserError

DESCRIPTION = "Show ready-made frames to two pages in a browser, and print how many are drawn, and how late."
PAGES = 2
SECONDS = 10
FPS = 30
SIZE = (240, 320)  # rows, columns: QVGA
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WATCH_FRAMES = """
() => { window.delays = []; const frame = document.getElementById("frame");
  new MutationObserver(() => window.delays.push(Number(frame.dataset.delay))).observe(frame, {attributeFilter: ["data-drawn"]}) }
"""


class ReadyFrames:
    """A camera that shows `fps` frames a second, each with a report of two faces; see `emotion_camera.camera.stream.CameraStream`."""

    name = "ready-made frames"
    limitation = None

    def __init__(self, fps: float) -> None:
        import numpy as np

        self._period_s = 1 / fps
        self._closed = threading.Event()
        blur = np.random.default_rng(1).integers(0, 256, (8, SIZE[0] // 8, SIZE[1] // 8), np.uint8)
        self._pictures = blur.repeat(8, 1).repeat(8, 2)

    def events(self) -> Iterator[Event]:
        start = time.monotonic()
        for number in range(sys.maxsize):
            if self._closed.wait(max(0, start + number * self._period_s - time.monotonic())):
                return
            time_ms = round(1000 * number * self._period_s)
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


def main() -> int:
    """Prints frames a second and delay of each page; 0, or 1 with a sentence."""
    parser = argparse.ArgumentParser("python -m emotion_camera.commands.watch.bench", description=DESCRIPTION)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long to measure (default: {SECONDS})")
    parser.add_argument("--fps", type=float, default=FPS, help=f"frames a second of the source (default: {FPS})")
    arguments = parser.parse_args()
    try:
        measured = asyncio.run(measure(arguments.fps, arguments.seconds))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    load = f", load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
    print(f"{PAGES} pages in Chromium, {SIZE[1]} x {SIZE[0]}, {arguments.fps:g} frames a second from the source{load}")
    for number, delays in enumerate(measured, 1):
        rate, middle, late = len(delays) / arguments.seconds, _part(delays, 0.5), _part(delays, 0.95)
        print(
            f"page {number}: {rate:.1f} frames a second drawn; delay {middle:.0f} ms in the middle, {late:.0f} ms at 95 %"
        )
    return 0


async def measure(fps: float, seconds: float) -> list[list[float]]:
    """The delays, ms, of all frames that each page drew. UserError where there is no browser to measure with."""
    from emotion_camera.commands.watch.command import FILES
    from emotion_camera.commands.watch.hub import Hub
    from emotion_camera.web.live import serving

    hub = Hub(ReadyFrames(fps))
    try:
        async with serving(FILES, hub, 0) as url, _browser() as browser:
            pages = [await (await browser.new_context()).new_page() for _ in range(PAGES)]
            for page in pages:
                await page.goto(url)
                await page.wait_for_selector("#frame[data-drawn]")
            await asyncio.sleep(1)  # the first second loads the charts
            for page in pages:
                await page.evaluate(WATCH_FRAMES)
            await asyncio.sleep(seconds)
            return [await page.evaluate("window.delays") for page in pages]
    finally:
        hub.close()


def _browser() -> Any:
    """A Chromium of this computer, driven by Playwright, as a context."""
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        raise UserError("the page is measured in a browser: pip install playwright") from None
    from contextlib import asynccontextmanager

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise UserError(f"the page is measured in a browser: install one of {', '.join(BROWSERS)}")

    @asynccontextmanager
    async def opened() -> Any:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            try:
                yield browser
            finally:
                await browser.close()

    return opened()


def _part(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else float("nan")


if __name__ == "__main__":
    sys.exit(main())
