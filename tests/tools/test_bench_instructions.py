"""What a frame costs on a Cortex-M7, against what was counted while the firmware ran."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "virtual_camera"))
from recordings import FRAMES, GOLDEN, needs_golden, read

from tools.virtual_camera.haar import SearchCounts, find_features_counted, load_cascade


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
