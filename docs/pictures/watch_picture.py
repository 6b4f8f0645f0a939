"""The README's picture of the live page: `python docs/pictures/watch_picture.py` writes docs/watch.png, from the virtual camera.

It needs Playwright and a Chromium. The faces are the bundled clip's: nobody's.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "commands")]

from emotion_camera.camera.stream import open_stream  # noqa: E402
from emotion_camera.commands.watch.bench import BROWSERS  # noqa: E402
from watched import served  # noqa: E402 - found by the line above

FILL_MS = 25_000  # of timeline
PATIENCE_MS = 60_000

with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
    os.chdir(folder)
    with served(open_stream("virtual")) as (_, url):
        browser = playwright.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS))))
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
        page.goto(url)
        page.wait_for_timeout(FILL_MS)
        expect(page.locator(".face .word").nth(1)).to_have_text("happy", timeout=PATIENCE_MS)
        page.wait_for_timeout(700)  # until the bars have followed
        page.screenshot(path=ROOT / "docs" / "watch.png", full_page=True)
        browser.close()
    os.chdir(ROOT)
