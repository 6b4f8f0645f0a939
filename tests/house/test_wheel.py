"""What `pip install emotion-camera` brings: the camera's files, models and pages; and that it works from there, in an empty
folder, and keeps nothing among the installed files."""

import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed (requirements.txt)"),
]
DATA = "emotion_camera/data/"
NEEDED = {
    DATA + "device/main.py",
    DATA + "device/collect.py",
    DATA + "device/compact/main.py",
    DATA + "device/compact/emotion_camera.mpy",
    *(
        f"{DATA}models/{name}{ending}"
        for name in ("emotion", "emotion_plus")
        for ending in (".tflite", ".txt", ".md", ".json")
    ),
    "emotion_camera/simulator/guest/boot.py",
    "emotion_camera/simulator/assets/clip.webp",
    "emotion_camera/web/echarts.min.js",
    "emotion_camera/web/theme.css",
    "emotion_camera/reports/schema.json",
    "emotion_training/learning_block/Dockerfile",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_it_holds_the_cameras_files_the_models_and_the_pages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert names >= NEEDED
        for own in ("device/main.py", "models/emotion.tflite"):
            assert archive.read(DATA + own) == (ROOT / own).read_bytes()
    pages = {
        path.relative_to(ROOT / "tools").as_posix()
        for ending in ("html", "css", "js", "jinja", "ini")
        for path in (ROOT / "tools" / "emotion_camera").rglob(f"*.{ending}")
    }
    assert pages <= names


def test_it_claims_no_names_that_others_may_have_and_no_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {it for it in tops if not it.endswith(".dist-info")} == {"emotion_camera", "emotion_training"}
    assert not [name for name in names if "test_" in name or "__pycache__" in name or name.endswith(".pyc")]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A function that runs the installed command in a folder; what it needs besides comes from this Python."""
    site = tmp_path_factory.mktemp("site")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    if subprocess.run(install, capture_output=True, check=False).returncode:
        pytest.skip("no pip here")

    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}

    before = files()
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "emotion_camera", *words]
        done = subprocess.run(
            line, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert files() == before
        return done

    where = "import emotion_camera; print(emotion_camera.__file__)"
    told = subprocess.run(
        [sys.executable, "-c", where], cwd=site, env=environment, capture_output=True, text=True, check=True
    )
    assert Path(told.stdout.strip()).is_relative_to(site)
    return run


def test_the_demo_and_its_pictures(installed, tmp_path):
    done = installed(tmp_path, "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "demo" / "demo.gif").stat().st_size > 100_000
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


@pytest.mark.skipif(sys.platform == "win32", reason="a simulated camera's port needs a terminal")
def test_deploy_doctor_record_and_report(installed, tmp_path):
    assert installed(tmp_path, "deploy", "--port", "simulator").returncode == 0
    told = installed(tmp_path, "doctor", "--port", "simulator")
    assert told.returncode == 0, told.stdout
    assert "is device/main.py" in told.stdout
    assert installed(tmp_path, "record", "--port", "simulator", "--seconds", "3").returncode == 0
    (recording,) = (tmp_path / "recordings").iterdir()
    assert installed(tmp_path, "report", str(recording)).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} <= {".simulated-camera", ".camera-files", "recordings"}


def test_the_help_of_all_others(installed, tmp_path):
    for verb in ("watch", "collect", "verify", "vela", "edge-impulse", "train"):
        done = installed(tmp_path, verb, "--help")
        assert (done.returncode, done.stderr) == (0, ""), verb
    assert list(tmp_path.iterdir()) == []
