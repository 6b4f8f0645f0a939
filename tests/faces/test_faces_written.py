"""The folder of labelled faces, written: whole at any moment, and mended when it is not; and the names of labels."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.faces.folder import FacesFolder
from emotion_camera.faces.manifest import MANIFEST
from emotion_camera.model.labels import check_label, match_label
from PIL import Image

ROOT = Path(__file__).parents[2]
FACE = np.arange(48 * 48, dtype=np.uint32).reshape(48, 48).astype(np.uint8)


def lines(folder):
    return [json.loads(line) for line in (folder / MANIFEST).read_text().splitlines()]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_picture_and_its_line(tmp_path):
    folder = FacesFolder(tmp_path / "new" / "faces")
    assert folder.add("happy", FACE, {"person": "anna"}) == "happy/0001.png"
    assert lines(folder.path) == [{"file": "happy/0001.png", "label": "happy", "person": "anna"}]
    np.testing.assert_array_equal(np.asarray(Image.open(folder.path / "happy" / "0001.png")), FACE)
    assert files(folder.path) == ["happy/0001.png", MANIFEST]


def test_goes_on_where_a_folder_ends(tmp_path):
    FacesFolder(tmp_path).add("happy", FACE, {})
    (tmp_path / "happy" / "0007.png").write_bytes((tmp_path / "happy" / "0001.png").read_bytes())
    folder = FacesFolder(tmp_path)
    assert folder.counts(["happy", "sad"]) == {"happy": 2, "sad": 0}
    assert folder.add("happy", FACE, {}) == "happy/0008.png"
    assert folder.add("sad", FACE, {}) == "sad/0001.png"
    assert [path.name for path in folder.last("happy", 2)] == ["0007.png", "0008.png"]


def test_takes_a_picture_and_its_line_away(tmp_path):
    folder = FacesFolder(tmp_path)
    names = [folder.add("happy", FACE, {"n": n}) for n in range(3)]
    folder.remove(names[1])
    assert [line["n"] for line in lines(tmp_path)] == [0, 2]
    assert files(tmp_path) == [names[0], names[2], MANIFEST]


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "happy", "../" * 900 + "x", "\ud800"])
def test_a_line_of_what_can_be_no_picture_is_dropped(tmp_path, name):
    FacesFolder(tmp_path).add("happy", FACE, {})
    with (tmp_path / MANIFEST).open("a") as file:
        file.write(json.dumps({"file": name}) + "\n")
    assert FacesFolder(tmp_path).mended == [f"{MANIFEST}: lines without a picture are gone: 1"]
    assert [line["file"] for line in lines(tmp_path)] == ["happy/0001.png"]


def test_half_an_emoji_in_a_name_is_kept(tmp_path):
    """As a field of a page that takes 40 letters cuts it."""
    FacesFolder(tmp_path).add("happy", FACE, {"person": "anna \ud83d", "note": "gl\u00fcck"})
    assert [(line["person"], line["note"]) for line in lines(tmp_path)] == [("anna \ud83d", "gl\u00fcck")]
    assert "gl\u00fcck".encode() in (tmp_path / MANIFEST).read_bytes()


def test_two_sessions_in_one_folder_lose_no_lines(tmp_path):
    one, other = FacesFolder(tmp_path), FacesFolder(tmp_path)
    names = [folder.add("happy", FACE, {}) for folder in (one, other, one, other)]
    assert [line["file"] for line in lines(tmp_path)] == names
    assert len(set(names)) == 4


KILLED = """
import os, sys, numpy as np
from pathlib import Path
from emotion_camera.faces.folder import FacesFolder
folder = FacesFolder(Path(sys.argv[1]))
left = int(sys.argv[2])
def dying(call):
    def do(*arguments, **how):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return call(*arguments, **how)
    return do
os.replace, os.fsync, os.unlink = dying(os.replace), dying(os.fsync), dying(os.unlink)
Path.unlink = dying(Path.unlink)
face = np.full((48, 48), 7, np.uint8)
if sys.argv[3] == "add":
    folder.add("happy", face, {"consent": "now"})
else:
    folder.remove("happy/0001.png")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("what", ["add", "remove"])
def test_killed_at_any_step_it_is_whole_after_the_next_start(tmp_path, what):
    ended = 0
    for step in range(20):
        folder = FacesFolder(tmp_path / str(step))
        folder.add("happy", FACE, {"consent": "then"})
        arguments = [sys.executable, "-c", KILLED, str(folder.path), str(step), what]
        ended += subprocess.run(arguments, cwd=ROOT, check=False).returncode == 0
        before = files(folder.path)
        FacesFolder(folder.path)
        names = [name for name in files(folder.path) if name != MANIFEST]
        assert [line["file"] for line in lines(folder.path)] == names, before
        assert all(line["consent"] for line in lines(folder.path)), "a picture stays that nobody agreed to"
        assert len(names) in ((1, 2) if what == "add" else (0, 1))
        for name in names:
            Image.open(folder.path / name).load()
        if ended:
            return
    raise AssertionError("it was killed each time")


def test_mends_what_does_not_agree_and_says_so(tmp_path):
    folder = FacesFolder(tmp_path)
    for _ in range(3):
        folder.add("happy", FACE, {"consent": "now"})
    (tmp_path / "happy" / "0002.png").unlink()
    (tmp_path / "sad").mkdir()
    (tmp_path / "happy" / "0003.png").rename(tmp_path / "sad" / "0001.png")
    (tmp_path / "happy" / ".part.0004.png").write_bytes(b"half")
    with (tmp_path / MANIFEST).open("a") as manifest:
        manifest.write('{"file": "happy/0005.p')
    mended = FacesFolder(tmp_path)
    assert len(mended.mended) == 2
    assert [(line["file"], line["consent"]) for line in lines(tmp_path)] == [
        ("happy/0001.png", "now"),
        ("sad/0001.png", None),
    ]
    assert FacesFolder(tmp_path).mended == []
    assert files(tmp_path) == ["happy/0001.png", MANIFEST, "sad/0001.png"]


@pytest.mark.parametrize("at", [1, 2])
def test_a_full_disk_leaves_nothing_and_what_was_there(tmp_path, monkeypatch, at):
    folder = FacesFolder(tmp_path)
    folder.add("happy", FACE, {"n": 1})
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    calls = []

    def fsync(_):
        calls.append(1)
        if len(calls) == at:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(UserError, match="No space left"):
        folder.add("happy", FACE, {"n": 2})
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before


def test_a_folder_that_can_t_be_used_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="can't be written"):
        FacesFolder(tmp_path / "file")
    with pytest.raises(UserError, match="can't be written"):
        FacesFolder(tmp_path / "file" / "faces")


@pytest.mark.parametrize("label", ["..", "a/b", "", ".hidden", "a" * 21, "a\\b", "gr\u00fcn", "-x", "a "])
def test_a_label_must_be_able_to_name_a_folder(label):
    with pytest.raises(UserError, match=r"--labels: .* can't be a label"):
        check_label(label, "--labels")


def test_a_label_may_hold_what_the_camera_can_draw():
    for label in ("a", "tongue-out", "not sure", "a" * 20):
        assert check_label(label, "--labels") == label


@pytest.mark.parametrize(
    ("name", "label"),
    [("Happy", "happy"), ("happiness", "happy"), ("ANGER", "angry"), ("tired", "tired"), ("Sadness", "Sadness")],
)
def test_a_folder_s_name_in_any_case_or_by_a_synonym_means_a_label_of_the_model(name, label):
    assert match_label(name, ("angry", "happy")) == label


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_links_in_a_folder_from_elsewhere_lead_to_no_other_file(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "faces").mkdir()
    for name in (".part.probe", ".part.manifest.jsonl"):
        (tmp_path / "faces" / name).symlink_to(tmp_path / "victim")
    FacesFolder(tmp_path / "faces").add("happy", np.zeros((48, 48), np.uint8), {})
    assert (tmp_path / "victim").read_text() == "mine"
