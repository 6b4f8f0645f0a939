"""Keep the short table of figures in the README true: written from the models' cards, never by hand."""

from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.files import whole_file

from emotion_training.evaluate.evaluate import markdown
from emotion_training.evaluate.peers import sizes

OPEN, CLOSE = "<!-- figures -->", "<!-- /figures -->"
HEAD = [
    "model",
    "file",
    "arena",
    "multiply-accumulates",
    "ms on an H7",
    "FER+ 7",
    "balanced",
    "FER+ 8",
    "FER2013's own labels",
]


def short_table(cards: list[dict[str, Any]], peers: list[dict[str, Any]]) -> str:
    """The PrivateTest figures of the models of these cards, and below them of the peers marked "short", in Markdown."""
    lines = []
    for card in cards:
        own = card["figures"].get("PrivateTest", {})
        figures = {name: it["accuracy"] for name, it in own.items()}
        if "FER+ 7" in own:
            figures["FER+ 7 balanced"] = own["FER+ 7"]["balanced"]
        lines.append(_line({**card, "name": f"`models/{card['model']}`, int8", "figures": figures}))
    lines += [_line(peer) for peer in peers if peer.get("short")]
    return markdown(HEAD, lines)


def _line(it: dict[str, Any]) -> list[str]:
    file, macs, ms = sizes(it)
    arena = f"{it['arena_bytes'] / 1000:.0f} KB" if it.get("arena_bytes") else ""
    shares = (it["figures"].get(name) for name in ("FER+ 7", "FER+ 7 balanced", "FER+ 8", "FER2013"))
    return [it["name"], file, arena, macs, ms, *("" if it is None else f"{100 * it:.1f} %" for it in shares)]


def has_place(readme: Path) -> bool:
    """Whether there is a README with the markers; UserError where it has but one of them."""
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    if OPEN in text and CLOSE not in text.split(OPEN, 1)[1]:
        raise UserError(f"{readme}: has {OPEN} without {CLOSE} after it; put that after the table")
    return OPEN in text


def write_table(readme: Path, table: str) -> None:
    """Put the table between the README's markers."""
    before, rest = readme.read_text(encoding="utf-8").split(OPEN, 1)
    after = rest.split(CLOSE, 1)[1]
    with whole_file(readme) as beside:
        beside.write_text(f"{before}{OPEN}\n{table}\n{CLOSE}{after}", encoding="utf-8", newline="\n")
