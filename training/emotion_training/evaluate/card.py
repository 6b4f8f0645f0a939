"""Write a model card: `<name>.json` for programs, `<name>.md` for people, and the figures. All are drawn from the JSON."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jinja2
from emotion_camera.files import whole_file

from emotion_training.data.class_prior import MAX_TAU, TIE
from emotion_training.data.near_duplicates import NEAR
from emotion_training.data.protocols import PROTOCOLS, Metrics
from emotion_training.evaluate import peers, plots
from emotion_training.evaluate.confidence import Bin
from emotion_training.evaluate.corruptions import SEVERITIES
from emotion_training.evaluate.evaluate import markdown_table, metrics_table, per_class_report

Json = dict[str, Any]
TEMPLATE = Path(__file__).with_name("model_card.md.jinja")


def write(path: Path, card: Json, curve: Path, references: Json) -> Path:
    """Write the files of a card beside the model `path`, all or none; returns the .md file.

    card: the result of `emotion_training.evaluate.report.evaluate_model` with "provenance"; curve: the picture of the learning
    curve; references: see `peers.read_references`. Given `<name>.json` and `<name>_curve.png`, it renders the card anew.
    """
    part, protocol = _reported(card)
    diagrams = {name: [Bin(**each) for each in found["bins"]] for name, found in card["calibration"][part].items()}
    ends = (".json", ".md", "_confusion.png", "_reliability.png", "_curve.png")
    with ExitStack() as stack:
        files = [stack.enter_context(whole_file(path.with_name(path.stem + end))) for end in ends]
        files[0].write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        files[1].write_text(render(card, references), encoding="utf-8")
        confusion = _metrics(card["metrics"][part])[protocol]
        plots.draw_confusion(confusion, f"{path.name}, {protocol}, {part}", files[2])
        plots.draw_reliability(diagrams, f"{path.name}, {part}", files[3])
        shutil.copyfile(curve, files[4])
    return path.with_suffix(".md")


def render(card: Json, references: Json) -> str:
    """The card in Markdown."""
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    provenance, (part, _) = card["provenance"], _reported(card)
    known = references.get(peers.PEERS)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        card=card,
        provenance=provenance,
        stem=Path(card["model"]).stem,
        size=card["input"][0],
        part=part,
        protocols=PROTOCOLS,
        near=NEAR,
        near_in_training=provenance.get("near_duplicates_above", NEAR),
        max_tau=MAX_TAU,
        tie=TIE,
        hyperparameters=", ".join(
            f"{name} {provenance[name]}" for name in ("epochs", "batch_size", "seed") if name in provenance
        ),
        teachers=", ".join(f"`{name}`" for name in provenance.get("soft_targets", [])),
        stages=_stages(provenance),
        tau_sweep=_tau_sweep(provenance),
        evaluation=[
            (
                name,
                metrics_table(_metrics(found), _metrics(card["deduplicated"][name])),
                per_class_report(_metrics(found)),
            )
            for name, found in card["metrics"].items()
        ],
        coverage=_coverage(card["calibration"][part]),
        robustness=_robustness(card, references.get(peers.BASELINE)),
        peers=known,
        comparison=known and peers.comparison_table(card, known["measured"]),
    )


def _metrics(found: Json) -> dict[str, Metrics]:
    return {name: Metrics(**each) for name, each in found.items()}


def _reported(card: Json) -> tuple[str, str]:
    """The test part to report, the last that was measured, and its main protocol."""
    part = list(card["metrics"])[-1]
    return part, "FER+ 7" if "FER+ 7" in card["metrics"][part] else "FER2013"


def _stages(provenance: Json) -> str:
    """The settings of the training's stages, a column each."""
    stages = provenance.get("recipe", {}).get("stages", [])
    names = list(dict.fromkeys(name for stage in stages for name in stage))
    rows = [[f"`{name}`", *(str(stage.get(name, "")) for stage in stages)] for name in names]
    return (
        markdown_table(["setting", *(f"stage {number + 1}" for number in range(len(stages)))], rows) if stages else ""
    )


def _tau_sweep(provenance: Json) -> str:
    points = provenance.get("tau_sweep", [])
    rows = [[f"{point['tau']}", f"{point['accuracy']:.3f}", f"{point['balanced']:.3f}"] for point in points]
    return markdown_table(["tau", "accuracy", "balanced accuracy"], rows) if rows else ""


def _coverage(calibration: Json) -> str:
    head = ["score at least", *(f"{name} {value}" for name in calibration for value in ("coverage", "accuracy"))]
    rows = [
        [
            f"{points[0]['threshold']}",
            *(f"{100 * point[key]:.1f} %" for point in points for key in ("coverage", "accuracy")),
        ]
        for points in zip(*(found["coverage"] for found in calibration.values()), strict=True)
    ]
    return markdown_table(head, rows)


def _robustness(card: Json, baseline: Json | None) -> str:
    """Accuracy / balanced accuracy of this model, and of the baseline if that is another file."""
    part, _ = _reported(card)
    models = {"": card["robustness"][part]}
    if baseline is not None and baseline["sha256"] != card["sha256"] and part in baseline["robustness"]:
        models["baseline v1: "] = baseline["robustness"][part]
    means = [
        f"- {name or 'this model: '}clean {_pair(found['clean'])}, mean of all corruptions {_pair(found['mean'])}"
        for name, found in models.items()
    ]
    rows = [
        [corruption, *(_pair(found["corrupted"][corruption][each]) for found in models.values() for each in SEVERITIES)]
        for corruption in models[""]["corrupted"]
    ]
    head = ["corruption", *(f"{name}{severity}" for name in models for severity in SEVERITIES)]
    return "\n".join([*means, "", markdown_table(head, rows)])


def _pair(metrics: Json) -> str:
    return f"{metrics['accuracy']:.3f} / {metrics['balanced']:.3f}"
