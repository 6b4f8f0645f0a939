"""A simulated camera's folder is a person's: nothing in it is ever lost, and nothing outside it is touched."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from emotion_camera.errors import UserError
from emotion_camera.simulator.disk_folder import read_tree, write_back, write_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BEFORE = {"main.py": b"print(1)\n", "lib": None, "lib/helper.py": b"A = 1\n", "empty": None, "notes.txt": b"mine"}


@pytest.fixture
def disk(tmp_path):
    """A folder with BEFORE in it."""
    write_tree(tmp_path / "flash", BEFORE)
    return tmp_path / "flash"


def everything(folder: Path) -> dict[str, object]:
    """All that is in it: contents, links' targets, times of the last change."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[path.relative_to(folder).as_posix()] = (
            state.st_mode,
            state.st_mtime_ns if content is not None else 0,
            content,
        )
    return found


# Reading


def test_a_folder_is_read_with_what_is_in_it(disk):
    assert read_tree(disk) == BEFORE


def test_a_folder_that_is_not_there_has_nothing_in_it(tmp_path):
    assert read_tree(tmp_path / "flash") == {}


def test_what_a_crash_has_left_half_written_is_not_on_the_disk(disk):
    (disk / ".part.main.py").write_bytes(b"pri")
    assert read_tree(disk) == BEFORE


def file(name: str, content: bytes = b"mine"):
    def put(disk: Path) -> None:
        try:
            (disk / name).parent.mkdir(parents=True, exist_ok=True)
            (disk / name).write_bytes(content)
        except OSError:
            pytest.skip("this system takes no such name")

    return put


def twins(first: str, second: str):
    def put(disk: Path) -> None:
        file(first)(disk)
        if (disk / second).exists():
            pytest.skip("this system has no names that differ by capitals alone")
        file(second)(disk)

    return put


def link(name: str, target: str):
    def put(disk: Path) -> None:
        (disk.parent / "outside.txt").write_bytes(b"of somebody else")
        (disk.parent / "folder").mkdir()
        (disk / name).symlink_to(target)

    return put


def pipe(disk: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names on this system")
    os.mkfifo(disk / "pipe")


def deep(disk: Path) -> None:
    """So deep that MicroPython, which copies them, would end in a RuntimeError, and Python not far from it."""
    (disk / "deep" / "/".join("d" * 110)).mkdir(parents=True)


def whole_link(disk: Path) -> None:
    disk.rename(disk.with_name("elsewhere"))
    disk.symlink_to("elsewhere")


REFUSED = {
    "too large": (file("big.bin", bytes(200_000)), "takes 2.* bytes, and the simulated camera's disk has room for 113,664"),
    "a question mark": (file("what?.txt"), r"what\?\.txt: .* does not take a \? in a name; rename it"),
    "a colon": (file("12:30.txt"), "does not take a : in a name"),
    "a backslash": (file("a\\b"), r"does not take a \\ in a name"),
    "a quotation mark, in a folder": (file('lib/"a"'), 'does not take a " in a name'),
    "a line's end": (file("a\nb"), r"does not take a '\\n' in a name"),
    "a dot at the end": (file("notes."), "does not take a name with a dot or a space at its end"),
    "a space at the end": (file("notes "), "does not take a name with a dot or a space at its end"),
    "a folder with a dot at the end": (file("old./a"), "does not take a name with a dot or a space at its end"),
    "no text": (file(os.fsdecode(b"caf\xe9")), "no text in UTF-8"),
    "two that differ by capitals": (twins("README.TXT", "readme.txt"), "readme.txt: is the same name as README.TXT"),
    "two folders that do": (twins("Lib/a", "LIB/b"), "is the same name as"),
    "a link to a file": (link("a.txt", "../outside.txt"), r"a\.txt: is a link.*put the file itself there"),
    "a link to a folder": (link("more", "../folder"), "more: is a link"),
    "a link to the whole system": (link("root", "/"), "root: is a link"),
    "a link to itself": (link("loop", "."), "loop: is a link"),
    "a link to nowhere": (link("gone", "nowhere"), "gone: is a link"),
    "a link in place of the disk": (whole_link, "flash: is a link"),
    "folders in folders": (deep, r"flash.deep: holds folders in folders, more than 100 deep"),
    "a pipe": (pipe, "pipe: is neither a file nor a folder"),
}  # fmt: skip


@pytest.mark.parametrize(("put", "said"), REFUSED.values(), ids=REFUSED)
def test_what_a_fat_disk_cannot_have_is_refused_and_stays_as_it_is(disk, put, said):
    if sys.platform == "win32":
        pytest.skip("Windows takes most of these neither")
    put(disk)
    before = everything(disk.parent)
    with pytest.raises(UserError, match=said):
        read_tree(disk, 113_664)
    assert everything(disk.parent) == before


def test_a_huge_file_is_not_even_read(disk):
    with (disk / "film.mp4").open("wb") as film:
        film.truncate(50_000_000_000)
    with pytest.raises(UserError, match="takes 50,000,00"):
        read_tree(disk, 113_664)


@pytest.mark.parametrize("name", ["README.TXT", " lead", "ü.txt", "u\u0308.txt", "日本語.txt", "🙂", ".hidden", "con", "a" * 200, "LONGFI~1.TXT"])  # fmt: skip
def test_what_a_fat_disk_can_have_is_read(disk, name):
    file(name)(disk)
    assert read_tree(disk, 113_664)[name] == b"mine"


# Writing back


def test_what_is_not_changed_is_not_touched(disk):
    before = everything(disk)
    write_back(disk, BEFORE, dict(BEFORE))
    assert everything(disk) == before


def test_what_the_camera_changed_is_written_and_nothing_else(disk):
    (disk / "new.txt").write_bytes(b"put there meanwhile")
    (disk / "notes.txt").write_bytes(b"changed meanwhile")
    after = {"main.py": b"print(2)\n", "settings": None, "settings/a.json": b"{}", "empty": None, "notes.txt": b"mine"}
    write_back(disk, BEFORE, after)
    assert read_tree(disk) == {**after, "notes.txt": b"changed meanwhile", "new.txt": b"put there meanwhile"}


def test_a_folder_that_the_camera_removed_stays_where_something_was_put_into_it(disk):
    (disk / "lib" / "mine.py").write_bytes(b"of the person")
    write_back(disk, BEFORE, {"main.py": b"print(1)\n", "empty": None, "notes.txt": b"mine"})
    assert (disk / "lib" / "mine.py").read_bytes() == b"of the person"
    assert not (disk / "lib" / "helper.py").exists()


@pytest.mark.parametrize("change", ["another content", "removed", "a folder", "a link", "a folder that is a link"])
def test_what_both_have_changed_stays_as_the_person_left_it(disk, change):
    if change == "another content":
        (disk / "lib/helper.py").write_bytes(b"A = 3\n")
    else:
        (disk / "lib/helper.py").unlink()
    if change == "a folder":
        (disk / "lib/helper.py").mkdir()
    if change == "a link":
        (disk.parent / "outside.py").write_bytes(b"A = 1\n")
        (disk / "lib/helper.py").symlink_to("../../outside.py")
    if change == "a folder that is a link":
        (disk / "lib").rename(disk.parent / "outside")
        (disk / "lib").symlink_to("../outside")
        (disk.parent / "outside" / "helper.py").write_bytes(b"A = 1\n")
    before = everything(disk.parent)
    with pytest.raises(UserError, match=r"helper\.py: was changed while the simulated camera ran"):
        write_back(disk, BEFORE, {**BEFORE, "lib/helper.py": b"A = 2\n", "main.py": b"print(2)\n"})
    assert everything(disk.parent) == before


def test_the_same_change_by_both_is_none(disk):
    (disk / "main.py").write_bytes(b"print(2)\n")
    write_back(disk, BEFORE, {**BEFORE, "main.py": b"print(2)\n"})
    assert (disk / "main.py").read_bytes() == b"print(2)\n"


def test_a_full_disk_leaves_the_folder_as_it_is(disk, monkeypatch):
    before = everything(disk)
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == ".part.z.bin":
            write(path, data[:2])
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"can't be written \(No space left on device\); it is as it was before"):
        write_back(disk, BEFORE, {"a.bin": b"a", "z.bin": b"zzz", "main.py": b"print(2)\n"})
    assert everything(disk) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="this user writes to any folder")
def test_a_folder_that_may_not_be_written_stays_as_it_is(disk):
    before = everything(disk)
    disk.chmod(0o500)
    try:
        write_back(disk, BEFORE, dict(BEFORE))  # nothing to write is no mistake
        with pytest.raises(UserError, match="Permission denied"):
            write_back(disk, BEFORE, {**BEFORE, "a.bin": b"a"})
    finally:
        disk.chmod(0o700)
    assert everything(disk) == before


class Killed(BaseException):
    """The program ends here."""


def until_killed(act, killed_at):
    def acted(*given, **how):
        if next(killed_at):
            raise Killed
        return act(*given, **how)

    return acted


def test_a_program_that_is_killed_while_it_writes_back_leaves_each_file_whole(disk, monkeypatch):
    """At any of its steps: a file is the old or the new one, and what the camera renamed is there by one name at least."""

    after = {"main.py": b"print(2)\n", "previous": None, "previous/main.py": b"print(1)\n", "moved.txt": b"mine"}
    for step in range(1, 40):
        folder = disk.parent / f"flash{step}"
        write_tree(folder, BEFORE)
        killed_at = iter([*[False] * (step - 1), *[True] * 100])  # and what it does while it ends is not done either

        with monkeypatch.context() as patch:
            for owner, name in (
                (os, "replace"),
                (Path, "unlink"),
                (Path, "rmdir"),
                (Path, "mkdir"),
                (Path, "write_bytes"),
            ):
                patch.setattr(owner, name, until_killed(getattr(owner, name), killed_at))
            try:
                write_back(folder, BEFORE, after)
            except Killed:
                pass
            else:
                break
        now = read_tree(folder)
        assert now["main.py"] in (b"print(1)\n", b"print(2)\n")
        assert b"mine" in (now.get("notes.txt"), now.get("moved.txt"))
        assert now.get("lib/helper.py", b"A = 1\n") == b"A = 1\n"
    assert 5 < step < 39
    assert read_tree(folder) == after


NAMES = st.text("ab.Ü", min_size=1, max_size=3).filter(lambda name: name.strip(".") and not name.endswith("."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.none() | st.binary(max_size=4), max_size=8)


def whole(tree):
    """With the folders that its names need, and without names that differ by capitals alone."""
    found, names = {}, {}
    for name, content in tree.items():
        parts = name.split("/")
        folders = ["/".join(parts[:count]) for count in range(1, len(parts))]
        free = all(found.get(folder) is None for folder in folders) and name not in found
        if free and all(names.setdefault(each.lower(), each) == each for each in (*folders, name)):
            found |= dict.fromkeys(folders) | {name: content}
    return found


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES.map(whole), TREES.map(whole), TREES.map(whole))
def test_any_tree_becomes_any_other_and_what_a_person_put_there_meanwhile_is_kept(monkeypatch, before, after, put):
    monkeypatch.setattr(os, "fsync", lambda file: None)  # which takes most of the time
    folder = Path(tempfile.mkdtemp(prefix="flash-"))
    try:
        write_tree(folder, before)
        assert read_tree(folder) == before
        lower = {name.lower() for name in (*before, *after)}
        mine = {
            name: content
            for name, content in put.items()
            if name.lower() not in lower and not any(part.lower() in lower for part in map(str, Path(name).parents))
        }
        write_tree(folder, mine)
        write_back(folder, before, after)
        assert read_tree(folder) == {**mine, **after}
    finally:
        shutil.rmtree(folder)
