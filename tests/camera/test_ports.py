"""Which port is the camera's, and why one cannot be opened: one sentence for each."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import serial
from emotion_camera.__main__ import main
from emotion_camera.boards import USB
from emotion_camera.camera.ports import choose_port, find_port, open_port, simulated_board
from emotion_camera.errors import UserError
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo


@pytest.fixture
def plugged(monkeypatch):
    """A function that says what is plugged in: (device, USB vendor, product)."""

    def plug(*ports: tuple[str, int | None, int | None]) -> None:
        found = []
        for device, vid, pid in ports:
            found.append(ListPortInfo(device))
            found[-1].vid, found[-1].pid = vid, pid
        monkeypatch.setattr(list_ports, "comports", lambda: found)

    return plug


OTHERS = (("/dev/ttyS0", None, None), ("/dev/ttyUSB0", 0x1A86, 0x7523), ("/dev/ttyACM7", 0x37C5, 0x9999))


IDS = "37c5:1204 37c5:124a 37c5:1205 37c5:1060 37c5:16e3 37c5:1206 37c5:1203 1209:abd1 2341:045f 2341:045b 2341:0466"


@pytest.mark.parametrize("usb_id", IDS.split())
def test_each_camera_is_found_among_other_ports(usb_id, plugged):
    plugged(*OTHERS, ("COM7", *(int(part, 16) for part in usb_id.split(":"))))
    assert find_port() == "COM7"


def test_all_boards_of_the_facts_are_known():
    facts = Path(__file__).parents[3] / "shared" / "facts" / "openmv.md"
    if not facts.is_file():
        pytest.skip("../shared is not here")
    table = facts.read_text(encoding="utf-8").split("## Boards")[1].split("\n## ")[0]
    table = re.sub(r"\(bootloader .*?\)", "", table)
    ids = {(int(vid, 16), int(pid, 16)) for vid, pid in re.findall(r"\b(37c5|2341):([0-9a-f]{4})", table)}
    assert len(ids) == 10
    assert ids <= set(USB)


def test_no_camera(plugged):
    plugged(*OTHERS)
    with pytest.raises(UserError, match="no OpenMV camera is on USB: plug it in, or give its port"):
        find_port()


def test_several_cameras(plugged):
    plugged(("COM9", 0x37C5, 0x1060), ("COM4", 0x37C5, 0x1204))
    with pytest.raises(UserError, match=re.escape("COM4 (OpenMV Cam H7), COM9 (OpenMV Cam RT1062)")):
        find_port()


def answering(monkeypatch, *answers: str) -> None:
    """The person is at a terminal, and types these; then the input ends."""
    given = iter(answers)

    def answer(_: str) -> str:
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)


H7, RT = ("/dev/ttyACM4", 0x37C5, 0x1204), ("/dev/ttyACM9", 0x37C5, 0x1060)
LIST = "/dev/ttyACM4 (OpenMV Cam H7), /dev/ttyACM9 (OpenMV Cam RT1062)"


@pytest.mark.parametrize(
    ("answers", "chosen"), [(["2"], RT[0]), (["1"], H7[0]), (["/dev/ttyACM9"], RT[0]), (["9", "x", "1"], H7[0])]
)
@pytest.mark.parametrize("port", [None, "/dev/ttyACM0-is-not-there"])
def test_on_a_terminal_one_is_asked_which_camera(plugged, monkeypatch, capsys, port, answers, chosen):
    plugged(*OTHERS, RT, H7)
    answering(monkeypatch, *answers)
    assert choose_port(port) == chosen
    shown = capsys.readouterr().out
    assert "  1  /dev/ttyACM4  OpenMV Cam H7\n  2  /dev/ttyACM9  OpenMV Cam RT1062\n" in shown
    assert "/dev/ttyUSB0" not in shown


@pytest.mark.parametrize("answers", [[], [""], ["0", "3", "-1"], ["\x1b[A", "²", "9" * 5000]])
def test_without_an_answer_none_is_taken(plugged, monkeypatch, answers):
    plugged(RT, H7)
    answering(monkeypatch, *answers)
    with pytest.raises(UserError, match=re.escape(f"2 OpenMV cameras are on USB: give --port with one of {LIST}")):
        choose_port(None)


@pytest.mark.parametrize("verb", ["deploy", "doctor", "verify", "watch", "record", "collect"])
@pytest.mark.parametrize("words", [[], ["--port", "/dev/ttyACM0-is-not-there"]])
def test_without_a_terminal_the_cameras_are_listed_and_none_is_taken(
    plugged, monkeypatch, capsys, tmp_path, verb, words
):
    monkeypatch.chdir(tmp_path)
    plugged(RT, H7)
    more = ["--told"] if verb == "record" else []
    assert main([verb, *words, *more]) == 1
    said = capsys.readouterr()
    assert f"give --port with one of {LIST}" in said.err + said.out


@pytest.mark.parametrize("found", [[], [H7]])
def test_with_one_camera_or_none_nothing_is_asked(plugged, monkeypatch, found):
    """Its name is not kept, because it may be another one after a reset."""
    plugged(*OTHERS, *found)
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("it asks"))
    assert choose_port(None) is None


def test_a_port_that_is_there_is_not_asked_about(plugged, plug_in, monkeypatch):
    plugged(RT, H7)
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("it asks"))
    for port in (str(plug_in().path), "socket://127.0.0.1:1", "rfc2217://somewhere:1"):
        assert choose_port(port) == port


def test_a_port_in_use(plug_in):
    path = str(plug_in().path)
    with open_port(path), pytest.raises(UserError, match=r"another program has the port open; close it"):
        open_port(path)
    open_port(path).close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which program has a port open")
def test_the_program_that_has_a_port_is_named(plug_in):
    path = str(plug_in().path)
    hold = "import serial, sys; port = serial.Serial(sys.argv[1], exclusive=True); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(UserError, match=rf"python\S* \(process {holder.pid}\) has the port open; close it"):
            open_port(path)
        holder.communicate("\n")


def test_a_port_that_another_program_keeps_to_itself(plug_in):
    """As OpenMV IDE does, by TIOCEXCL."""
    import fcntl
    import termios

    cable = plug_in()
    fcntl.ioctl(cable.ends[1], termios.TIOCEXCL)
    path = os.path.realpath(cable.path)
    os.chmod(path, 0o666)
    with pytest.raises(UserError, match="another program has the port open; close it"):
        _as_nobody(path)


def test_a_port_that_may_not_be_opened(plug_in):
    import grp

    path = os.path.realpath(plug_in().path)
    os.chmod(path, 0)
    if os.geteuid() == 0:
        os.chown(path, -1, grp.getgrnam("uucp").gr_gid)
    group = grp.getgrgid(os.stat(path).st_gid).gr_name
    with pytest.raises(UserError, match=re.escape(f"you may not open the port; run sudo usermod -aG {group} $USER")):
        _as_nobody(path)


def _as_nobody(path: str) -> None:
    """Opens a port as a person without rights: root may open anything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        open_port(path)
    finally:
        if root:
            os.seteuid(0)


def test_a_port_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="there is no such port; plug the camera in"):
        open_port(str(tmp_path / "ttyACM0"))


def test_what_is_no_port_at_all(tmp_path):
    (tmp_path / "file").write_text("hello")
    for wrong in (str(tmp_path / "file"), "nonsense://here", "socket://"):
        with pytest.raises(UserError, match=re.escape(wrong) + ": the port cannot be opened"):
            open_port(wrong)


def test_a_socket_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(UserError, match=re.escape(url) + ": the port cannot be opened .*refused"):
        open_port(url)


# As pyserial words them on Windows, where its errors have no number.
WINDOWS = {
    "could not open port 'COM3': PermissionError(13, 'Access is denied.', None, 5)": "another program has the port open",
    "could not open port 'COM3': FileNotFoundError(2, 'The system cannot find the file specified.', None, 2)": "no such port",
}


@pytest.mark.parametrize("words", WINDOWS)
def test_windows_errors(words, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(words)

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(UserError, match=WINDOWS[words]):
        open_port("COM3")


@pytest.mark.parametrize(
    ("port", "board"),
    [
        ("simulator", "h7plus"),
        ("simulator:h7", "h7"),
        ("simulator:AE3", "ae3"),
        ("virtual", "h7plus"),
        ("virtual:rt1062", "rt1062"),
        ("/dev/ttyACM0", None),
        (None, None),
    ],
)
def test_the_port_of_a_simulated_camera(port, board):
    assert simulated_board(port) == board
