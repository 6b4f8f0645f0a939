"""Frame rate and delay of the live page: ready-made frames, shown to two pages in Chromium.

The delay is from the frame's arrival from the camera until it is drawn in the page. The camera is replaced by a source of
frames, so that only the way to the page is measured. Then the way before it, without a camera: the bundled clip in place of a
webcam, seen by the simulated camera; each frame has the time at which it was taken written into it.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from emotion_camera.errors import UserError
from emotion_camera.events import Event, Frame, Line
from numpy.typing import NDArray

from bench.metrics import quantile
from bench.runner import Options

PAGES, SECONDS, FPS = 2, 10, 30
WARM_UP_S = 3  # of the simulated camera: its sensor settles for two seconds
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
    damaged = 0

    def __init__(self) -> None:
        self._closed = threading.Event()
        blur = np.random.default_rng(1).integers(0, 256, (8, SIZE[0] // 8, SIZE[1] // 8), np.uint8)
        self._pictures = blur.repeat(8, 1).repeat(8, 2)

    def events(self) -> Generator[Event, None, None]:
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
    return "\n".join([*lines, _webcam_line()])


def _webcam_line() -> str:
    """Frame rate and delay of a webcam's frames from the moment they are taken until the camera program shows them."""
    from emotion_camera.camera.simulated import SimulatedStream
    from emotion_camera.simulator.host.sources import Source, newest

    delays, here = [], Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the simulated camera's disk lies there
        try:
            stream = SimulatedStream("h7plus", Source("webcam", FPS, lambda: newest(_stamped_clip()), live=True))
            timer = threading.Timer(WARM_UP_S + SECONDS, stream.close)
            timer.start()
            delays = [_age_ms(event.picture) for event in stream.events() if isinstance(event, Frame)]
        finally:
            os.chdir(here)
    late = delays[-round(len(delays) * 0.8) :]  # the first ones come while the program starts
    rate, median = len(delays) / SECONDS, quantile(late, 0.5)
    return f"webcam to camera program: {rate:.1f} frames per second; delay {median:.0f} ms (median), {quantile(late, 0.95):.0f} ms (95 %)"


def _stamped_clip() -> Generator[NDArray[np.uint8], None, None]:
    """The bundled clip at FPS, ever again; the time now, ms, is in its last rows: a block for each of 16 bits."""
    from emotion_camera.simulator.host.sources import endless, open_source

    start, clip = time.monotonic(), open_source()
    for number, pixels in enumerate(endless(clip).frames()):
        for repeated in range(round(FPS / clip.fps)):
            time.sleep(max(0, start + number / clip.fps + repeated / FPS - time.monotonic()))
            stamped, now_ms = pixels.copy(), round(1000 * time.monotonic())
            bits = np.array([now_ms >> bit & 1 for bit in range(16)], np.uint8) * 255
            stamped[-8:] = bits.repeat(SIZE[1] // 16).reshape(-1, *[1] * (pixels.ndim - 2))
            yield stamped


def _age_ms(frame: NDArray[np.uint8]) -> float:
    """How long ago a frame of the stamped clip was taken."""
    bits = frame[-4, SIZE[1] // 32 :: SIZE[1] // 16] > 128
    return (round(1000 * time.monotonic()) - sum(int(bit) << i for i, bit in enumerate(bits))) & 0xFFFF


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
