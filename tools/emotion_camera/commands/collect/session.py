"""A collecting session: follows the camera, and stores its newest face under a label."""

from __future__ import annotations

import contextlib
import shlex
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from emotion_camera.camera.stream import BARE, DRAWN, NO_COMMAND, CameraStream
from emotion_camera.commands.collect.crop import is_inside, likeness, model_view
from emotion_camera.commands.collect.matching import Match, OrderedMatcher, UnorderedMatcher
from emotion_camera.errors import UserError
from emotion_camera.events import Disconnected, Event, Frame, Line
from emotion_camera.faces.folder import FacesFolder
from emotion_camera.faces.manifest import Entry
from emotion_camera.faces.reader import SIZE
from emotion_camera.reports.parse import EventReport, FacesReport, parse, report_ms_of
from emotion_camera.reports.reasons import REASONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALIKE = 0.96  # see `likeness`: above it one face has hardly moved; of two people with the same expression 1 pair in 25,000 is
COMPARED = 12  # of a label's newest pictures, with which a new one is compared
OLD_S = 1.0  # a picture on the page this old is not what the person sees now
ANSWER_S = 8.0  # a camera program answers within a frame, once it has started
TARGET = 50  # pictures of each label, unless told otherwise
LATE_S = 3.0  # that a report may be late by
POOR = ("far", "dark", "blurred")  # no picture to learn from; faces that are turned or covered may be what is collected
LEAVE_S = 2.0  # for the camera to say that it draws boxes again


@dataclass
class State:
    """The state of a session, for the page and the terminal."""

    camera: str
    folder: str
    labels: list[str]
    counts: dict[str, int]
    person: str | None = None
    target: int = TARGET  # pictures of each label
    agreed: bool = False  # the person in view agreed that pictures are stored
    refused: bool = False  # they did not agree: they are not shown, either
    match: Match | None = None  # the newest frame with its face
    trouble: str | None = None  # why nothing can be stored now, as a sentence
    said: str = ""  # the result of the last action, as a sentence
    good: bool = True  # whether it succeeded
    stored: list[str] = field(default_factory=list)  # of this session: "happy/0001.png"

    @property
    def wanted(self) -> str:
        """The label with the fewest pictures."""
        return min(self.labels, key=lambda label: self.counts[label])


class Session:
    """Listens to `live` in a thread of its own, from `start` until `close`; the rest may be called from any thread."""

    def __init__(
        self, live: CameraStream, folder: FacesFolder, labels: list[str], in_order: bool, target: int = TARGET
    ) -> None:
        self._live = live
        self._folder = folder
        self._in_order = in_order
        self._matcher = self._new_matcher(0)
        self._lock = threading.RLock()
        self._bare = False
        self._gone: str | None = None  # what to do, while the connection is lost
        self._wrong: str | None = None  # what the camera draws on its frames
        self._asked_s = time.monotonic()  # when the frames were last asked to be bare
        self._match_s = 0.0
        self._asked_for: tuple[str, float] | None = (
            None  # the label that the next report's face is stored under, until when
        )
        self._firmware: str | None = None
        self._board: str | None = None
        self._started = _now()
        self._agreed: str | None = None  # when the person agreed
        self._over = threading.Event()
        self._drawn = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.failed: UserError | None = None  # why the session is over
        self._state = State(live.name, str(folder.path), labels, folder.counts(labels), target=target)
        self._state.said = " ".join(folder.mended)

    # What a person does

    def agree(self, person: str | None) -> None:
        """The person in view agrees that pictures of their face are stored; `person` is a name or code, or None."""
        with self._lock:
            self._agreed = _now()
            self._state.agreed, self._state.refused, self._state.person = True, False, person or None
        self._say("", True)

    def refuse(self) -> None:
        """The person in view does not agree: nothing of them is stored or shown, until another person is asked."""
        self.next_person()
        with self._lock:
            self._state.refused = True

    def expect(self, person: str) -> None:
        """Who is asked for their agreement."""
        with self._lock:
            self._state.person = person

    def next_person(self) -> None:
        """Another person is in view: nothing is stored until they agree."""
        with self._lock:
            self._agreed, self._state.agreed, self._state.refused, self._state.person = None, False, False, None
            self._asked_for = None
        self._say("", True)

    def store(self, label: str) -> bool:
        """Store the largest face under a label; whether that succeeded. The state has the result as a sentence.

        With the camera's setting report_ms most frames have no report: there the next one is waited for.
        """
        with self._lock:
            match, report_ms = self.state().match, self._matcher.report_ms
            if match is not None and not match.certain and self._state.agreed:
                self._asked_for = label, time.monotonic() + report_ms / 1000 + LATE_S
                self._say(
                    f"Keep this face: the camera reports every {report_ms / 1000:g} s, the next is stored as {label}.",
                    True,
                )
                return False
            return self._try_to_store(label)

    def _try_to_store(self, label: str) -> bool:
        self._asked_for = None
        try:
            said, good = self._store(label), True
        except UserError as error:
            said, good = str(error), False
        self._say(said, good)
        return good

    def undo(self) -> bool:
        """Remove the last picture of this session."""
        return self.remove(None)

    def remove(self, name: str | None) -> bool:
        """Remove a picture of this session, such as "happy/0001.png"; None is the last one."""
        with self._lock:
            stored, self._asked_for = self._state.stored, None
            try:
                if not stored:
                    raise UserError("There is nothing to undo.")
                name = stored[-1] if name is None else name
                if name not in stored:
                    raise UserError("That picture was not stored by this program, or is gone.")
                self._folder.remove(name)
                stored.remove(name)
                said, good = f"{name} is removed.", True
            except UserError as error:
                said, good = str(error), False
            self._count()
        self._say(said, good)
        return good

    def picture(self, name: str) -> bytes | None:
        """A picture of this session as a PNG; None for any other name, and when it is gone."""
        with self._lock:
            if name not in self._state.stored:
                return None
            try:
                return (self._folder.path / name).read_bytes()
            except OSError:
                return None

    def state(self) -> State:
        """A copy of the current state."""
        with self._lock:
            self._state.trouble = self._trouble()
            if self._asked_for and time.monotonic() > self._asked_for[1]:
                self._asked_for = None
                self._say("The camera has reported no face: nothing is stored. Look at it and press again.", False)
            if self._state.refused or time.monotonic() - self._match_s > OLD_S:
                self._state.match = None
            return State(**vars(self._state) | {"counts": dict(self._state.counts), "stored": list(self._state.stored)})

    def start(self) -> None:
        """UserError for a camera that takes no commands, or a recording."""
        self._ask()
        self._thread.start()

    def close(self) -> None:
        """Have the camera draw its boxes again, and disconnect."""
        self._over.set()
        if self._thread.is_alive() and not self._gone:
            with contextlib.suppress(UserError):
                self._live.send_command("draw on")
                self._drawn.wait(LEAVE_S)
        self._live.close()
        self._thread.join(LEAVE_S)

    # What the camera does

    def _listen(self) -> None:
        try:
            for event in self._live.events():
                with self._lock:
                    self._handle(event)
            if not self._over.is_set():
                self.failed = UserError(f"{self._live.name}: there is nothing more to come")
        except UserError as error:
            self.failed = error

    def _handle(self, event: Event) -> None:
        if isinstance(event, Disconnected):
            self._gone, self._bare, self._wrong, self._state.match = event.message, False, None, None
            self._asked_for = None
            return
        if self._gone:
            self._gone = None
            with contextlib.suppress(UserError):  # it was lost again
                self._ask()
        if isinstance(event, Frame):
            self._note(self._matcher.frame(event.picture, time.monotonic()))
        else:
            self._read(event)

    def _read(self, text: Line) -> None:
        report = parse(text.text)
        if isinstance(report, FacesReport):
            self._note(self._matcher.report(report, time.monotonic()))
        elif isinstance(report, EventReport):
            told_ms = report_ms_of(report)
            self._matcher.report_ms = self._matcher.report_ms if told_ms is None else told_ms
            self._read_event(report)

    def _read_event(self, report: EventReport) -> None:
        event, message = report.event, report.message or ""
        if event in ("ready", "status"):
            self._firmware = report.fields.get("firmware", self._firmware)
            self._board = report.fields.get("board", self._board)
            self._wrong = report.fields.get("problem", None if event == "ready" else self._wrong)
        if event == "ready":  # the program has started anew, and draws
            self._bare = False
            self._ask()
        elif event == "error":
            self._wrong = message
        elif event == "recovered":
            self._wrong = None
        elif message == BARE:
            self._bare, self._matcher = True, self._new_matcher(self._matcher.report_ms)
        elif message == DRAWN:
            self._bare = False
            self._drawn.set()
        elif message.startswith(NO_COMMAND):
            raise UserError(
                f"{self._live.name}: its program can't leave the frame bare of boxes; put the newest one on it: "
                "emotion-camera deploy"
            )

    def _new_matcher(self, report_ms: int) -> OrderedMatcher | UnorderedMatcher:
        return OrderedMatcher(report_ms) if self._in_order else UnorderedMatcher(report_ms)

    def _ask(self) -> None:
        """Have the camera draw nothing on its frames, and print its status."""
        if self._over.is_set():
            return
        self._asked_s = time.monotonic()
        self._live.send_command("draw off")
        self._live.send_command("status")

    def _note(self, match: Match | None) -> None:
        if match is not None and self._bare:
            self._state.match, self._match_s = match, time.monotonic()
            if self._asked_for and match.certain and match.face is not None:
                self._try_to_store(self._asked_for[0])

    # Storing

    def _trouble(self) -> str | None:
        if self._gone:
            return self._gone
        if self._wrong:
            return f"The camera says: {self._wrong}"
        if self._bare:
            return None
        if time.monotonic() - self._asked_s > ANSWER_S:
            return "The camera program does not answer: is it running? Put it on the camera with emotion-camera deploy."
        return "Waiting for the camera ..."

    def _store(self, label: str) -> str:
        """Store a face; the sentence about it. UserError says why none was stored."""
        state = self.state()
        if label not in state.labels:
            raise UserError(f"No label is called {label}.")
        if not state.agreed:
            raise UserError("Nothing is stored before the person has agreed.")
        if state.trouble:
            raise UserError(state.trouble)
        picture = face_of(state.match)
        self._refuse_alike(label, picture)
        assert state.match is not None
        face = state.match.face
        assert face is not None
        fields: Entry = {"person": state.person, "consent": self._agreed, "session": self._started, "time": _now()}
        fields |= {
            "camera": self._board or state.camera,
            "firmware": self._firmware,
            "box": face.box,
            "emotion": face.emotion,
            "score": face.score,
        }
        name = self._folder.add(label, picture, fields)
        self._state.stored.append(name)
        self._count()
        if face.why in POOR:  # the camera may be wrong
            what, advice, _ = REASONS[face.why]
            return f"{name} is stored, but {what}: {advice} and take another; U removes this one."
        return f"{name} is stored."

    def _refuse_alike(self, label: str, picture: NDArray[np.uint8]) -> None:
        from emotion_camera.pictures import read_picture

        for path in reversed(self._folder.last(label, COMPARED)):
            try:
                other = read_picture(path)
            except UserError:
                continue  # damaged, or gone: training says so
            if other.shape == (SIZE, SIZE) and likeness(picture, other) > ALIKE:
                raise UserError(f"Nearly the same as {label}/{path.name}: turn the head a little, or change the light.")

    def _count(self) -> None:
        self._state.counts = self._folder.counts(self._state.labels)

    def _say(self, said: str, good: bool) -> None:
        with self._lock:
            self._state.said, self._state.good = said, good


def train_command(folder: str) -> str:
    """What to type next, once there are enough pictures."""
    return f"emotion-camera train finetune --data {shlex.quote(folder)}"


def face_of(match: Match | None) -> NDArray[np.uint8]:
    """The largest face as the network sees it, [48, 48]; UserError says why there is none."""
    if match is None:
        raise UserError("No new picture has come from the camera: wait a moment.")
    if match.moves:
        raise UserError("The face moves: hold still for a moment.")
    if match.face is None:
        raise UserError("No face is in view: look at the camera.")
    if not is_inside(match.face.box, match.picture):
        raise UserError("The face is at the edge of the picture: come to the middle.")
    return model_view(match.picture, match.face.box)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
