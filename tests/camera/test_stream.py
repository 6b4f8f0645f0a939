"""A camera as it runs: by protocol V2, by its serial port, simulated, and from a recording."""

import itertools
import json
import sys
import threading
import time

import numpy as np
import pytest
from emotion_camera.boards import BOARDS
from emotion_camera.camera.serial import SerialConnection
from emotion_camera.camera.simulated import SimulatedStream
from emotion_camera.camera.stream import NO_COMMANDS, NO_PACKAGE, open_stream
from emotion_camera.camera.usb import _pixels
from emotion_camera.errors import UserError
from emotion_camera.events import Disconnected, Frame, Line
from emotion_camera.reports.parse import EventReport, FacesReport, parse
from mjpeg_stream import MjpegStream
from photographs import photograph
from report_samples import READY, as_line, frame

PICTURE = np.random.default_rng(1).integers(0, 256, (240, 320), np.uint8)


@pytest.fixture
def opened():
    """A list of what is to be closed at the end."""
    streams: list = []
    yield streams
    for stream in streams:
        stream.close()


@pytest.fixture
def protocol_camera(plug_in):
    """A function that plugs in a camera that speaks protocol V2: its cable, and itself."""
    pytest.importorskip("openmv")
    from protocol_camera import ProtocolCamera

    cameras = []

    def plug(name="camera", **how):
        cable = plug_in(name)
        camera = ProtocolCamera(cable.ends[0], PICTURE.tobytes(), (320, 240), **how)
        cameras.append(camera)
        return cable, camera

    yield plug
    for camera in cameras:
        camera.unplug()


def of_kind(events, kind):
    return (event for event in events if isinstance(event, kind))


def first(events, kind):
    return next(of_kind(events, kind))


def test_shows_the_frame_buffer_by_protocol_v2(protocol_camera, opened):
    cable, _ = protocol_camera()
    opened.append(stream := open_stream(str(cable.path)))
    assert stream.name == f"OpenMV Cam H7 Plus on {cable.path}"
    assert stream.limitation is None
    frame = first(stream.events(), Frame)
    np.testing.assert_array_equal(frame.picture, PICTURE)


def test_hears_each_line_by_protocol_v2_once_and_in_order(protocol_camera, opened):
    cable, camera = protocol_camera()
    opened.append(stream := open_stream(str(cable.path)))
    events = stream.events()
    heard = []
    for number in range(20):
        camera.print(as_line({"v": 1, "event": "reply", "message": f"answer {number}"}).decode().strip())
        heard.append(parse(first(events, Line).text).message)
    assert heard == [f"answer {number}" for number in range(20)]


def test_damaged_lines_and_letters_in_pieces_by_protocol_v2(protocol_camera, opened):
    """The package would drop both bytes of a letter that come in two reads, and pass a damaged report on."""
    cable, camera = protocol_camera()
    opened.append(stream := open_stream(str(cable.path)))
    events = stream.events()
    first(events, Frame)
    line = as_line({"v": 1, "event": "reply", "message": "gewöhnlich"}).replace(b"\\u00f6", "ö".encode())
    cut = line.index("ö".encode()) + 1
    camera.print_bytes(line.replace(b"\xb6", b"") + line[:cut])
    for _ in range(3):  # the first half is read
        first(events, Frame)
    camera.print_bytes(line[cut:])
    assert parse(first(events, Line).text).message == "gewöhnlich"


def test_gives_commands_by_the_programs_channel(protocol_camera, opened):
    cable, camera = protocol_camera()
    opened.append(stream := open_stream(str(cable.path)))
    stream.send_command("calibrate")
    events = stream.events()
    while b"calibrate\n" not in camera.heard:
        next(events)


def test_a_program_that_takes_no_commands_is_told_of(protocol_camera, opened):
    cable, _ = protocol_camera(takes_commands=False)
    opened.append(stream := open_stream(str(cable.path)))
    with pytest.raises(UserError) as told:
        stream.send_command("calibrate")
    assert str(told.value) == NO_COMMANDS


def test_goes_on_when_the_cable_is_back(protocol_camera, opened):
    cable, camera = protocol_camera()
    opened.append(stream := open_stream(str(cable.path)))
    events = stream.events()
    first(events, Frame)
    camera.unplug()
    cable.pull()
    gone = first(events, Disconnected)
    assert "plug the camera in again" in gone.message
    with pytest.raises(UserError, match="not connected"):
        stream.send_command("calibrate")
    threading.Timer(0.2, protocol_camera, ["camera"]).start()
    frame = first(events, Frame)
    assert frame.time_ms > gone.time_ms


def test_stops_streaming_when_closed(protocol_camera, opened):
    cable, camera = protocol_camera()
    stream = open_stream(str(cable.path))
    events = stream.events()
    first(events, Frame)
    assert camera.streams
    stream.close()
    assert list(events) == []
    assert not camera.streams


def test_a_camera_with_older_firmware_gives_its_reports_and_says_that_it_shows_no_picture(play, opened, patience):
    opened.append(stream := open_stream(play({"v": 1, "event": "recovered"})))
    assert stream.limitation == SerialConnection.limitation
    assert parse(first(stream.events(), Line).text) == EventReport("recovered", None, {})


def test_commands_to_older_firmware_go_to_the_serial_port(plug_in, opened, monkeypatch):
    monkeypatch.setattr("openmv.Camera.connect", silent)
    cable = plug_in()
    opened.append(stream := open_stream(str(cable.path)))
    cable.send(b'{"v": 1, "event": "recovered"}\n' * 20)
    stream.send_command("calibrate")
    first(stream.events(), Line)
    assert cable.take() == b"calibrate\r\nstatus\r\n"


def test_a_damaged_name_is_left_out_and_the_labels_are_asked_for_again(plug_in, opened, monkeypatch):
    """It may be the labels that were damaged: with a letter changed in them, each "happy" would be left out for ever."""
    monkeypatch.setattr("openmv.Camera.connect", silent)
    monkeypatch.setattr("emotion_camera.camera.stream.ASK_S", 0)
    cable = plug_in()
    opened.append(stream := open_stream(str(cable.path)))
    events = stream.events()
    happy, damaged = as_line(frame((1, "happy"))), as_line(READY).replace(b"happy", b"hap`y")
    cable.send(as_line(READY) + happy.replace(b"happy", b"hap`y") + happy)
    heard = [first(events, Line).text for _ in range(2)]
    assert ["ready" in heard[0], "happy" in heard[1]] == [True, True]
    cable.take()
    cable.send(damaged + happy)
    cable.send(b"hello\r\n" * 2)
    assert [first(events, Line).text for _ in range(3)][1:] == ["hello", "hello"]
    assert cable.take() == b"status\r\n"
    cable.send(as_line(READY | {"event": "status"}) + happy)
    assert isinstance(parse([first(events, Line).text for _ in range(2)][1]), FacesReport)


@pytest.mark.parametrize("frame", [(320, 240, 7), (0, 240, 0), (-1, -1, 3), (1 << 20, 1 << 20, 30)])
def test_a_damaged_frame_is_left_out(frame):
    width, height, size = frame
    assert _pixels({"width": width, "height": height, "data": bytes(size)}) is None
    assert _pixels({"width": 2, "height": 1, "data": bytes(6)}).shape == (1, 2)


def test_a_box_outside_of_the_frame_is_left_out(protocol_camera, opened):
    cable, camera = protocol_camera()
    opened.append(stream := open_stream(str(cable.path)))
    events = stream.events()
    first(events, Frame)
    line = json.dumps(frame((1, "happy")))
    camera.print(line.replace("[98, 59, 100, 100]", "[898, 59, 100, 100]"))
    camera.print(line)
    assert first(events, Line).text == line


def test_without_the_package_for_protocol_v2_the_reports_come(plug_in, opened, monkeypatch):
    """It has no release for Python 3.14."""
    monkeypatch.setitem(sys.modules, "openmv", None)
    cable = plug_in()
    opened.append(stream := open_stream(str(cable.path)))
    assert stream.limitation == NO_PACKAGE
    cable.send(b'{"v": 1, "event": "recovered"}\n' * 20)
    assert parse(first(stream.events(), Line).text) == EventReport("recovered", None, {})


def silent(camera):
    """What three seconds of silence make of `openmv.Camera.connect`."""
    from openmv import OMVException

    raise OMVException("Failed to connect: Resync failed - unable to synchronize with device")


def test_no_camera_and_a_wrong_name_are_told_in_a_sentence(tmp_path):
    with pytest.raises(UserError, match="there is no such port"):
        open_stream(str(tmp_path / "nothing"))
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file; give"):
        open_stream(str(tmp_path / "file"))
    with pytest.raises(UserError, match="board 'toaster' is not known"):
        open_stream("simulator:toaster")


@pytest.fixture
def at_desk(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_simulated_camera_runs_in_real_time_and_takes_commands(at_desk, opened, capsys):
    opened.append(stream := open_stream("simulator"))
    assert "its disk .simulated-camera/h7plus was empty" in capsys.readouterr().err.replace("\\", "/")
    start, frames, faces = time.monotonic(), [], 0
    stream.send_command("status")
    for event in stream.events():
        report = parse(event.text) if isinstance(event, Line) else None
        faces += isinstance(report, FacesReport)
        if isinstance(event, Frame):
            frames.append(event)
        if isinstance(report, EventReport) and report.event == "status":
            assert report.fields["board"] == BOARDS["h7plus"].board_type
            stream.send_command("clear")
        if isinstance(report, EventReport) and report.event == "reply":
            assert report.message == "The resting look is forgotten."
        if len(frames) == 12 and faces:
            stream.close()
    assert frames[0].picture.shape == (240, 320)
    assert time.monotonic() - start > 1  # of the clip's ten frames a second
    assert "rest" in (at_desk / ".simulated-camera/h7plus/flash/emotion.json").read_text()


def test_a_network_camera_is_seen_live_lost_and_seen_again(at_desk, opened):
    """In place of a webcam, which is read the same way."""
    frame = np.asarray(photograph((640, 480), ("happy", 240, 320, 200)))[..., ::-1]
    camera = MjpegStream([frame])
    opened.append(stream := open_stream(None, camera.url.replace("//", "//anna:secret@")))
    assert stream.name == "simulated h7plus"
    events = stream.events()
    assert first(events, Frame).picture.shape == (240, 320)
    faces = next(report for report in reports(events) if isinstance(report, FacesReport))
    assert len(faces.faces) == 1
    stream.send_command("calibrate")
    told = (report.event for report in reports(events) if isinstance(report, EventReport))
    assert "calibrated" in itertools.islice(told, 2)  # after the reply that asks to keep still
    camera.stop()
    lost = first(events, Disconnected)
    assert "gives no picture any more; it is tried again" in lost.message
    assert "secret" not in lost.message
    threading.Timer(1, camera.start).start()
    assert first(events, Frame).time_ms > lost.time_ms
    camera.stop()


def reports(events):
    return (parse(event.text) for event in events if isinstance(event, Line))


def test_a_video_is_looped_at_its_own_pace(at_desk, opened):
    first_frame, *rest = (photograph((320, 240), ("happy", 120, 150 + step, 100)) for step in (0, 5, 10, 5))
    first_frame.save(at_desk / "clip.gif", save_all=True, append_images=rest, duration=50, loop=0)
    opened.append(stream := open_stream("simulator:h7", "clip.gif"))
    frames = [event for event, _ in zip(of_kind(stream.events(), Frame), range(30), strict=False)]
    assert frames[-1].time_ms - frames[0].time_ms > 1000  # 30 of 50 ms, or fewer of them where the computer is busy
    assert frames[0].picture.shape == (240, 320)


def test_photographs_are_shown_in_turn_and_each_starts_anew(at_desk, opened, monkeypatch):
    from emotion_camera.simulator.host import sources

    monkeypatch.setattr(sources, "SCENE_FRAMES", 8)
    for name, emotion in (("a", "happy"), ("b", "surprise")):
        photograph((640, 480), (emotion, 240, 320, 200)).save(at_desk / f"{name}.png")
    opened.append(stream := open_stream(None, "."))
    seen: list = []
    for report in reports(stream.events()):
        if isinstance(report, EventReport) and report.event == "ready":
            seen.append([])
        elif isinstance(report, FacesReport):
            seen[-1] += [(face.id, face.emotion) for face in report.faces]
        if len(seen) == 4:
            stream.close()
    assert [scene[-1] for scene in seen[:3]] == [(1, "happy"), (1, "surprise"), (1, "happy")]


def test_a_real_camera_takes_no_source():
    with pytest.raises(UserError, match="give --source without --port"):
        open_stream("/dev/ttyACM0", "webcam")


def test_the_simulated_camera_runs_what_is_on_its_disk_and_waits_for_a_program_that_works(at_desk, opened):
    disk = at_desk / ".simulated-camera" / "rt1062" / "flash"
    disk.mkdir(parents=True)
    (disk / "main.py").write_text("print(1 / 0)")
    opened.append(stream := SimulatedStream("rt1062"))
    events = stream.events()
    assert "ZeroDivisionError" in first(events, Disconnected).message
    (disk / "main.py").write_text("print('well')")
    assert first(events, Line).text == "well"


def test_the_simulated_cameras_card_goes_before_its_flash(at_desk, opened):
    for name in ("flash", "sdcard"):
        (folder := at_desk / ".simulated-camera" / "h7" / name).mkdir(parents=True)
        (folder / "main.py").write_text(f"print('{name}')")
    opened.append(stream := open_stream("simulator:h7"))
    assert first(stream.events(), Line).text == "sdcard"


def test_a_recording_is_played(at_desk, opened):
    recordings = pytest.importorskip("emotion_camera.recordings")
    recorder = recordings.Recorder(at_desk / "holiday", "a camera", frames=True)
    recorder.add(Line(0, '{"v":1,"event":"recovered"}'))
    recorder.add(Frame(300, PICTURE))
    recorder.close()
    opened.append(stream := open_stream(str(at_desk / "holiday")))
    assert stream.name == "recording holiday"
    start = time.monotonic()
    line, frame = stream.events()
    assert parse(line.text) == EventReport("recovered", None, {})
    assert frame.picture.shape == PICTURE.shape
    assert time.monotonic() - start > 0.25  # at the recording's pace
    with pytest.raises(UserError, match="takes no commands"):
        stream.send_command("calibrate")
