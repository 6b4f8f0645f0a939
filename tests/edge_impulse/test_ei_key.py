"""The API key: in no list of processes, no message, and sent to the address that was given and no other."""

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from emotion_camera.__main__ import main
from fake_studio.faults import Fault

KEY = "ei_0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "words",
    [
        ["upload", "faces", "--api", KEY],
        ["upload", "faces", "--api-k", KEY],
        ["upload", f"--api={KEY}"],
        ["upload", "--apikey", KEY],
        ["upload", f"--api_key={KEY}"],
        ["upload", "--key", KEY, "faces"],
        ["upload", "faces", KEY],
        ["--api", KEY, "upload"],
        [KEY, "upload"],
        ["runner", "--api-key", KEY],
    ],
)
def test_a_key_by_another_option_is_wrong_usage_and_not_shown(words, capsys, monkeypatch):
    """An abbreviation would be taken, and the key would stay in the list of processes."""
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("started anew"))
    with pytest.raises(SystemExit) as ended:
        main(["edge-impulse", *words])
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert KEY[:12] not in told.out + told.err


def test_a_program_that_calls_main_is_not_started_anew(make_faces, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["my-own-program", "upload"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "my-own-program", "--api-key", KEY])
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("started anew"))
    folder = make_faces({"happy": 2})
    assert main(["edge-impulse", "upload", str(folder), "--dry-run", "--api-key", KEY]) == 0
    assert "2 happy" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="Windows can't replace a process")
def test_the_command_itself_is_started_anew_without_the_key(monkeypatch):
    words = ["edge-impulse", "upload", "faces", "--api-key", KEY]
    started: list[tuple[list[str], str]] = []

    def execve(path, arguments, environment):
        started.append((arguments, environment["EI_API_KEY"]))
        raise SystemExit(0)

    monkeypatch.setattr(sys, "argv", ["emotion-camera", *words])
    monkeypatch.setattr(sys, "orig_argv", ["python", "emotion-camera", *words])
    monkeypatch.setattr(os, "execve", execve)
    with pytest.raises(SystemExit):
        main()
    assert started == [([sys.executable, "emotion-camera", "edge-impulse", "upload", "faces"], KEY)]


@pytest.fixture
def elsewhere():
    """Another server: its address, and the headers that came."""
    came: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            came.append(dict(self.headers.items()))
            self.send_error(404)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/api/projects", came
        server.shutdown()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("action", ["profile", "upload"])
def test_a_redirection_is_not_followed_with_the_key(
    studio, make_faces, edge_impulse, elsewhere, capsys, action, status
):
    if action == "profile":
        pytest.importorskip("edgeimpulse", reason="needs Edge Impulse's SDK (the extra edge-impulse)")
    address, came = elsewhere
    studio.faults.add(Fault(status=status, headers={"Location": address}))
    words = [make_faces({"happy": 1})] if action == "upload" else []
    assert edge_impulse(action, *words) == 1
    assert came == []
    told = capsys.readouterr().err
    assert str(status) in told
    assert studio.key not in told
