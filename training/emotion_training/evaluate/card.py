"""The card of a model, drawn from its figures: `<name>.json` for programs, `<name>.md` for people, and three pictures."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from emotion_camera.files import whole_file
from emotion_camera.model.contract import EMOTIONS

from emotion_training.data.near_duplicates import NEAR
from emotion_training.evaluate import peers
from emotion_training.evaluate.confidence import Bin, draw_reliability
from emotion_training.evaluate.corruptions import STRENGTHS
from emotion_training.evaluate.evaluate import by_emotion, markdown, table
from emotion_training.evaluate.protocols import PROTOCOLS, Metrics

Json = dict[str, Any]
PICTURES = ("confusion", "curve", "reliability")


def write(path: Path, card: Json, curve: Path, beside: dict[str, Json]) -> Path:
    """Write the files of a card beside the model `path`, all or none; returns the .md file.

    card: see `emotion_training.evaluate.report.measured`, and how the model was made as "made"; curve: the picture of how it learnt;
    beside: see `compare.read_beside`.
    """
    part, _ = _shown(card)
    bins = {name: [Bin(**it) for it in told["bins"]] for name, told in card["confidence"][part].items()}
    names = [path.stem + end for end in (".json", ".md", *(f"_{picture}.png" for picture in PICTURES))]
    with ExitStack() as stack:
        data, text, confusion, learnt, reliable = (
            stack.enter_context(whole_file(path.with_name(name))) for name in names
        )
        data.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        text.write_text(write_text(card, beside), encoding="utf-8")
        part, protocol = _shown(card)
        draw_confusion(_figures(card["figures"][part])[protocol], f"{path.name}, {protocol}, {part}", confusion)
        draw_reliability(bins, f"{path.name}, {part}", reliable)
        shutil.copyfile(curve, learnt)
    return path.with_suffix(".md")


def write_text(card: Json, beside: dict[str, Json]) -> str:
    """The card in Markdown."""
    arena = f"{card['arena_bytes']:,} bytes" if card["arena_bytes"] else "not measured (no tflite-micro here)"
    protocols = "\n".join(f"- **{name}**: {text}." for name, text in PROTOCOLS.items())
    return TEXT.format(
        name=card["model"], stem=Path(card["model"]).stem, sha256=card["sha256"], size=card["input"][0],
        labels=", ".join(card["labels"]), file=f"{card['file_bytes']:,}", arena=arena, macs=f"{card['macs'] / 1e6:.2f}", instructions=f"{card['instructions'] / 1e6:.1f}", ms=f"{card['ms']:.0f}",
        parts=_accuracy(card), protocols=protocols, confidence=_confidence(card),
        near=f"{NEAR:.2f}", left_out=f"{_left_out(card):.2f}", leaks=_leaks(card), robustness=_robustness(card, beside.get(peers.FIRST)), made=_made(card["made"]), others=_others(card, beside),
    )  # fmt: skip


def _figures(told: Json) -> dict[str, Metrics]:
    return {name: Metrics(**it) for name, it in told.items()}


def _shown(card: Json) -> tuple[str, str]:
    """The last test part that was measured, and the main protocol by which it was."""
    part = list(card["figures"])[-1]
    return part, "FER+ 7" if "FER+ 7" in card["figures"][part] else "FER2013"


def _left_out(card: Json) -> float:
    """The correlation with a test row above which training rows were left out."""
    return card["made"].get("near", NEAR)


def _leaks(card: Json) -> str:
    if _left_out(card) > NEAR:
        return f"This model was trained without the training rows above {_left_out(card):.2f} alone: the leak-free figures are those to trust."
    return "This model was not trained on those training rows, so both figures count; a model that was looks better than it is with them."


def _accuracy(card: Json) -> str:
    sections = []
    for part, told in card["figures"].items():
        figures, clean = _figures(told), _figures(card["leak_free"][part])
        sections.append(f"### {part}\n\n{table(figures, clean)}\n\n{by_emotion(figures)}")
    return "\n\n".join(sections)


def _confidence(card: Json) -> str:
    """How far the scores can be trusted: at home and away from it, and how many faces are named how surely."""
    heat = card["made"].get("temperature")
    fitted = (
        "No temperature was fitted: the scores are as training left them."
        if heat is None
        else f"The temperature is {heat:.2f}, fitted on PublicTest's faces, plain and spoilt in ten ways, by FER+'s answers and by FER2013's labels, which disagree on a third of "
        "them: so the scores are honest about strangers, and too modest about FER2013's own faces. (The file's softmax is warmer still, lest small scores be rounded to 0; the camera "
        "undoes that. The figures here are the camera's.)"
    )
    errors = []
    for part, told in card["confidence"].items():
        by = ", ".join(f"{it['ece']:.3f} by {name}" for name, it in told.items())
        errors.append(f"- {part}: {by}, {card['robustness'][part]['mean']['ece']:.3f} on spoilt faces")
    part, _ = _shown(card)
    names = list(card["confidence"][part])
    head = ["score at least", *(f"{name}: {what}" for name in names for what in ("of the faces", "named right"))]
    lines = [
        [f"{rows[0]['least']}", *(f"{100 * it[key]:.1f} %" for it in rows for key in ("coverage", "accuracy"))]
        for rows in zip(*(card["confidence"][part][name]["coverage"] for name in names), strict=True)
    ]
    return "\n".join(
        [
            fitted,
            "",
            "Expected calibration error of the answers (15 bins):",
            "",
            *errors,
            "",
            f"{part}, by score:",
            "",
            markdown(head, lines),
        ]
    )


def _robustness(card: Json, first: Json | None) -> str:
    """Accuracy / balanced of this model, and of the first version where that is another one."""
    part, _ = _shown(card)
    columns = {"": card["robustness"][part]}
    if first is not None and first["sha256"] != card["sha256"] and part in first["robustness"]:
        columns["first version: "] = first["robustness"][part]
    head = ["spoilt by", *(f"{whose}{strength}" for whose in columns for strength in STRENGTHS)]
    lines = []
    for way in card["robustness"][part]["spoilt"]:
        cells = [_pair(told["spoilt"][way][strength]) for told in columns.values() for strength in STRENGTHS]
        lines.append([way, *cells])
    means = [
        f"- {whose or 'this model: '}unspoilt {_pair(told['unspoilt'])}, mean of all below {_pair(told['mean'])}"
        for whose, told in columns.items()
    ]
    first_line = f"{part}, {columns['']['protocol']}, {columns['']['rows']:,} faces, accuracy / balanced:"
    return "\n".join([first_line, "", *means, "", markdown(head, lines)])


def _pair(told: Json) -> str:
    return f"{told['accuracy']:.3f} / {told['balanced']:.3f}"


def _made(made: Json) -> str:
    """How the model was made: settings, the operating point with its curve, and what int8 cost."""
    settings = ", ".join(f"{name} {made[name]}" for name in ("epochs", "batch", "seed") if name in made)
    where = (
        "`training/emotion_training/fit/pytorch/recipes.py`"
        if "label_share" in made
        else "`training/emotion_training/fit/recipes.py`"
    )
    lines = [
        f"- Settings: {settings}; the rest stands, with its reasons, in {where} and `training/emotion_training/data/augment.py`.",
        *_taught(made),
        *([f"- {made['note']}"] if "note" in made else []),
        f"- tau: {made.get('tau')}, chosen by {made.get('chosen by')} on PublicTest: where accuracy and balanced accuracy add up to most.",
        "",
    ]
    points = [[f"{it['tau']}", f"{it['accuracy']:.3f}", f"{it['balanced']:.3f}"] for it in made.get("curve", [])]
    lines += [markdown(["tau", "accuracy", "balanced"], points), "", "Accuracy before it was made int8:", ""]
    for part, figures in made.get("float", {}).items():
        lines.append(f"- {part}: " + ", ".join(f"{name} {accuracy:.3f}" for name, accuracy in figures.items()))
    return "\n".join(lines)


def _taught(made: Json) -> list[str]:
    """What the network learnt from, where that is known."""
    if "label_share" not in made or not made.get("teachers"):
        return []
    rest = f"the rest are FER+'s votes with {made['label_share']} of FER2013's label"
    names = ", ".join(f"`{name}`" for name in made["teachers"])
    lines = [f"- Targets: {made['taught']} of the mean answers of its teachers ({names}); {rest}."]
    fine = made.get("fine")
    if fine:
        changes = f"a rate of {fine['rate']}, an augmentation of {fine['strength']} of the strength and {made['fine_label_share']} of FER2013's label"
        lines.append(f"- Then {fine['epochs']} epochs more with {changes}.")
    return lines


def _others(card: Json, beside: dict[str, Json]) -> str:
    """The section on peers, where their file is."""
    sections = []
    if peers.PEERS in beside:
        sections.append(f"## Beside others\n\n{peers.peers(card, beside[peers.PEERS])}\n\n")
    return "".join(sections)


TEXT = """# {name}

Names the emotion that a face shows. Made for the OpenMV Cam: int8, grey faces of {size} x {size} pixels cut by the Haar cascade's box.

| | |
| --- | --- |
| labels, in output order | {labels} |
| file | {file} bytes |
| TFLM arena (tflite-micro) | {arena} |
| multiply-accumulates | {macs} M |
| Cortex-M7 instructions, by `tools/emotion_camera/model/cost.py` | {instructions} M: {ms} ms on an OpenMV Cam H7 |
| SHA-256 | `{sha256}` |

## Accuracy

Of this very file, fed as the camera feeds it (pixel - 128), by `emotion-camera train report`. What was chosen was chosen on PublicTest.

{parts}

{protocols}
- **balanced**: the mean of the recalls of the seven emotions, same rows. Disgust has about 20 faces in a part of FER+: its recall is a rough figure.
- **leak-free**: without the test rows that show nearly the same picture as a training row (normalised correlation above {near}).
  {leaks}

![Confusion matrix]({stem}_confusion.png)

## Confidence

{confidence}

![Share of right answers by score]({stem}_reliability.png)

## Robustness

Faces spoilt as a camera may spoil them: each in the ten ways of `training/emotion_training/evaluate/corruptions.py`, alone. Medium is about the far end of what the training's augmentation does, mild half
of it, strong one and a half times. Nothing was chosen by these figures.

{robustness}

## How it was made

Trained on FER2013's Training part with FER+'s votes, without the training pictures that also stand in a test part
(normalised correlation above {left_out}). Before the int8 conversion the log of the class prior, times tau, was taken from the
logits: at 0 the model leans to the emotions that its training pictures show most, at 1 to none.

{made}

![Learning curve]({stem}_curve.png)

## The data and its limits

- FER2013: grey pictures of 48 x 48 pixels from a web search by words for emotions, labelled by the word that found each and roughly checked: many of these labels are wrong, and people agree
  with only about 65 % of them. FER+: ten people's votes on each of the same pictures.
- FER+'s voters call mild fear, disgust and sadness neutral, so a model that learnt from them does, too. Disgust and fear are rare in both parts: few pictures to learn from, and few to measure by.
- Both test parts come from the same search as the training pictures. On pictures from elsewhere (posed in a laboratory, film stills, portraits) models trained on these data alone were
  seen to name 34 to 54 % right; expect a fall on a camera, too.

{others}## Limits and fair use

- An expression is not a feeling. The model says which of seven words FER+'s annotators would most likely choose for a face; people smile when sad and frown when thinking.
- FER2013 is pictures from a web search: posed and acted faces, more of some ages, skin colours and cultures than of others. Expect it to be worse on people unlike them,
  on faces turned away, partly covered or dimly lit, and on mild expressions, most of all fear, disgust and sadness.
- Do not use it to judge, rank or watch people: not for hiring, schooling, policing, insurance, diagnosis or any decision about a person. Tell the people in view that a camera reads expressions.
"""


def draw_confusion(figures: Metrics, title: str, path: Path) -> None:
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
