"""Reference results that are not measured by this code: other models and earlier experiments, in JSON files in `models/`.

`peers.json`: {"note", "measured": [{"name", "weights", "file_bytes", "macs", "ms", "ms_measured", "metrics", "in_readme"}],
"published": [{"name", "protocol", "accuracy"}]}; unknown fields are left out, "in_readme" adds the row to the README's table.
`baseline_v1.json`: the output of `emotion-camera train robustness` for the first model that was shipped.
`ablations.json`: [{"name", "description", "epochs", "hours" or "minutes", "PublicTest": {"FER+ 7", "balanced"}}].
"""

import json
from pathlib import Path
from typing import Any

from emotion_camera.errors import UserError
from emotion_camera.files import read_json

from emotion_training.evaluate.evaluate import markdown_table

PEERS, BASELINE, ABLATIONS = "peers.json", "baseline_v1.json", "ablations.json"
REPAIR = "correct it as described in training/emotion_training/evaluate/peers.py, or delete it"
COMPARED = (
    "FER2013", "FER2013 deduplicated", "FER2013 balanced",
    "FER+ 7", "FER+ 7 balanced", "FER+ 7 deduplicated", "FER+ 7 deduplicated balanced",
)  # fmt: skip


def read_references(folder: Path) -> dict[str, Any]:
    """PEERS and BASELINE of a folder by file name; a missing file is left out."""
    return {name: read_json(folder / name, REPAIR) for name in (PEERS, BASELINE) if (folder / name).is_file()}


def comparison_table(card: dict[str, Any], measured: list[dict[str, Any]]) -> str:
    """A model's PrivateTest results above those of its peers, in Markdown."""
    head = ["model", "model size", "MACs", "latency on an H7", *COMPARED]
    own = {**card, "name": f"**{card['model']}**", "metrics": card["peer_comparison"]}
    rows = []
    for model in (own, *measured):
        values = (model["metrics"].get(name) for name in COMPARED)
        rows.append([model["name"], *costs(model), *("" if value is None else f"{value:.3f}" for value in values)])
    return markdown_table(head, rows)


def costs(model: dict[str, Any]) -> list[str]:
    """File size, MACs and latency of a card or peer as table cells; empty if unknown."""
    size = f"{model['file_bytes'] / 1000:.0f} KB" if model.get("file_bytes") else ""
    source = "measured, H7 Plus" if model.get("ms_measured") else "estimated"
    latency = f"{model['ms']:.0f} ms ({source})" if model.get("ms") else ""
    return [size, f"{model['macs'] / 1e6:.1f} M" if model.get("macs") else "", latency]


def ablations(path: Path) -> str:
    """`ablations.json` as Markdown. Raises UserError if a field is missing."""
    head = ["experiment", "description", "epochs", "training time", "accuracy FER+ 7", "balanced accuracy"]
    try:
        rows = [_ablation(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: cannot be used ({type(error).__name__}: {error}); {REPAIR}") from error
    return f"# Ablations of an earlier recipe\n\nMeasured on PublicTest, which is used for model selection.\n\n{markdown_table(head, rows)}\n"


def _ablation(row: dict[str, Any]) -> list[str]:
    time = f"{row['hours']} h" if "hours" in row else f"{row['minutes']} min"
    metrics = (f"{row['PublicTest'][name]:.3f}" for name in ("FER+ 7", "balanced"))
    return [row["name"], row["description"], str(row["epochs"]), time, *metrics]
