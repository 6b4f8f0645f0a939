"""What a frame costs on a Cortex-M7, against what was counted while the firmware ran."""

import json
from collections.abc import Iterator
from statistics import fmean

import pytest
from emotion_camera.model.cost import Layer
from emotion_camera.model.tflite import describe
from emotion_camera.reports.parse import FacesReport, parse
from emotion_camera.simulator import Line, Shown, run
from emotion_camera.simulator.cost import (
    COPY,
    COPY_ROW,
    Cost,
    add,
    area_copy,
    call_cost,
    copied_bytes,
    find_features,
    frame_cost,
    histeq,
    mean,
)
from emotion_camera.simulator.events import Call
from emotion_camera.simulator.host.firmware import HINTS
from emotion_camera.simulator.host.floats import camera_float
from emotion_camera.simulator.host.haar import SearchCounts, find_features_counted, load_cascade
from emotion_camera.simulator.host.sources import Source
from recordings import FRAMES, GOLDEN, NETWORK, PROGRAM, golden_frame, needs_golden, read

# Recorded on the firmware: the region copied, its scale, instructions of copy, histeq and find_features, and the search's counts.
RECORDED = [
    ((0, 0, 320, 240), 0.5, 1467760, 429360, 16062780, (8, 127, 49730, 4570, 4143, 7384, 123084, 253455, 0)),
    ((4, 4, 316, 236), 0.7, 3232120, 810200, 24448740, (9, 179, 96517, 7422, 6324, 10924, 183220, 377808, 2)),
    ((8, 8, 312, 232), 0.4, 1966500, 257320, 8531820, (7, 84, 29825, 2258, 2096, 3770, 64175, 132321, 0)),
    ((213, 84, 62, 62), 36 / 62, 241780, 32940, 814800, (2, 16, 2080, 160, 160, 325, 5375, 11053, 0)),
]
LAYERS = {"net.tflite": [Layer("CONV_2D", 100, 16, 16, 9)]}


def recorded_searches() -> list[dict]:
    cost = json.loads((GOLDEN / "firmware" / "cost.json").read_text())
    return [dict(zip(cost["columns"], row, strict=True)) for row in cost["rows"]]


@needs_golden
def test_a_search_is_counted_as_the_recorded_searches_of_whole_frames_were():
    rows = [row for row in recorded_searches() if row["roi"] is None]
    assert len(rows) == 16
    for row in rows:
        counts = find_features_counted(read(GOLDEN / "frames" / row["frame"]), load_cascade(), 0.75, 1.25).counts
        assert counts._asdict() == {name: row[name] for name in SearchCounts._fields}, row["frame"]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("noise", (11, 297, 205183, 18807, 18792, 39066, 713434, 1473345, 2)),
        ("one", (11, 297, 205183, 18807, 8584, 14590, 384963, 815643, 45)),
    ],
)
def test_a_search_of_our_own_frames_is_counted_so(name, counts):
    assert find_features_counted(read(FRAMES / f"{name}.png"), load_cascade(), 0.75, 1.25).counts == counts


@pytest.mark.parametrize(("roi", "scale", "copy", "equalised", "searched", "counts"), RECORDED)
def test_calls_cost_what_was_recorded(roi, scale, copy, equalised, searched, counts):
    scales = camera_float(scale), camera_float(scale)
    size = int(roi[2] * scales[0]), int(roi[3] * scales[1])
    assert area_copy(roi, scales) == pytest.approx(copy, rel=0.005)
    assert histeq(size) == pytest.approx(equalised, rel=0.003)
    assert find_features(SearchCounts(*counts)) == pytest.approx(searched, rel=0.001)


@needs_golden
def test_all_recorded_searches_and_copies_cost_what_was_recorded():
    for row in recorded_searches():
        counts = SearchCounts(*(row[name] for name in SearchCounts._fields))
        assert find_features(counts) == pytest.approx(row["find_features head"], rel=0.001)
        if row["roi"]:
            top, _, bottom = row["scale"].partition("/")
            scale = camera_float(float(top) / float(bottom or 1))
            assert area_copy(row["roi"], (scale, scale)) == pytest.approx(row["copy head"], rel=0.031)
            assert histeq((row["width"], row["height"])) == pytest.approx(row["histeq head"], rel=0.003)


def drawn(name: str, **arguments: object) -> float:
    return call_cost(Call(f"Image.{name}", (320, 240), arguments), {}).drawing


@pytest.mark.parametrize(
    ("side", "thickness", "recorded"),
    [(40, 1, 9080), (40, 2, 13720), (90, 1, 17880), (90, 2, 28620), (160, 1, 30620), (160, 2, 49480)],
)
def test_a_rectangle_costs_what_was_recorded(side, thickness, recorded):
    assert drawn("draw_rectangle", rect=(9, 9, side, side), thickness=thickness) == pytest.approx(recorded, rel=0.02)


def test_letters_cost_what_was_recorded_and_a_filled_box_its_pixels():
    assert drawn("draw_string", text="surprise 98%") == pytest.approx(44_500, rel=0.01)
    assert drawn("draw_string", text="10.0 fps") == pytest.approx(29_420, rel=0.01)
    outline, filled = (drawn("draw_rectangle", rect=(0, 0, 98, 12), fill=fill) for fill in (False, True))
    assert filled - outline == pytest.approx(29.6 * 98 * 12)


def copied(**arguments: object) -> Call:
    given = {"roi": None, "x_scale": None, "y_scale": None, "hint": 0, "copy": True}
    return Call("Image.copy", (320, 240), given | arguments)


def test_a_copy_is_counted_by_its_region_scale_and_hint_and_takes_its_bytes_of_the_heap():
    by_area = copied(roi=(4, 4, 316, 236), x_scale=0.7, y_scale=0.7, hint=HINTS["AREA"])
    assert call_cost(by_area, {}).copies == pytest.approx(3232120, rel=0.005)
    assert copied_bytes(by_area) == 221 * 165
    assert call_cost(copied(x_scale=0.5), {}).copies == COPY + 120 * COPY_ROW + 9 * 160 * 120
    outside = copied(roi=(300, 200, 100, 100))
    assert copied_bytes(outside) == 20 * 40
    assert copied_bytes(copied(copy=False)) == 0


def test_a_run_of_the_network_costs_more_where_it_sees_a_part_of_the_picture():
    whole, part = (
        call_cost(Call("Model.predict", (48, 48), {"path": "/sdcard/net.tflite", "roi": (0, 0, size, size)}), LAYERS)
        for size in (48, 40)
    )
    assert part.network - whole.network == 94_000
    assert 0.8e6 < whole.network < 1e6


def test_a_frame_costs_its_calls_and_what_python_does_with_its_faces_and_garbage():
    search = Call(
        "Image.find_features", (320, 240), {}, SearchCounts(8, 127, 49730, 4570, 4143, 7384, 123084, 253455, 0)
    )
    none, one = (frame_cost([search], {}, faces) for faces in (0, 1))
    assert none.search == find_features(search.counts)
    assert one.rest - none.rest == 62_000
    assert frame_cost([search, copied()], {}, 0).rest - none.rest == pytest.approx(17.4 * 320 * 240)
    assert none.all == none.search + none.rest


def test_costs_are_added_and_averaged_by_part():
    costs = [Cost(search=2, rest=4), Cost(search=4, network=8)]
    assert add(costs) == Cost(search=6, network=8, rest=4)
    assert mean(costs) == Cost(search=3, network=4, rest=2)


def counted_frames() -> Iterator[tuple[int, float]]:
    """Faces reported and instructions counted in each frame that the recorded program saw."""
    frames = [golden_frame(f"f{number:03}.png") for number in range(48) for _ in range(4)]
    layers = {"emotion.tflite": describe(NETWORK["emotion.tflite"]).layers}
    source, faces = Source("golden", 10, lambda: iter(frames)), 0
    for event in run(PROGRAM, board="h7plus", heap=1 << 20, floats="30-bit", sdcard=NETWORK, source=source):
        if isinstance(event, Line):
            report = parse(event.text)
            faces = len(report.faces) if isinstance(report, FacesReport) else 0
        elif isinstance(event, Shown):
            yield faces, frame_cost(event.calls, layers, faces).all
            faces = 0


@needs_golden
@pytest.mark.slow
def test_frames_of_the_recorded_program_cost_what_was_recorded():
    """On an H7's heap a fifth of the recorded frames copied less, for want of room, or swept the heap, which is counted as a share."""
    recorded = json.loads((GOLDEN / "firmware" / "cost.json").read_text())["program"]["instructions"]["head"]
    frames = list(zip(counted_frames(), recorded, strict=True))[1:]  # the first loads and tests the network, too
    assert len(frames) == 191
    for number, least in ((0, 30), (1, 100), (2, 40)):
        alike = [(counted, real) for (faces, counted), real in frames if faces == number]
        assert len(alike) >= least
        assert fmean(counted for counted, _ in alike) == pytest.approx(fmean(real for _, real in alike), rel=0.02)
    close = [abs(counted / real - 1) < 0.05 for (_, counted), real in frames]
    assert fmean(close) > 0.88
