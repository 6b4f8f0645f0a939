"""Native interpreters run in a process of their own: a model that ends it is refused in a sentence, and the next one runs all the same."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from camera_programs import is_running
from emotion_camera.errors import ModelError
from emotion_camera.model import process
from emotion_camera.model.contract import DEFAULT_MODEL, LARGE_MODEL, check
from emotion_camera.model.interpreter import LiteRT, scores
from emotion_camera.model.process import Crash
from emotion_camera.model.tflite import pack, unpack
from emotion_camera.model.tflm import Tflm, arena_bytes, is_available

needs_tflm = pytest.mark.skipif(not is_available(), reason="tflite-micro has no wheel for this machine")

GOOD = DEFAULT_MODEL.read_bytes()
NOISE = np.random.default_rng(1).integers(-128, 128, (1, 48, 48, 1)).astype(np.int8)


def pointing_nowhere() -> bytes:
    """A whole file whose weights are in a buffer that it does not have: TFLM crashes on it."""
    model = unpack(GOOD)
    graph = model.subgraphs[0]
    graph.tensors[graph.operators[0].inputs[1]].buffer = 9999
    model.description = None
    return pack(model)


def worker_pid() -> int:
    assert process._worker is not None
    return process._worker._process.pid


@needs_tflm
def test_a_model_that_crashes_tflm_is_refused_in_a_sentence_and_the_next_one_runs(tmp_path):
    loaded = Tflm(GOOD, arena_bytes(GOOD))
    before = loaded.run(NOISE)[0]
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(pointing_nowhere())
    bad.with_suffix(".txt").write_text(DEFAULT_MODEL.with_suffix(".txt").read_text())
    with pytest.raises(
        ModelError, match=r"bad\.tflite: is damaged, or was never trained \(TensorFlow Lite Micro crashes on it\); copy"
    ):
        check(bad)
    assert np.array_equal(loaded.run(NOISE)[0], before), "by a new worker, which is given the model again"


@needs_tflm
def test_a_worker_that_does_not_reply_is_ended():
    arena_bytes.cache_clear()
    arena_bytes(GOOD)
    old = worker_pid()
    os.kill(old, signal.SIGSTOP)
    process._worker.timeout_s = 0.2
    with pytest.raises(Crash, match="TensorFlow Lite Micro does not end"):
        arena_bytes(LARGE_MODEL.read_bytes())
    assert arena_bytes(LARGE_MODEL.read_bytes())
    assert worker_pid() != old


@needs_tflm
def test_ctrl_c_in_the_middle_leaves_no_reply_behind(monkeypatch):
    loaded = Tflm(GOOD, arena_bytes(GOOD))
    before = loaded.run(NOISE)[0]

    def stop(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "receive", stop)
    with pytest.raises(KeyboardInterrupt):
        loaded.run(-NOISE)
    monkeypatch.undo()
    assert np.array_equal(loaded.run(NOISE)[0], before)


@needs_tflm
def test_more_models_than_the_worker_keeps_and_several_threads_at_once():
    arena = arena_bytes(GOOD)
    models = [Tflm(GOOD, arena + 16 * number) for number in range(12)]
    expected = LiteRT(GOOD).run(NOISE)[0]
    wrong: list[int] = []

    def use(share: list[Tflm]) -> None:
        wrong.extend(1 for model in share if np.abs(model.run(NOISE)[0].astype(int) - expected).max() > 10)

    threads = [threading.Thread(target=use, args=(models[start::3],)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@needs_tflm
def test_an_input_of_another_size_is_an_error_and_not_a_crash():
    loaded = Tflm(GOOD, arena_bytes(GOOD))
    with pytest.raises(ModelError, match="refuses"):
        loaded.run(NOISE[:, :40])
    assert loaded.run(NOISE)[0].shape == (1, 7)


def test_an_end_of_litert_is_a_sentence_and_the_next_face_is_read(tmp_path):
    loaded = LiteRT(GOOD)
    before = loaded.run(NOISE)[0]
    os.kill(worker_pid(), signal.SIGSEGV)
    with pytest.raises(Crash, match="LiteRT crashes on it"):
        loaded.run(NOISE)
    assert np.array_equal(loaded.run(NOISE)[0], before)


def test_scores_of_a_file_that_does_not_run_are_a_sentence_with_its_name(tmp_path):
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(pointing_nowhere())
    with pytest.raises(ModelError, match=r"bad\.tflite: LiteRT refuses it \(.+\)"):
        scores(bad, np.zeros((1, 48, 48), np.uint8))


def test_a_worker_that_is_in_an_endless_model_ends_though_nobody_is_left_to_end_it():
    """The program that waits for it was killed."""
    code = (
        "from emotion_camera.model import worker; worker.MOST_S = 1\n"
        "def reply(*_):\n    while True: pass\n"
        "worker.Models.reply = reply; worker.main()"
    )
    request = process.packed({"do": "run"}, b"")
    done = subprocess.run([sys.executable, "-c", code], input=request, capture_output=True, timeout=30, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("end", ["pass", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_worker_ends_with_the_program_that_started_it(end):
    code = (
        "import numpy as np; from emotion_camera.model import process; from emotion_camera.model.contract import DEFAULT_MODEL as m;"
        "process.Interpreter('litert', m.read_bytes()).run(np.zeros((1, 48, 48, 1), np.int8));"
        f"print(process._worker._process.pid, flush=True); {end}"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False).stdout)
    deadline = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)
