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
from typing import Any

from PIL import Image, ImageSequence
from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "emotion_camera"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, LAPTOP = 1280, (1366, 768)  # pixels, of a browser window
FILL_MS = 25_000  # of the live page's timeline
PATIENCE_MS = 60_000
KEY_PRESSES = 70  # enough for counts that differ
RECORDED_S = 45
# One in view is happy, the other is surprised.
TWO_FACES = """
() => [...document.querySelectorAll(".face:not(.away) .word")].map((it) => it.textContent).sort().join() === "happy,surprise"
"""


@contextmanager
def browser(url: str, height: int, width: int = WIDTH) -> Iterator[Page]:
    """A window in which the page is open."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS))))
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme="light")
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
    """docs/demo.webp from demo/demo.webp: 1.0 MB, letters still legible."""
    with Image.open(DOCS.parent / "demo" / "demo.webp") as clip:
        frames = [
            frame.convert("RGB").resize((480, 360), Image.Resampling.LANCZOS) for frame in ImageSequence.Iterator(clip)
        ]
        duration = clip.info["duration"]
    first, *rest = frames
    first.save(DOCS / "demo.webp", save_all=True, append_images=rest, duration=duration, loop=0, quality=48, method=6)


def both_themes(page: Page, name: str, **how: Any) -> None:
    """docs/NAME.png and docs/NAME-dark.png, as Playwright's `screenshot` takes them."""
    for theme, ending in (("light", ""), ("dark", "-dark")):
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(600)  # until the charts have followed
        page.screenshot(path=DOCS / f"{name}{ending}.png", **how)


def watch(folder: str) -> None:
    """docs/watch.png: the live page while one face is happy and another is surprised."""
    with served(folder, "watch") as url, browser(url, LAPTOP[1], LAPTOP[0]) as page:
        page.wait_for_timeout(FILL_MS)
        page.wait_for_function(TWO_FACES, timeout=PATIENCE_MS)
        both_themes(page, "watch")


def collect(folder: str) -> None:
    """docs/collect.png: the page of `collect` after some pictures, the last a clear smile."""

    def reads(page: Page) -> tuple[str, int]:
        read = re.search(r"reads (\w+), (\d+)", page.inner_text("#reads"))
        return (read[1], int(read[2])) if read else ("", 0)

    def store(page: Page) -> bool:
        """Store the face as what the camera reads; whether that was done, and a clear smile."""
        before, _ = reads(page)
        if not before:
            return False
        page.locator("#labels button", has_text=before).press("Enter")
        page.wait_for_timeout(250)
        after, score = reads(page)
        stored = "is stored" in page.inner_text("#said")
        if stored and after != before:  # the face has just changed
            page.keyboard.press("u")
        return stored and before == after == "happy" and score > 98

    with (
        served(folder, "collect", "--person", "A7", "--consent", "--target", "20") as url,
        browser(url, LAPTOP[1], LAPTOP[0]) as page,
    ):
        page.wait_for_selector("#labels button")
        for number in range(4 * KEY_PRESSES):
            if store(page) and number > KEY_PRESSES:
                break
            page.wait_for_timeout(300)
        page.evaluate("document.activeElement.blur()")
        both_themes(page, "collect")


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
        both_themes(page, "report", full_page=True, clip=clip)


PICTURES = {"demo": demo, "watch": watch, "collect": collect, "report": report}

if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        with tempfile.TemporaryDirectory() as temporary:
            PICTURES[name](temporary)
