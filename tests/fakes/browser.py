"""The browser that the pages are tested in: where it is, and how it starts without asking the network for anything."""

import shutil

from bench.page import BROWSERS

CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
MISSING = f"none of {', '.join(BROWSERS)} is installed"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
