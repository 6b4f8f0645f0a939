"""What the camera's reports say, told in words."""

from collections import Counter

from emotion_camera.reports.parse import EventReport, Face, FacesReport, Joiner, parse


class Story:
    """Hears the lines that the camera program prints and sees the frames it shows; gives a sentence when that changes."""

    def __init__(self) -> None:
        self.frames = 0
        self.with_face = 0
        self.ready = False  # whether the program said that it has all it needs
        self.trouble: str | None = None  # what it said last of what is wrong
        self.emotions: Counter[str] = Counter()
        self._joiner = Joiner()
        self._faces: list[Face] = []
        self._told: tuple[str, list[tuple[int, str | None]]] | None = None
        self._start_ms: int | None = None

    def hear(self, text: str) -> str | None:
        """One printed line; the sentence for it, if it is an event. A report about faces waits for its frame."""
        report = parse(self._joiner.add(text) or "")
        if isinstance(report, FacesReport):
            self._faces = sorted(report.faces, key=lambda face: face.id)
        if not isinstance(report, EventReport):
            return None
        if report.event == "ready":
            self.ready = True
            return "ready: {model} on firmware {firmware}, {board}".format_map({**UNSAID, **report.fields})
        self.trouble = report.message or self.trouble
        return f"{report.event}: {report.message}" if report.message else report.event

    def see(self, time_ms: int, name: str = "") -> str | None:
        """A frame, of the picture called `name`, was shown; the sentence for it, if another picture, other faces or
        emotions were reported than for the last one. Nothing before the program is ready: it has not looked."""
        if not self.ready:
            return None
        self._start_ms = time_ms if self._start_ms is None else self._start_ms
        faces, self._faces = self._faces, []
        self.frames += 1
        self.with_face += bool(faces)
        self.emotions.update(face.emotion or "uncertain" for face in faces)
        now = name, [(face.id, face.emotion) for face in faces]
        if now == self._told:
            return None
        self._told = now
        words = " · ".join(f"face {face.id} {face.emotion or '?'} {face.score:.2f}" for face in faces)
        picture = f"{name}: " if name else ""
        return f"{(time_ms - self._start_ms) / 1000:5.1f} s  {picture}{words or 'no face'}"

    def summary(self) -> str:
        """How many frames had a face, and which emotion was seen in how many."""
        seen = ", ".join(f"{name} {count}" for name, count in self.emotions.most_common())
        return f"{self.frames} frames, {self.with_face} with a face" + (f": {seen}" if seen else "")


UNSAID = {"model": "a model", "firmware": "?", "board": "?"}
