"""`emotion-camera collect`: from the camera's picture to a folder that training reads."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from emotion_camera.__main__ import main
from emotion_camera.commands.collect.crop import is_inside, model_view
from emotion_camera.commands.collect.session import Session
from emotion_camera.faces.folder import FacesFolder
from emotion_camera.reports.parse import FacesReport, parse
from emotion_camera.simulator import Line, Shown, run
from emotion_camera.simulator.host import networks
from emotion_camera.simulator.host.sources import Source, open_source
from emotion_camera.simulator.program import program_for
from PIL import Image
from scripted_camera import ScriptedStream, faces, picture, wait_until

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "emotion.tflite"
COMPOSITES = ROOT / "tools" / "emotion_camera" / "simulator" / "assets" / "average_faces"


def scene(size: int) -> Source:
    """A face that keeps still."""
    face = Image.new("L", (320, 240), 128)
    face.paste(Image.open(COMPOSITES / "happy.png").resize((size, size)), (90, 50))
    return Source(f"a face of {size} pixels", 10, lambda: iter([np.asarray(face)] * 20), still=True)


@pytest.mark.parametrize("source", [scene(44), scene(150), open_source(None)], ids=["small", "large", "clip"])
@pytest.mark.parametrize("firmware", ["v4.8", "v5.0"])
def test_what_is_cut_is_what_the_network_of_main_py_got(source, firmware, monkeypatch):
    given: list[bytes] = []
    make = networks.input_tensor

    def make_and_keep(*arguments):
        tensor = make(*arguments)
        given.append((tensor.view(np.uint8) ^ 128).tobytes())
        return tensor

    monkeypatch.setattr(networks, "input_tensor", make_and_keep)
    frames, compared, found, seen_mirrored = 0, 0, (), False
    program = program_for("h7plus", MODEL)
    events = run(
        source=source, board="h7plus", firmware=firmware, serial_input=b"draw off\n", stop_after_ms=5000, **program
    )
    for event in events:
        report = parse(event.text) if isinstance(event, Line) else None
        if isinstance(report, FacesReport):
            found = report.faces
        elif isinstance(event, Shown):
            cut = [model_view(event.picture, face.box) for face in found if is_inside(face.box, event.picture)]
            mirrored = {np.ascontiguousarray(view[:, ::-1]).tobytes() for view in cut}
            if frames:  # the first has the self-test drawn on it
                assert set(given) <= {view.tobytes() for view in cut} | mirrored
                compared += len(given)
                seen_mirrored |= not mirrored.isdisjoint(given)
            frames += 1
            found = ()
            given.clear()
    assert compared >= 6  # a face of 44 pixels is enlarged, the others are averaged down
    assert seen_mirrored == (source.name != "a face of 44 pixels"), "large faces are read in a mirror every other time"


class TestPage:
    """The page in a browser, for a camera that a test plays."""

    @pytest.fixture
    def session(self, tmp_path):
        session = Session(
            ScriptedStream(), FacesFolder(tmp_path / "faces"), ["angry", "happy", *"cdefghij"], in_order=True
        )
        session.start()
        wait_until(lambda: session.state().trouble is None)
        yield session
        session.close()

    @pytest.fixture
    def url(self, session):
        """The page's address, while it is served."""
        import asyncio
        import threading

        pytest.importorskip("aiohttp")
        from emotion_camera.commands.collect.page import serving

        loop, served = asyncio.new_event_loop(), serving(session, 0)
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        yield asyncio.run_coroutine_threadsafe(served.__aenter__(), loop).result(10)
        asyncio.run_coroutine_threadsafe(served.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    @pytest.fixture
    def page(self, url):
        sync = pytest.importorskip("playwright.sync_api")
        chromium = Path("/usr/bin/chromium")
        with sync.sync_playwright() as playwright:
            try:
                how = {"executable_path": chromium} if chromium.exists() else {}
                browser = playwright.chromium.launch(args=["--no-sandbox"], **how)
            except sync.Error as error:
                pytest.skip(f"no Chromium: {error}")
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.wrong = []
            page.on("pageerror", lambda error: page.wrong.append(str(error)))
            page.on("console", lambda message: message.type == "error" and page.wrong.append(message.text))
            page.goto(url)
            yield page
            assert page.wrong == []
            browser.close()

    @staticmethod
    def show(session, page, pixels, line=None):
        if line:
            session._live.text(line)
        session._live.frame(pixels)
        wait_until(lambda: (match := session.state().match) is not None and match.picture is pixels)

    @staticmethod
    def says(page, text):
        page.wait_for_function("text => document.getElementById('said').textContent.includes(text)", arg=text)

    def test_consent_keys_clicks_and_undo(self, session, page, tmp_path):
        stored = tmp_path / "faces"
        page.wait_for_selector("#ask:not([hidden])")
        assert str(stored) in page.inner_text("#question")
        page.keyboard.press("2")  # goes to the field for the name, and stores nothing
        assert page.input_value("#person-name") == "2"
        page.fill("#person-name", "anna")
        page.click("text=Yes, they agree")
        page.wait_for_selector("#take:not([hidden])")

        self.show(session, page, picture(1), faces())
        page.keyboard.press("2")
        self.says(page, "happy/0001.png is stored.")
        self.show(session, page, picture(1), faces())
        page.keyboard.press("2")
        self.says(page, "Nearly the same as happy/0001.png")
        assert "bad" in page.get_attribute("#said", "class")
        self.show(session, page, picture(2), faces())
        page.click("#labels button:has-text('angry')")
        self.says(page, "angry/0001.png is stored.")
        self.show(session, page, picture(3), faces())
        page.click("#labels li:last-child button")  # the tenth has no key
        self.says(page, "j/0001.png is stored.")
        assert page.inner_text("#labels li:nth-child(2) .count") == "1 / 50"
        page.keyboard.press("u")
        self.says(page, "j/0001.png is removed.")
        page.click("#undo")
        self.says(page, "angry/0001.png is removed.")
        assert "angry" in page.inner_text("#labels .wanted")
        self.show(session, page, picture(4))
        page.keyboard.press("1")
        self.says(page, "No face is in view")
        assert sorted(path.name for path in stored.rglob("*.png")) == ["0001.png"]
        assert json.loads((stored / "manifest.jsonl").read_text())["person"] == "anna"

        page.click("text=Another person")
        page.wait_for_selector("#ask:not([hidden])")
        assert not session.state().agreed

    def test_shows_the_picture_the_face_and_what_is_wrong(self, session, page):
        self.show(session, page, np.full((240, 320), 200, np.uint8), faces((100, 60, 96, 96)))
        page.wait_for_function("() => document.getElementById('reads').textContent.includes('happy, 90')")
        at = """(x, y) => {
          const canvas = document.getElementById("frame"), fine = canvas.width / 320;
          return [...canvas.getContext("2d").getImageData(fine * x, fine * y, 1, 1).data].slice(0, 3);
        }"""
        page.wait_for_function(f"() => ({at})(5, 5)[0] > 190")
        assert min(page.evaluate(f"({at})(100, 100)")) == 255, "the box's left side"
        session._live.pull("plug the camera in again")
        page.wait_for_selector("#trouble:not([hidden])")
        assert page.inner_text("#trouble") == "plug the camera in again"
        session._live.plug()
        page.wait_for_selector("#trouble", state="hidden")

    def test_says_why_the_camera_can_not_tell_the_face(self, session, page):
        for told, said in (
            ({"why": "turned"}, "The camera can't tell: the face is turned away."),
            ({}, "The camera is uncertain."),
        ):
            session.agree("anna")
            session._live.text(faces(emotion=None, **told))
            session._live.frame(picture(1))
            page.wait_for_function("said => document.getElementById('reads').textContent === said", arg=said)

    def test_who_does_not_agree_is_neither_stored_nor_shown(self, session, page, tmp_path):
        self.show(session, page, picture(1), faces())
        page.click("#refuse")
        page.wait_for_selector("#bye:not([hidden])")
        assert page.inner_text("#h-bye") == "Nothing was stored."
        assert page.is_hidden("#view")
        assert page.evaluate("document.activeElement.id") == "h-bye"
        session._live.frame(picture(2))
        page.keyboard.press("1")
        assert session.state().match is None
        assert not session.store("happy")
        assert list((tmp_path / "faces").iterdir()) == []
        page.click("text=Ask another person")
        page.wait_for_selector("#ask:not([hidden])")

    def test_each_stored_picture_is_shown_and_can_be_deleted(self, session, page, tmp_path):
        session.agree("anna")
        for number in range(1, 4):
            self.show(session, page, picture(number), faces())
            page.wait_for_selector("#take:not([hidden])")
            page.keyboard.press("2")
            self.says(page, f"happy/000{number}.png is stored.")
        page.wait_for_function("() => document.querySelectorAll('#strip img').length === 3")
        page.wait_for_function(
            "() => [...document.querySelectorAll('#strip img')].every((it) => it.naturalWidth === 48)"
        )
        page.get_by_role("button", name="Delete happy/0002.png").press("Enter")
        self.says(page, "happy/0002.png is removed.")
        names = "[...document.querySelectorAll('#strip li')].map((it) => it.dataset.name)"
        assert page.evaluate(names) == ["happy/0003.png", "happy/0001.png"]
        assert page.evaluate("document.activeElement.ariaLabel") == "Delete happy/0001.png"
        assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["0001.png", "0003.png"]

    def test_pictures_of_earlier_sessions_and_other_files_are_not_served(self, url, session):
        import http.client

        session.agree(None)
        session._folder.add("happy", picture(1)[:48, :48], {})
        path = "/" + url.split("/", 3)[3]
        for name in ("happy/0001.png", "..%2fmanifest.jsonl/x", "happy/..%2f..%2fsecret"):
            connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
            connection.request("GET", f"{path}stored/{name}")
            assert connection.getresponse().status == 404, name

    def test_the_last_step_is_the_command_that_trains(self, session, page):
        session.agree(None)
        page.wait_for_selector("#train:not([hidden])")
        command = f"emotion-camera train finetune --data {session.state().folder}"
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.click("#copy")
        page.locator("#copy-text", has_text="Copied").wait_for()
        assert page.inner_text("#command") == command
        assert page.evaluate("navigator.clipboard.readText()") == command
        assert "To go: 10 of 10 labels" in page.inner_text("#ready")

    @pytest.mark.parametrize("size", [(1366, 768), (390, 844)], ids=["laptop", "phone"])
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_fits_the_window_and_has_names_for_a_screen_reader(self, session, page, size, theme):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=theme)
        session.agree("anna")
        self.show(session, page, picture(1), faces())
        page.wait_for_selector("#take:not([hidden])")
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(244, 245, 247)", "dark": "rgb(15, 18, 22)"}[theme]
        before = page.evaluate("document.getElementById('train').getBoundingClientRect().top")
        page.keyboard.press("2")
        self.says(page, "is stored.")
        page.wait_for_selector("#strip img")
        assert page.evaluate("document.getElementById('train').getBoundingClientRect().top") == before, "nothing moves"
        snapshot = page.locator("body").aria_snapshot()
        for part in (
            'region "Camera"', 'img "The camera\'s picture"', "status: happy/0001.png is stored.", 'button "Undo U"',
            'list "Stored pictures, the newest first"', 'button "Delete happy/0001.png"', 'button "Copy"',
        ):  # fmt: skip
            assert part.replace("'", "''") in snapshot.replace("'img", "img") or part in snapshot, snapshot

    def test_a_name_that_is_markup_is_text_and_who_has_agreed_before_is_not_asked(self, session, page):
        session.agree("<img src=x onerror=alert(1)>")
        page.reload()
        page.wait_for_selector("#who:not([hidden])")
        assert page.is_hidden("#ask")
        assert page.inner_text("#person") == "<img src=x onerror=alert(1)>"

    @pytest.mark.parametrize(
        ("headers", "path"),
        [({"Host": "evil.example"}, "{}"), ({"Origin": "http://evil.example"}, "{}live"), ({}, "{}live"), ({}, "/")],
    )
    def test_other_pages_can_t_look_through_the_camera(self, url, headers, path):
        import http.client

        connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
        path = path.format("/" + url.split("/", 3)[3])
        connection.request("GET", path, headers=headers | (upgrade if path.endswith("live") else {}))
        assert connection.getresponse().status == 403

    def test_files_beside_the_page_s_are_not_served(self, url):
        import http.client

        connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
        for path in ("session.py", "..%2f..%2ferrors.py", "server.py"):
            connection.request("GET", "/" + url.split("/", 3)[3] + path)
            response = connection.getresponse()
            response.read()
            assert response.status == 404


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, folder, *arguments):
        self._master, slave = os.openpty()
        environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        command = [sys.executable, "-m", "emotion_camera", "collect", "--port", "simulator", "--no-browser", *arguments]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.text = ""

    def wait_for(self, pattern, seconds=60):
        """Reads on until `pattern` has come; the text before is used up."""
        import select

        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < end, self.text[-2000:]
            if select.select([self._master], [], [], 0.1)[0]:
                self.text += os.read(self._master, 4096).decode()
        self.text = self.text[found.end() :]
        return found

    def type(self, keys):
        os.write(self._master, keys.encode())

    def end(self):
        """Its exit status; the terminal works as before."""
        status = self.process.wait(30)
        os.close(self._master)
        return status


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals on this system")
def test_by_keys_in_a_terminal(tmp_path):
    pytest.importorskip("aiohttp")
    terminal = Terminal(tmp_path, "--person", "anna", "--labels", "smile,frown")
    terminal.wait_for("Does the person agree that pictures of their face are stored in faces")
    terminal.type("1")
    terminal.wait_for(r"1 is no key here. keys: y: yes, n: no, q: quit")
    terminal.type("\x1b[A")
    terminal.type("y")
    terminal.wait_for(r"\[\w+ \d+%\]")
    terminal.type("7")
    terminal.wait_for(r"7 is no key here. keys: 1 smile, 2 frown; u: undo")
    terminal.type("1")
    terminal.wait_for(r"smile/0001.png is stored")
    terminal.type("2")
    terminal.wait_for(r"frown/0001.png is stored")
    terminal.type("u")
    terminal.wait_for(r"frown/0001.png is removed")
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for(r"1 stored now; faces has smile 1, frown 0")
    terminal.wait_for(r"emotion-camera train finetune --data faces")
    assert terminal.end() == 0
    line = json.loads((tmp_path / "faces" / "manifest.jsonl").read_text())
    assert (line["file"], line["label"], line["person"], line["firmware"]) == (
        "smile/0001.png",
        "smile",
        "anna",
        "5.0.0",
    )
    assert Image.open(tmp_path / "faces" / "smile" / "0001.png").size == (48, 48)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals on this system")
def test_who_does_not_agree_ends_it_in_a_terminal(tmp_path):
    pytest.importorskip("aiohttp")
    terminal = Terminal(tmp_path)
    terminal.wait_for("Does the person agree")
    terminal.type("n")
    terminal.wait_for("Nothing was stored of this person")
    assert terminal.end() == 0
    assert not list((tmp_path / "faces").rglob("*.png"))


def test_training_loads_what_was_collected(tmp_path):
    collected = pytest.importorskip("emotion_training.finetune.collected")
    folder = FacesFolder(tmp_path / "faces")
    stored = {}
    for n in range(10):
        for label in ("happy", "tongue-out"):
            pixels = np.random.default_rng(len(stored)).integers(0, 256, (48, 48), np.uint8)
            fields = {
                "person": f"p{n % 2}",
                "consent": "2026-01-01",
                "session": "s",
                "time": "2026-01-01T10:00:00+00:00",
            }
            stored[folder.add(label, pixels, fields)] = pixels
    said: list[str] = []
    read = collected.read(folder.path, ("angry", "happy"), said.append)
    assert said == []
    assert read.labels == ("angry", "happy", "tongue-out")
    assert sorted(read.files) == sorted(stored)
    for file, image, entry in zip(read.files, read.images, read.entries, strict=True):
        np.testing.assert_array_equal(image, stored[file])
        assert entry["person"] in ("p0", "p1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--labels", ","], "gives no label"),
        (["--labels", "a/b"], "can't be a label"),
        (["--labels", "happy,Happy"], "mean the same"),
        (["--http-port", "70000"], "is no port"),
        (["--target", "0"], "must be 1 or more"),
        (["--port", "nowhere"], "nowhere"),
        (["--port", "simulator:toaster"], "toaster"),
        (["--out", "file"], "can't be written to"),
    ],
)
def test_mistakes_are_told_in_a_sentence(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert main(["collect", "--no-browser", *arguments]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_a_port_of_the_page_that_is_taken_is_told(tmp_path, monkeypatch, capsys):
    pytest.importorskip("aiohttp")
    monkeypatch.chdir(tmp_path)
    live = ScriptedStream()
    monkeypatch.setattr("emotion_camera.camera.stream.open_stream", lambda *_: live)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["collect", "--no-browser", "--http-port", str(taken.getsockname()[1])]) == 1
    assert "give another with --http-port" in capsys.readouterr().err
    assert live.heard[-1] == "draw on"


def test_a_camera_without_a_picture_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    live = ScriptedStream()
    live.limitation = "its picture does not come"
    monkeypatch.setattr("emotion_camera.camera.stream.open_stream", lambda *_: live)
    assert main(["collect", "--no-browser"]) == 1
    assert "its picture does not come; faces are cut from pictures" in capsys.readouterr().err
    assert live.heard == []
