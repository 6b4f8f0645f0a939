"""The folder of labelled faces, read: what it may hold, and what is said of what it should not."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.errors import UserError
from emotion_camera.faces import reader
from emotion_camera.faces.folder import FacesFolder
from emotion_camera.faces.manifest import MANIFEST, read_manifest, time_s
from emotion_camera.faces.reader import find_faces, read_face
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

RNG = np.random.default_rng(11)


def noise() -> np.ndarray:
    return RNG.integers(0, 256, (48, 48), np.uint8)


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise()).save(folder / name)


def refuse(sentence):
    raise AssertionError(sentence)


def test_what_is_written_is_read(tmp_path):
    folder, image = FacesFolder(tmp_path / "faces"), noise()
    name = folder.add("tongue-out", image, {"person": "anna"})
    (found,) = find_faces(folder.path, refuse)
    assert (found.name, found.label, found.category, found.entry["person"]) == (name, "tongue-out", None, "anna")
    np.testing.assert_array_equal(read_face(found.path), image)


def test_folders_mean_labels_and_below_training_and_testing_a_category(tmp_path):
    write(tmp_path, "train/Happy/a.png", "train/sadness/b.png", "test/happy/c.jpg", "test/gl\u00fcck/d.png")
    found = {(file.name, file.label, file.category) for file in find_faces(tmp_path, refuse, ("happy", "sad"))}
    assert found == {
        ("train/Happy/a.png", "happy", "training"),
        ("train/sadness/b.png", "sad", "training"),
        ("test/happy/c.jpg", "happy", "testing"),
        ("test/gl\u00fcck/d.png", "gl\u00fcck", "testing"),
    }


def test_what_lies_elsewhere_is_named_and_what_a_system_leaves_is_not(tmp_path):
    write(tmp_path, "happy/a.png", "loose.png", "happy/old/b.png", "happy/.hidden.png", ".trash/c.png")
    (tmp_path / "happy" / "Thumbs.db").touch()
    said: list[str] = []
    assert [file.name for file in find_faces(tmp_path, said.append)] == ["happy/a.png"]
    assert [name in sentence for name, sentence in zip(("loose.png", "old"), said, strict=True)] == [True, True]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path, patience):
    write(tmp_path, "happy/a.png")
    os.mkfifo(tmp_path / "happy" / "pipe")
    os.mkfifo(tmp_path / MANIFEST)
    (tmp_path / "happy" / "gone.png").symlink_to("nowhere")
    said: list[str] = []
    assert [file.name for file in find_faces(tmp_path, said.append)] == ["happy/a.png"]
    assert ["gone.png: is no file" in said[0], "pipe: is no file" in said[1]] == [True, True]


def test_of_many_empty_folders_the_number_is_told(tmp_path):
    write(tmp_path, "happy/a.png")
    for number in range(50):
        (tmp_path / f"label {number:02}").mkdir()
    said: list[str] = []
    find_faces(tmp_path, said.append)
    assert [len(said), said[-1]] == [4, "and 47 more like these"]


@pytest.mark.parametrize(
    ("names", "where", "said"),
    [
        ([], ".", "has no folders in it"),
        ([], "missing", "missing: can't be read"),
        (["a.png"], "a.png", "a.png: can't be read"),
        (["training/happy/a.png", "sad/a.png"], ".", "sad stands beside .*training"),
    ],
)
def test_a_folder_that_can_t_be_read_gets_a_sentence(tmp_path, names, where, said):
    write(tmp_path, *names)
    with pytest.raises(UserError, match=said):
        find_faces(tmp_path / where, lambda _: None)


def test_a_manifest_s_bad_lines_are_counted_and_the_rest_is_kept(tmp_path):
    good = [{"file": "happy/1.png", "time": "2026-01-02T03:04:05.500Z"}, {"file": "happy/2.png", "time": 12}]
    lines = [*map(json.dumps, good), '{"file": "happy/00', "[1]", "[" * 100_000, '{"person": "anna"}', ""]
    (tmp_path / MANIFEST).write_text("\n".join(lines))
    said: list[str] = []
    entries = read_manifest(tmp_path, said.append)
    assert entries == good
    assert [time_s(entry) for entry in entries] == [pytest.approx(1767323045.5), 12]
    assert said == [f"{tmp_path / MANIFEST}: 4 of its lines are cut short or name no file; passed over"]


@pytest.mark.parametrize("time", [None, "yesterday", [], "inf", 10**400])
def test_a_time_that_is_none(time):
    assert time_s({"file": "happy/1.png", "time": time}) is None


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "CMYK"])
def test_a_picture_of_any_colour_and_size_becomes_a_grey_face(tmp_path, mode):
    face = np.add.outer(np.arange(48), np.arange(48)).astype(np.uint8) * 2
    file = tmp_path / ("face.tiff" if mode == "CMYK" else "face.png")
    Image.fromarray(face).resize((200, 180)).convert(mode).save(file)
    read = read_face(file)
    assert (read.shape, read.dtype) == ((48, 48), np.uint8)
    assert np.corrcoef(read.ravel(), face.ravel())[0, 1] > 0.6


def test_a_phone_s_picture_is_stood_upright(tmp_path):
    image = noise()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    Image.fromarray(np.rot90(image).copy()).save(tmp_path / "phone.png", exif=exif)
    np.testing.assert_array_equal(read_face(tmp_path / "phone.png"), image)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (Image.new("L", (640, 480)), "is 640 x 480, which is no cropped face"),
        (Image.new("L", (20, 20)), "is 20 x 20, too small"),
        (Image.new("L", (48, 48), 7), "of one even grey"),
    ],
)
def test_a_picture_that_cannot_be_a_cropped_face_is_refused(tmp_path, picture, said):
    picture.save(tmp_path / "it.png")
    with pytest.raises(UserError, match=said):
        read_face(tmp_path / "it.png")


def test_a_damaged_picture_is_refused(tmp_path):
    write(tmp_path, "it.png")
    (tmp_path / "it.png").write_bytes((tmp_path / "it.png").read_bytes()[:900])
    with pytest.raises(UserError, match=r"it.png: is not a picture"):
        read_face(tmp_path / "it.png")


NAMES = [
    "train",
    "Val",
    "TEST",
    "happy",
    "HAPPY",
    "Fearful",
    "0",
    "1",
    "contempt",
    "a b",
    "__MACOSX",
    ".DS_Store",
    "Thumbs.db",
]


@settings(max_examples=150)
@given(
    st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), max_size=12),
    st.sampled_from([(), ("happy", "fear")]),
)
def test_whatever_a_folder_holds_each_picture_is_found_or_what_it_lies_in_is_told(trees, known):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "NAMED", 99)
        folder, files = Path(name), []
        for number, parts in enumerate(trees):
            file = folder.joinpath(*parts, f"{number}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            hidden = any(part.startswith(".") or part.casefold() in reader.IGNORED for part in parts)
            files += [] if hidden else [file]
        said: list[str] = []
        try:
            found = {it.path for it in find_faces(folder, said.append, known)}
        except UserError:
            return
        told = " ".join(said)
        for file in files:
            assert file in found or any(f"{place}:" in told for place in (file, *file.parents) if place != folder), file
