"""The README's picture of `collect`: `python docs/pictures/collect_picture.py` writes docs/collect.png, from the virtual camera.

It needs Playwright and a Chromium. The faces are the bundled clip's: nobody's.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PRESSES = 70  # enough for counts that differ
COMMAND = [
    sys.executable,
    "-m",
    "emotion_camera",
    "collect",
    "--port",
    "virtual",
    "--no-browser",
    "--person",
    "A7",
    "--consent",
]


def press(page: Page) -> bool:
    """Stores the face as what the camera reads; whether that was done, and a clear smile."""
    read = re.search(r"reads (\w+), (\d+)", page.inner_text("#reads"))
    if not read:
        return False
    page.locator("#labels button", has_text=read[1]).press("Enter")
    page.wait_for_timeout(120)
    return "is stored" in page.inner_text("#said") and read[1] == "happy" and int(read[2]) > 98


with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}
    program = subprocess.Popen(
        COMMAND, cwd=folder, env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    try:
        assert program.stdout
        url = re.search(r"http://\S+", program.stdout.readline())
        assert url
        browser = playwright.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS))))
        page = browser.new_page(viewport={"width": 1280, "height": 700}, color_scheme="light")
        page.goto(url[0])
        page.wait_for_selector("#labels button")
        for number in range(4 * PRESSES):
            if press(page) and number > PRESSES:
                break
            page.wait_for_timeout(300)
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=ROOT / "docs" / "collect.png")
        browser.close()
    finally:
        program.send_signal(signal.SIGINT)
        program.wait()
