"""What stands beside a model's own figures: other people's models, and what was tried, from the JSON files in `models/`.

`peers.json`: {"note", "measured": [{"name", "weights", "file_bytes", "macs", "ms",
"measured_ms", "figures", "short"}], "published": [{"name",
"protocol", "accuracy"}]}; what is unknown is left out; "short" marks the peers of the README's table.
`baseline_v1.json`: what `emotion-camera train robustness` wrote of the first model that was shipped.
`ablations.json`: [{"name", "what", "epochs", "hours" or "minutes", "PublicTest": {"FER+ 7", "balanced"}}].
"""

import json
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.files import read_json

from emotion_training.evaluate.evaluate import markdown

PEERS, FIRST, ABLATIONS = "peers.json", "baseline_v1.json", "ablations.json"
MEND = "mend it as training/emotion_training/evaluate/peers.py tells, or delete it"


def read_beside(folder: Path) -> dict[str, Any]:
    """The objects of the files above but `ablations.json`, by file name; a file that is not there is left out."""
    names = (PEERS, FIRST)
    return {name: read_json(folder / name, MEND) for name in names if (folder / name).is_file()}


PEERS_ROWS = (
    "FER2013", "FER2013 leak-free", "FER2013 balanced",
    "FER+ 7", "FER+ 7 balanced", "FER+ 7 leak-free", "FER+ 7 leak-free balanced",
)  # fmt: skip


def peers(card: dict[str, Any], told: dict[str, Any]) -> str:
    """A model's PrivateTest figures above those of its peers, and what was published, in Markdown."""
    head = ["model", "file", "multiply-accumulates", "ms on an H7", *PEERS_ROWS]
    own = {**card, "name": f"**{card['model']}**", "figures": card.get("beside_peers", {})}
    lines = []
    for it in (own, *told["measured"]):
        numbers = [_number(it["figures"].get(name)) for name in PEERS_ROWS]
        lines.append([it["name"], *sizes(it), *numbers])
    published = [f"- {it['name']}: {it['protocol']} {it['accuracy']}" for it in told["published"]]
    return "\n".join([told["note"], "", markdown(head, lines), "", "As published, not measured by us:", "", *published])


def sizes(it: dict[str, Any]) -> list[str]:
    """File, multiply-accumulates and milliseconds of a card or peer, for a table; those of a card are counted, a peer's measured."""
    file = f"{it['file_bytes'] / 1000:.0f} KB" if it.get("file_bytes") else ""
    ms = f"{it['ms']:.0f}{' (measured, H7 Plus)' if it.get('measured_ms') else ' (by counts)'}" if it.get("ms") else ""
    return [file, f"{it['macs'] / 1e6:.1f} M" if it.get("macs") else "", ms]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def ablations(path: Path) -> str:
    """The Markdown of `ablations.json`; UserError where a row lacks something."""
    head = ["change", "what", "epochs", "time", "FER+ 7", "balanced"]
    try:
        lines = [_ablation(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: can't be used ({type(error).__name__}: {error}); {MEND}") from error
    return f"# What each part of the recipe is worth\n\nMeasured on PublicTest, by which choices are made.\n\n{markdown(head, lines)}\n"


def _ablation(row: dict[str, Any]) -> list[str]:
    time = f"{row['hours']} h" if "hours" in row else f"{row['minutes']} min"
    numbers = (f"{row['PublicTest'][name]:.3f}" for name in ("FER+ 7", "balanced"))
    return [row["name"], row["what"], str(row["epochs"]), time, *numbers]
