"""The README's picture of a recording's page: `python docs/pictures/report_picture.py` writes docs/report.png, from the virtual camera.

It needs Playwright and a Chromium. The faces are the bundled clip's: nobody's.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TOOLS = [sys.executable, "-m", "emotion_camera"]
SECONDS = 45
WIDTH = 1280

with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
    record = ["record", "--port", "virtual", "--frames", "--seconds", str(SECONDS), "--out", "monday"]
    for words in (record, ["report", "monday", "--no-browser"]):
        subprocess.run([*TOOLS, *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    browser = playwright.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS))))
    page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
    page.goto((Path(folder) / "monday" / "report.html").as_uri())
    page.wait_for_selector("#timeline svg")
    last = page.locator("section", has=page.locator("#h-changes")).bounding_box()
    assert last
    height = last["y"] + last["height"] + 16
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": height}
    page.screenshot(path=ROOT / "docs" / "report.png", full_page=True, clip=clip)
    browser.close()
