"""The screenshots of docs/, made on the simulator: `python docs/pictures/make.py` makes all, or those named: demo, watch, collect, report.

It needs Playwright and a Chromium; `demo` needs what `make demo` has written. The faces are the bundled clip's: averages, nobody's.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageSequence
from playwright.sync_api import Page, expect, sync_playwright

DOCS = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "emotion_camera"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 1280  # pixels, of a browser window
FILL_MS = 25_000  # of the live page's timeline
PATIENCE_MS = 60_000
KEY_PRESSES = 70  # enough for counts that differ
RECORDED_S = 45


@contextmanager
def browser(url: str, height: int) -> Iterator[Page]:
    """A window in which the page is open."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS))))
        page = chromium.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light")
        page.goto(url)
        yield page
        chromium.close()


@contextmanager
def served(folder: str, *words: str) -> Iterator[str]:
    """The address of the page that a command serves on the simulator."""
    command = [*COMMAND, *words, "--port", "simulator", "--no-browser", "--http-port", "0"]
    program = subprocess.Popen(command, cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        assert program.stdout
        url = re.search(r"http://\S+", program.stdout.readline())
        assert url
        yield url[0]
    finally:
        program.send_signal(signal.SIGINT)
        program.wait()


def demo(_: str) -> None:
    """docs/demo.webp from demo/demo.gif: 0.7 MB, letters still legible."""
    with Image.open(DOCS.parent / "demo" / "demo.gif") as clip:
        frames = [
            frame.convert("RGB").resize((480, 360), Image.Resampling.LANCZOS) for frame in ImageSequence.Iterator(clip)
        ]
        duration = clip.info["duration"]
    first, *rest = frames[1:]  # frame 0 still shows the self-test's pattern
    first.save(DOCS / "demo.webp", save_all=True, append_images=rest, duration=duration, loop=0, quality=60, method=6)


def watch(folder: str) -> None:
    """docs/watch.png: the live page while a second face is happy."""
    with served(folder, "watch") as url, browser(url, 800) as page:
        page.wait_for_timeout(FILL_MS)
        expect(page.locator(".face .word").nth(1)).to_have_text("happy", timeout=PATIENCE_MS)
        page.wait_for_timeout(700)  # until the bars have followed
        page.screenshot(path=DOCS / "watch.png", full_page=True)


def collect(folder: str) -> None:
    """docs/collect.png: the page of `collect` after some pictures, the last a clear smile."""

    def store(page: Page) -> bool:
        """Store the face as what the camera reads; whether that was done, and a clear smile."""
        read = re.search(r"reads (\w+), (\d+)", page.inner_text("#reads"))
        if not read:
            return False
        page.locator("#labels button", has_text=read[1]).press("Enter")
        page.wait_for_timeout(120)
        return "is stored" in page.inner_text("#said") and read[1] == "happy" and int(read[2]) > 98

    with served(folder, "collect", "--person", "A7", "--consent") as url, browser(url, 700) as page:
        page.wait_for_selector("#labels button")
        for number in range(4 * KEY_PRESSES):
            if store(page) and number > KEY_PRESSES:
                break
            page.wait_for_timeout(300)
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=DOCS / "collect.png")


def report(folder: str) -> None:
    """docs/report.png: the page of a recording, down to its transitions."""
    record = ["record", "--port", "simulator", "--frames", "--seconds", str(RECORDED_S), "--out", "monday"]
    for words in (record, ["report", "monday", "--no-browser"]):
        subprocess.run([*COMMAND, *words], cwd=folder, check=True)
    with browser((Path(folder) / "monday" / "report.html").as_uri(), 900) as page:
        page.wait_for_selector("#timeline svg")
        last = page.locator("section", has=page.locator("#h-changes")).bounding_box()
        assert last
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": last["y"] + last["height"] + 16}
        page.screenshot(path=DOCS / "report.png", full_page=True, clip=clip)


PICTURES = {"demo": demo, "watch": watch, "collect": collect, "report": report}

if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        with tempfile.TemporaryDirectory() as temporary:
            PICTURES[name](temporary)
