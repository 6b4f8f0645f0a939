"""What a sweep gives: the figures of every run in one table, and mean and spread over the seeds of what is else alike."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from emotion_camera.files import whole_file

from emotion_training.sweep.plan import Run

Figures = dict[str, dict[str, float]]  # by protocol, then "accuracy" and "balanced"; 0 to 1


@dataclass(frozen=True)
class Result:
    """A run's figures on PublicTest, or why it has none: one of the two is None."""

    run: Run
    figures: Figures | None = None
    failed: str | None = None


def write(results: list[Result], folder: Path) -> str:
    """Write `sweep.json` and `sweep.md` into a folder; returns the latter's text."""
    text = table(results) + "\n"
    with whole_file(folder / "sweep.json") as beside:
        beside.write_text(json.dumps(as_json(results), indent=1) + "\n", encoding="utf-8")
    with whole_file(folder / "sweep.md") as beside:
        beside.write_text(text, encoding="utf-8")
    return text


def as_json(results: list[Result]) -> dict[str, Any]:
    """The results by run, and `seeds`: mean and spread over those that differ by nothing but the seed."""
    runs = {}
    for it in results:
        outcome = {"failed": it.failed} if it.figures is None else {"figures": it.figures}
        runs[it.run.name] = {**asdict(it.run.settings), **outcome}
    return {
        "part": "PublicTest",
        "runs": runs,
        "seeds": [
            {"runs": [it.run.name for it in some], "mean": _each(some, mean), "spread": _each(some, stdev)}
            for some in alike(results)
        ],
    }


def alike(results: Iterable[Result]) -> list[list[Result]]:
    """The measured runs that differ by nothing but the seed, in groups of at least two."""
    groups: dict[Any, list[Result]] = {}
    for it in results:
        if it.figures is not None:
            settings = asdict(it.run.settings)
            settings.pop("seed")
            groups.setdefault(tuple(settings.items()), []).append(it)
    return [some for some in groups.values() if len(some) > 1]


def _each(some: list[Result], measure: Any) -> Figures:
    """A measure, such as the mean, of each figure of the runs."""
    measured = [it.figures for it in some if it.figures is not None]
    return {
        protocol: {name: round(float(measure([it[protocol][name] for it in measured])), 4) for name in figures}
        for protocol, figures in measured[0].items()
    }


def table(results: list[Result]) -> str:
    """The results in Markdown: a line a run, and one for the mean of those that differ by nothing but the seed, in percent."""
    measured = [it.figures for it in results if it.figures is not None]
    columns = [(protocol, name) for protocol, figures in (measured[0] if measured else {}).items() for name in figures]
    heads = [protocol if name == "accuracy" else f"{protocol} {name}" for protocol, name in columns]
    lines = [["run", "network", "seed", "epochs", *heads], ["---"] * (4 + len(heads))]
    lines += [_line(it, columns) for it in results]
    for some in alike(results):
        middle, spread = _each(some, mean), _each(some, stdev)
        numbers = [f"{middle[a][b]:.1%} ± {100 * spread[a][b]:.1f}" for a, b in columns]
        settings = some[0].run.settings
        lines.append([f"mean ± spread of {len(some)}", settings.network, _seeds(some), str(settings.epochs), *numbers])
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    failed = "".join(f"\n\n{it.run.name} failed: {it.failed}" for it in results if it.failed is not None)
    return f"On PublicTest, in float:\n\n{text}{failed}"


def _line(it: Result, columns: list[tuple[str, str]]) -> list[str]:
    settings = it.run.settings
    numbers = ["failed" if it.figures is None else f"{it.figures[a][b]:.1%}" for a, b in columns]
    return [it.run.name, settings.network, str(settings.seed), str(settings.epochs), *numbers]


def _seeds(some: list[Result]) -> str:
    return ", ".join(str(it.run.settings.seed) for it in some)
