"""`read_reports`: it finds the reports among whatever comes over a cable, and outlives a pulled one."""

import threading

import pytest
from emotion_camera.camera import read_reports
from emotion_camera.camera.stream import ReconnectingStream
from emotion_camera.errors import UserError
from emotion_camera.reports import FacesReport, ReportError
from recorded import LABELS, by_hand, faces
from recorded import READY as RECORDED_READY
from report_samples import ERROR, READY, as_dict, as_line, frame
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

A, B, C = frame((1, "happy")), frame((1, None), (2, "sad"), t=2400), frame((2, "sad"), t=2500)
HELLO = {"v": 1, "event": "status", "hello": True}


def hear(cable, heard_reports, script: bytes, count: int) -> list[dict]:
    """The first `count` reports of `script`, which is sent once the client is seen to listen: opening a port throws
    away what came before."""
    listens = threading.Event()

    def talk() -> None:
        while not listens.wait(0.01):
            cable.send(as_line(HELLO))
        cable.send(script)

    thread = threading.Thread(target=talk)
    thread.start()
    heard: list[dict] = []
    try:
        while len(heard) < count:
            report = as_dict(next(heard_reports))
            if report == HELLO:
                listens.set()
            else:
                heard.append(report)
    finally:
        listens.set()
        thread.join()
    return heard


def test_reports_are_found_among_anything_else(plug_in):
    cable = plug_in()
    script = [
        as_line(READY)[40:],
        b"Traceback (most recent call last):\r\n",
        as_line(A),
        b"\xff\xfe\0\x80\n\n\n",
        as_line(B).replace(b"sad", b"s\xe1d"),
        as_line(B)[:50] + b"\r\n",
        as_line(B).replace(b"\r", b""),
        b"x" * 70000 + b"\n",
        b"{}\r\n12\r\n",
        as_line(ERROR),
    ]
    assert hear(cable, read_reports(str(cable.path)), b"".join(script), 3) == [A, B, ERROR]


def test_a_line_in_pieces_is_one_report(plug_in):
    cable = plug_in()
    line = as_line(B)
    stream = read_reports(str(cable.path))
    assert hear(cable, stream, as_line(A) + line[:30], 1) == [A]
    cable.send(line[30:31])
    cable.send(line[31:])
    assert as_dict(next(stream)) == B


def test_a_pulled_cable_is_waited_for(plug_in, caplog):
    cable = plug_in()
    stream = read_reports(str(cable.path))
    assert hear(cable, stream, as_line(A) + as_line(B)[:60], 1) == [A]
    cable.pull()
    cable.plug()
    assert hear(cable, stream, as_line(B), 1) == [B]
    assert f"{cable.path}: the connection is lost" in caplog.text


def test_the_halves_of_a_line_on_both_sides_of_a_cut_are_no_report(plug_in):
    cable = plug_in()
    stream = read_reports(str(cable.path))
    assert hear(cable, stream, as_line(A) + as_line(B)[:60], 1) == [A]
    cable.pull()
    cable.plug()
    heard = threading.Event()

    def talk() -> None:
        while not heard.wait(0.01):
            if cable.is_open():  # what is sent before would fill the cable, and be cut anywhere
                cable.send(as_line(B)[60:] + as_line(C))

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        assert as_dict(next(stream)) == C
    finally:
        heard.set()
        thread.join()


def test_a_camera_may_come_back_on_another_port(plug_in, monkeypatch):
    cables = [plug_in("ttyACM0")]
    monkeypatch.setattr(list_ports, "comports", lambda: [usb(cable.path) for cable in cables if cable.ends])
    stream = read_reports()
    assert hear(cables[0], stream, as_line(A), 1) == [A]
    cables[0].pull()
    cables.append(plug_in("ttyACM1"))
    assert hear(cables[1], stream, as_line(B), 1) == [B]


def usb(path) -> ListPortInfo:
    port = ListPortInfo(str(path))
    port.vid, port.pid = 0x37C5, 0x1204
    return port


def test_it_waits_longer_and_longer_and_tells_why_once(plug_in, monkeypatch, caplog):
    cable = plug_in()
    stream = read_reports(str(cable.path))
    assert hear(cable, stream, as_line(A), 1) == [A]
    cable.pull()
    waits: list[float] = []

    def wait(stream: ReconnectingStream, seconds: float) -> bool:
        waits.append(seconds)
        if len(waits) == 6:
            cable.plug()
        return False

    monkeypatch.setattr(ReconnectingStream, "_wait", wait)
    assert hear(cable, stream, as_line(B), 1) == [B]
    assert waits == [0.5, 1, 2, 4, 5, 5]
    assert caplog.text.count("there is no such port") == 1


def test_it_ends_with_the_connection_when_told_so(plug_in):
    cable = plug_in()
    stream = read_reports(str(cable.path), reconnect=False)
    assert hear(cable, stream, as_line(A), 1) == [A]
    cable.send(as_line(B)[:60])
    cable.pull()
    assert list(stream) == []


def test_a_port_that_is_not_there_is_told_at_once(tmp_path):
    with pytest.raises(UserError, match="there is no such port"):
        next(read_reports(str(tmp_path / "ttyACM0")))


def test_a_later_version_ends_the_reading(plug_in):
    cable = plug_in()
    with pytest.raises(ReportError, match="version 7"):
        hear(cable, read_reports(str(cable.path)), as_line(A | {"v": 7}) * 3, 1)


def test_the_port_is_free_afterwards(plug_in):
    cable = plug_in()
    stream = read_reports(str(cable.path))
    assert hear(cable, stream, as_line(A), 1) == [A]
    stream.close()
    assert hear(cable, read_reports(str(cable.path)), as_line(B), 1) == [B]


@pytest.mark.parametrize("scheme", ["socket", "spy"])
def test_ports_may_be_urls(scheme, play, plug_in, tmp_path):
    if scheme == "socket":
        stream = read_reports(play(A))
        assert [as_dict(next(stream)) for _ in range(3)] == [A, A, A]
        stream.close()
    else:
        cable = plug_in()
        stream = read_reports(f"spy://{cable.path}?file={tmp_path / 'spied'}")
        assert hear(cable, stream, as_line(A), 1) == [A]
        assert "faces" in (tmp_path / "spied").read_text()


def test_a_recording_is_played_to_its_end(tmp_path):
    folder = by_hand(tmp_path / "monday", [(0, RECORDED_READY), (20, faces((1, "happy", 0.9), t=20))], 100)
    ready, shown = read_reports(str(folder))
    assert (ready.event, ready.fields["labels"]) == ("ready", LABELS)
    assert [(face.id, face.emotion) for face in shown.faces] == [(1, "happy")]


@pytest.mark.slow
def test_a_simulated_camera_needs_no_cable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reports = read_reports("simulator")
    assert next(reports).event == "ready"
    assert next(report for report in reports if isinstance(report, FacesReport)).faces[0].id == 1
    reports.close()
