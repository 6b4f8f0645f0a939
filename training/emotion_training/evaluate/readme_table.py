"""Write the README's table of results from the model cards."""

from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.files import whole_file

from emotion_training.evaluate.evaluate import markdown_table
from emotion_training.evaluate.peers import costs

OPEN, CLOSE = "<!-- figures -->", "<!-- /figures -->"
HEAD = [
    "model",
    "model size",
    "arena",
    "MACs",
    "latency on an H7",
    "accuracy, FER+ 7 classes",
    "balanced accuracy, FER+ 7 classes",
    "accuracy, FER+ 8 classes",
    "accuracy, FER2013 labels",
]


def results_table(cards: list[dict[str, Any]], peers: list[dict[str, Any]]) -> str:
    """PrivateTest results of the models of these cards, then of the peers marked "in_readme", in Markdown."""
    rows = []
    for card in cards:
        measured = card["metrics"].get("PrivateTest", {})
        metrics = {name: found["accuracy"] for name, found in measured.items()}
        metrics |= {f"{name} balanced": found["balanced"] for name, found in measured.items()}
        rows.append(_row({**card, "name": f"`models/{card['model']}`, int8", "metrics": metrics}))
    return markdown_table(HEAD, rows + [_row(peer) for peer in peers if peer.get("in_readme")])


def _row(model: dict[str, Any]) -> list[str]:
    size, macs, latency = costs(model)
    arena = f"{model['arena_bytes'] / 1000:.0f} KB" if model.get("arena_bytes") else ""
    values = (model["metrics"].get(name) for name in ("FER+ 7", "FER+ 7 balanced", "FER+ 8", "FER2013"))
    shares = ("" if value is None else f"{100 * value:.1f} %" for value in values)
    return [model["name"], size, arena, macs, latency, *shares]


def has_place(readme: Path) -> bool:
    """Whether the README exists and has the markers. Raises UserError if the closing one is missing."""
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    if OPEN in text and CLOSE not in text.split(OPEN, 1)[1]:
        raise UserError(f"{readme}: has {OPEN} without {CLOSE} after it; put that after the table")
    return OPEN in text


def write_table(readme: Path, table: str) -> None:
    """Replace the text between the README's markers."""
    before, rest = readme.read_text(encoding="utf-8").split(OPEN, 1)
    after = rest.split(CLOSE, 1)[1]
    with whole_file(readme) as beside:
        beside.write_text(f"{before}{OPEN}\n{table}\n{CLOSE}{after}", encoding="utf-8", newline="\n")
