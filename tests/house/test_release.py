"""`make release`: the files to drag onto each board, checksums, and a parts list; twice the same."""

import hashlib
import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from emotion_camera import __version__
from emotion_camera.boards import BOARDS
from emotion_camera.simulator.host.process import find_micropython

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (find_spec("hatchling") and find_spec("cyclonedx")),
        reason="what builds releases is not installed (requirements.txt)",
    ),
]


def build(folder: Path) -> Path:
    script = [sys.executable, str(ROOT / "tools" / "release.py"), "--out", str(folder)]
    subprocess.run(script, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


def contents(dist: Path, board: str) -> dict[str, bytes]:
    """The files in the one zip that names a board."""
    (path,) = (it for it in dist.glob("*.zip") if board in it.stem.split("-"))
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("board", "program", "model"),
    [
        ("h7", ["device/compact/emotion_camera.mpy", "device/compact/main.py"], "emotion"),
        ("nicla", ["device/compact/emotion_camera.mpy", "device/compact/main.py"], "emotion"),
        ("h7plus", ["device/main.py"], "emotion_plus"),
        ("rt1062", ["device/main.py"], "emotion_plus"),
        ("giga", ["device/main.py"], "emotion_plus"),
        ("ae3", ["device/main.py"], "emotion"),
    ],
)
def test_each_board_has_a_zip_of_exactly_its_files(dist, board, program, model):
    files = contents(dist, board)
    text = files.pop("README.txt").decode()
    wanted = {Path(path).name: (ROOT / path).read_bytes() for path in program}
    wanted |= {f"emotion{it}": (ROOT / "models" / f"{model}{it}").read_bytes() for it in (".tflite", ".txt")}
    assert files == wanted
    assert BOARDS[board].name in text
    assert all(name in text for name in files)
    assert len(text.splitlines()) <= 12
    assert ("vela" in text) == (board == "ae3")


def test_all_boards_that_run_a_model_are_there_and_no_other(dist):
    named = {
        board
        for path in dist.glob("*.zip")
        for board in path.stem.removeprefix(f"emotion-camera-{__version__}-").split("-")
    }
    assert named == set(BOARDS) - {"n6", "m7"}


def test_mip_finds_the_same_files(dist):
    """What MicroPython's docs say of package.json: pairs of the path on the camera and a URL, relative to package.json here."""
    for folder in (dist / "mip").iterdir():
        package = json.loads((folder / "package.json").read_text())
        assert package["version"] == __version__
        files = {name: (folder / source).read_bytes() for name, source in package["urls"]}
        assert {**files, "README.txt": b""} == {**contents(dist, folder.name.split("-")[0]), "README.txt": b""}


def test_the_checksums_are_right_and_cover_all(dist):
    lines = [line.split("  ") for line in (dist / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in lines} == {
        path.relative_to(dist).as_posix() for path in dist.rglob("*") if path.is_file() and path.name != "SHA256SUMS"
    }
    for value, name in lines:
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == value


def test_the_parts_list_has_what_is_installed_and_what_comes_along(dist):
    made = json.loads((dist / f"emotion-camera-{__version__}.cdx.json").read_text())
    assert (made["bomFormat"], made["metadata"]["component"]["version"]) == ("CycloneDX", __version__)
    parts = {it["name"]: it for it in made["components"]}
    assert {"numpy", "opencv-python-headless", "echarts", "multidict"} <= set(parts)
    assert {"tensorflow", "pytest"}.isdisjoint(parts)
    told = next(
        it for it in (ROOT / "tools/emotion_camera/web/README.md").read_text().split("|") if "Apache ECharts" in it
    )
    assert parts["echarts"]["version"] in told


def test_the_wheel_and_the_sources_are_there(dist):
    assert {path.suffix for path in dist.glob(f"emotion_camera-{__version__}*")} == {".whl", ".gz"}


def test_a_second_build_has_the_same_bytes(dist, tmp_path):
    assert (build(tmp_path) / "SHA256SUMS").read_text() == (dist / "SHA256SUMS").read_text()


def test_mpremote_installs_it_on_a_camera(dist, tmp_path):
    """From a web server, as from a release page."""
    pytest.importorskip("termios", reason="a simulated camera on a port needs pseudo-terminals")
    if find_micropython() is None:
        pytest.skip("no MicroPython for this computer")
    import functools
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    from emotion_camera.simulator.board.board import SimulatedBoard

    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(SimpleHTTPRequestHandler, directory=dist / "mip" / "h7-nicla")
    )
    Thread(target=server.serve_forever, daemon=True).start()
    board = SimulatedBoard(tmp_path, board="h7")
    board.open()
    try:
        url = f"http://127.0.0.1:{server.server_port}/package.json"
        words = ["connect", board.path, "mip", "install", "--target", "/flash", url]
        subprocess.run([sys.executable, "-m", "mpremote", *words], check=True, capture_output=True, timeout=120)
    finally:
        board.close()
        server.shutdown()
        server.server_close()
    there = {path.name: path.read_bytes() for path in (tmp_path / "flash").iterdir()}
    assert there == {name: data for name, data in contents(dist, "h7").items() if name != "README.txt"}
