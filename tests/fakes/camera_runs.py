"""Runs of the camera program on the simulator, and what came of them."""

import json
import shutil
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from emotion_camera.reports.lines import ReportJoiner
from emotion_camera.simulator import Ended, Line, Sent, Shown, run
from emotion_camera.simulator.host.sources import Pixels, Source
from emotion_camera.simulator.program import program_for
from PIL import Image

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "emotion.tflite"
LABELS = MODEL.with_suffix(".txt")
COMPOSITES = ROOT / "tools" / "emotion_camera" / "simulator" / "assets" / "average_faces"
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "tools" / "emotion_camera" / "reports" / "schema.json").read_text())
)
GENERATIONS = ["v4.5.5", "v4.7", "v4.8", "v5.0"]

micropython = pytest.mark.skipif(
    not shutil.which("micropython", path=str(Path(sys.executable).parent)), reason="no micropython for this machine"
)
every_generation = pytest.mark.parametrize("firmware", GENERATIONS)


class Played:
    """A run of the program that the board gets: reports as dicts, all held to the schema; frames as shown; the end."""

    def __init__(
        self, source: Source | Path | None, *, board: str = "h7", files: dict | None = None, **how: object
    ) -> None:
        given = program_for(board, MODEL) | how
        disk = "sdcard" if "sdcard" in given else "flash"
        given[disk] = {name: data for name, data in {**given[disk], **(files or {})}.items() if data is not None}
        events = list(run(source=source, board=board, **given))
        self.lines = [event for event in events if isinstance(event, Line) and event.text.startswith("{")]
        for line in self.lines:
            SCHEMA.validate(json.loads(line.text))
            assert len(line.text.encode()) <= 500, line.text
        joiner = ReportJoiner()
        self.reports = [json.loads(text) for line in self.lines if (text := joiner.add(line.text))]
        self.frames = [report for report in self.reports if "faces" in report]
        self.faces = [report["faces"] for report in self.frames]
        self.named = [report for report in self.reports if "event" in report]
        self.events = [report["event"] for report in self.named]
        self.shown = [event for event in events if isinstance(event, Shown)]
        self.sent = [event for event in events if isinstance(event, Sent)]
        self.ended = next(event for event in events if isinstance(event, Ended))

    def said(self, event: str) -> list[str]:
        return [report["message"] for report in self.named if report["event"] == event]


def scene(emotion: str = "happy", frames: int = 8, size: int = 120, where: tuple[int, int] = (100, 50)) -> Source:
    """A face that keeps still before a grey wall, QVGA, for so many frames at 10 a second."""
    picture = Image.new("L", (320, 240), 128)
    picture.paste(Image.open(COMPOSITES / f"{emotion}.png").resize((size, size)), where)

    return still(np.asarray(picture), frames)


def still(pixels: Pixels, frames: int) -> Source:
    """A picture that is seen for so many frames at 10 a second."""
    return Source("a picture", 10, lambda: iter([pixels] * frames), still=True)


def blank_then(source: Source, frames: int) -> Source:
    """An empty room for so many frames, then the source."""
    wall = np.full((240, 320), 128, np.uint8)
    return replace(source, frames=lambda: chain([wall] * frames, source.frames()))
