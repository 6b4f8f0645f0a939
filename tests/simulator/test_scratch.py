"""Scratch memory as recorded with an H7's memory: what frame buffers leave of it, and what then works and what does not."""

import json

import pytest
from camera_programs import START
from emotion_camera.boards import find_board
from emotion_camera.simulator.host.firmware import CameraError
from emotion_camera.simulator.host.scratch import Scratch, bytes_of_call
from recordings import GOLDEN, needs_golden

V4, V5 = (4, 8), (5, 0)
BUFFERS_V5 = {
    3: (27_372, 133),
    2: (181_012, 901),
    1: (334_652, 1_669),
}  # free bytes, largest width that can be searched
BUFFERS_V4 = {2: (184_320, 918), 1: (337_920, 1_686)}


def h7(generation: tuple[int, int], buffers: int | None = None) -> Scratch:
    scratch = Scratch(find_board("h7"), generation)
    scratch.set_frame(320, 240)
    if buffers:
        scratch.set_buffers(buffers)
    return scratch


def search(scratch: Scratch, width: int) -> None:
    scratch.need(bytes_of_call("Image.find_features", {}, width, 60))


@pytest.mark.parametrize(
    ("generation", "buffers", "free", "width"),
    [(V5, n, *figures) for n, figures in BUFFERS_V5.items()] + [(V4, n, *figures) for n, figures in BUFFERS_V4.items()],
)
def test_frame_buffers_leave_what_they_leave_on_an_h7(generation, buffers, free, width):
    scratch = h7(generation, buffers)
    assert scratch.free == free
    search(scratch, width)
    with pytest.raises(CameraError) as raised:
        search(scratch, width + 1)
    assert raised.value.kind == "MemoryError"
    assert str(raised.value) == ("Out of memory" if generation == V5 else "Out of fast frame buffer stack memory")


@needs_golden
def test_the_figures_are_the_recorded_ones():
    recorded = json.loads((GOLDEN / "firmware" / "scratch.json").read_text())
    free = recorded["head"]["free_bytes_by_framebuffers"]
    assert [free[name] for name in ("3 (default)", "2", "1")] == [BUFFERS_V5[n][0] for n in (3, 2, 1)]
    strip = "find_features strip, largest width"
    assert [recorded["head"]["by_framebuffers"][str(n)][strip]["largest"] for n in (3, 2, 1)] == [133, 901, 1669]
    assert [recorded["v4.8.1"]["by_framebuffers"][str(n)][strip]["largest"] for n in (2, 1)] == [918, 1686]


def test_as_many_buffers_as_fit_by_default():
    assert h7(V5).buffers == 3
    assert h7(V4).buffers == 2


def test_too_many_buffers_are_refused_and_nothing_changes():
    scratch = h7(V4)
    with pytest.raises(CameraError, match=r"Sensor control failed\."):
        scratch.set_buffers(3)
    assert (scratch.buffers, scratch.free) == (2, BUFFERS_V4[2][0])


SEARCHES = (
    START.replace("        camera.framebuffers(2)\n", "")
    + """
cascade = load_cascade()
KEY = {"scale" if V5 else "scale_factor": 1.25}
import csi
camera = csi.CSI()
for n in (None, 2, 1):
    if n:
        camera.framebuffers(n)
    snapshot()
    told = [camera.framebuffers()]
    for width in (320, 160, 124, 47):
        try:
            told.append(len(img.copy(roi=(0, 0, width, 100)).find_features(cascade, threshold=0.75, **KEY)) >= 0)
        except MemoryError as error:
            told.append(str(error))
    print(told)
"""
)
ALL = "True, True, True, True]"


@pytest.mark.parametrize(
    ("firmware", "first"), [("v4.8", f"[2, {ALL}"), ("v5.0", "[3, 'Out of memory', 'Out of memory', True, True]")]
)
def test_a_program_on_an_h7(play, firmware, first):
    """With v5 the frame, and a copy of half its size, cannot be searched; with framebuffers(2) they can."""
    assert play(SEARCHES, firmware=firmware, frames=20).lines == [first, f"[2, {ALL}", f"[1, {ALL}"]


def test_boards_with_more_memory_have_room(play):
    lines = play(SEARCHES, board="rt1062", frames=20).lines
    assert lines[0] == f"[3, {ALL}"


def test_a_new_frame_size_brings_the_default_back():
    scratch = h7(V5, 1)
    scratch.set_frame(320, 240)
    assert scratch.buffers == 3


@pytest.mark.parametrize("generation", [V4, V5])
def test_a_large_frame_has_what_there_is(generation):
    """VGA in RGB565 is more than an H7 has; a gray one fits, and leaves little or nothing."""
    scratch = Scratch(find_board("h7"), generation)
    scratch.set_frame(640, 480)
    assert scratch.buffers == 1
    assert scratch.free == (0 if generation == V5 else 80 * 1024)
    with pytest.raises(CameraError, match=r"Frame buffer error\."):
        scratch.set_frame(1280, 1024)


def test_frame_buffers_are_asked_for_after_the_frames_size(play):
    program = """
import csi
c = csi.CSI()
c.reset()
for call, value in ((c.framebuffers, 2), (c.pixformat, csi.GRAYSCALE), (c.framebuffers, 2), (c.framesize, csi.QVGA), (c.framebuffers, 2)):
    try:
        print(call(value))
    except RuntimeError as error:
        print(error)
"""
    lines = play(program).lines
    assert lines == [
        "Pixel format is not supported or is not set.", "None", "Frame size is not supported or is not set.", "None", "None",
    ]  # fmt: skip
