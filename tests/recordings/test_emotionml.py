"""A recording as EmotionML: what W3C's recommendation demands of a document, and that nothing of the recording is lost."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from emotion_camera.recordings import read_recording
from emotion_camera.recordings.emotionml import write_emotionml
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import LABELS, READY, START, by_hand, faces, tools

NS = "{http://www.w3.org/2009/10/emotionml}"
OURS = "{urn:emotion-camera:recording}"
NMTOKEN = re.compile(r"[\w.:·-]+")
DESCRIPTIONS = {"category": "category-set", "dimension": "dimension-set"}
# What https://www.w3.org/TR/emotion-voc/ has in the sets that may be named.
SETS = {"http://www.w3.org/TR/emotion-voc/xml#fsre-dimensions": {"valence", "potency", "arousal", "unpredictability"}}


def export(folder: Path, **changes: object) -> ElementTree.Element:
    """The document's root, which keeps the rules."""
    path = folder.with_suffix(".emotionml")
    count = write_emotionml(replace(read_recording(folder), **changes), path)
    root = ElementTree.parse(path).getroot()
    check(root)
    assert count == len(root.findall(f"{NS}emotion"))
    return root


def check(root: ElementTree.Element) -> None:
    """The rules of sections 2.1 to 2.5 and 3 that concern what we write."""
    assert root.tag == f"{NS}emotionml"
    assert root.attrib == {"version": "1.0"}
    kinds = [child.tag.removeprefix(NS) for child in root]
    assert "info" not in kinds[1:]
    assert set(kinds) <= {"info", "emotion", "vocabulary"}
    for info in root.iter(f"{NS}info"):
        assert not [child for child in info if child.tag.startswith(NS)]
    ids = [element.attrib["id"] for kind in ("emotion", "vocabulary") for element in root.iter(f"{NS}{kind}")]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", it) for it in ids)
    sets = dict(SETS)
    for child in root:
        if child.tag == f"{NS}vocabulary":
            names = [item.attrib["name"] for item in child]
            assert child.attrib["type"] in DESCRIPTIONS
            assert names
            assert len(set(names)) == len(names)
            assert all(NMTOKEN.fullmatch(name) for name in names)
            sets["#" + child.attrib["id"]] = set(names)
        elif child.tag == f"{NS}emotion":
            check_emotion(child, sets)


def check_emotion(emotion: ElementTree.Element, sets: dict[str, set[str]]) -> None:
    kinds = [child.tag.removeprefix(NS) for child in emotion]
    described = kinds[1:] if kinds[0] == "info" else kinds
    assert described
    assert set(described) <= set(DESCRIPTIONS)
    assert re.fullmatch(r"\d+", emotion.attrib["start"])
    assert emotion.attrib["expressed-through"] == "face"
    used = set()
    for child in emotion[len(kinds) - len(described) :]:
        kind, name = child.tag.removeprefix(NS), child.attrib["name"]
        assert name in sets[emotion.attrib[DESCRIPTIONS[kind]]]
        assert (kind, name) not in used
        used.add((kind, name))
        assert kind == "category" or "value" in child.attrib
        assert all(0 <= float(child.attrib[it]) <= 1 for it in ("value", "confidence") if it in child.attrib)
    assert set(emotion.attrib) <= {"id", "start", "expressed-through", *DESCRIPTIONS.values()}


def test_each_face_of_each_report_is_an_emotion(tmp_path):
    lines = [(0, READY), (40, faces((1, "happy", 0.9), (2, None, 0.25), t=40)), (80, faces((1, "sad", 0.5), t=80))]
    root = export(by_hand(tmp_path / "monday", lines, 100, source="H7 on /dev/ttyACM0"))
    emotions = root.findall(f"{NS}emotion")
    start_ms = int(START.timestamp() * 1000)
    assert [int(it.attrib["start"]) - start_ms for it in emotions] == [40, 40, 80]
    shown = [it.find(f"{NS}info/{OURS}face").attrib for it in emotions]
    box = "98 59 100 100"
    assert shown == [
        {"id": "1", "box": box, "named": "happy"},
        {"id": "2", "box": box},
        {"id": "1", "box": box, "named": "sad"},
    ]
    categories = [(it.attrib["name"], float(it.attrib["confidence"])) for it in emotions[0].findall(f"{NS}category")]
    assert categories == [(label, 0.9 if label == "angry" else 0) for label in LABELS]
    about = root.find(f"{NS}info/{OURS}recording").attrib
    assert about == {"source": "H7 on /dev/ttyACM0", "started": "2026-03-01T12:00:00+01:00"}


def test_valence_arousal_and_why_there_is_no_name(tmp_path):
    """In W3C's set dimensions are from 0 to 1."""
    turned = faces((1, None, 0.25), t=40)
    turned["faces"][0] |= {"why": "turned", "valence": -0.5, "arousal": 1}
    root = export(by_hand(tmp_path / "monday", [(0, READY), (40, turned), (80, faces((1, "sad", 0.5), t=80))], 100))
    told, untold = root.findall(f"{NS}emotion")
    dimensions = [(it.attrib["name"], float(it.attrib["value"])) for it in told.findall(f"{NS}dimension")]
    assert dimensions == [("valence", 0.25), ("arousal", 1)]
    assert told.find(f"{NS}info/{OURS}face").attrib["why"] == "turned"
    assert untold.find(f"{NS}dimension") is None
    assert "dimension-set" not in untold.attrib


def test_labels_that_came_late_or_changed(tmp_path):
    two = READY | {"labels": ["smile", "frown"], "sha256": "7b" * 32}
    lines = [
        (10, faces((1, "happy", 0.5))),
        (20, READY),
        (30, two),
        (40, faces((1, "smile", 0.5), count=2)),
        (60, faces((1, "frown", 0.5), count=2)),
    ]
    root = export(by_hand(tmp_path / "monday", lines))
    sets = {it.attrib["id"]: [item.attrib["name"] for item in it] for it in root.findall(f"{NS}vocabulary")}
    used = [sets[it.attrib["category-set"][1:]] for it in root.findall(f"{NS}emotion")]
    assert used == [LABELS, ["smile", "frown"], ["smile", "frown"]]
    assert len(sets) == 2


def test_scores_without_labels_are_numbered(tmp_path):
    root = export(by_hand(tmp_path / "monday", [(50, faces((1, "c", 0.5), count=3))]))
    assert [it.attrib["name"] for it in root.find(f"{NS}vocabulary")] == ["1", "2", "3"]


text = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=12)


@settings(max_examples=30)  # each writes files to the disk
@given(st.lists(text, min_size=1, max_size=5, unique=True), text)
def test_any_text_is_escaped(labels, source):
    with tempfile.TemporaryDirectory() as folder:
        shown = faces((1, labels[0], 0.5), count=len(labels))
        root = export(by_hand(Path(folder, "it"), [(0, READY | {"labels": labels}), (9, shown)], 20), source=source)
    (vocabulary,) = root.findall(f"{NS}vocabulary")
    assert [item.findtext(f"{NS}info") or item.attrib["name"] for item in vocabulary] == labels
    assert root.find(f".//{OURS}face").attrib["named"] == labels[0]
    assert root.find(f"{NS}info/{OURS}recording").attrib["source"] == source


def test_characters_that_xml_cant_have(tmp_path):
    folder = by_hand(tmp_path / "it", [(9, faces((1, "happy", 0.5)))], 20)
    root = export(folder, source="\ud800 \x1b[2J \x00 \uffff <&\"'>")
    assert root.find(f"{NS}info/{OURS}recording").attrib["source"] == "\ufffd \ufffd[2J \ufffd \ufffd <&\"'>"


def test_a_recording_without_faces(tmp_path):
    assert export(by_hand(tmp_path / "monday", [(0, READY)], 20)).findall(f"{NS}emotion") == []


def test_the_command(tmp_path):
    by_hand(tmp_path / "monday", [(0, READY), (40, faces((1, "happy", 0.9)))], 100)
    done = tools("report", "monday", "--emotionml", "monday.emotionml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "monday.emotionml has 1 emotion, one for each face in each report\n"
    check(ElementTree.parse(tmp_path / "monday.emotionml").getroot())
    assert not (tmp_path / "monday" / "report.html").exists()


@pytest.mark.parametrize("where", ["nowhere/monday.emotionml", "monday"])
def test_where_it_cant_be_written(tmp_path, where):
    by_hand(tmp_path / "monday", [(0, READY)], 100)
    done = tools("report", "monday", "--emotionml", where, cwd=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(rf"report: {where}: can't be written \(.+\); give another file with --emotionml\n", done.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["monday"]
