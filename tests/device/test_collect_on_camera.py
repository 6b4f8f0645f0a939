"""`device/collect.py`, which stores faces by one button, on the simulator."""

from io import BytesIO

import numpy as np
import pytest
from camera_runs import ROOT, every_generation, micropython, scene, still
from emotion_camera.commands.collect.crop import model_view
from emotion_camera.simulator import Ended, Faults, Line, Sent, Shown, run
from PIL import Image

pytestmark = micropython

COLLECT = ROOT / "device" / "collect.py"
BUTTON = "P9"
SHORT, LATER, LONG = (2600, 2900), (3600, 3900), (2600, 3600)  # ms: presses; the first frame is taken at 2.3 s


class Collected:
    """A run of collect.py with its button pressed from ms to ms; what is then on the card."""

    def __init__(self, source, presses, *, card=None, **how):
        self.card = {}
        events = list(run(COLLECT, source=source, sdcard=card or {}, pressed={BUTTON: presses}, kept=self.card, **how))
        printed = [event.text for event in events if isinstance(event, Line)]
        self.printed = printed[: printed.index("Traceback (most recent call last):")]  # of the stop button
        self.frames = [event.picture for event in events if isinstance(event, Shown)]
        self.flashes = [event.way.split("_")[1] for event in events if isinstance(event, Sent) and event.data == b"1"]
        self.ended = next(event for event in events if isinstance(event, Ended))
        assert self.ended.reason == "stopped", self.ended

    def pictures(self):
        return sorted(name for name in self.card if name.endswith(".png"))

    def has_text(self):
        """Whether a sentence stands at the bottom of the last frame."""
        return (self.frames[-1][204:216, :240] == 255).sum() > 50


def drawn_box(frame):
    """The box of white lines on a frame, between the lines of text."""
    white = frame == 255
    white[:12] = white[-36:] = False
    (top, bottom), (left, right) = (np.flatnonzero(white.sum(axis) > 60)[[0, -1]] for axis in (1, 0))
    return int(left), int(top), int(right - left + 1), int(bottom - top + 1)


@every_generation
def test_a_short_press_stores_the_face_as_the_network_would_see_it(firmware):
    source = scene(frames=20)
    done = Collected(source, [SHORT], firmware=firmware, board="h7")
    assert done.pictures() == ["faces/angry/0001.png"]
    assert done.flashes == ["GREEN"]
    stored = Image.open(BytesIO(done.card["faces/angry/0001.png"]))
    assert (stored.mode, stored.size) == ("L", (48, 48))
    seen = model_view(next(source.frames()), drawn_box(done.frames[-1]))
    np.testing.assert_array_equal(np.asarray(stored), seen)
    assert b"agreed" in done.card["faces/README.txt"]


@every_generation
def test_a_long_press_goes_on_to_the_next_label(firmware):
    done = Collected(scene(frames=36), [LONG, (4600, 4900), (5300, 5600)], firmware=firmware)
    assert done.pictures() == ["faces/disgust/0001.png", "faces/disgust/0002.png"]
    assert done.flashes == ["BLUE", "BLUE", "GREEN", "GREEN"], "the label's number, and each picture"


def test_seven_long_presses_come_round_to_the_first_label():
    presses = [(2600 + 2800 * i, 3600 + 2800 * i) for i in range(7)]  # the light flashes 1.7 s at most
    done = Collected(scene(frames=140), [*presses, (21500, 21900)])
    assert done.pictures() == ["faces/angry/0001.png"]


def test_pictures_that_are_there_are_kept_and_counted_on():
    done = Collected(scene(frames=20), [SHORT], card={"faces/angry/0041.png": b"mine", "faces/angry/notes.txt": b""})
    assert done.pictures() == ["faces/angry/0041.png", "faces/angry/0042.png"]
    assert done.card["faces/angry/0041.png"] == b"mine"


@every_generation
def test_no_face_is_said_on_the_frame_and_by_the_light(firmware):
    done = Collected(still(np.full((240, 320), 128, np.uint8), 20), [SHORT], firmware=firmware)
    assert done.pictures() == []
    assert done.flashes == ["RED"]
    assert done.printed == ["No face is in view: nothing is stored."]
    assert done.has_text()


@every_generation
def test_a_full_card_is_said_each_time_and_the_camera_goes_on(firmware):
    done = Collected(scene(frames=20), [SHORT, LATER], firmware=firmware, faults=Faults(flash_full=True))
    assert done.pictures() == []
    assert done.flashes == ["RED", "RED"]
    assert done.printed == ["The disk is full: put in an SD card with room, then reset."] * 2
    assert done.has_text()


def test_without_a_card_it_stores_on_the_camera_s_own_disk():
    kept = {}
    for _ in run(COLLECT, source=scene(frames=20), board="h7plus", pressed={BUTTON: [SHORT]}, kept=kept):
        pass
    assert "faces/angry/0001.png" in kept


@pytest.mark.parametrize("after", [40, 500, 2000])
def test_a_power_cut_leaves_no_half_picture(after):
    kept = {}
    faults = Faults(power_cut_after_bytes=after)
    for _ in run(COLLECT, source=scene(frames=20), sdcard={}, pressed={BUTTON: [SHORT]}, kept=kept, faults=faults):
        pass
    assert not [name for name in kept if name.endswith(".png")]


@every_generation
def test_a_camera_that_gives_no_picture_and_a_missing_cascade_do_not_end_it(firmware):
    done = Collected(scene(frames=20), [LATER], firmware=firmware, faults=Faults(timeouts=range(3, 5)))
    assert len(done.frames) > 10
    if firmware != "v4.5.5":  # built in there
        done = Collected(scene(frames=8), [], firmware=firmware, rom={"haarcascade_frontalface.cascade": None})
        assert "no face cascade" in done.printed[0]
        assert done.has_text()


def test_random_errors_of_the_firmware_do_not_end_it():
    done = Collected(scene(frames=60), [SHORT], faults=Faults(random_errors=0.1, seed=3))
    assert len(done.frames) > 30
