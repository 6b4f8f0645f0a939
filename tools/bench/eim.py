"""Whether Edge Impulse's own Linux client gets LiteRT's scores from our .eim, and how fast.

For 200 faces, drawn from the seven average faces, or with `--data fer2013.npz` the first of FER2013's PrivateTest. It needs
`edge_impulse_linux` (in the root's requirements.txt) and Unix sockets.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
from emotion_camera.commands.edge_impulse.runner import write_eim
from emotion_camera.errors import UserError
from emotion_camera.model.contract import DEFAULT_MODEL, EMOTIONS, Model, check
from emotion_camera.model.interpreter import LiteRT, input_tensor
from numpy.typing import NDArray

from bench.runner import Options
from bench.scenes import AVERAGE_FACES

FACES, CLIENTS = 200, 100
PRIVATE_TEST = 2  # in `usage` of fer2013.npz

Faces = NDArray[np.uint8]  # [count, 48, 48]
Scores = list[float]  # in the order of the labels


def drawn_faces(count: int = FACES) -> Faces:
    """The average faces in turn, with random shift, gain and noise; always the same."""
    from PIL import Image

    chance = np.random.default_rng(1)
    portraits = [Image.open(AVERAGE_FACES / f"{emotion}.png") for emotion in EMOTIONS]
    faces = np.empty((count, 48, 48))
    for number in range(count):
        left, top = chance.uniform(0, 16, 2)
        box = (left, top, left + 112, top + 112)
        face = portraits[number % len(portraits)].resize((48, 48), Image.Resampling.BILINEAR, box)
        faces[number] = np.asarray(face) * chance.uniform(0.5, 1.2) + chance.normal(0, 8, (48, 48))
    return faces.clip(0, 255).astype(np.uint8)


def fer2013_faces(path: Path) -> Faces:
    """The first faces of FER2013's PrivateTest from an .npz with `images` and `usage`; UserError for another file."""
    try:
        with np.load(path) as data:
            faces: Faces = data["images"][data["usage"] == PRIVATE_TEST][:FACES]
    except (OSError, ValueError, KeyError):
        raise UserError(
            f"{path}: is no .npz of FER2013 with images and usage; leave --data out for drawn faces"
        ) from None
    return faces


def litert_scores(model: Model, faces: Faces) -> list[Scores]:
    """LiteRT's scores for each face, by its plain kernels."""
    interpreter = LiteRT(model.path.read_bytes())
    return [((interpreter.run(input_tensor(face))[0][0].astype(float) + 128) / 256).tolist() for face in faces]


def official_client() -> tuple[type[Any], type[Any]]:
    """ImpulseRunner and ImageImpulseRunner of edge_impulse_linux; UserError where it is not installed."""
    try:
        import pyaudio  # noqa: F401
    except ImportError:
        # The package imports it at once, for microphones. It has no wheel for Linux, and pictures need none of it.
        sys.modules["pyaudio"] = ModuleType("pyaudio")
    try:
        from edge_impulse_linux.image import ImageImpulseRunner
        from edge_impulse_linux.runner import ImpulseRunner
    except ImportError as error:
        raise UserError(
            f"{error}; install the official client with: pip install --no-deps edge_impulse_linux==1.2.2 six"
        ) from None
    return ImpulseRunner, ImageImpulseRunner


def packed(face: Faces) -> list[int]:
    """A grey face as the features that the protocol takes."""
    return [int(pixel) * 0x010101 for pixel in face.ravel()]


def official_scores(eim: Path, faces: Faces, image: bool) -> tuple[list[Scores], float]:
    """The scores by the official client, and the median seconds of an answer. `image`: by ImageImpulseRunner, from RGB pictures."""
    _can_start(eim)
    plain, pictures = official_client()
    runner = (pictures if image else plain)(str(eim))
    labels = runner.init()["model_parameters"]["labels"]
    scores, took = [], []
    try:
        for face in faces:
            features = (
                runner.get_features_from_image_auto_studio_settings(np.stack([face] * 3, axis=2))[0]
                if image
                else packed(face)
            )
            start = time.perf_counter()
            found = runner.classify(features)["result"]["classification"]
            took.append(time.perf_counter() - start)
            scores.append([found[label] for label in labels])
    finally:
        runner.stop()
    return scores, float(np.median(took))


def _can_start(eim: Path) -> None:
    """UserError where an .eim does not start: the official client would wait forever."""
    done = subprocess.run([eim, "--print-info"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{eim} does not start: {done.stderr.strip()}")


@contextlib.contextmanager
def started(eim: Path, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A runner that listens on the socket `path`, until the end of the block."""
    process = subprocess.Popen([eim, path])
    try:
        while not path.exists():
            if process.poll() is not None:
                raise UserError(f"{eim} ended with {process.returncode} before it listened")
            time.sleep(0.01)
        yield process
    finally:
        process.terminate()
        process.wait()


def connect(path: Path) -> socket.socket:
    """A client's connection to a runner."""
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


def answer(client: socket.socket) -> dict[str, Any]:
    """The runner's next answer. ConnectionError when it has closed the connection."""
    data = b""
    while not data.endswith(b"\0"):
        more = client.recv(1 << 16)
        if not more:
            raise ConnectionError("the runner has hung up")
        data += more
    found: dict[str, Any] = json.loads(data[:-1])
    return found


def ask(client: socket.socket, **message: Any) -> dict[str, Any]:
    """The answer to one message."""
    client.sendall(json.dumps({"id": 1, **message}).encode())
    return answer(client)


def clients_answered(eim: Path, path: Path, face: Faces, expected: Scores) -> int:
    """How many of CLIENTS, one after another, get the expected scores from one runner."""
    right = 0
    with started(eim, path):
        for _ in range(CLIENTS):
            with connect(path) as client:
                ask(client, hello=1)
                found = ask(client, classify=packed(face))["result"]["classification"]
                right += list(found.values()) == expected
    return right


def report(options: Options) -> str:
    """A line for each way to ask. UserError unless all scores are LiteRT's."""
    faces = fer2013_faces(options.data) if options.data else drawn_faces()
    model, lines, all_equal = check(DEFAULT_MODEL), [], True
    expected = litert_scores(model, faces)
    with TemporaryDirectory() as folder:
        eim = Path(folder) / "emotion.eim"
        write_eim(model, eim)
        for name, image in (("ImpulseRunner", False), ("ImageImpulseRunner, RGB pictures", True)):
            scores, seconds = official_scores(eim, faces, image)
            equal = sum(one == other for one, other in zip(scores, expected, strict=True))
            all_equal &= equal == len(faces)
            lines.append(
                f"{name}: scores equal to LiteRT's {equal} of {len(faces)}; an answer takes {1000 * seconds:.1f} ms (median)"
            )
        right = clients_answered(eim, Path(folder) / "sock", faces[0], expected[0])
    lines.append(f"clients one after another to one runner: {right} of {CLIENTS} got LiteRT's scores")
    if not all_equal or right < CLIENTS:
        raise UserError("\n".join(lines))
    return "\n".join(lines)
