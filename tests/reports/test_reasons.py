"""Why a face has no name: each reason that a camera may report is explained."""

import json
from pathlib import Path

import pytest
from emotion_camera.reports.parse import WHY, Face
from emotion_camera.reports.reasons import REASONS

ROOT = Path(__file__).parents[2]


def test_each_reason_of_the_reports_and_of_the_schema_is_explained():
    schema = json.loads((ROOT / "tools/emotion_camera/reports/schema.json").read_text("utf-8"))
    assert tuple(REASONS) == WHY == tuple(schema["$defs"]["face"]["properties"]["why"]["enum"])


@pytest.mark.parametrize(
    ("emotion", "why", "word"), [("sad", None, "sad"), (None, "far", "far"), (None, None, "uncertain")]
)
def test_what_stands_in_place_of_a_name(emotion, why, word):
    assert Face(1, (0, 0, 9, 9), emotion, 0.5, (0.5,), why).word == word
