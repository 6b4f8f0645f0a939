"""Sends emotions by Open Sound Control (OSC), to TouchDesigner, Max, SuperCollider and others. From the repository's folder:

    python -m examples.osc [PORT [HOST[:NUMBER]]]

Without PORT, or with "", it finds the camera on USB; "simulator" needs none. It sends to this computer, UDP port 9000, unless
HOST is given. For each report, in one bundle a face; /emotion/1 is the largest face, /emotion/2 the next:

    /emotion/1/happy 0.93                a score for each label, 0 to 1
    /emotion/1/name "happy"              the emotion; "" while it is uncertain
    /emotion/1/why "turned"              why it is uncertain; "" while it is not, or the camera does not tell
    /emotion/1/valence -0.2, /arousal    -1 to 1, where the camera tells them
    /emotion/1/id 3                      the face's number; it keeps it while it stays in view
    /emotion/1/box 96 52 88 88           x, y, width, height in pixels of the frame

To change: TARGET, the addresses, and what is sent.
"""

import re
import sys
from collections.abc import Sequence

from emotion_camera.camera import read_reports
from emotion_camera.errors import UserError, install_line
from emotion_camera.reports import FacesReport
from emotion_camera.reports.parse import Face, labels_of

try:
    from pythonosc.osc_bundle import OscBundle
    from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
    from pythonosc.osc_message_builder import OscMessageBuilder
    from pythonosc.udp_client import UDPClient
except ModuleNotFoundError:
    sys.exit(f"python-osc is not installed: {install_line('examples')}")

TARGET = "127.0.0.1:9000"


def values(face: Face, labels: tuple[str, ...]) -> dict[str, Sequence[float | int | str]]:
    """What is sent of a face, by the last part of its address; scores without labels are called 1, 2 and so on."""
    if len(labels) != len(face.scores):
        labels = tuple(str(number + 1) for number in range(len(face.scores)))
    scores = {
        re.sub(r"[^A-Za-z0-9_.-]", "_", label): [float(score)] for label, score in zip(labels, face.scores, strict=True)
    }
    places = {"valence": face.valence, "arousal": face.arousal}
    dimensions = {name: [float(value)] for name, value in places.items() if value is not None}
    words = {"name": [face.emotion or ""], "why": [face.why or ""]}
    return {**scores, **dimensions, **words, "id": [face.id], "box": [*face.box]}


def bundle(place: int, face: Face, labels: tuple[str, ...]) -> OscBundle:
    """The messages of the face at `place`, from 1."""
    builder = OscBundleBuilder(IMMEDIATELY)
    for name, arguments in values(face, labels).items():
        message = OscMessageBuilder(f"/emotion/{place}/{name}")
        for argument in arguments:
            message.add_arg(argument)
        builder.add_content(message.build())
    return builder.build()


def connect(target: str) -> UDPClient:
    """UserError where there is no such host."""
    host, _, number = target.partition(":")
    try:
        port = int(number or 9000)
        if not 0 < port < 65536:
            raise ValueError(f"{port} is no port")
        return UDPClient(host, port)
    except (OSError, ValueError) as error:
        raise UserError(f"{target}: can't be sent to ({error}); give a host and a UDP port, such as {TARGET}") from None


def main(port: str | None = None, target: str = TARGET) -> None:
    client = connect(target)
    labels: tuple[str, ...] = ()
    for report in read_reports(port or None):
        if isinstance(report, FacesReport):
            for place, face in enumerate(report.faces, 1):
                client.send(bundle(place, face, labels))
        else:
            labels = labels_of(report) or labels


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except (UserError, OSError, KeyboardInterrupt) as stop:
        sys.exit(str(stop))
