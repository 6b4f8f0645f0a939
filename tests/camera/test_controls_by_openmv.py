"""The program's channels, read by OpenMV's own package from the simulator, as OpenMV IDE reads them: size, then all of it."""

import json
import signal
import threading
import time

import cbor2
import pytest
from camera_runs import MODEL, micropython, scene
from emotion_camera.camera.usb import _camera
from emotion_camera.simulator import Line, run
from emotion_camera.simulator.program import program_for

READS = 10_000
PATIENCE_S = 30
SAMPLE_US = 125_000
TIME, DATA, WIDTH = 6, 8, -20


@pytest.fixture
def played(plug_in):
    """The package's camera at the program on the simulator, and what the program printed by the end."""
    pytest.importorskip("openmv")
    from protocol_camera import ProgramChannels, ProtocolCamera

    program, lines = ProgramChannels(), []

    def play() -> None:
        events = run(source=scene(frames=4000), board="h7plus", channel_host=program, **program_for("h7plus", MODEL))
        for event in events:
            if isinstance(event, Line):
                lines.append(event.text)
            if program.left:
                return events.close()

    thread = threading.Thread(target=play)
    thread.start()
    while "controls" not in program.flags and thread.is_alive():
        time.sleep(0.01)
    cable = plug_in("camera")
    plugged = ProtocolCamera(cable.ends[0], bytes(320 * 240), (320, 240), program=program)
    camera = _camera(str(cable.path))
    try:
        camera.connect()
        yield camera, lines
    finally:
        program.leave()
        thread.join()
        camera.disconnect()
        plugged.unplug()


@micropython
def test_ten_thousand_reads_and_none_is_torn_or_lost(played):
    camera, lines = played
    end = None
    for number in range(READS):
        records = {record[0]: record for record in cbor2.loads(camera.channel_read("controls"))}
        plot, before = records["scores"], end
        end = plot[TIME] // SAMPLE_US
        assert before is None or end - plot[WIDTH] <= before <= end, "samples were lost"
        assert 95 <= sum(plot[DATA][-7:]) <= 105, "a sample is torn"
        assert records["emotion"][2] == "happy"
        if number == READS // 2:
            camera.channel_write("controls", cbor2.dumps([{0: "sure", 2: 20}]))
        if number % 100 == 0:
            signal.alarm(PATIENCE_S)  # anew, as long as something comes
            assert camera.read_status().keys() >= {"emotion", "controls"}
            assert json.loads(camera.channel_read("emotion"))["v"] == 1
    assert end > 100
    assert records["sure"][2] == 20
    assert any("sure is 0.2." in line for line in lines)
