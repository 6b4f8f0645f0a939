"""`python -m fake_studio`: a fake Studio until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path

from emotion_camera.errors import UserError

from fake_studio.server import FakeStudio


def main() -> int:
    """Prints how to point tools at it, and serves; 0, or 1 with a sentence."""
    parser = argparse.ArgumentParser(
        "python -m fake_studio",
        description="Answers on this computer as Edge Impulse's documentation says that its services do.",
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="default: any that is free")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep what is uploaded as files there, too")
    arguments = parser.parse_args()
    if not 0 <= arguments.port < 65536:
        parser.error(f"--port {arguments.port}: give 0 to 65535")
    try:
        with FakeStudio(arguments.folder, arguments.port) as studio:
            print("This is not Edge Impulse: it only answers as its documentation says. Nothing leaves this computer.")
            print("In another terminal:\n", flush=True)
            word = "set" if os.name == "nt" else "export"
            for name, value in studio.environment.items():
                print(f"{word} {name}={value}", flush=True)
            print("\nStop with Ctrl-C.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(3600)
            print(f"\n{len(studio.project.samples)} samples came.")
    except UserError as error:
        print(f"fake studio: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
