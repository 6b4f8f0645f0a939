"""`edge-impulse export`: a folder that Edge Impulse's own SDK takes, split the same way each time."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from importlib.util import find_spec
from pathlib import Path

import pytest

SDK = """
import sys
sys.modules["tensorflow"] = None  # it would be imported, slowly, and is not needed
import edgeimpulse as ei
done = ei.data.upload_directory(sys.argv[1])
print(len(done.successes), "taken", len(done.fails), "not")
"""


def exported(folder: Path) -> list[dict]:
    return json.loads((folder / "info.labels").read_text())["files"]


def test_each_face_is_there_once_with_its_label(make_faces, edge_impulse, tmp_path, capsys):
    folder, out = make_faces({"happy": 10, "sad": 5, "glücklich": 1}), tmp_path / "out"
    assert edge_impulse("export", folder, "--out", out) == 0
    assert "13 pictures to train with, 3 to test with" in capsys.readouterr().out
    files = exported(out)
    assert Counter((file["label"]["label"], file["category"]) for file in files) == {
        ("happy", "training"): 8, ("happy", "testing"): 2, ("sad", "training"): 4, ("sad", "testing"): 1,
        ("glücklich", "training"): 1,
    }  # fmt: skip
    assert {(out / file["path"]).read_bytes() for file in files} == {path.read_bytes() for path in folder.glob("*/*")}
    assert all(Path(file["path"]).parts == (file["category"], file["name"]) for file in files)
    assert all(file["name"].startswith(file["label"]["label"] + ".") for file in files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "out"]


def test_the_same_set_is_split_the_same_way(make_faces, edge_impulse, tmp_path):
    folder = make_faces({"happy": 20})
    for name in ("one", "two"):
        assert edge_impulse("export", folder, "--out", tmp_path / name) == 0
    assert exported(tmp_path / "one") == exported(tmp_path / "two")


def test_a_person_is_trained_with_or_tested_with(make_faces, edge_impulse, tmp_path):
    lines = [{"file": f"{label}/{n:04}.png", "person": f"p{n % 6}"} for n in range(1, 31) for label in ("happy", "sad")]
    assert edge_impulse("export", make_faces({"happy": 30, "sad": 30}, lines), "--out", tmp_path / "out") == 0
    categories = defaultdict(set)
    for file in exported(tmp_path / "out"):
        categories[file["metadata"]["person"]].add(file["category"])
    assert sorted(categories.values(), key=sorted) == [{"testing"}, *[{"training"}] * 5]


def test_of_two_people_both_are_trained_with(make_faces, edge_impulse, tmp_path):
    lines = [{"file": f"happy/{n:04}.png", "person": f"p{n % 2}"} for n in range(1, 21)]
    assert edge_impulse("export", make_faces({"happy": 20}, lines), "--out", tmp_path / "out") == 0
    assert Counter(file["category"] for file in exported(tmp_path / "out")) == {"training": 16, "testing": 4}


def test_a_split_in_folders_is_kept(make_faces, edge_impulse, tmp_path):
    folder = make_faces({"train/happy": 1, "test/happy": 4})
    assert edge_impulse("export", folder, "--out", tmp_path / "out") == 0
    assert Counter(file["category"] for file in exported(tmp_path / "out")) == {"training": 1, "testing": 4}


def test_what_is_there_is_not_touched(make_faces, edge_impulse, tmp_path, capsys):
    folder, out = make_faces({"happy": 1}), tmp_path / "out"
    out.mkdir()
    assert edge_impulse("export", folder, "--out", out) == 0  # an empty folder will do
    before = (out / "info.labels").stat().st_mtime_ns
    assert edge_impulse("export", folder, "--out", out) == 1
    assert "out is there already" in capsys.readouterr().err
    assert (out / "info.labels").stat().st_mtime_ns == before


def test_a_full_disk_leaves_nothing(make_faces, edge_impulse, tmp_path, monkeypatch, capsys):
    folder, copies = make_faces({"happy": 3}), []

    def copy(source, target):
        copies.append(target)
        if len(copies) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", copy)
    assert edge_impulse("export", folder, "--out", tmp_path / "deep" / "out") == 1
    assert "out: can't be written (No space left on device)" in capsys.readouterr().err
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(find_spec("edgeimpulse") is None, reason="Edge Impulse's SDK is not installed")
def test_edge_impulse_s_own_sdk_takes_it(studio, make_faces, edge_impulse, tmp_path):
    folder = make_faces({"happy": 6, "not sure": 5}, [{"file": "happy/0001.png", "person": "p7"}])
    edge_impulse("export", folder, "--out", tmp_path / "out")
    command = [sys.executable, "-c", SDK, str(tmp_path / "out")]
    done = subprocess.run(command, env={**os.environ, **studio.environment}, text=True, capture_output=True)
    assert done.stdout.strip().endswith("11 taken 0 not"), done.stderr
    arrived = {(sample.label, sample.category, sample.name, bool(sample.metadata)) for sample in studio.project.samples}
    files = exported(tmp_path / "out")
    assert arrived == {(f["label"]["label"], f["category"], f["name"], bool(f["metadata"])) for f in files}
