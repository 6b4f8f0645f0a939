"""The camera's reports as sentences in the terminal."""

from collections import Counter

from emotion_camera.reports.check import ReportParser
from emotion_camera.reports.parse import EventReport, Face, FacesReport


class Narration:
    """Takes the printed lines and the shown frames in order; returns a sentence when faces or emotions change."""

    def __init__(self) -> None:
        self.frames = 0
        self.with_face = 0
        self.ready = False  # whether the program has printed "ready"
        self.trouble: str | None = None  # the last error message
        self.emotions: Counter[str] = Counter()
        self.reported: list[Face] | None = None  # the faces of the frame that comes next; None without a report
        self._parser = ReportParser()
        self._faces: list[Face] = []
        self._last: list[tuple[int, str]] | None = None
        self._start_ms: int | None = None

    def add_line(self, text: str) -> str | None:
        """A printed line; the sentence for it, if it is an event. A report of faces waits for its frame."""
        report = self._parser.parse(text)
        if isinstance(report, FacesReport):
            self.reported = self._faces = sorted(report.faces, key=lambda face: face.id)
        if not isinstance(report, EventReport):
            return None
        if report.event == "ready":
            self.ready = True
            return "ready: {model} on firmware {firmware}, {board}".format_map({**UNKNOWN, **report.fields})
        self.trouble = report.message or self.trouble
        return f"{report.event}: {report.message}" if report.message else report.event

    def add_frame(self, time_ms: int) -> str | None:
        """A frame was shown at `time_ms`; the sentence for it, if its faces or emotions differ from the last one's. None before the program is ready: the frame was not analysed."""
        if not self.ready:
            return None
        self._start_ms = time_ms if self._start_ms is None else self._start_ms
        faces, self._faces = self._faces, []
        self.frames += 1
        self.with_face += bool(faces)
        self.emotions.update(face.word for face in faces)
        now = [(face.id, face.word) for face in faces]
        if now == self._last:
            return None
        self._last = now
        words = " · ".join(f"face {face.id} {in_words(face)}" for face in faces)
        # The simulated clock is up to 1 ms behind or ahead: 2.449.
        seconds = round((time_ms - self._start_ms) / 1000, 2)
        return f"{seconds:5.1f} s  {words or 'no face'}"

    def summary(self) -> str:
        """How many frames had a face, and how many each emotion."""
        seen = ", ".join(f"{name} {count}" for name, count in self.emotions.most_common())
        return f"{self.frames} frames, {self.with_face} with a face" + (f": {seen}" if seen else "")


def in_words(face: Face) -> str:
    """ "happy 0.91", or without a name "turned": the score is an emotion's."""
    return f"{face.word} {face.score:.2f}" if face.emotion else face.word


UNKNOWN = {"model": "a model", "firmware": "?", "board": "?"}
