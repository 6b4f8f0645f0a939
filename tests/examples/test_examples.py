"""Each example does what its header says, as its own process, with a socket or a cable for the camera."""

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from report_samples import ERROR, READY, frame

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30  # a test that hears nothing for this long is broken
EXAMPLES = ["print_reports", "csv_log", "mqtt", "servo_uart"]
REPORTS = [READY, frame((1, "happy")), frame((1, "happy"), t=2400), ERROR, frame((1, None), (2, "sad"), t=2500)]


@pytest.fixture
def start(tmp_path):
    """A function that starts an example in tmp_path; it is ended after the test."""
    running: list[subprocess.Popen] = []

    def run(name: str, *arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", f"examples.{name}", *arguments]
        env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        running.append(subprocess.Popen(command, cwd=tmp_path, env=env, text=True, **pipes))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


def wait_for(what: Callable[[], bool]) -> None:
    """Returns when `what` is so; fails when that takes too long."""
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.02)


def test_print_reports(start, play, patience):
    printed = start("print_reports", play(*REPORTS)).stdout
    while next(printed) != "ready \n":
        pass
    assert [next(printed) for _ in range(5)] == [
        "face 1: happy (80%)\n",
        "face 1: happy (80%)\n",
        "error The camera gives no picture.\n",
        "face 1: not sure (80%)\n",
        "face 2: sad (80%)\n",
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console")
def test_ctrl_c_ends_it_quietly(start, play, patience):
    process = start("print_reports", play(*REPORTS))
    next(process.stdout)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_S)[1].strip() == ""


def test_csv_log(start, play, tmp_path):
    file = tmp_path / "emotions.csv"
    process = start("csv_log", play(*REPORTS))
    wait_for(lambda: file.exists() and file.read_text().count("sad") >= 2)
    process.kill()
    process.wait()
    first, *rows = csv.reader(file.read_text().splitlines())
    assert first == ["time", "camera_ms", "face", "emotion", "score", "x", "y", "width", "height"]
    begin = next(i for i, row in enumerate(rows) if row[1] == "2300")
    box = ["0.8", "98", "59", "100", "100"]
    assert [row[1:] for row in rows[begin : begin + 4]] == [
        ["2300", "1", "happy", *box],
        ["2400", "1", "happy", *box],
        ["2500", "1", "", *box],
        ["2500", "2", "sad", *box],
    ]


def test_csv_log_goes_on_with_its_file(start, play, tmp_path):
    file = tmp_path / "emotions.csv"
    file.write_text("of yesterday\n")
    start("csv_log", play(*REPORTS))
    wait_for(lambda: "sad" in file.read_text())
    assert file.read_text().startswith("of yesterday\n")
    assert "camera_ms" not in file.read_text()


@pytest.fixture
def broker(tmp_path):
    """A real MQTT broker on a free port; its address."""
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if program is None:
        pytest.skip("no mosquitto on this machine (Debian: apt-get install mosquitto)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    process = subprocess.Popen([program, "-c", str(settings)], stderr=subprocess.DEVNULL)
    with socket.socket() as call:
        wait_for(lambda: process.poll() is not None or call.connect_ex(("127.0.0.1", port)) == 0)
    assert process.poll() is None, "mosquitto did not start"
    yield "127.0.0.1", port
    process.terminate()
    process.wait()


def test_mqtt(start, play, broker):
    from paho.mqtt.client import CallbackAPIVersion, Client

    host, port = broker
    came: list[tuple[str, str]] = []
    subscribed: list[bool] = []
    listener = Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda client, data, message: came.append((message.topic, message.payload.decode()))
    listener.on_subscribe = lambda *_: subscribed.append(True)
    listener.connect(host, port)
    listener.subscribe("emotion/#")
    listener.loop_start()
    wait_for(lambda: bool(subscribed))
    start("mqtt", play(*REPORTS), f"{host}:{port}")
    wait_for(lambda: len(came) > 12)
    listener.loop_stop()
    listener.disconnect()
    begin = came.index(("emotion/1", "happy"))
    changes = [("emotion/1", "happy"), ("emotion/1", "not sure"), ("emotion/2", "sad")]
    assert came[begin : begin + 6] == changes * 2, "each change once, though the first face is reported twice"


def test_mqtt_without_a_broker(start, play):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = start("mqtt", play(*REPORTS), f"127.0.0.1:{port}")
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert said.startswith("no MQTT broker answers on 127.0.0.1: start it")
    assert "Traceback" not in said


def test_servo_uart(start, play, plug_in):
    servo = plug_in("servo")
    start("servo_uart", str(servo.path), play(*REPORTS, frame((2, "sad"))))
    told = b""
    while told.count(b"\n") < 6:
        told += servo.take()
    lines = told.split(b"\n")
    assert lines[lines.index(b"P180") :][:4] == [b"P180", b"P60", b"P180", b"P60"], "once for each change"


def test_servo_uart_without_a_port_explains_itself(start):
    process = start("servo_uart")
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "SERVO_PORT [PORT]" in said


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_wrong_port_is_told_in_a_sentence(name, start, plug_in, tmp_path, request):
    before = {"servo_uart": [str(plug_in("servo").path)]}.get(name, [])
    after = []
    if name == "mqtt":
        after = ["{}:{}".format(*request.getfixturevalue("broker"))]
    wrong = str(tmp_path / "ttyACM0")
    process = start(name, *before, wrong, *after)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert said == f"{wrong}: there is no such port; plug the camera in, or give another port\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_short(name):
    assert len((ROOT / "examples" / f"{name}.py").read_text().splitlines()) < 30
