"""Progress of all runs of a sweep in one view: redrawn in place on a terminal, plain lines elsewhere."""

from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table


class View:
    """A line a run: its name and what it is doing."""

    def __init__(self, names: list[str], console: Console | None = None):
        self.said = dict.fromkeys(names, "waiting")
        self.console = console or Console()
        self.live = Live(self._lines(), console=self.console, auto_refresh=False, vertical_overflow="ellipsis")

    def __enter__(self) -> "View":
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.console.is_terminal:
            self.live.stop()

    def say(self, name: str, what: str) -> None:
        """Show what a run is doing now."""
        if self.said[name] == what:
            return
        self.said[name] = what
        if self.console.is_terminal:
            self.live.update(self._lines(), refresh=True)
        else:
            # Not by the console, which would break long lines.
            print(f"{name}: {what}", file=self.console.file, flush=True)

    def _lines(self) -> Table:
        lines = Table.grid(padding=(0, 2))
        for name, what in self.said.items():
            lines.add_row(name, what)
        return lines
