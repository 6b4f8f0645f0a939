"""`play`: runs a small camera program on the simulator and gathers what comes of it."""

from collections.abc import Callable

import numpy as np
import pytest
from camera_programs import FACE, GENERATIONS, Played
from emotion_camera.simulator import Ended, Line, Sent, Shown, run
from emotion_camera.simulator.host.process import find_micropython
from emotion_camera.simulator.host.sources import Source
from PIL import Image


@pytest.fixture(scope="session")
def scene() -> np.ndarray:
    """A QVGA frame, uint8 [240, 320], with one face that the cascade finds."""
    picture = Image.new("L", (320, 240), 128)
    with Image.open(FACE) as face:
        picture.paste(face.convert("L").resize((120, 120)), (100, 50))
    return np.asarray(picture)


@pytest.fixture(scope="session")
def play(scene: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Played]:
    """Runs the text of a program; by default under MicroPython, with ten frames of `scene` before it."""
    folder = tmp_path_factory.mktemp("programs")

    def play(program: str, *, frames: int = 10, **how: object) -> Played:
        if how.setdefault("python", "micropython") == "micropython" and find_micropython() is None:
            pytest.skip("no MicroPython for this computer")
        script = folder / "program.py"
        script.write_text(program, encoding="utf-8")
        how.setdefault("source", Source("scene", 10, lambda: iter([scene] * frames)))
        events = list(run(script, **how))
        shown = [event for event in events if isinstance(event, Shown)]
        return Played(
            [event.text for event in events if isinstance(event, Line)],
            [event.picture for event in shown],
            [event.time_ms for event in shown],
            [(event.windows, event.networks) for event in shown],
            [event for event in events if isinstance(event, Sent)],
            next(event for event in events if isinstance(event, Ended)),
        )

    return play


@pytest.fixture(params=GENERATIONS)
def firmware(request: pytest.FixtureRequest) -> str:
    """Each firmware generation in turn."""
    return request.param
