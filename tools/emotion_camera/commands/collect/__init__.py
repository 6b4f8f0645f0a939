"""`collect`: stores labelled faces from the camera in a folder of training data."""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS

if TYPE_CHECKING:
    from emotion_camera.camera.stream import CameraStream
    from emotion_camera.commands.collect.session import Session

POLL_S = 0.2  # between two checks whether the session has ended

EXAMPLES = """
examples:
  emotion-camera collect                                   the camera on USB; the page opens in the browser
  emotion-camera collect --source webcam                   no camera: your webcam, seen by the simulated camera
  emotion-camera collect --person anna                     a name or code, to keep people apart in training
  emotion-camera collect --labels smile,frown,tongue-out   labels of your own
  emotion-camera collect --no-browser --consent            in the terminal; the person has agreed already

The keys 1 to 9, or the buttons of the page, store the largest face as the network's input: 48 x 48 grey pixels, as
faces/happy/0001.png and so on, with a line in faces/manifest.jsonl. Nothing is stored before the person has agreed.
Collect about as many of each label, of several people, in different light. Then adapt the model:
  emotion-camera train finetune --data faces
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    from emotion_camera.camera.ports import SOURCE_HELP

    parser.description = "Collect labelled faces from the camera as training data."
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--port", help="/dev/ttyACM0 or COM3, simulator, or simulator:BOARD (default: the OpenMV camera on USB)")
    add("--source", help=SOURCE_HELP)
    add("--out", type=Path, default=Path("faces"), metavar="FOLDER", help="output folder (default: faces)")
    add("--labels", metavar="A,B,...", default=",".join(EMOTIONS), help="in the order of the keys (default: the seven)")
    add("--target", type=int, default=50, metavar="N", help="pictures wanted of each label (default: 50)")
    add("--person", metavar="NAME", help="the person in view, a name or a code, for the manifest")
    add("--consent", action="store_true", help="the person has agreed that pictures of their face are stored")
    add("--no-browser", action="store_true", help="open no browser; use keys in the terminal")
    add("--http-port", type=int, default=0, metavar="N", help="the page's port (default: any free one)")


def run(arguments: argparse.Namespace) -> int:
    """Collect faces until Ctrl-C, or q in the terminal; 0. UserError when it can't."""
    from emotion_camera.camera.simulated import SimulatedStream
    from emotion_camera.camera.stream import open_stream
    from emotion_camera.commands.collect.session import Session, train_command
    from emotion_camera.faces.folder import FacesFolder

    labels = read_labels(arguments.labels)
    if not 0 <= arguments.http_port <= 65535:
        raise UserError(f"--http-port {arguments.http_port}: is no port; give 1024 to 65535, or leave it out")
    if arguments.target < 1:
        raise UserError(f"--target {arguments.target}: must be 1 or more")
    folder = FacesFolder(arguments.out)
    live = open_stream(arguments.port, arguments.source)
    try:
        check_pictures(live)
        session = Session(live, folder, labels, isinstance(live, SimulatedStream), arguments.target)
        if arguments.consent:
            session.agree(arguments.person)
        elif arguments.person:
            session.expect(arguments.person)
        stored = _collect(session, arguments)
    finally:
        live.close()
    counts = ", ".join(f"{label} {count}" for label, count in session.state().counts.items())
    print(f"{stored} stored now; {arguments.out} has {counts}")
    if stored:
        print(f"adapt the model to them: {train_command(str(arguments.out))}")
    return 0


def read_labels(text: str) -> list[str]:
    """The labels of --labels; UserError for what can't be."""
    from emotion_camera.model.labels import check_label, emotion_of

    labels = [check_label(label.strip(), "--labels") for label in text.split(",") if label.strip()]
    if not labels:
        raise UserError("--labels: gives no label; name some, such as --labels happy,sad")
    meant = [emotion_of(label) for label in labels]
    doubled = [label for label, it in zip(labels, meant, strict=True) if meant.count(it) > 1]
    if doubled:
        raise UserError(
            f"--labels: {' and '.join(doubled[:2])} mean the same, and would be one in training; give one of them"
        )
    return labels


def check_pictures(live: CameraStream) -> None:
    """UserError for a camera that shows no picture."""
    if live.limitation:
        raise UserError(
            f"{live.name}: {live.limitation}; faces are cut from pictures: update its firmware, in OpenMV IDE"
        )


def _collect(session: Session, arguments: argparse.Namespace) -> int:
    """Runs page and keys; how many were stored."""
    session.start()
    try:
        asyncio.run(_serve(session, arguments))
    except KeyboardInterrupt:
        pass  # the way to end it
    finally:
        session.close()
    if session.failed:
        raise session.failed
    return len(session.state().stored)


async def _serve(session: Session, arguments: argparse.Namespace) -> None:
    from emotion_camera.commands.collect.page import serving
    from emotion_camera.commands.collect.terminal import collect_by_keys

    async with serving(session, arguments.http_port, not arguments.no_browser) as url:
        print(f"collecting faces to {arguments.out}: {url}  (Ctrl-C ends it)", flush=True)
        over = threading.Event()
        if arguments.no_browser and sys.stdin.isatty():
            try:
                await asyncio.to_thread(collect_by_keys, session, over)
            finally:
                over.set()
            return
        while session.failed is None:
            await asyncio.sleep(POLL_S)
