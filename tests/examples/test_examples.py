"""Each example does what its header says, as its own process, with a socket or a cable for the camera."""

import csv
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from report_samples import ERROR, READY, frame

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30  # a test that hears nothing for this long is broken
SHORT = ["print_reports", "csv_log", "servo_uart"]
EXAMPLES = [*SHORT, "mqtt", "osc", "lsl"]
TURNED = frame((1, None), t=2450)  # with all that a camera may tell
TURNED["faces"][0] |= {"why": "turned", "valence": -0.5, "arousal": 0.25}
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
        "face 1: uncertain\n",
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
    box = ["x", "y", "width", "height"]
    assert first == ["time", "camera_ms", "face", "emotion", "score", *box, "why", "valence", "arousal"]
    begin = next(i for i, row in enumerate(rows) if row[1] == "2300")
    box = ["0.8", "98", "59", "100", "100", "", "", ""]
    assert [row[1:] for row in rows[begin : begin + 4]] == [
        ["2300", "1", "happy", *box],
        ["2400", "1", "happy", *box],
        ["2500", "1", "", *box],
        ["2500", "2", "sad", *box],
    ]


def test_csv_log_goes_on_with_its_file(start, play, tmp_path):
    file = tmp_path / "emotions.csv"
    before = "time,camera_ms,face,emotion,score,x,y,width,height,why,valence,arousal\nof yesterday\n"
    file.write_text(before)
    start("csv_log", play(*REPORTS))
    wait_for(lambda: "sad" in file.read_text())
    assert file.read_text().startswith(before)
    assert file.read_text().count("camera_ms") == 1


def test_csv_log_writes_no_rows_of_other_columns_into_a_file(start, play, tmp_path):
    file = tmp_path / "emotions.csv"
    file.write_text("time,camera_ms,face,emotion,score,x,y,width,height\n")
    process = start("csv_log", play(*REPORTS))
    _, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said) == (1, "emotions.csv: has other columns than are written now; rename it\n")
    assert file.read_text() == "time,camera_ms,face,emotion,score,x,y,width,height\n"


def test_why_a_face_has_no_name_is_printed_and_logged(start, play, tmp_path):
    printed = start("print_reports", play(READY, TURNED)).stdout
    wait_for(lambda: next(printed) == "face 1: turned\n")
    file = tmp_path / "emotions.csv"
    start("csv_log", play(READY, TURNED))
    wait_for(lambda: file.exists() and "turned,-0.5,0.25" in file.read_text())


class Broker:
    """A real MQTT broker on a free port, and all that is published there."""

    def __init__(self, program: str, folder: Path, settings: str = "allow_anonymous true") -> None:
        from paho.mqtt.client import CallbackAPIVersion, Client

        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.file = folder / "mosquitto.conf"
        self.file.write_text(f"listener {self.port} 127.0.0.1\npersistence false\n{settings}\n")
        self.program = program
        self.process = self.run()
        self.came: list[tuple[str, str]] = []
        self.listener = Client(CallbackAPIVersion.VERSION2)
        self.listener.on_message = lambda client, data, message: self.came.append(
            (message.topic, message.payload.decode())
        )

    def run(self) -> subprocess.Popen:
        process = subprocess.Popen([self.program, "-c", str(self.file)], stderr=subprocess.DEVNULL)
        with socket.socket() as call:
            wait_for(lambda: process.poll() is not None or call.connect_ex(("127.0.0.1", self.port)) == 0)
        assert process.poll() is None, "mosquitto did not start"
        return process

    def listen(self, user: str | None = None, password: str | None = None) -> None:
        subscribed: list[bool] = []
        self.listener.on_subscribe = lambda *_: subscribed.append(True)
        if user:
            self.listener.username_pw_set(user, password)
        self.listener.on_connect = lambda client, *_: client.subscribe("#")
        self.listener.connect("127.0.0.1", self.port)
        self.listener.loop_start()
        wait_for(lambda: bool(subscribed))

    def kept(self) -> dict[str, str]:
        """What a newcomer is told: the retained messages."""
        from paho.mqtt.client import CallbackAPIVersion, Client

        found: dict[str, str] = {}
        newcomer = Client(CallbackAPIVersion.VERSION2)
        newcomer.on_message = lambda client, data, message: (
            found.setdefault(message.topic, message.payload.decode())
            if message.retain or message.topic == "end"
            else None
        )
        newcomer.on_subscribe = lambda client, *_: client.publish("end")
        newcomer.on_connect = lambda client, *_: client.subscribe("#")
        newcomer.connect("127.0.0.1", self.port)
        newcomer.loop_start()
        wait_for(lambda: "end" in found)
        newcomer.disconnect()
        newcomer.loop_stop()
        return {topic: text for topic, text in found.items() if topic != "end"}

    def of(self, topic: str) -> list[str]:
        return [text for each, text in list(self.came) if each == topic]

    def end(self) -> None:
        self.listener.disconnect()
        self.listener.loop_stop()
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def mosquitto() -> str:
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
    if program is None:
        pytest.skip("no mosquitto on this machine (Debian: apt-get install mosquitto)")
    return program


@pytest.fixture
def broker(mosquitto, tmp_path):
    running = Broker(mosquitto, tmp_path)
    yield running
    running.end()


def test_mqtt(start, play, broker):
    broker.listen()
    start("mqtt", play(*REPORTS), broker.address)
    wait_for(lambda: len([topic for topic, _ in broker.came if topic.startswith("emotion/")]) > 12)
    came = [(topic, text) for topic, text in broker.came if topic.startswith("emotion/")]
    begin = came.index(("emotion/1", "happy"))
    changes = [("emotion/1", "happy"), ("emotion/1", "not sure"), ("emotion/2", "sad")]
    assert came[begin : begin + 6] == changes * 2, "each change once, though the first face is reported twice"


def test_mqtt_tells_home_assistant_what_there_is(start, play, broker):
    """By the rules of its MQTT discovery: topics, ids, and where each value and the availability are."""
    broker.listen()
    start("mqtt", play(*REPORTS), broker.address, "Hall / 1")
    wait_for(lambda: any("enum" in text for text in broker.of("homeassistant/sensor/Hall___1/emotion/config")))
    wait_for(lambda: any("happy" in text for text in broker.of("emotion_camera/Hall___1/state")))
    kept = broker.kept()
    availability = "emotion_camera/Hall___1/availability"
    assert kept.pop(availability) == "online"
    assert set(kept) == {
        "homeassistant/sensor/Hall___1/emotion/config",
        "homeassistant/sensor/Hall___1/score/config",
        "homeassistant/binary_sensor/Hall___1/face/config",
    }, "and what was seen is not kept"
    configs = {topic.split("/")[3]: json.loads(text) for topic, text in kept.items()}
    assert len({config["unique_id"] for config in configs.values()}) == 3
    for config in configs.values():
        assert config["availability_topic"] == availability
        assert config["device"]["identifiers"] == ["Hall___1"]
        assert (config["device"]["name"], config["device"]["model"]) == ("Hall / 1", "H7")
    emotion = configs["emotion"]
    assert (emotion["device_class"], emotion["options"]) == ("enum", [*READY["labels"], "not sure"])
    assert emotion["value_template"] == "{{ value_json.emotion }}"
    happy = {"emotion": "happy", "score": 80, "face": 1, "valence": None, "arousal": None, "why": None}
    assert happy in [json.loads(text) for text in broker.of(emotion["state_topic"])]
    assert configs["score"]["unit_of_measurement"] == "%"
    assert set(broker.of(configs["face"]["state_topic"])) == {"ON"}
    assert emotion["expire_after"] == configs["face"]["off_delay"] == 5


def test_mqtt_has_valence_and_arousal_where_the_camera_does(start, play, broker):
    broker.listen()
    start("mqtt", play(READY, TURNED), broker.address)
    topics = [f"homeassistant/sensor/emotion_camera/{name}/config" for name in ("valence", "arousal")]
    wait_for(lambda: all(broker.of(topic) for topic in topics))
    valence = json.loads(broker.of(topics[0])[-1])
    assert (valence["value_template"], valence["name"]) == ("{{ value_json.valence }}", "Valence")
    wait_for(lambda: bool(broker.of(valence["state_topic"])))
    told = {"emotion": "not sure", "score": 80, "face": 1, "valence": -0.5, "arousal": 0.25, "why": "turned"}
    assert json.loads(broker.of(valence["state_topic"])[0]) == told


def test_mqtt_says_that_it_is_gone(start, play, broker):
    """When it is stopped, and when it dies: then the broker does."""
    broker.listen()
    availability = "emotion_camera/emotion_camera/availability"
    process = start("mqtt", play(*REPORTS), broker.address)
    wait_for(lambda: "online" in broker.of(availability))
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_S)[1].strip() == ""
    wait_for(lambda: broker.of(availability)[-1] == "offline")
    process = start("mqtt", play(*REPORTS), broker.address)
    wait_for(lambda: broker.of(availability)[-1] == "online")
    process.kill()
    wait_for(lambda: broker.of(availability)[-1] == "offline")


def test_mqtt_tells_a_broker_that_was_restarted_all_again(start, play, broker):
    broker.listen()
    topic = "homeassistant/sensor/emotion_camera/emotion/config"
    start("mqtt", play(*REPORTS), broker.address)
    wait_for(lambda: any("enum" in text for text in broker.of(topic)))
    broker.process.terminate()
    broker.process.wait()
    broker.came.clear()
    broker.process = broker.run()
    wait_for(lambda: any("enum" in text for text in broker.of(topic)))
    assert "online" in broker.of("emotion_camera/emotion_camera/availability")


def test_mqtt_with_a_password(start, play, mosquitto, tmp_path, monkeypatch):
    passwords = tmp_path / "passwords"
    maker = shutil.which("mosquitto_passwd")
    if maker is None:
        pytest.skip("no mosquitto_passwd on this machine")
    subprocess.run([maker, "-b", "-c", passwords, "anna", "secret"], check=True, capture_output=True)
    passwords.chmod(0o644)  # mosquitto reads it as a user of its own
    tmp_path.chmod(0o755)
    broker = Broker(mosquitto, tmp_path, f"allow_anonymous false\npassword_file {passwords}\nuser root")
    try:
        broker.listen("anna", "secret")
        process = start("mqtt", play(*REPORTS), broker.address)
        _, said = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1
        assert (
            said == f"the MQTT broker on {broker.address} refuses (Not authorized): set MQTT_USER and MQTT_PASSWORD\n"
        )
        monkeypatch.setenv("MQTT_USER", "anna")
        monkeypatch.setenv("MQTT_PASSWORD", "secret")
        start("mqtt", play(*REPORTS), broker.address)
        wait_for(lambda: bool(broker.of("emotion/2")))
    finally:
        broker.end()


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "127.0.0.1:many", "127.0.0.1:99999"])
def test_mqtt_without_a_broker(start, play, address):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = address.format(port=free.getsockname()[1])
    process = start("mqtt", play(*REPORTS), address)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert said.startswith(f"no MQTT broker answers on {address}: start it")
    assert "Traceback" not in said


class OscServer:
    """A real OSC server on a free port, and the messages that came."""

    def __init__(self) -> None:
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import ThreadingOSCUDPServer

        self.came: list[tuple] = []
        dispatcher = Dispatcher()
        dispatcher.set_default_handler(lambda address, *values: self.came.append((address, *values)))
        self.server = ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def last(self, address: str) -> tuple | None:
        return next((values for each, *values in reversed(list(self.came)) if each == address), None)

    def end(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def osc():
    server = OscServer()
    yield server
    server.end()


def test_osc(start, play, osc):
    start("osc", play(READY, frame((3, None), (2, "sad"), t=2500)), osc.address)
    wait_for(lambda: osc.last("/emotion/1/happy") is not None and osc.last("/emotion/2/neutral") is not None)
    assert osc.last("/emotion/1/happy") == [pytest.approx(0.8)]
    assert osc.last("/emotion/1/disgust") == [0.0], "a number that is whole is sent as a float, too"
    assert (osc.last("/emotion/1/name"), osc.last("/emotion/2/name")) == ([""], ["sad"])
    assert (osc.last("/emotion/1/id"), osc.last("/emotion/2/id")) == ([3], [2])
    assert osc.last("/emotion/1/box") == [98, 59, 100, 100]


def test_osc_has_valence_and_arousal_where_the_camera_does(start, play, osc):
    start("osc", play(READY, TURNED), osc.address)
    wait_for(lambda: osc.last("/emotion/1/box") is not None)
    assert (osc.last("/emotion/1/valence"), osc.last("/emotion/1/arousal")) == ([-0.5], [0.25])
    assert (osc.last("/emotion/1/name"), osc.last("/emotion/1/why")) == ([""], ["turned"])


def test_osc_with_labels_of_ones_own(start, play, osc):
    """A label may have what an OSC address can't; without labels scores have numbers."""
    labels = ["very happy", "a/b#*?{x}", "c", "d", "e", "f", "schön"]
    start("osc", play(frame((1, "c")), READY | {"labels": labels}, frame((1, "c"))), osc.address)
    wait_for(lambda: osc.last("/emotion/1/very_happy") is not None)
    assert osc.last("/emotion/1/a_b____x_") is not None
    assert {address for address, *_ in osc.came} <= {
        f"/emotion/1/{name}"
        for name in (*"1234567", "very_happy", "a_b____x_", *"cdef", "sch_n", "name", "why", "id", "box")
    }  # fmt: skip


@pytest.mark.parametrize("target", ["127.0.0.1:many", "127.0.0.1:99999", "no.such.host.invalid"])
def test_osc_to_nowhere(start, play, target):
    process = start("osc", play(*REPORTS), target)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert said.startswith(f"{target}: can't be sent to (")
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def lsl(tmp_path_factory):
    """pylsl, on this computer alone, apart from all other streams on it; a process reads its settings once."""
    settings = tmp_path_factory.mktemp("lsl") / "lsl_api.cfg"
    settings.write_text(
        "[ports]\nIPv6 = disable\n[multicast]\nResolveScope = machine\n"
        f"[lab]\nKnownPeers = {{127.0.0.1}}\nSessionID = {uuid.uuid4()}\n[log]\nlevel = -3\n"
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LSLAPICFG", str(settings))
        try:
            import pylsl
        except RuntimeError:
            pytest.skip("no liblsl on this machine; pylsl's wheels for Linux on x86-64, macOS and Windows bring it")
        yield pylsl


def test_lsl(start, play, lsl):
    """Scores and changes, as LabRecorder gets them."""
    start("lsl", play(READY, frame((3, "happy"), (1, "sad")), frame((3, "happy")), frame((3, None)), TURNED))
    (scores,) = lsl.resolve_byprop("name", "EmotionCamera", timeout=PATIENCE_S)
    (markers,) = lsl.resolve_byprop("name", "EmotionCameraMarkers", timeout=PATIENCE_S)
    assert (scores.type(), scores.nominal_srate(), scores.source_id()) == ("Emotion", 0, markers.source_id()[:-8])
    inlet = lsl.StreamInlet(scores)
    described = inlet.info(PATIENCE_S)
    assert described.get_channel_labels() == [*READY["labels"], "valence", "arousal"]
    assert described.get_channel_units() == ["probability"] * 7 + ["-1 to 1"] * 2
    assert described.desc().child("acquisition").child_value("board") == "H7"
    samples = [inlet.pull_sample(PATIENCE_S) for _ in range(8)]
    scores, at = [0.004, 0.0, 0.02, 0.8, 0.168, 0.008, 0.0], samples[0][1]
    told = [sample[7:] for sample, _ in samples if not math.isnan(sample[7])]
    assert [sample[:7] for sample, _ in samples] == [pytest.approx(scores)] * 8
    assert told == [[-0.5, 0.25]] * 2, "each fourth; NaN for the others"
    assert 0 <= lsl.local_clock() - at < PATIENCE_S
    changes = lsl.StreamInlet(markers)
    heard = [changes.pull_sample(PATIENCE_S)[0] for _ in range(9)]
    begin = heard.index(["event ready"])
    assert heard[begin + 1 : begin + 3] == [["emotion happy"], ["emotion not sure"]], "once for each change"


def test_lsl_without_labels_numbers_the_scores(start, play, lsl):
    start("lsl", play(*[frame((1, "happy"))] * 400))
    (scores,) = lsl.resolve_byprop("name", "EmotionCamera", timeout=PATIENCE_S)
    labels = lsl.StreamInlet(scores).info(PATIENCE_S).get_channel_labels()
    assert labels == [*(f"score {n}" for n in range(1, 8)), "valence", "arousal"]


def test_lsl_writes_the_markers_of_an_experiment_beside_the_faces(start, play, lsl, tmp_path):
    file = tmp_path / "emotions_lsl.csv"
    outlet = lsl.StreamOutlet(lsl.StreamInfo("Stimuli", "Markers", 1, lsl.IRREGULAR_RATE, "string", "experiment"))
    start("lsl", play(*REPORTS), "Stimuli")
    assert outlet.wait_for_consumers(PATIENCE_S)
    outlet.push_sample(["picture 7\nshown"], shown := lsl.local_clock())
    outlet.push_sample(["=1+1"], shown + 60)
    wait_for(lambda: file.exists() and "1+1" in file.read_text() and "happy" in file.read_text())
    first, *rows = csv.reader(file.read_text().splitlines())
    assert first == ["lsl_time", "marker", "face", "emotion", "score"]
    marker, formula = [row for row in rows if row[1]]
    assert formula[1].startswith("'"), "a spreadsheet would compute it"
    assert marker[1:] == ["picture 7 shown", "", "", ""]
    assert float(marker[0]) == pytest.approx(shown, abs=0.05), "when it was shown, not when it came"
    faces = [row for row in rows if row[2]]
    assert ["", "1", "happy", "0.8"] in [row[1:] for row in faces]
    assert abs(float(faces[0][0]) - shown) < PATIENCE_S


@pytest.mark.parametrize(("happy", "sad"), [("happy", "sad"), ("Happiness", "SADNESS")])
def test_servo_uart(start, play, plug_in, happy, sad):
    """An emotion by any of its names."""
    servo = plug_in("servo")
    ready = READY | {"labels": [{"happy": happy, "sad": sad}.get(label, label) for label in READY["labels"]]}
    start(
        "servo_uart",
        str(servo.path),
        play(ready, frame((1, happy)), frame((1, happy), t=2400), frame((2, sad), t=2500)),
    )
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
    if name == "lsl":
        request.getfixturevalue("lsl")
    if name == "mqtt":
        after = [request.getfixturevalue("broker").address]
    wrong = str(tmp_path / "ttyACM0")
    process = start(name, *before, wrong, *after)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert said == f"{wrong}: there is no such port; plug the camera in, or give another port\n"


@pytest.mark.parametrize("name", SHORT)
def test_it_is_short(name):
    assert len((ROOT / "examples" / f"{name}.py").read_text().splitlines()) <= 32
