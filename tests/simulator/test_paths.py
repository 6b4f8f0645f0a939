"""Paths on the camera's disks: as on a FAT disk of MicroPython's own, and never out to the computer's files."""

import subprocess
from pathlib import Path

import pytest
from emotion_camera.simulator.host.disks import Folders
from emotion_camera.simulator.host.firmware import CameraError
from emotion_camera.simulator.host.process import find_micropython
from hypothesis import given
from hypothesis import strategies as st

# The same in MicroPython on a FAT disk in its memory; the folder's name there, too, is /flash.
ON_FAT = """
import os, vfs
class Blocks:
    def __init__(self):
        self.data = bytearray(131072)
    def readblocks(self, number, buffer, offset=0):
        buffer[:] = self.data[number * 512 + offset : number * 512 + offset + len(buffer)]
    def writeblocks(self, number, buffer, offset=0):
        self.data[number * 512 + offset : number * 512 + offset + len(buffer)] = buffer
    def ioctl(self, request, value):
        return {4: 256, 5: 512}.get(request, 0)
blocks = Blocks()
vfs.VfsFat.mkfs(blocks)
vfs.mount(vfs.VfsFat(blocks), "/flash")
vfs.umount("/")
os.chdir("/flash")
open("main.py", "w").close()
os.mkdir("lib")
with open("lib/a.py", "w") as file:
    file.write("A = 1")
"""
TRY = """
import os
def attempt(what, *given):
    try:
        print(given, what(*given))
    except OSError as error:
        print(given, error.errno)
def read(path):
    with open(path) as file:
        return file.read()
def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return text
def names(path="."):
    return sorted(os.listdir(path))
for path in PATHS:
    attempt(read, path)
os.chdir("lib")
attempt(names, "..")
attempt(read, "../lib/a.py")
attempt(names, "../../..")
os.chdir("../../../lib")
attempt(os.getcwd)
os.chdir("..")
attempt(os.getcwd)
for name in NAMES:
    attempt(write, name, "text")
attempt(names)
for name in ("readme.txt", "README.TXT", "/flash/ReadMe.txt"):
    attempt(write, name, name)
    attempt(read, "README.txt")
attempt(names)
os.rename("Readme.txt", "notes.txt")
os.rename("/flash/LIB/A.py", "/flash/Lib/b.py")
attempt(names)
attempt(names, "LIB")
os.remove("NOTES.TXT")
attempt(names)
"""
PATHS = [
    "../outside.txt", "/flash/../outside.txt", "/flash/../../../../../../../../etc/passwd", "../../../../../../../etc/passwd",
    "/flash/lib/../../../etc/passwd", "lib/../lib/a.py", "/flash/./lib//a.py", "../lib/a.py", "/flash/../lib/a.py",
]  # fmt: skip
NAMES = [
    "what?.txt",
    "a:b",
    'a"b',
    "a*",
    "a|b",
    "a<b",
    "trailing.",
    "trailing. .",
    " leading",
    ".hidden",
    "lib/../../up.txt",
]
PROGRAM = f"PATHS = {PATHS!r}\nNAMES = {NAMES!r}\n{TRY}"


@pytest.fixture(scope="module")
def on_fat() -> list[str]:
    """What the program prints on MicroPython's own FAT disk."""
    micropython = find_micropython()
    if micropython is None:
        pytest.skip("no MicroPython for this computer")
    done = subprocess.run([*micropython, "-c", ON_FAT + PROGRAM], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("python", ["micropython", "cpython"])
def test_paths_lead_where_they_do_on_a_fat_disk(play, on_fat, python):
    played = play(PROGRAM, python=python, flash={"lib/a.py": b"A = 1"})
    assert played.ended.reason == "finished", played.lines
    assert played.lines == on_fat


@pytest.mark.parametrize("python", ["micropython", "cpython"])
def test_nothing_is_written_outside(play, python):
    program = (
        "import os\n"
        "for path in ('../evil.txt', '/flash/../evil.txt', '../../../../../../../../tmp/evil-of-the-camera.txt'):\n"
        "    try:\n        open(path, 'w').write('x')\n    except OSError:\n        pass\n"
        "try:\n    os.rename('main.py', '../../../../../../../../../tmp/evil-of-the-camera.txt')\nexcept OSError:\n    pass\n"
    )
    kept: dict[str, bytes] = {}
    play(program, python=python, kept=kept)
    assert not Path("/tmp/evil-of-the-camera.txt").exists()
    assert set(kept) <= {"main.py", "evil.txt"}


@given(st.lists(st.sampled_from(["..", ".", "a", "", "b.tflite"]), max_size=8).map("/".join))
def test_no_path_of_a_network_leads_out(tmp_path_factory, path):
    """The firmware opens these itself."""
    root = tmp_path_factory.mktemp("root")
    folders = Folders(root, {"/flash": {}})
    found = folders.on_host("/flash/" + path)
    assert found.resolve().is_relative_to((root / "flash").resolve())
    with pytest.raises(CameraError):
        folders.on_host("/" + path.lstrip("/"))
