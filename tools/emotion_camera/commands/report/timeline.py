"""A recording as a timeline: which face showed which emotion from when to when. Durations are computed here only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from emotion_camera.recordings import Entry, Recording
from emotion_camera.recordings.files import BACK, GONE, STILL_HERE
from emotion_camera.reports.parse import MOST_REPORT_MS, EventReport, Face, FacesReport, labels_of, report_ms_of

FIRST_STEP_MS = 100  # the first report has no frame rate
BRIDGED_MS = 1000  # a face that is back within this was there meanwhile: the detector misses it now and then
BRIDGED_STEPS = 3  # or within so many reports of a slow camera
RESTART_MS = 1000  # by which the camera's clock may be ahead of this computer's since a restart: lines come late
HALF_CLOCK_MS = 1 << 29  # MicroPython's ticks wrap at twice this
LISTED = ("error", "recovered", "calibrated", "reply", "ready", GONE, BACK)  # the events that the page lists


@dataclass(frozen=True)
class Segment:
    """A time span in which a face had one emotion and score; ms since the start. `emotion` is None while uncertain: see `why`.
    `why`, `valence` and `arousal` are None where the camera did not tell them."""

    start_ms: int
    end_ms: int
    emotion: str | None
    score: float
    why: str | None = None
    valence: float | None = None
    arousal: float | None = None

    @property
    def ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass
class Track:
    """One tracked face and its segments in order; they adjoin while it stays in view."""

    name: str  # "1", or "1 (2)" for face 1 after the first restart
    segments: list[Segment] = field(default_factory=list)
    peaks: dict[str | None, tuple[int, Face]] = field(
        default_factory=dict
    )  # of each emotion its highest score: when, what


@dataclass(frozen=True)
class Event:
    """A message of the camera or the recorder."""

    time_ms: int
    event: str
    message: str


@dataclass(frozen=True)
class Gap:
    """The camera was disconnected; up to the end if it did not come back."""

    start_ms: int
    end_ms: int
    message: str


@dataclass
class Timeline:
    """A whole recording."""

    length_ms: int
    faces: list[Track]  # in order of appearance
    events: list[Event]
    gaps: list[Gap]
    cameras: list[dict[str, Any]]  # fields of each different "ready" or "status": board, firmware, model, sha256
    labels: list[str]  # the model's; then what else was named
    reports: int  # lines with faces


def read_timeline(recording: Recording) -> Timeline:
    """Read a recording. UserError when it holds lines of a later version of the report."""
    reader = _Reader()
    for entry in recording.entries():
        reader.add(entry)
    last_ms = max([reader.now_ms, *(frame.time_ms for frame in recording.frames[-1:])])
    return reader.finish(last_ms, recording.ended_ms)


class _Reader:
    """Takes one line after the other. A report counts until the face's next one; the last before it disappears, one step."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._faces: dict[tuple[int, int], Track] = {}  # by the camera's start and the face's number
        self._open: dict[tuple[int, int], tuple[int, Face, float]] = {}  # the last report: when, what, the step then
        self._starts = 0
        self._t: int | None = None  # the camera's clock
        self._told_ms = 0  # when it was told
        self._report_ms = 0
        self._gone: Event | None = None
        self._may_be_new = False  # the connection was gone since the last report
        self._timeline = Timeline(0, [], [], [], [], [], 0)

    def add(self, entry: Entry) -> None:
        self.now_ms = entry.time_ms
        if isinstance(entry.report, FacesReport):
            self._add_faces(entry.report)
        else:
            self._add_event(entry.report)

    def finish(self, last_ms: int, ended_ms: int | None) -> Timeline:
        """The timeline; `ended_ms` is None for an incomplete recording."""
        timeline = self._timeline
        self._close_all(ended_ms)
        faces = [face for face in self._faces.values() if face.segments]
        timeline.faces = sorted(faces, key=lambda face: face.segments[0].start_ms)
        ends = [face.segments[-1].end_ms for face in timeline.faces]
        timeline.length_ms = max([last_ms, ended_ms or 0, *ends])
        if self._gone is not None:
            timeline.gaps.append(Gap(self._gone.time_ms, timeline.length_ms, self._gone.message))
        named = (segment.emotion for face in timeline.faces for segment in face.segments if segment.emotion)
        timeline.labels = list(dict.fromkeys([*timeline.labels, *named]))
        return timeline

    def _add_faces(self, report: FacesReport) -> None:
        self._note_restart(report.t)
        self._timeline.reports += 1
        step = min(max(1000 / report.fps if report.fps else FIRST_STEP_MS, self._report_ms), MOST_REPORT_MS)
        for face in report.faces:
            key = (self._starts, face.id)
            if key in self._open:
                self._close(key, self.now_ms)
            self._open[key] = (self.now_ms, face, step)
            self._note_peak(self._face(key), face)

    def _note_restart(self, t: int) -> None:
        """A camera that restarts numbers its faces anew; its clock starts at 0, after the last report. If it is back by less,
        a letter in the line has changed."""
        back = self._t is not None and 0 < self._t - t < HALF_CLOCK_MS
        if back and t <= self.now_ms - self._told_ms + RESTART_MS:
            self._restart()
        self._t, self._told_ms, self._may_be_new = t, self.now_ms, False

    def _restart(self) -> None:
        self._close_all(self.now_ms)
        self._starts += 1
        self._t = None

    def _face(self, key: tuple[int, int]) -> Track:
        start, number = key
        return self._faces.setdefault(key, Track(f"{number} ({start + 1})" if start else str(number)))

    def _note_peak(self, track: Track, face: Face) -> None:
        peak = track.peaks.get(face.emotion)
        if peak is None or _worth(face) > _worth(peak[1]):
            track.peaks[face.emotion] = (self.now_ms, face)

    def _close_all(self, until_ms: int | None) -> None:
        for key in list(self._open):
            self._close(key, None, until_ms)

    def _close(self, key: tuple[int, int], next_ms: int | None, until_ms: int | None = None) -> None:
        """End the face's last report: at its next one, or after one step if that is late or missing."""
        start_ms, face, step = self._open.pop(key)
        if next_ms is None or next_ms - start_ms > max(BRIDGED_MS, BRIDGED_STEPS * step):
            next_ms = start_ms + round(step)
        if until_ms is not None:
            next_ms = min(next_ms, until_ms)
        if next_ms > start_ms:
            told = (face.emotion, face.score, face.why, face.valence, face.arousal)
            self._face(key).segments.append(Segment(start_ms, next_ms, *told))

    def _add_event(self, report: EventReport) -> None:
        fields = report.fields
        event = Event(self.now_ms, report.event, report.message or _ready_words(report))
        if report.event == GONE:
            self._close_all(self.now_ms)
            self._gone, self._may_be_new = self._gone or event, True
        elif self._gone is not None and report.event != STILL_HERE:
            self._timeline.gaps.append(Gap(self._gone.time_ms, self.now_ms, self._gone.message))
            self._gone = None
        if report.event == "ready" and self._may_be_new:
            self._restart()
            self._may_be_new = False
        if labels_of(report):
            self._note_camera(fields, labels_of(report))
        told_ms = report_ms_of(report)
        self._report_ms = self._report_ms if told_ms is None else told_ms
        if report.event in LISTED:
            self._timeline.events.append(event)

    def _note_camera(self, fields: dict[str, Any], labels: Iterable[str]) -> None:
        camera = {key: fields.get(key) for key in ("board", "firmware", "model", "sha256")}
        if camera not in self._timeline.cameras:
            self._timeline.cameras.append(camera)
        self._timeline.labels = list(dict.fromkeys([*self._timeline.labels, *labels]))


def _ready_words(report: EventReport) -> str:
    fields = report.fields
    return f"{fields.get('model')} on firmware {fields.get('firmware')}" if report.event == "ready" else ""


def _worth(face: Face) -> tuple[float, int]:
    """How well a report suits as the picture of its emotion: a high score, and of equal ones the largest face."""
    return face.score, face.box[2]
