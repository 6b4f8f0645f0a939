"""What happens to a camera from outside while it runs: lines are typed, and files change."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


class Stimuli:
    """Events at times of the camera's clock; each happens before the first answer at or after its time.

    The program waits for that answer, so it finds the line on its serial port, and the file changed, as soon as it
    goes on: the same run gives the same events.
    """

    def __init__(
        self,
        typed: Sequence[tuple[int, bytes]],
        file_changes: Sequence[tuple[int, str, bytes | None]],
        disk: Path,
        type_now: Callable[[bytes], None],
        keyboard: Callable[[], bytes],
    ) -> None:
        self._type_now = type_now
        self._keyboard = keyboard
        self._disk = disk
        events: list[tuple[int, Callable[..., None], tuple[Any, ...]]] = []
        events += [(time_ms, self._type_now, (data,)) for time_ms, data in typed]
        events += [(time_ms, self._change, (name, content)) for time_ms, name, content in file_changes]
        self._events = sorted(events, key=lambda event: event[0])

    def happen(self, now_us: int) -> None:
        """All that is due by now."""
        while self._events and self._events[0][0] * 1000 <= now_us:
            _, act, arguments = self._events.pop(0)
            act(*arguments)
        self._type_now(self._keyboard())  # and what the program has not made room for yet

    def _change(self, name: str, content: bytes | None) -> None:
        path = self._disk / name
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
