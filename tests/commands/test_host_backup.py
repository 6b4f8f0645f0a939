"""The files that a camera had before, kept on this computer: one whole set is there whatever happens."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from emotion_camera.commands.deploy import host_backup
from emotion_camera.errors import UserError

OLD = {"main.py": b"old", "emotion.txt": b"sad\n", "emotion.tflite": b"old model"}
NEW = {"main.py": b"new", "emotion.txt": b"happy\n", "emotion.tflite": b"new model"}


class FakeRepl:
    """A camera with these files."""

    info = SimpleNamespace(unique_id="12ab", board="H7", arch="OMV H7")

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def files(self, folder: str = "") -> dict[str, int]:
        return {name: len(data) for name, data in self._files.items()}

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self._files[name]).hexdigest()

    def read(self, name: str) -> bytes:
        return self._files[name]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def keep(files: dict[str, bytes]) -> None:
    host_backup.keep(FakeRepl(files), list(OLD))


def kept() -> dict[str, bytes]:
    return host_backup.files(FakeRepl({}))


def test_the_set_before_this_one_is_kept(here):
    keep(OLD)
    assert kept() == OLD
    keep(NEW)
    assert kept() == NEW
    assert [path.name for path in Path(".camera-files").iterdir()] == ["12ab"]


def test_what_else_is_in_the_folder_goes_on_no_camera(here):
    keep(OLD)
    folder = here / ".camera-files" / "12ab"
    (folder / ".DS_Store").write_bytes(b"of macOS")
    (folder / "copies").mkdir()
    assert kept() == OLD
    assert list(kept())[-1] == "emotion.tflite", "until the model is written, the program says that it is missing"


def test_where_they_can_t_be_kept_what_to_do_is_said(here):
    (here / ".camera-files").touch()
    with pytest.raises(
        UserError, match=r"12ab: the camera's files can't be kept there .*; run the command in another folder"
    ):
        keep(OLD)


def test_half_a_set_does_not_replace_a_whole_one():
    keep(OLD)
    keep({"main.py": NEW["main.py"]})  # the run before was broken off here
    assert kept() == OLD


def test_what_a_first_run_finds_is_kept_though_it_is_no_whole_set():
    keep({"main.py": b"mine"})
    assert kept() == {"main.py": b"mine"}


@pytest.mark.parametrize("step", range(6))
def test_a_whole_set_is_there_wherever_the_computer_stops(monkeypatch, step):
    """As many of the system's calls are made as `step` says."""
    keep(OLD)
    left = step

    def stopping(call):
        def stop_or_call(*given, **how):
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return call(*given, **how)

        return stop_or_call

    with monkeypatch.context() as patch:
        patch.setattr(host_backup.shutil, "rmtree", stopping(host_backup.shutil.rmtree))
        patch.setattr(Path, "rename", stopping(Path.rename))
        try:
            keep(NEW)
        except KeyboardInterrupt:
            assert kept() in (OLD, NEW)
    keep(NEW)
    assert kept() == NEW


def test_cameras_without_an_id_are_told_apart_by_their_boards(here):
    """Simulated ones have none: one's files are not the other's previous set. What a camera says is no path."""
    for board, arch, name in (("H7", "OMV H7", "camera-H7-OMV-H7"), ("../../victim", "/etc", "camera--victim-etc")):
        camera = FakeRepl(OLD)
        camera.info = SimpleNamespace(unique_id="camera", board=board, arch=arch)
        assert host_backup.files(camera) == {}
        host_backup.keep(camera, list(OLD))
        assert host_backup.files(camera) == OLD
        assert (here / ".camera-files" / name).is_dir()


def test_of_many_other_files_on_a_full_disk_the_largest_are_named_and_what_to_do():
    camera = FakeRepl({f"{number:03}.jpg": bytes(number) for number in range(400)} | OLD)
    camera.info = SimpleNamespace(cluster=512, free=0)
    with pytest.raises(UserError) as raised:
        host_backup.check_room(camera, NEW | {"emotion.tflite": bytes(90_000)})
    said = str(raised.value)
    assert "delete what else is there (399.jpg, 398.jpg, 397.jpg and 397 more), for example with mpremote rm" in said
    assert len(said) < 300
