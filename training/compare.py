"""What stands beside a model's own figures: other people's models, and what was tried, from the JSON files in `models/`.

`peers.json`: {"note", "measured": [{"name", "weights", "file_bytes", "macs", "figures", "short"}], "published": [{"name",
"protocol", "accuracy"}]}; what is unknown is left out; "short" marks the peers of the README's table.
`first_version.json`: what `python -m training robustness` wrote of the first model that was shipped.
`other_labels.json`: {model: {"labels", "how", "PublicTest" and "PrivateTest": {protocol: accuracy}}}: the model's network,
int8, taught other labels.
`ablations.json`: [{"name", "what", "epochs", "hours" or "minutes", "PublicTest": {"FER+ 7", "balanced"}}].
"""

import json
from pathlib import Path
from typing import Any

import models
from training.data import DataError, read_json
from training.evaluate import markdown

MODELS = Path(models.__file__).parent
PEERS, FIRST, OTHER_LABELS, ABLATIONS = "peers.json", "first_version.json", "other_labels.json", "ablations.json"
MEND = "mend it as training/compare.py tells, or delete it"


def read_beside(folder: Path) -> dict[str, Any]:
    """The objects of the files above but `ablations.json`, by file name; a file that is not there is left out."""
    names = (PEERS, FIRST, OTHER_LABELS)
    return {name: read_json(folder / name, MEND) for name in names if (folder / name).is_file()}


def peers(card: dict[str, Any], told: dict[str, Any]) -> str:
    """A model's PrivateTest figures above those of its peers, and what was published, in Markdown."""
    head = ["model", "file", "multiply-accumulates", "FER2013", "leak-free", "FER2013 balanced", "FER+ 7"]
    own, clean = card["figures"].get("PrivateTest", {}), card["leak_free"].get("PrivateTest", {})
    figures = {name: it["accuracy"] for name, it in own.items()}
    if "FER2013" in clean:
        figures |= {"FER2013 leak-free": clean["FER2013"]["accuracy"], "FER2013 balanced": own["FER2013"]["balanced"]}
    lines = []
    for it in ({**card, "name": f"**{card['model']}**", "figures": figures}, *told["measured"]):
        numbers = [_number(it["figures"].get(name)) for name in ("FER2013", "FER2013 leak-free", *head[5:])]
        lines.append([it["name"], *sizes(it), *numbers])
    note = told["note"]
    if "FER2013" in clean:
        note += f" Of this model it leaves out the nearly identical rows, too: {clean['FER2013']['rows']:,} are left."
    published = [f"- {it['name']}: {it['protocol']} {it['accuracy']}" for it in told["published"]]
    return "\n".join([note, "", markdown(head, lines), "", "As published, not measured by us:", "", *published])


def sizes(it: dict[str, Any]) -> list[str]:
    """File and multiply-accumulates of a card or peer, for a table."""
    file = f"{it['file_bytes'] / 1000:.0f} KB" if it.get("file_bytes") else ""
    return [file, f"{it['macs'] / 1e6:.1f} M" if it.get("macs") else ""]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def other_labels(told: dict[str, Any]) -> str:
    """What the same network scores when it is taught other labels, in Markdown."""
    head = f"The same network, taught {told['labels']} labels instead and made int8; it is not shipped. {told['how']}\n"
    lines = [
        f"- {part}: " + ", ".join(f"{name} {accuracy:.3f}" for name, accuracy in told[part].items())
        for part in ("PublicTest", "PrivateTest")
    ]
    return "\n".join([head, *lines])


def ablations(path: Path) -> str:
    """The Markdown of `ablations.json`; DataError where a row lacks something."""
    head = ["change", "what", "epochs", "time", "FER+ 7", "balanced"]
    try:
        lines = [_ablation(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: can't be used ({type(error).__name__}: {error}); {MEND}") from error
    return f"# What each part of the recipe is worth\n\nMeasured on PublicTest, by which choices are made.\n\n{markdown(head, lines)}\n"


def _ablation(row: dict[str, Any]) -> list[str]:
    time = f"{row['hours']} h" if "hours" in row else f"{row['minutes']} min"
    numbers = (f"{row['PublicTest'][name]:.3f}" for name in ("FER+ 7", "balanced"))
    return [row["name"], row["what"], str(row["epochs"]), time, *numbers]
