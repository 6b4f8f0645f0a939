"""Whether an interrupted upload to Edge Impulse stores each picture exactly once.

Noise pictures are uploaded to a fake Studio by processes that are killed at random moments, or whose connection is cut when the
pictures are stored and the answer is on its way.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from emotion_camera.commands.edge_impulse.upload_log import LOG, project_id, read_log

from bench.runner import ROOT, Options

sys.path.append(str(ROOT / "tests" / "fakes"))
from fake_studio import FakeStudio
from fake_studio.faults import Fault

LABELS = ("angry", "happy", "sad")
PICTURES = 600  # of all labels
PEOPLE = 20  # one request for each person and label: 60 requests to interrupt
KILLS = 20
CUTS = 5  # of the connection, besides the kills
SLOW_S = 0.1  # per answer; without it an upload would finish before it could be killed
SEED = 1


def make(folder: Path) -> None:
    """A folder of collected pictures, all different."""
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(SEED)
    lines = []
    for number in range(PICTURES):
        label = LABELS[number % len(LABELS)]
        (folder / label).mkdir(parents=True, exist_ok=True)
        file = f"{label}/{number:04}.png"
        Image.fromarray(noise.integers(0, 256, (48, 48), np.uint8)).save(folder / file)
        lines.append(json.dumps({"file": file, "label": label, "person": f"p{number // len(LABELS) % PEOPLE}"}))
    (folder / "manifest.jsonl").write_text("\n".join(lines) + "\n")


def upload(folder: Path, studio: FakeStudio) -> subprocess.Popen[bytes]:
    """Start `emotion-camera edge-impulse upload`."""
    command = [sys.executable, "-m", "emotion_camera", "edge-impulse", "upload", str(folder)]
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **studio.environment}, stdout=silent, stderr=silent)


def kill_after(process: subprocess.Popen[bytes], studio: FakeStudio, requests: int, seconds: float) -> bool:
    """Kill the upload some seconds after so many more requests; False when it had finished before."""
    goal = studio.project.requests + requests
    while studio.project.requests < goal:
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    time.sleep(seconds)
    process.kill()
    return process.wait() != 0


def report(options: Options) -> str:
    """Counts of pictures stored, stored twice and sent again; they do not depend on program and board."""
    chance, kills, again = random.Random(SEED), 0, 0
    with tempfile.TemporaryDirectory(prefix="upload-") as name, FakeStudio() as studio:
        folder, project = Path(name), studio.project
        make(folder)
        identity = project_id(studio.ingestion, studio.key)
        studio.faults.add(Fault(slow_s=SLOW_S), times=1_000_000)
        for _ in range(KILLS):
            before, known = project.transmissions.copy(), read_log(folder, identity)
            kills += kill_after(upload(folder, studio), studio, chance.randint(1, 2), chance.uniform(0, 2 * SLOW_S))
            again += sum((project.transmissions - before)[sha256] for sha256 in known)
        studio.faults.to_come.clear()
        before, known = project.transmissions.copy(), read_log(folder, identity)
        for _ in range(CUTS):
            studio.faults.add(Fault(cut_after=True))
            studio.faults.add(Fault())
        status = upload(folder, studio).wait()
        again += sum((project.transmissions - before)[sha256] for sha256 in known)
        stored = Counter(sample.sha256 for sample in project.samples)
        cuts = CUTS - sum(fault.cut_after for fault in studio.faults.to_come)
        noted = len(read_log(folder, identity))
    return "\n".join(
        [
            f"killed {kills} times, connection cut after storing {cuts} times; the last run's exit status: {status}",
            f"pictures in the set: {PICTURES}, in the project: {len(stored)}, noted in {LOG}: {noted}",
            f"stored twice: {sum(count - 1 for count in stored.values())}",
            f"sent again although acknowledged: {again}",
            f"sent again because the answer had not come: {project.transmissions.total() - len(stored) - again}",
        ]
    )
