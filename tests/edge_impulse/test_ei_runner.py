"""The .eim: what Edge Impulse's own client gets from it, and what becomes of it when clients, paths and computers misbehave."""

import contextlib
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bench.eim import (
    answer,
    ask,
    connect,
    drawn_faces,
    litert_scores,
    official_client,
    official_scores,
    packed,
    started,
)
from emotion_camera.commands.edge_impulse import runner
from emotion_camera.commands.edge_impulse.eim.messages import Splitter, TooLong
from emotion_camera.commands.edge_impulse.eim.network import grey
from emotion_camera.commands.edge_impulse.runner import write_eim
from emotion_camera.errors import UserError
from emotion_camera.model.contract import DEFAULT_MODEL, check
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="an .eim speaks over Unix sockets")

ROOT = Path(__file__).parents[2]
MODEL = check(DEFAULT_MODEL)
FACES = drawn_faces()
SCORES = litert_scores(MODEL, FACES)
needs_official_client = pytest.mark.skipif(
    importlib.util.find_spec("edge_impulse_linux") is None, reason="edge_impulse_linux is not installed"
)


@pytest.fixture(scope="module")
def eim(tmp_path_factory):
    path = tmp_path_factory.mktemp("eim") / "emotion.eim"
    write_eim(MODEL, path)
    return path


@pytest.fixture(scope="module")
def listening(eim, tmp_path_factory):
    """The socket of a runner that all tests of messages share: none of them may harm it."""
    path = tmp_path_factory.mktemp("socket") / "sock"
    with started(eim, path):
        yield path


def command(*words: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "emotion_camera", "edge-impulse", "runner", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


def run(eim: Path, *words: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([eim, *words], capture_output=True, text=True, check=False, timeout=60, **more)  # type: ignore[call-overload]


def classified(client: socket.socket, number: int = 0) -> bool:
    """Whether a client gets LiteRT's scores for a face."""
    found = ask(client, classify=packed(FACES[number]))
    return found["success"] and found["result"]["classification"] == dict(
        zip(MODEL.labels, SCORES[number], strict=True)
    )


def wait_until_gone(path: Path) -> bool:
    for _ in range(600):
        if not path.exists():
            return True
        time.sleep(0.05)
    return False


# What the official client gets


@needs_official_client
@pytest.mark.parametrize("image", [False, True], ids=["ImpulseRunner", "ImageImpulseRunner"])
def test_the_official_client_gets_litert_s_scores_for_every_face(eim, image):
    assert official_scores(eim, FACES, image)[0] == SCORES


@needs_official_client
def test_the_official_client_shows_our_sentence_and_can_go_on(eim):
    client = official_client()[0](str(eim))
    info = client.init()
    try:
        assert info["project"]["name"] == "emotion"
        with pytest.raises(Exception, match=r"feature 0 is 0\.5; each must be a pixel packed as"):
            client.classify([0.5] * 2304)
        with pytest.raises(Exception, match="no block with a threshold"):
            client.set_threshold({"id": 1})
        assert list(client.classify(packed(FACES[0]))["result"]["classification"].values()) == SCORES[0]
    finally:
        client.stop()


def test_all_that_the_clients_read_is_told_and_print_info_tells_the_same(eim, listening):
    with connect(listening) as client:
        told = ask(client, hello=1)
    parameters = told["model_parameters"]
    assert parameters["labels"] == list(MODEL.labels)
    # The fields of the Rust client, which refuses an answer that lacks one, as whole numbers where it takes no others.
    whole = {"axis_count", "has_anomaly", "image_channel_count", "image_input_frames", "image_input_height", "image_input_width",
             "inferencing_engine", "input_features_count", "label_count", "sensor", "slice_size"}  # fmt: skip
    assert all(type(parameters[name]) is int for name in whole)
    assert {"frequency", "interval_ms", "threshold", "use_continuous_mode", "thresholds"} <= parameters.keys()
    assert (parameters["model_type"], parameters["image_resize_mode"]) == ("classification", "squash")
    assert told["project"].keys() == {"id", "owner", "name", "deploy_version"}
    assert json.loads(run(eim, "--print-info").stdout) == told


@given(level=st.integers(0, 255), colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_grey_is_unchanged_and_a_colour_as_grey_as_pillow_makes_it(level, colour):
    red, green, blue = colour
    pixels = np.array([level * 0x010101, (red << 16) + (green << 8) + blue], np.uint32)
    assert grey(pixels).tolist() == [level, Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))]


# Messages


text = st.text('{}[]"\\\\\n\0aé', max_size=8)
values = st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
messages = st.dictionaries(text, values, max_size=4)


@given(st.lists(st.tuples(messages, st.sampled_from(["", "\0", "\n", "\n\0"]), st.booleans()), max_size=5), st.data())
def test_messages_come_out_whole_however_they_are_ended_and_cut(sent, data):
    stream = b"".join((json.dumps(message, ensure_ascii=ascii) + end).encode() for message, end, ascii in sent)
    size = data.draw(st.integers(1, 5) | st.integers(1, len(stream) + 1))
    splitter = Splitter(len(stream) + 1)
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    found = [json.loads(message) for piece in pieces for message in splitter.feed(piece)]
    assert found == [message for message, _, _ in sent]


@given(st.lists(st.binary(max_size=20), max_size=20))
def test_after_a_nul_any_garbage_is_forgotten_and_little_is_kept(garbage):
    splitter = Splitter(100)
    with contextlib.suppress(TooLong):
        for piece in garbage:
            list(splitter.feed(piece))
        list(splitter.feed(b"\0"))
        assert list(splitter.feed(b'{"id": 1}')) == [b'{"id": 1}']


PIXELS = [0] * 2304
NO_PIXELS: list[object] = [float("nan"), float("inf"), -1, 0x1000000, 0.5, "0", None, True, [0], {}]
REFUSED = {
    "garbage": (b"garbage\0", "not JSON"),
    "broken": (b'{"hello" 1}', "not JSON"),
    "cut by a NUL": (b'{"hello": "\0', "not JSON"),
    "not UTF-8": (b'{"hello": "\xff"}', "not JSON in UTF-8"),
    "deep": (b'{"classify":' + b"[" * 500_000 + b"]" * 500_000 + b"}", "nested too deeply"),
    "deep braces": (b'{"a":' * 300_000 + b"1" + b"}" * 300_000, "nested too deeply"),
    "long number": (b'{"id": ' + b"9" * 100_000 + b"}", "not JSON"),
    "list": (b"[1, 2]\0", "not a JSON object"),
    "no id": (b'{"hello": 1}', "has no id"),
    "id is text": (b'{"hello": 1, "id": "a"}', "no whole number"),
    "nothing known": (b'{"id": 1}', "must have hello or classify"),
    "other version": (b'{"id": 1, "hello": 2}', "hello must be 1"),
    "no list": (b'{"id": 1, "classify": 7}', "takes 2,304 features, the pixels of 48 x 48; it got no list"),
    "one too many": (json.dumps({"id": 1, "classify": [*PIXELS, 0]}).encode(), "takes 2,304 features.*it got 2,305"),
    **{
        f"feature {value}": (json.dumps({"id": 1, "classify": [*PIXELS[1:], value]}).encode(), "feature 2303 is")
        for value in NO_PIXELS
    },
    "continuous": (b'{"id": 1, "classify_continuous": [1]}', "send a whole picture with classify"),
    "shared memory": (b'{"id": 1, "classify_shm": {"elements": 1}}', "does not offer"),
    "threshold": (b'{"id": 1, "set_threshold": {"id": 1}}', "no block with a threshold"),
}  # fmt: skip


@pytest.mark.parametrize(("message", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_can_t_be_answered_is_refused_in_a_sentence_and_the_client_can_go_on(listening, message, why):
    with connect(listening) as client:
        client.sendall(message)
        told = answer(client)
        assert not told["success"]
        assert re.search(why, told["error"])
        assert len(told["error"]) < 250
        assert classified(client)


def test_whole_numbers_as_the_rust_client_writes_them_are_taken(listening):
    with connect(listening) as client:
        assert ask(client, classify=[float(value) for value in packed(FACES[0])])["success"]


def test_an_answer_ends_as_each_client_waits_for_and_messages_may_come_at_once(listening):
    with connect(listening) as client:
        client.sendall(b'{"id": 1, "hello": 1}{"id": 2, "hello": 1}\n\0{"id": 3, "hello": 1}\0')
        data = b""
        while data.count(b"\0") < 3:
            data += client.recv(1 << 16)
    assert [json.loads(part)["id"] for part in data.split(b"\n\0")[:-1]] == [1, 2, 3]


# Clients


def test_a_hundred_clients_one_after_another_are_answered(listening):
    for number in range(100):
        with connect(listening) as client:
            assert classified(client, number)


def test_clients_at_once_each_get_their_own_scores(listening):
    def many(first: int) -> bool:
        with connect(listening) as client:
            return all(classified(client, number) for number in range(first, first + 50))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(many, (0, 50, 100, 150)))


def test_one_that_dies_or_stops_amid_a_message_harms_no_other(listening):
    with connect(listening) as stopped, connect(listening) as client:
        stopped.sendall(b'{"classify": [1, 2')
        with connect(listening) as dying:
            dying.sendall(b'{"classify": [1, 2')
        with connect(listening) as deaf:
            deaf.sendall(b'{"id": 1, "hello": 1}')  # and does not wait for the answer
        assert classified(client)
        stopped.sendall(b'], "id": 1}')
        assert "it got 2" in answer(stopped)["error"]


def test_a_message_of_50_mb_is_refused_in_little_memory(eim, tmp_path):
    path = tmp_path / "sock"
    with started(eim, path) as process, connect(path) as client, connect(path) as other:
        assert classified(other)
        before = peak(process.pid)
        client.sendall(
            b'{"id": 1, "classify": [' + b"0," * 25_000_000
        )  # all of it is taken, so that the answer is seen
        told = answer(client)
        assert not told["success"]
        assert "longer than 4,000,000 bytes" in told["error"]
        with pytest.raises(ConnectionError):
            answer(client)
        assert classified(other)
        assert peak(process.pid) - before < 50_000


def peak(pid: int) -> int:
    """The most memory that a process had, KB; 0 where the system does not say."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


# Start and end


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_it_and_removes_the_socket_though_clients_are_connected(eim, tmp_path, name):
    path = tmp_path / "sock"
    with started(eim, path) as process, connect(path) as client:
        assert classified(client)
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=30) == 0
        assert list(tmp_path.iterdir()) == []


def test_it_ends_when_its_socket_is_removed_and_leaves_a_later_one_alone(eim, tmp_path):
    path = tmp_path / "sock"
    with started(eim, path) as process:
        path.unlink()
        with started(eim, path):
            assert process.wait(timeout=30) == 0
            with connect(path) as client:
                assert classified(client)


def test_when_its_starter_is_killed_it_serves_who_is_connected_and_ends(eim, tmp_path):
    path = tmp_path / "sock"
    program = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program, eim, path]) as starter:
        while not path.exists():
            time.sleep(0.02)
        with connect(path) as client:
            starter.kill()
            starter.wait()
            time.sleep(1)  # the runner looks twice a second
            assert classified(client)
    assert wait_until_gone(path)


def test_a_dead_runner_s_socket_is_replaced_and_a_live_one_s_kept(eim, tmp_path):
    path = tmp_path / "sock"
    with started(eim, path) as process:
        process.kill()
        process.wait()
    assert path.exists()
    before = path.stat()
    with subprocess.Popen([eim, path]) as process:
        while path.stat().st_mtime_ns == before.st_mtime_ns:
            time.sleep(0.02)
        done = run(eim, path)
        assert (done.returncode, done.stderr) == (
            1, f"emotion.eim: {path}: another runner listens there; stop it, or give another path\n"
        )  # fmt: skip
        with connect(path) as client:
            assert classified(client)
        process.terminate()


def test_where_it_can_t_listen_a_sentence_says_why(eim, tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "mine~").write_text("kept")  # the name that a socket `mine` has before it listens
    for path, why in (
        (tmp_path / "file", "is there and is no socket"),
        (tmp_path, "is there and is no socket"),
        (tmp_path / "mine~", "is there and is no socket"),
        (tmp_path / "none" / "sock", "can't listen there (No such file or directory)"),
        (tmp_path / ("long" * 50), "can't listen there (the path is too long for a Unix socket)"),
    ):
        done = run(eim, path)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"emotion.eim: {path}: {why}" in done.stderr
        assert done.stderr.count("\n") == 1
    assert "mine~: is there and is no socket" in run(eim, tmp_path / "mine").stderr
    assert sorted(found.name for found in tmp_path.iterdir()) == ["file", "mine~"]
    assert {found.read_text() for found in tmp_path.iterdir()} == {"kept"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_in_a_folder_of_others_a_sentence_says_so(eim, tmp_path):
    tmp_path.chmod(0o500)
    assert "can't listen there (Permission denied)" in run(eim, tmp_path / "sock").stderr


@pytest.mark.parametrize("words", [[], ["a", "b"], [""], ["--help"]])
def test_wrong_usage_is_told(eim, words):
    done = run(eim, *words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: emotion.eim SOCKET")


def test_it_writes_nothing(eim, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    places = {**os.environ, "HOME": str(work), "TMPDIR": str(work)}
    with subprocess.Popen([eim, "../sock"], cwd=work, env=places) as process:
        while not (tmp_path / "sock").exists():
            time.sleep(0.02)
        with connect(tmp_path / "sock") as client:
            assert classified(client)
        process.terminate()
    assert list(work.iterdir()) == []


# The file


def test_a_python_behind_blanks_quotes_and_a_long_path_is_found(tmp_path, monkeypatch):
    folder = tmp_path / ("it's a " + "long" * 30) / ("long" * 40)
    folder.mkdir(parents=True)
    python = Path(sys.executable)
    (folder / "env").symlink_to(python.parent.parent)
    monkeypatch.setattr(sys, "executable", str(folder / "env" / python.parent.name / python.name))
    eim = tmp_path / "my emotion.eim"
    write_eim(MODEL, eim)
    assert json.loads(run(eim, "--print-info").stdout)["project"]["name"] == "emotion"
    (folder / "env").unlink()
    done = run(eim, "--print-info")
    assert done.returncode == 1
    assert "can't be run; write the file anew: emotion-camera edge-impulse runner" in done.stderr


def test_without_litert_a_sentence_says_what_to_install(eim, tmp_path):
    (tmp_path / "ai_edge_litert").mkdir()
    (tmp_path / "ai_edge_litert" / "__init__.py").touch()
    done = run(eim, tmp_path / "sock", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "pip install ai-edge-litert numpy" in done.stderr


def test_the_command_writes_it_and_says_so(tmp_path):
    out = tmp_path / "new" / "emotion.eim"
    done = command("--out", out)
    assert done.returncode == 0
    assert f"{out}: {out.stat().st_size:,} bytes, emotion.tflite for Edge Impulse's Linux clients" in done.stdout
    assert os.access(out, os.X_OK)
    assert [found.name for found in out.parent.iterdir()] == ["emotion.eim"]


def test_what_can_t_be_written_is_told_and_nothing_is_left(tmp_path):
    (tmp_path / "bad.tflite").write_bytes(b"no model")
    (tmp_path / "folder").mkdir()
    for words, why in (
        (["--model", tmp_path / "bad.tflite", "--out", tmp_path / "out"], "is not a TensorFlow Lite model"),
        (["--out", tmp_path / "folder"], "can't be written (Is a directory)"),
        (["--out", tmp_path / "bad.tflite" / "x"], "can't be written ("),
    ):
        done = command(*words)
        assert done.returncode == 1
        assert why in done.stderr
        assert done.stderr.count("\n") == 1
    assert sorted(found.name for found in tmp_path.iterdir()) == ["bad.tflite", "folder"]


def test_on_windows_a_sentence_says_that_it_needs_unix_sockets(monkeypatch):
    monkeypatch.setattr(runner, "os", SimpleNamespace(name="nt"))
    with pytest.raises(UserError, match="Unix sockets, which Windows' Python lacks"):
        runner.run(SimpleNamespace())
