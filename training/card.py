"""The measured card of a model: `<name>.json` for programs, `<name>.md` for people, and a picture of its confusions."""

import json
import shutil
from contextlib import ExitStack
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from models.contract import EMOTIONS, Model
from training.data import DataError, Faces, writing
from training.evaluate import PARTS, by_protocol, check_measurable, table
from training.interpret import scores
from training.protocols import PROTOCOLS, Figures


def write_card(path: Path, faces: Faces, made: dict[str, Any], curve: Path) -> Path:
    """Measure the int8 file `path` on both test parts and write its card beside it; returns the .md file.

    `made` says how the model was made (see `quantize` in `training.steps`) and goes into the card as it is; so does the
    picture `curve` of how it learnt. Raises DataError, with nothing written, where there are no test rows or no curve.
    """
    model = check_measurable(path)
    if not curve.is_file():
        raise DataError(f"{curve}: no such file; run python -m training train again with that --run")
    figures = {}
    for name, usage in PARTS.items():
        part = faces.part(usage)
        if len(part):
            figures[name] = by_protocol(scores(path, part.images), part)
    if not figures:
        raise DataError(
            f"the data has no rows of {' or '.join(PARTS)} to measure on; give data with the official parts"
        )
    card = {
        "model": path.name,
        "sha256": sha256(path.read_bytes()).hexdigest(),
        "labels": list(model.labels),
        "input": [model.input_size, model.input_size, 1],
        "file_bytes": model.file_bytes,
        "arena_bytes": model.arena_bytes,
        "macs": model.macs,
        "made": made,
        "figures": {part: {name: asdict(it) for name, it in some.items()} for part, some in figures.items()},
    }
    _write(path, model, card, figures, curve)
    return path.with_suffix(".md")


def _write(path: Path, model: Model, card: dict[str, Any], figures: dict[str, dict[str, Figures]], curve: Path) -> None:
    """All files of the card, or none."""
    last = list(figures)[-1]
    protocol = "FER+ 7" if "FER+ 7" in figures[last] else "FER2013"
    confusion = path.stem + "_confusion.png"
    with ExitStack() as stack:
        data, text, picture, learnt = (
            stack.enter_context(writing(path.with_name(name)))
            for name in (path.stem + ".json", path.stem + ".md", confusion, path.stem + "_curve.png")
        )
        data.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        text.write_text(_text(model, card, figures, confusion), encoding="utf-8")
        draw_confusion(figures[last][protocol], f"{path.name}, {protocol}, {last}", picture)
        shutil.copyfile(curve, learnt)


def _text(model: Model, card: dict[str, Any], figures: dict[str, dict[str, Figures]], picture: str) -> str:
    arena = f"{model.arena_bytes:,} bytes" if model.arena_bytes else "not measured (no tflite-micro here)"
    parts = "\n\n".join(f"### {part}\n\n{table(some)}" for part, some in figures.items())
    protocols = "\n".join(f"- **{name}**: {text}." for name, text in PROTOCOLS.items())
    return TEXT.format(
        name=card["model"], sha256=card["sha256"], size=model.input_size, labels=", ".join(model.labels),
        file=f"{model.file_bytes:,}", arena=arena, macs=f"{model.macs / 1e6:.2f}", parts=parts, protocols=protocols,
        made=_made(card["made"]), picture=picture, curve=picture.replace("_confusion", "_curve"),
    )  # fmt: skip


def _made(made: dict[str, Any]) -> str:
    """How the model was made: settings, the operating point with its curve, and what int8 cost."""
    settings = ", ".join(f"{name} {made[name]}" for name in ("epochs", "batch", "seed") if name in made)
    lines = [
        f"- Settings: {settings}; the rest stands, with its reasons, in `training/recipes.py` and `training/augment.py`.",
        *([f"- {made['note']}"] if "note" in made else []),
        f"- tau: {made.get('tau')}, chosen by {made.get('chosen by')} on PublicTest: the most balanced within half a point of the most accurate.",
        "",
        "| tau | accuracy | balanced |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {point['tau']} | {point['accuracy']:.3f} | {point['balanced']:.3f} |" for point in made.get("curve", [])
    ]
    lines += ["", "Accuracy before it was made int8:", ""]
    for part, figures in made.get("float", {}).items():
        lines.append(f"- {part}: " + ", ".join(f"{name} {accuracy:.3f}" for name, accuracy in figures.items()))
    return "\n".join(lines)


TEXT = """# {name}

Names the emotion that a face shows. Made for the OpenMV Cam: int8, grey faces of {size} x {size} pixels cut by the Haar cascade's box.

| | |
| --- | --- |
| labels, in output order | {labels} |
| file | {file} bytes |
| TFLM arena (tflite-micro) | {arena} |
| multiply-accumulates | {macs} M |
| SHA-256 | `{sha256}` |

## Accuracy

Of this very file, fed as the camera feeds it (pixel - 128), by `python -m training card`. What was chosen was chosen on PublicTest.

{parts}

{protocols}
- **balanced**: the mean of the recalls of the seven emotions, same rows. Disgust has about 20 faces in a part of FER+: its recall is a rough figure.

![Confusion matrix]({picture})

## How it was made

Trained on FER2013's Training part with FER+'s votes, without the training pictures that also stand in a test part
(normalised correlation above 0.98), so that every test row counts. Before the int8 conversion the log of the class prior, times tau, was taken from the
logits: at 0 the model leans to the emotions that its training pictures show most, at 1 to none.

{made}

![Learning curve]({curve})

## Limits and fair use

- An expression is not a feeling. The model says which of seven words FER+'s annotators would most likely choose for a face; people smile when sad and frown when thinking.
- FER2013 is pictures from a web search: posed and acted faces, more of some ages, skin colours and cultures than of others. Expect it to be worse on people unlike them,
  on faces turned away, partly covered or dimly lit, and on mild expressions, most of all fear, disgust and sadness.
- Do not use it to judge, rank or watch people: not for hiring, schooling, policing, insurance, diagnosis or any decision about a person. Tell the people in view that a camera reads expressions.
"""


def draw_confusion(figures: Figures, title: str, path: Path) -> None:
    """Draw the confusion matrix, each row as shares of its truth, with the counts."""
    from matplotlib.figure import Figure

    counts = np.array(figures.confusion)[: len(EMOTIONS)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel="answer", ylabel="truth")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(EMOTIONS)), EMOTIONS, rotation=45)
    axes.set_yticks(range(len(EMOTIONS)), EMOTIONS)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{share:.0%}\n{counts[row, column]}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if share > 0.5 else "black")
    figure.savefig(path, dpi=110)
