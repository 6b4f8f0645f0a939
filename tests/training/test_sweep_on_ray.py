"""A sweep on Ray itself gives the same table, whatever is killed under way."""

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import made_targets
import numpy as np
import pytest
from emotion_training.evaluate.protocols import PROTOCOLS

pytest.importorskip("keras", reason="training needs TensorFlow (training/requirements.txt)")

ROOT = Path(__file__).parents[2]


def test_without_ray_a_sentence_says_what_to_install(data):
    hidden = "import sys; sys.modules['ray'] = None; from emotion_training.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "sweep", "--seeds", "1", "--data", str(data)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "pip install -r training/requirements-sweep.txt" in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nowhere.json",), 1, "nowhere.json: can't be read"),
        (("nowhere.json", "--network", "emotion"), 1, "leave --network and --epochs out"),
        (("--seeds", "1", "--address", "there"), 1, "'there' is not HOST:PORT"),
        (("--seeds", "1", "--address", "127.0.0.1:1"), 1, "127.0.0.1:1: no Ray cluster answers"),
        (("--seeds", "1", "--cpus-per-run", "0"), 2, "at least 1"),
        ((), 2, "required"),
        (("some.json", "--seeds", "1"), 2, "not allowed with"),
    ],
)
def test_mistakes_get_a_sentence(data, tmp_path, arguments, code, said):
    pytest.importorskip("ray", reason="needs training/requirements-sweep.txt")
    done = subprocess.run(
        command(data, tmp_path / "runs", *arguments), cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A tiny FER2013 with votes: noise, with a bright top for happy and a bright bottom for all others."""
    rng = np.random.default_rng(4)
    label = rng.integers(0, 7, 300).astype(np.uint8)
    images = rng.integers(0, 120, (300, 48, 48), np.uint8)
    for image, emotion in zip(images, label, strict=True):
        image[slice(0, 24) if emotion == 3 else slice(24, 48)] += 130
    votes = np.zeros((300, 10), np.uint8)
    votes[np.arange(300), np.array([4, 5, 6, 1, 3, 2, 0])[label]] = 10
    path = tmp_path_factory.mktemp("data") / "fer2013.npz"
    usage = np.repeat(np.array([0, 1], np.uint8), [200, 100])
    np.savez(path, images=images, label=label, usage=usage, votes=votes)
    made_targets.write(path.parent / "teachers", path, np.eye(7)[label])
    return path


@pytest.fixture
def runs(data, tmp_path) -> Path:
    return begun(data, tmp_path / "runs")


def begun(data: Path, runs: Path) -> Path:
    """A folder for runs, with a sweep of two runs that end and one that can't begin."""
    runs.mkdir()
    some = {"epochs": 6, "warmup": 1, "batch": 16}
    plan = {"one": {"seed": 1, **some}, "two": {"seed": 2, **some}, "greedy": {"batch": 999}}
    (runs / "plan.json").write_text(json.dumps({"runs": plan}))
    return runs


def command(data: Path, runs: Path, *arguments: object) -> list[str]:
    return [
        sys.executable,
        "-m",
        "emotion_training",
        "sweep",
        "--data",
        str(data),
        "--runs",
        str(runs),
        "--teachers",
        str(data.parent / "teachers"),
        *map(str, arguments),
    ]


def environment() -> dict[str, str]:
    return {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "of this test, of no use elsewhere"}


@contextlib.contextmanager
def sweeping(data: Path, runs: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """The sweep of `plan.json` under way, one core a run, so that it rounds alike wherever it runs."""
    pytest.importorskip("ray", reason="needs training/requirements-sweep.txt")
    with (runs / "errors.txt").open("a") as errors:
        process = subprocess.Popen(
            command(data, runs, runs / "plan.json", "--cpus-per-run", 1, *arguments),
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
        )
        assert process.stdout is not None
        try:
            yield process
        finally:
            kill(process.pid)
            process.wait()
            process.stdout.close()


def swept(data: Path, runs: Path, *arguments: object) -> str:
    """What a sweep says that is left to end; one of the three runs always fails."""
    with sweeping(data, runs, *arguments) as process:
        said, _ = process.communicate()
    assert process.returncode == 1, said + (runs / "errors.txt").read_text()
    return said


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """What the process says, up to a line that matches."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if re.search(wanted, line):
            return said
    pytest.fail(f"the sweep ended without saying {wanted!r}: {said}")


def family(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def command_line(pid: int) -> bytes:
    """A living process's command line; nothing for one that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def kill(pid: int) -> None:
    for one in family(pid):
        with contextlib.suppress(ProcessLookupError):  # it went with another
            os.kill(one, signal.SIGKILL)


def state(runs: Path) -> tuple[str, str, list[np.ndarray]]:
    """What a sweep leaves: both tables and the weights."""
    import keras

    networks = [keras.models.load_model(runs / name / "network.keras") for name in ("one", "two")]
    weights = [array for network in networks for array in network.get_weights()]
    return (runs / "sweep.json").read_text(), (runs / "sweep.md").read_text(encoding="utf-8"), weights


def check_same(runs: Path, undisturbed: Path) -> None:
    (kept, shown, weights), (*wanted, others) = state(runs), state(undisturbed)
    assert [kept, shown] == wanted
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3)
    assert not list(runs.rglob("under_way.zip"))


linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc and uses 127.0.0.2")


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory) -> Path:
    runs = begun(data, tmp_path_factory.mktemp("undisturbed") / "runs")
    said = swept(data, runs)
    assert "one: epoch 1 of 6" in said
    assert "died" not in said
    assert "1 of 3 runs failed: greedy" in (runs / "errors.txt").read_text()
    return runs


@pytest.mark.slow
def test_a_run_that_cannot_begin_is_named_and_the_others_go_on(undisturbed):
    runs = json.loads((undisturbed / "sweep.json").read_text())["runs"]
    assert list(runs) == ["one", "two", "greedy"]
    assert "200 usable training rows; at least 999" in runs["greedy"]["failed"]
    assert set(runs["one"]["figures"]) == set(runs["two"]["figures"]) == set(PROTOCOLS)
    assert "mean ± spread of 2" in (undisturbed / "sweep.md").read_text(encoding="utf-8")


def port() -> int:
    with socket.socket() as some:
        some.bind(("127.0.0.2", 0))
        return some.getsockname()[1]


@contextlib.contextmanager
def node(address: str, *arguments: object) -> Iterator[int]:
    """A machine of a Ray cluster, with one core; its process."""
    ray = Path(sys.executable).with_name("ray")
    options = ["--node-ip-address", address, "--num-cpus", "1", "--disable-usage-stats", "--block"]
    process = subprocess.Popen(
        [str(ray), "start", *map(str, arguments), *options],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        kill(process.pid)
        process.wait()


def wait_for(address: str, count: int) -> None:
    """Wait until a cluster has so many machines."""
    asks = f"import ray; ray.init('{address}', log_to_driver=False); print('nodes:', len(ray.nodes()))"
    for _ in range(60):
        host, number = address.split(":")
        with socket.socket() as some:
            if some.connect_ex((host, int(number))) == 0:
                done = subprocess.run([sys.executable, "-c", asks], env=environment(), capture_output=True, text=True)
                if f"nodes: {count}" in done.stdout:
                    return
        time.sleep(1)
    pytest.fail(f"the cluster did not get {count} machines")


@linux
@pytest.mark.slow
def test_a_machine_that_is_killed_changes_nothing(undisturbed, data, runs):
    pytest.importorskip("ray", reason="needs training/requirements-sweep.txt")
    address = f"127.0.0.2:{port()}"
    with node("127.0.0.2", "--head", "--port", address.split(":")[1], "--include-dashboard", "false"):
        wait_for(address, 1)
        with node("127.0.0.3", "--address", address) as other:
            wait_for(address, 2)
            with sweeping(data, runs, "--address", address) as process:
                said = read_until(process, r"epoch [1-4] of 6, .* on 127\.0\.0\.3")
                kill(other)
                rest, _ = process.communicate()
    by_turns = [
        name for name, _ in itertools.groupby(re.findall(r"(one|two): epoch . of 6, .* on 127\.0\.0\.2", said + rest))
    ]
    assert len(by_turns) == len(set(by_turns)), "two runs shared a core"
    (name,) = re.findall(r"(one|two): died", rest)
    (reached,) = re.findall(name + r": epoch (\d) of 6, .* on 127\.0\.0\.3", said)
    again = re.findall(name + r": epoch (\d) of 6, .* on 127\.0\.0\.2, started again 1 x", rest)
    assert int(again[0]) >= int(reached) + 1, "an epoch that had been reported was trained again"
    check_same(runs, undisturbed)


@linux
@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_by_the_same_command(undisturbed, data, runs):
    with sweeping(data, runs) as process:
        said = read_until(process, r"epoch [2-4] of 6")
        everyone = family(process.pid)
        trainings = [pid for pid in everyone if b"on_node" in command_line(pid)]
        assert trainings
        os.kill(process.pid, signal.SIGKILL)
        for _ in range(60):
            if not any(map(command_line, trainings)):
                break
            time.sleep(1)
        outlived = [pid for pid in trainings if command_line(pid)]
        for pid in everyone:  # two helpers of Ray's end by themselves, but take minutes
            kill(pid)
    assert not outlived, "trainings go on though nobody takes their reports"
    (name, reached) = re.findall(r"(one|two): epoch (\d) of 6", said)[-1]
    said = swept(data, runs)
    again = re.findall(name + r": epoch (\d) of 6", said)
    assert again[0] > reached, "an epoch that had been reported was trained again"
    check_same(runs, undisturbed)


@linux
@pytest.mark.slow
def test_a_run_that_dies_too_often_is_named_and_alone_run_by_the_next_command(undisturbed, data, runs):
    with sweeping(data, runs, "--restarts", 0) as process:
        said = read_until(process, r"epoch [1-4] of 6")
        os.kill(next(pid for pid in family(process.pid) if b"on_node" in command_line(pid)), signal.SIGKILL)
        rest, _ = process.communicate()
    kept = json.loads((runs / "sweep.json").read_text())["runs"]
    (dead,) = [name for name in ("one", "two") if "died 1 times" in kept[name].get("failed", "")]
    (alive,) = {"one", "two"} - {dead}
    wanted = json.loads((undisturbed / "sweep.json").read_text())["runs"]
    assert kept[alive] == wanted[alive], said + rest
    finished = (runs / alive / "network.keras").stat().st_mtime_ns
    again = swept(data, runs)
    assert f"{alive}: epoch" not in again, "a finished run was run again"
    assert (runs / alive / "network.keras").stat().st_mtime_ns == finished
    check_same(runs, undisturbed)
