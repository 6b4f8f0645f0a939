"""The live page's server: what it tells a page, what it does for one, and whom it refuses."""

import asyncio
import io
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import ANY

import aiohttp
import numpy as np
import pytest
from emotion_camera.camera.recorded import RecordedStream
from emotion_camera.commands.watch.command import FILES
from emotion_camera.commands.watch.hub import Hub
from emotion_camera.errors import UserError
from emotion_camera.events import Line
from emotion_camera.recordings import read_recording
from emotion_camera.web.live import HEADER, IN_FLIGHT
from PIL import Image
from watched import LABELS, PICTURE, FakeStream, _face, served, wait_until

ROOT = Path(__file__).resolve().parents[2]


class Listener:
    """A page as the hub sees it."""

    def __init__(self, hub: Hub) -> None:
        self.told: list[dict] = []
        self.shown: list[bytes] = []
        hub.join(self)

    def send(self, message: dict) -> None:
        self.told.append(message)

    def show(self, number: int, frame: bytes) -> None:
        self.shown.append(frame)

    def of(self, kind: str) -> list[dict]:
        return [message for message in self.told if message["type"] == kind]

    @property
    def state(self) -> dict:
        return self.of("state")[-1]


@pytest.fixture
def camera():
    return FakeStream()


@pytest.fixture
def hub(camera, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hub = Hub(camera)
    yield hub
    hub.close()


def test_a_page_sees_the_cameras_frame_and_hears_its_reports(camera, hub):
    page = Listener(hub)
    camera.show()
    camera.report((3, "happy"))
    wait_until(lambda: page.of("faces"))
    number, _ = HEADER.unpack_from(page.shown[0])
    picture = np.asarray(Image.open(io.BytesIO(page.shown[0][HEADER.size :])))
    assert number == 1
    assert np.abs(picture.astype(int) - PICTURE).max() < 8  # JPEG
    assert page.of("faces")[0]["faces"][0][:2] == [3, "happy"]


def test_a_page_hears_why_a_face_has_no_name_and_what_to_do(camera, hub):
    page = Listener(hub)
    camera.report((3, None), why="turned", valence=-0.5, arousal=0.25)
    camera.report((3, None))
    wait_until(lambda: len(page.of("faces")) == 2)
    assert [report["faces"][0][5:] for report in page.of("faces")] == [["turned", -0.5, 0.25], [None, None, None]]
    assert page.state["reasons"]["turned"] == ["the face is turned away", "face the camera"]


def test_a_page_that_comes_later_is_told_what_there_is(camera, hub):
    camera.ready()
    camera.print(event="status", free=123_456, settings={}, rest={}, board="H7")
    camera.report((1, "sad"))
    camera.show()
    first = Listener(hub)
    wait_until(lambda: first.shown)
    page = Listener(hub)
    about = page.state["about"]
    assert (page.state["board"], about["firmware"], about["free"]) == ("told camera", "5.0.0", 123_456)
    assert [report["faces"][0][1] for report in page.of("history")[0]["reports"]] == ["sad"]
    assert len(page.shown) == 1


def test_the_cable_pulled_and_put_back_is_told(camera, hub):
    page = Listener(hub)
    camera.lose("plug it in")
    wait_until(lambda: page.state["lost"] == "plug it in")
    camera.show()
    wait_until(lambda: page.state["lost"] is None)


def test_commands_reach_the_camera_and_its_answer_the_page(camera, hub):
    page = Listener(hub)
    hub.do({"do": "calibrate"})
    camera.print(event="reply", message="Hold still.")
    wait_until(lambda: page.of("notice"))
    assert "calibrate" in camera.said
    assert page.of("notice")[0]["message"] == "Hold still."


def test_the_cameras_status_is_asked_for(camera, hub):
    wait_until(lambda: "status" in camera.said)


def test_why_the_camera_takes_no_commands_is_told(tmp_path):
    hub = Hub(FakeStream(mute="it is a recording"))
    page = Listener(hub)
    wait_until(lambda: page.state["mute"] == "it is a recording")
    hub.close()


@pytest.mark.parametrize("asked", [None, [], "calibrate", {}, {"do": "reset"}, {"do": ["calibrate"]}, {"do": None}])
def test_what_a_page_may_not_ask_for_is_refused(hub, camera, asked):
    with pytest.raises(UserError, match="load it again"):
        hub.do(asked)
    assert "reset" not in camera.said


def test_a_recording_that_starts_late_knows_the_camera(camera, hub):
    page = Listener(hub)
    camera.ready()
    wait_until(lambda: page.state["about"] and page.state["bare"])
    hub.do({"do": "record", "frames": True})
    with pytest.raises(UserError, match="recording already"):
        hub.do({"do": "record"})
    folder = Path(page.state["recording"]["folder"])
    camera.report((1, "happy"))
    camera.show()
    wait_until(lambda: page.shown)
    hub.do({"do": "stop"})
    assert page.state["recording"] is None
    recording = read_recording(folder)
    events = [entry.report for entry in recording.entries()]
    assert events[0].event == "ready"
    assert events[1].message == "draw is off.", "its frames have no boxes"
    assert events[2].faces[0].emotion == "happy"
    assert len(recording.frames) == 1


def test_pictures_are_recorded_only_if_asked_for(camera, hub):
    page = Listener(hub)
    hub.do({"do": "record"})
    folder = Path(page.state["recording"]["folder"])
    camera.show()
    wait_until(lambda: page.shown)
    hub.do({"do": "stop"})
    assert read_recording(folder).frames == ()


def test_a_recording_is_ended_when_the_program_ends(camera, hub):
    page = Listener(hub)
    hub.do({"do": "record"})
    folder = Path(page.state["recording"]["folder"])
    hub.close()
    assert camera.closed.is_set()
    assert read_recording(folder).ended_ms is not None


def test_a_full_disk_ends_the_recording_and_not_the_page(camera, hub, monkeypatch):
    page = Listener(hub)
    hub.do({"do": "record"})

    def full(*_):
        raise UserError("the disk is full")

    monkeypatch.setattr("emotion_camera.recordings.Recorder.add", full)
    camera.show()
    wait_until(lambda: page.shown)
    assert page.state["recording"] is None
    assert {"type": "notice", "message": "the disk is full", "bad": True} in page.told


def test_the_camera_leaves_its_frames_bare_while_a_page_is_open_or_a_recording_runs(camera, hub):
    assert "draw off" not in camera.said
    page, other = Listener(hub), Listener(hub)
    wait_until(lambda: page.state["bare"])
    camera.ready()  # its program has started again
    wait_until(lambda: camera.said.count("draw off") == 2)
    hub.leave(page)
    hub.do({"do": "record"})
    hub.leave(other)
    assert "draw on" not in camera.said
    hub.do({"do": "stop"})
    assert camera.said[-1] == "draw on"
    Listener(hub)
    hub.close()
    assert camera.said[-1] == "draw on"


def test_a_camera_that_takes_no_commands_keeps_its_drawing(tmp_path):
    hub = Hub(FakeStream(mute="it is watched"))
    page = Listener(hub)
    assert page.state["bare"] is False
    hub.close()


def test_the_free_memory_does_not_jump(camera, hub):
    page = Listener(hub)
    for free in (4_000_000, 100_000, 4_200_000, 3_900_000, 200_000):
        camera.print(event="status", free=free)
    camera.show()
    wait_until(lambda: page.shown)
    assert [state["about"]["free"] for state in page.of("state")[-3:]] == [4_000_000, 4_000_000, 3_900_000]


@pytest.mark.parametrize(
    ("told", "every", "patience"),
    [
        ({}, 0, 1000),
        ({"event": "status", "settings": {"report_ms": 5000}}, 5000, 6000),
        ({"event": "reply", "message": "report_ms is 10000."}, 10_000, 11_000),
        ({"event": "status", "settings": {"report_ms": "soon"}}, 0, 1000),
        ({"event": "status", "settings": {"report_ms": 1e9}}, 0, 1000),
    ],
)
def test_a_report_stands_until_the_next_is_due(camera, hub, told, every, patience):
    page = Listener(hub)
    if told:
        camera.print(**told)
    camera.report((1, "happy"))
    wait_until(lambda: page.of("faces"))
    assert (page.of("faces")[0]["every"], page.of("faces")[0]["patience"]) == (every, patience)


def test_a_slow_camera_gets_two_and_a_half_frames(camera, hub):
    page = Listener(hub)
    camera.report((1, "happy"))
    for fps in (0.5, 1e-300, 0):
        camera.print(t=0, fps=fps, faces=[_face(1, "happy", "happy")])
    wait_until(lambda: len(page.of("faces")) == 4)
    assert [faces["patience"] for faces in page.of("faces")] == [1000, 5000, 25_000, 1000]


def test_what_is_wrong_at_the_moment_is_told_as_long_as_it_is(camera, hub):
    """Of an error that came before the page, or whose end was lost, the camera's status tells."""
    page = Listener(hub)

    def wrong(**told: object) -> str | None:
        count = len(page.of("state"))
        camera.print(**told)
        camera.show()
        wait_until(lambda: len(page.of("state")) > count)
        return page.state["wrong"]

    assert page.state["wrong"] is None
    assert wrong(event="error", message="It is \x1b[2Jdark.") == r"It is \x1b[2Jdark."
    assert Listener(hub).state["wrong"] == r"It is \x1b[2Jdark."
    assert wrong(event="status", free=1, problem="The lens is loose.") == "The lens is loose."
    assert wrong(event="status", free=1) == "The lens is loose.", "an older program does not tell"
    assert wrong(event="status", free=1, problem=None) is None
    assert wrong(event="error", message="dark") == "dark"
    assert wrong(event="recovered") is None
    assert wrong(event="error", message="dark") == "dark"
    camera.lose()
    wait_until(lambda: page.state["lost"])
    assert page.state["wrong"] is None


def test_a_flood_of_reports_takes_a_bounded_memory(camera, hub, monkeypatch):
    """Of a hostile camera's: each may have a hundred faces with hundreds of scores."""
    monkeypatch.setattr("emotion_camera.commands.watch.hub.MOST_HISTORY", 5 * (1 + len(LABELS)))
    camera.report(*((number, "happy") for number in range(1, 30)))
    for number in range(1, 30):
        camera.report((number, "happy"))
    camera.show()
    page = Listener(hub)
    wait_until(lambda: page.shown or hub._frame)
    late = Listener(hub)
    assert [report["faces"][0][0] for report in late.of("history")[0]["reports"]] == list(range(25, 30))


def test_nothing_that_a_camera_says_keeps_the_page_from_its_news(camera, hub):
    """NaN is no JSON: a browser would refuse all that comes with it, and the page stand still."""
    page = Listener(hub)
    for line in (
        '{"v":1,"event":"status","free":NaN}',
        '{"v":1,"event":"status","light":1e999,"free":5}',
        '{"v":1,"event":"status","free":[],"model":{},"settings":7}',
        '{"v":1,"event":"ready","labels":[[]],"firmware":{"a":1}}',
        '{"v":1,"event":"status","deep":' + "[" * 200 + "]" * 200 + "}",
    ):
        camera._events.put(Line(0, line))
    camera.report((1, "happy"))
    wait_until(lambda: page.of("faces"))
    for message in page.told:
        json.loads(json.dumps(message), parse_constant=pytest.fail)
    assert page.state["about"] == {}


def test_a_recording_is_played_paused_moved_and_reported(camera, hub, tmp_path):
    hub.do({"do": "record", "frames": True})
    for number in range(1, 5):
        camera.report((number, "happy"))
        camera.show()
        time.sleep(0.3)
    page = Listener(hub)
    wait_until(lambda: page.shown)
    hub.do({"do": "stop"})
    folder = Path(page.state["recorded"])

    played = Hub(RecordedStream(folder))
    page = Listener(played)
    wait_until(lambda: page.state["playback"]["ended"])
    assert page.state["board"] == "told camera"
    assert page.of("faces")[-1]["faces"][0][0] == 4
    played.do({"do": "play", "paused": True, "position": 0})
    wait_until(lambda: page.of("faces")[-1]["faces"][0][0] == 1)
    assert page.of("history")[-1]["reports"] == []
    assert page.state["playback"] == {"length": ANY, "paused": True, "ended": False}
    shown = len(page.shown)
    time.sleep(0.5)
    assert len(page.shown) <= shown + 1, "it is paused"
    for nonsense in ("x", [], float("nan"), True):
        played.do({"do": "play", "paused": True, "position": nonsense})
    with pytest.raises(UserError, match="recorded already"):
        played.do({"do": "record"})
    played.do({"do": "play", "paused": False})
    wait_until(lambda: page.state["playback"]["ended"])
    assert b"told camera" in played.report()
    assert (folder / "report.html").is_file()
    played.close()


def test_a_camera_cannot_be_moved_and_has_no_report_before_a_recording(hub):
    with pytest.raises(UserError, match="Only a recording"):
        hub.do({"do": "play", "paused": True})
    with pytest.raises(UserError, match="Nothing was recorded"):
        hub.report()


def test_reports_of_a_later_version_are_told_in_a_sentence(camera, hub):
    page = Listener(hub)
    camera.print(v=2, event="ready")
    camera.show()
    wait_until(lambda: page.shown)
    assert "update this program" in page.of("notice")[0]["message"]


# Over HTTP -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(camera):
    with served(camera) as (_, url):
        yield url


def origin(url: str) -> str:
    return url[: url.index("/", len("http://"))]


def fetch(url: str, **headers: str) -> tuple[int, dict, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_serves_its_own_files_and_nothing_else(page):
    for path in FILES:
        status, _, content = fetch(page.rstrip("/") + path)
        assert (status, bool(content)) == (200, True), path
    for path in ("../command.py", "%2e%2e/command.py", "tools", "page.html"):
        assert fetch(page + path)[0] in (403, 404), path


def test_the_page_may_load_nothing_from_elsewhere(page):
    policy = fetch(page)[1]["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    own = origin(page).removeprefix("http://")
    assert set(re.findall(r"\w+://[^ ;]+", policy)) == {f"ws://{own}"}
    for file in FILES.values():
        if file.parent.name == "page":
            assert not re.search(r"https?://(?!www\.w3\.org/)", file.read_text(encoding="utf-8")), file


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}"]
)
def test_another_name_that_leads_here_is_refused(page, host):
    port = origin(page).rpartition(":")[2]
    assert fetch(page, Host=host.format(port=port))[0] == 403
    assert fetch(page, Host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize("sender", [None, "http://evil.example", "null", "http://127.0.0.1:1", "https://{own}"])
def test_pages_from_elsewhere_may_not_listen(page, sender):
    async def listen() -> int:
        own = origin(page).removeprefix("http://")
        headers = {} if sender is None else {"Origin": sender.format(own=own)}
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(page + "live", headers=headers):
                    return 101
            except aiohttp.WSServerHandshakeError as error:
                return error.status

    assert asyncio.run(listen()) == 403


@pytest.mark.parametrize("token", ["", "x/", "x" * 22 + "/", "\N{SNOWMAN}/", "?token="])
def test_who_does_not_know_the_address_is_refused(page, token):
    """Other users of this computer can connect to the port, too."""

    async def listen(url: str) -> int:
        async with aiohttp.ClientSession() as session:
            try:
                async with session.ws_connect(url, headers={"Origin": origin(page)}):
                    return 101
            except aiohttp.WSServerHandshakeError as error:
                return error.status

    stranger = origin(page) + "/" + urllib.parse.quote(token, safe="/?=")
    for path in ("", "page.js", "theme.css", "live"):
        assert fetch(stranger + path)[0] == 403, path
    assert asyncio.run(listen(stranger + "live")) == 403


def test_two_programs_have_addresses_of_their_own(page):
    with served(FakeStream()) as (_, other):
        assert origin(other) + page[len(origin(page)) :] != other
        assert fetch(origin(other) + page[len(origin(page)) :])[0] == 403


def test_the_browser_is_opened_by_a_link_that_works_once(monkeypatch, tmp_path):
    """The command line of a browser can be read by the computer's other users."""
    monkeypatch.chdir(tmp_path)
    opened: queue.SimpleQueue[str] = queue.SimpleQueue()
    waits = threading.Event()

    def open_slowly(url: str) -> None:
        opened.put(url)
        waits.wait(10)

    monkeypatch.setattr("webbrowser.open", open_slowly)
    with served(FakeStream(), opens_browser=True) as (_, url):
        link = opened.get(timeout=10)
        assert url.rstrip("/").rpartition("/")[2] not in link
        assert b"Emotion camera" in fetch(link)[2], "served while the browser is still being opened"
        assert fetch(link)[0] == 403
        waits.set()


@asynccontextmanager
async def listening(url: str):
    """The socket of a page that was served there."""
    headers = {"Origin": origin(url)}
    async with aiohttp.ClientSession() as session, session.ws_connect(url + "live", headers=headers) as socket:
        yield socket


def test_nonsense_from_a_page_harms_nobody(page, camera):
    async def talk() -> dict:
        async with listening(page) as socket:
            for nonsense in ("{", "[" * 4000, '{"drawn": "x"}', '{"drawn": 1e999}', "null", '{"do": {}}'):
                await socket.send_str(nonsense)
            await socket.send_bytes(b"\0" * 100)
            await socket.send_str('{"do": "calibrate"}')
            while "calibrate" not in camera.said:
                await asyncio.sleep(0.02)
            return json.loads((await socket.receive()).data)

    assert asyncio.run(asyncio.wait_for(talk(), 15))["type"] == "state"


def test_a_slow_page_gets_the_newest_frame_and_delays_no_other(page, camera):
    """One page says that it has drawn each frame, the other says nothing and then that it has drawn all."""

    async def frames_of(socket, count: int, answers: bool) -> list[int]:
        numbers = []
        while len(numbers) < count:
            message = await socket.receive()
            if message.type == aiohttp.WSMsgType.BINARY:
                numbers.append(HEADER.unpack_from(message.data)[0])
                if answers:
                    await socket.send_json({"drawn": numbers[-1]})
        return numbers

    async def watch() -> tuple[list[int], list[int]]:
        headers = {"Origin": origin(page)}
        async with aiohttp.ClientSession() as session:
            quick = await session.ws_connect(page + "live", headers=headers)
            slow = await session.ws_connect(page + "live", headers=headers)
            seen = []
            for _ in range(30):
                camera.show()
                seen += await frames_of(quick, 1, answers=True)
            stuck = await frames_of(slow, IN_FLIGHT, answers=False)
            await slow.send_json({"drawn": 30})
            return seen, [*stuck, *await frames_of(slow, 1, answers=True)]

    seen, of_slow = asyncio.run(asyncio.wait_for(watch(), 20))
    assert seen == list(range(1, 31))
    assert of_slow[2] >= 29  # the newest; all between were left out


def test_a_page_that_closes_is_forgotten(page, camera):
    async def come_and_go() -> None:
        async with listening(page) as socket:
            await socket.receive()

    asyncio.run(come_and_go())
    before = threading.active_count()
    for _ in range(3):
        camera.show()
        asyncio.run(come_and_go())
    assert threading.active_count() <= before


def test_a_taken_port_is_told_in_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "emotion_camera",
            "watch",
            "--port",
            "simulator",
            "--no-browser",
            "--http-port",
            str(port),
        ]
        done = subprocess.run(command, cwd=tmp_path, env=here(), capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert f"watch: the page's port {port} can't be had" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_ends_cleanly_at_ctrl_c(tmp_path):
    command = [
        sys.executable,
        "-m",
        "emotion_camera",
        "watch",
        "--port",
        "simulator",
        "--no-browser",
        "--http-port",
        "0",
    ]
    watch = subprocess.Popen(
        command, cwd=tmp_path, env=here(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    url = re.search(r"http://\S+", watch.stdout.readline()).group()

    async def until_it_ends() -> int:
        async with listening(url) as socket:
            while (message := await socket.receive()).type != aiohttp.WSMsgType.BINARY:
                assert message.type == aiohttp.WSMsgType.TEXT
            watch.send_signal(signal.SIGINT)
            async for _ in socket:
                pass
            return socket.close_code

    assert asyncio.run(asyncio.wait_for(until_it_ends(), 30)) == 1001
    _, errors = watch.communicate(timeout=20)
    assert watch.returncode == 0
    assert "Traceback" not in errors


def here() -> dict[str, str]:
    """The environment in which another folder finds the tools."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js to run the page's script")
def test_a_flood_of_faces_takes_a_bounded_memory_of_the_page(tmp_path):
    for name in ("timeline", "faces"):  # as modules, which Node knows by their ending
        text = FILES[f"/{name}.js"].read_text(encoding="utf-8").replace('"./faces.js"', '"./faces.mjs"')
        (tmp_path / f"{name}.mjs").write_text(text, encoding="utf-8")
    (tmp_path / "run.mjs").write_text("""
globalThis.echarts = { init: () => ({}) };
globalThis.ResizeObserver = class { observe() {} };
const { Timeline } = await import("./timeline.mjs");
const timeline = new Timeline({});
for (let at = 0; at < 300; at += 1) {
  const faces = Array.from({ length: 100 }, (_, face) => [100 * at + face, "happy", 1, [], [], null]);
  timeline.add({ faces, at, every: 0, patience: 1000 });
}
console.log(timeline.spans.length, timeline.spans.at(-1).id);
""")
    done = subprocess.run(["node", "run.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3000", "29999"]
