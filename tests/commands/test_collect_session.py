"""What `collect` stores of what a camera tells and shows, and when it does not."""

import json
import struct
import time
import zlib

import numpy as np
import pytest
from emotion_camera.commands.collect.crop import likeness, model_view
from emotion_camera.commands.collect.session import Session
from emotion_camera.faces.folder import FacesFolder
from PIL import Image
from scripted_camera import BOX, LABELS, ScriptedStream, event, faces, picture, wait_until


@pytest.fixture
def start(tmp_path):
    """A function that starts a session with a camera."""
    sessions = []

    def begin(live=None, in_order=True, agreed=True):
        live = live or ScriptedStream()
        session = Session(live, FacesFolder(tmp_path / "faces"), LABELS, in_order)
        if agreed:
            session.agree("anna")
        session.start()
        sessions.append(session)
        if live.obeys:
            wait_until(lambda: session.state().trouble is None)
        return session, live

    yield begin
    for session in sessions:
        session.close()


def show(session, live, pixels, *lines):
    """Lines and then a frame; returns when both have arrived."""
    for line in lines:
        live.text(line)
    live.frame(pixels)
    wait_until(lambda: (match := session.state().match) is not None and match.picture is pixels)


def manifest(session):
    path = session._folder.path / "manifest.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_stores_what_the_network_sees_with_all_that_is_known(start):
    session, live = start()
    show(session, live, picture(1), faces())
    assert session.store("happy")
    state = session.state()
    assert state.said == "happy/0001.png is stored."
    assert state.counts == {"angry": 0, "happy": 1, "sad": 0}
    assert state.wanted == "angry"
    stored = np.asarray(Image.open(session._folder.path / "happy" / "0001.png"))
    np.testing.assert_array_equal(stored, model_view(picture(1), BOX))
    (line,) = manifest(session)
    assert line.pop("consent") <= line.pop("time")
    assert line.pop("session")
    assert line == {
        "file": "happy/0001.png", "label": "happy", "person": "anna", "camera": "H7", "firmware": "5.0.0",
        "box": list(BOX), "emotion": "happy", "score": 0.9,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("dark", "happy/0001.png is stored, but the face is too dark: light it from the front and take another; U removes this one."),
        ("turned", "happy/0001.png is stored."),  # perhaps to learn turned faces
        ("unsure", "happy/0001.png is stored."),  # such faces are what it learns most from
    ],
)  # fmt: skip
def test_a_poor_picture_is_said_and_the_persons_choice(start, why, said):
    session, live = start()
    show(session, live, picture(1), faces(emotion=None, why=why))
    assert session.store("happy")
    assert session.state().said == said


def test_nothing_is_stored_before_the_person_agrees_nor_of_the_next_one(start):
    session, live = start(agreed=False)
    show(session, live, picture(1), faces())
    assert not session.store("happy")
    assert session.state().said == "Nothing is stored before the person has agreed."
    session.agree("anna")
    assert session.store("happy")
    session.next_person()
    show(session, live, picture(2), faces())
    assert not session.store("happy")
    session.agree("")
    assert session.store("happy")
    assert [line["person"] for line in manifest(session)] == ["anna", None]


def test_the_largest_face_is_the_first_of_the_report(start):
    session, live = start()
    show(session, live, picture(1), faces((50, 50, 120, 120), (200, 60, 60, 60)))
    assert session.store("sad")
    assert manifest(session)[0]["box"] == [50, 50, 120, 120]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "No face is in view"),
        ([faces((300, 60, 40, 40))], "at the edge"),
        ([event("error", message="emotion.txt is empty."), faces()], "The camera says: emotion.txt is empty."),
    ],
)
def test_what_can_t_be_stored_is_said(start, lines, said):
    session, live = start()
    show(session, live, picture(1), faces())
    show(session, live, picture(2), *lines)
    assert not session.store("happy")
    assert said in session.state().said
    assert manifest(session) == []


def test_goes_on_when_the_camera_has_recovered(start):
    session, live = start()
    show(session, live, picture(1), event("error", message="bad"), faces())
    assert not session.store("happy")
    show(session, live, picture(2), event("recovered"), faces())
    assert session.store("happy")


def test_the_cameras_status_tells_what_is_wrong_at_the_moment(start):
    """An error is told once: it may have come before this program, and the line that tells its end may be lost."""
    session, live = start()
    show(session, live, picture(1), event("status", problem="It is dark."), faces())
    assert session.state().trouble == "The camera says: It is dark."
    show(session, live, picture(2), event("status"), faces())
    assert session.state().trouble == "The camera says: It is dark.", "an older program does not tell"
    show(session, live, picture(3), event("status", problem=None), faces())
    assert session.store("happy")


def test_a_frame_s_report_is_the_one_before_it(start):
    session, live = start()
    show(session, live, picture(1), faces())
    show(session, live, picture(2))
    assert session.state().match.face is None, "the report of the frame before"


def test_frames_are_not_used_before_they_are_bare(start):
    live = ScriptedStream(obeys=False)
    session, live = start(live)
    live.text(faces())
    live.frame(picture(1))
    wait_until(lambda: live._given.empty())
    assert not session.store("happy")
    assert session.state().trouble == "Waiting for the camera ..."
    live.text(event("reply", message="draw is off."))
    show(session, live, picture(2), faces())
    assert session.store("happy")


def test_nearly_the_same_picture_is_refused_for_the_same_label_alone(start):
    session, live = start()
    show(session, live, picture(1), faces())
    assert session.store("happy")
    noisy = (picture(1) * 0.8 + np.random.default_rng(1).normal(20, 6, (240, 320))).clip(0, 255).astype(np.uint8)
    show(session, live, noisy, faces())
    assert not session.store("happy")
    assert session.state().said.startswith("Nearly the same as happy/0001.png")
    assert session.store("sad")
    show(session, live, picture(3), faces())
    assert session.store("happy")
    assert session.state().counts == {"angry": 0, "happy": 2, "sad": 1}


def bomb() -> bytes:
    """A PNG that says it is 60,000 pixels wide and high, which Pillow refuses in its own way."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.parametrize(
    "data", [bomb(), b"", b"\x89PNG\r\n\x1a\n", b"no picture"], ids=["bomb", "empty", "cut", "text"]
)
def test_a_damaged_picture_in_the_folder_keeps_nobody_from_storing_another(start, data):
    session, live = start()
    session.agree(None)
    place = session._folder.path / "happy"
    place.mkdir()
    (place / "0001.png").write_bytes(data)
    show(session, live, picture(1), faces())
    assert session.store("happy"), session.state().said
    assert session.state().stored == ["happy/0002.png"]


def test_a_file_in_place_of_a_label_s_folder_is_said(start):
    session, live = start()
    session.agree(None)
    (session._folder.path / "happy").write_text("mine")
    show(session, live, picture(1), faces())
    assert not session.store("happy")
    assert "can't be written to (Not a directory)" in session.state().said


def test_undo_takes_back_what_this_session_stored(start):
    session, live = start()
    for seed in range(3):
        show(session, live, picture(seed), faces())
        session.store("happy")
    assert session.undo()
    assert session.undo()
    assert session.state().counts["happy"] == 1
    assert len(manifest(session)) == 1
    other, _ = start()
    assert not other.undo(), "what another session stored stays"
    assert other.state().said == "There is nothing to undo."
    assert session.undo()
    assert not session.undo()


def test_a_pulled_cable_is_said_and_the_frames_are_bare_again_when_it_is_back(start):
    session, live = start()
    show(session, live, picture(1), faces())
    live.pull("plug the camera in again")
    wait_until(lambda: session.state().trouble == "plug the camera in again")
    assert not session.store("happy")
    asked = live.heard.count("draw off")
    live.plug()
    wait_until(lambda: session.state().trouble is None)
    assert live.heard.count("draw off") > asked
    assert not live.draws
    show(session, live, picture(2), faces())
    assert session.store("happy")


def test_a_program_that_starts_anew_is_asked_again(start):
    session, live = start()
    live.plug()
    wait_until(lambda: live.heard.count("draw off") == 2)
    wait_until(lambda: session.state().trouble is None)


def test_boxes_are_drawn_again_at_the_end(start):
    session, live = start()
    session.close()
    assert live.heard[-1] == "draw on"
    assert live.draws


def test_a_program_without_the_command_is_told_of(start):
    session, live = start(ScriptedStream(obeys=False))
    live.text(event("reply", message="That is no command: there are status | help."))
    wait_until(lambda: session.failed is not None)
    assert "emotion-camera deploy" in str(session.failed)


class TestApart:
    """A real camera: its lines and its frames come by two ways, and may be one apart."""

    @pytest.fixture
    def real(self, start):
        session, live = start(in_order=False)
        for _ in range(2):
            live.frame(picture(99))  # from before
        return session, live

    def test_a_face_that_holds_still_is_stored(self, real):
        session, live = real
        live.text(faces((100, 60, 96, 96)))
        live.frame(pixels := picture(1))
        live.text(faces((102, 60, 98, 98)))
        wait_until(lambda: (match := session.state().match) is not None and match.picture is pixels)
        assert session.store("happy")
        assert manifest(session)[0]["box"] == [102, 60, 98, 98]

    @pytest.mark.parametrize("after", [faces((120, 60, 96, 96)), faces((100, 60, 120, 120)), faces(number=2)])
    def test_a_face_that_moves_is_not(self, real, after):
        session, live = real
        live.text(faces((100, 60, 96, 96)))
        live.frame(picture(1))
        live.text(after)
        wait_until(lambda: session.state().match is not None)
        assert not session.store("happy")
        assert session.state().said == "The face moves: hold still for a moment."

    def test_frames_that_may_still_have_boxes_are_passed_over(self, start):
        session, live = start(in_order=False)
        for _ in range(2):
            live.text(faces())
            live.frame(picture(1))
        live.text(faces())
        live.frame(last := picture(2))
        live.text(faces())
        wait_until(lambda: session.state().match is not None)
        assert session.state().match.picture is last


class TestSlowReports:
    """With the setting report_ms most frames have no report."""

    @pytest.fixture(params=[True, False], ids=["simulated", "real"])
    def slow(self, request, start):
        session, live = start(in_order=request.param)
        live.text(event("reply", message="report_ms is 5000."))
        for seed in (90, 91):
            live.frame(picture(seed))  # from before
        return session, live, request.param

    def reported(self, session, live, in_order, pixels, *lines):
        """A frame with its report: a real camera's comes between two frames."""
        if not in_order:
            live.frame(pixels)
        for line in lines:
            live.text(line)
        live.frame(pixels)
        wait_until(lambda: (match := session.state().match) is not None and match.picture is pixels and match.certain)

    def shown(self, session, live, pixels):
        live.frame(pixels)
        wait_until(lambda: (match := session.state().match) is not None and match.picture is pixels)

    def test_a_face_stays_in_view_between_two_reports(self, slow):
        session, live, in_order = slow
        self.reported(session, live, in_order, picture(1), faces())
        for seed in range(2, 6):
            self.shown(session, live, picture(seed))
            assert session.state().match.face.box == BOX
            assert not session.state().match.certain

    def test_the_frame_of_the_next_report_is_stored_and_not_an_older_one(self, slow):
        """The person has made another face since the last report."""
        session, live, in_order = slow
        self.reported(session, live, in_order, picture(1), faces())
        self.shown(session, live, picture(2))
        assert not session.store("sad")
        assert session.state().said == "Keep this face: the camera reports every 5 s, the next is stored as sad."
        assert manifest(session) == []
        self.reported(session, live, in_order, picture(3), faces((90, 60, 100, 100), emotion="sad"))
        wait_until(lambda: session.state().said == "sad/0001.png is stored.")
        (line,) = manifest(session)
        assert (line["label"], line["emotion"], line["box"]) == ("sad", "sad", [90, 60, 100, 100])
        stored = np.asarray(Image.open(session._folder.path / "sad" / "0001.png"))
        np.testing.assert_array_equal(stored, model_view(picture(3), (90, 60, 100, 100)))
        self.shown(session, live, picture(4))
        assert len(manifest(session)) == 1, "once"

    def test_the_last_key_counts_and_none_after_the_person_has_changed(self, slow):
        session, live, in_order = slow
        self.reported(session, live, in_order, picture(1), faces())
        self.shown(session, live, picture(2))
        session.store("happy")
        session.store("sad")
        self.reported(session, live, in_order, picture(3), faces())
        wait_until(lambda: len(manifest(session)) == 1)
        assert manifest(session)[0]["label"] == "sad"
        self.shown(session, live, picture(4))
        session.store("happy")
        session.next_person()
        session.agree("berta")
        self.reported(session, live, in_order, picture(5), faces())
        assert len(manifest(session)) == 1

    def test_a_report_that_is_late_is_waited_for(self, slow):
        """The computer, or the camera, is busy: the face is not taken for having gone while a key waits for it."""
        session, live, in_order = slow
        live.text(event("status", settings={"report_ms": 100}))
        self.reported(session, live, in_order, picture(1), faces())
        self.shown(session, live, picture(2))
        session.store("sad")
        time.sleep(1.3)
        self.shown(session, live, picture(3))
        assert session.state().match.face is None
        self.reported(session, live, in_order, picture(4), faces(), faces())
        wait_until(lambda: session.state().said == "sad/0001.png is stored.")

    def test_a_face_that_has_gone_is_said_and_not_stored(self, slow, monkeypatch):
        session, live, in_order = slow
        self.reported(session, live, in_order, picture(1), faces())
        self.shown(session, live, picture(2))
        monkeypatch.setattr("emotion_camera.commands.collect.session.LATE_S", -5)
        session.store("happy")
        wait_until(lambda: session.state().said.startswith("The camera has reported no face: nothing is stored."))
        assert manifest(session) == []

    def test_after_its_time_without_a_report_nobody_is_in_view(self, slow):
        session, live, in_order = slow
        live.text(event("status", settings={"report_ms": 100}))
        self.reported(session, live, in_order, picture(1), faces())
        time.sleep(1.3)
        self.shown(session, live, picture(2))
        assert session.state().match.face is None

    def test_a_face_of_a_real_camera_that_moves_is_not_stored(self, start):
        session, live = start(in_order=False)
        live.text(event("reply", message="report_ms is 5000."))
        for seed in (90, 91):
            live.frame(picture(seed))
        live.frame(picture(1))
        live.text(faces())
        live.frame(last := picture(2))
        wait_until(lambda: (match := session.state().match) is not None and match.picture is last)
        assert not session.store("happy")
        assert session.state().said == "The face moves: hold still for a moment."


def test_brightness_and_contrast_make_no_difference_to_likeness():
    one, other = (model_view(picture(seed), BOX) for seed in (1, 2))
    assert likeness(one, (one * 0.5 + 40).astype(np.uint8)) > 0.999
    assert likeness(one, other) < 0.7
    assert likeness(one, np.zeros_like(one)) == 0
