"""A file is written whole or not at all."""

import os

import pytest
from emotion_camera.errors import UserError
from emotion_camera.files import read_json, whole_file, write_file


def test_what_fails_while_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "card.json"
    path.write_text("old")
    with pytest.raises(TypeError), whole_file(path) as beside:
        beside.write_bytes("text")
    assert [file.name for file in tmp_path.iterdir()] == ["card.json"]
    assert path.read_text() == "old"


def test_what_cannot_be_written_is_called_by_its_own_name(tmp_path):
    path = tmp_path / "missing" / "card.json"
    with pytest.raises(FileNotFoundError) as raised, whole_file(path) as beside:
        beside.write_text("new")
    assert raised.value.filename == str(path)


@pytest.mark.parametrize("content", ['{"epochs":', "[1]", "[" * 100_000])
def test_a_damaged_json_file_gets_a_sentence(tmp_path, content):
    (tmp_path / "it.json").write_text(content)
    with pytest.raises(UserError, match=r"it\.json: is cut short or damaged; do this"):
        read_json(tmp_path / "it.json", "do this")


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_a_link_where_the_unfinished_file_would_be_leads_nowhere(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / ".part.a").symlink_to(tmp_path / "victim")
    write_file(tmp_path / "a", b"new")
    assert (tmp_path / "victim").read_text() == "mine"
    assert (tmp_path / "a").read_bytes() == b"new"
    assert not (tmp_path / "a").is_symlink()
