"""A fake Studio, faces that nobody has, and the verb."""

import json
from pathlib import Path

import pytest
from ei_faces import picture
from emotion_camera.__main__ import main
from fake_studio import FakeStudio


@pytest.fixture
def studio(monkeypatch):
    """A fake Studio, to which the environment points; its project is empty."""
    with FakeStudio() as started:
        for name, value in started.environment.items():
            monkeypatch.setenv(name, value)
        yield started


@pytest.fixture
def make_faces(tmp_path):
    """A function that makes a set: `make_faces({"happy": 3, "sad": 2})`; its folder."""

    def make(counts: dict[str, int], manifest: list[dict] | None = None) -> Path:
        folder, number = tmp_path / "faces", 0
        for label, count in counts.items():
            (folder / label).mkdir(parents=True)
            for place in range(count):
                (folder / label / f"{place + 1:04}.png").write_bytes(picture(number))
                number += 1
        if manifest:
            (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in manifest))
        return folder

    return make


@pytest.fixture
def edge_impulse():
    """A function that runs the verb in this process: `edge_impulse("upload", folder)`; its exit status."""

    def run(*words: object) -> int:
        return main(["edge-impulse", *map(str, words)])

    return run
