"""Measure scores by every protocol that the data allows, and format metrics as Markdown tables."""

from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS, Model, check
from emotion_camera.model.labels import emotion_of
from numpy.typing import NDArray

from emotion_training.data.fer2013 import PRIVATE_TEST, PUBLIC_TEST, SIZE, Faces
from emotion_training.data.protocols import PROTOCOLS, Metrics, eval_set, measure

PARTS = {"PublicTest": PUBLIC_TEST, "PrivateTest": PRIVATE_TEST}


def check_measurable(path: Path) -> Model:
    """The checked model of a file; UserError if FER2013 cannot measure it, for its labels or its input size."""
    model = check(path)
    if tuple(map(emotion_of, model.labels)) != EMOTIONS:
        raise UserError(
            f"{path}: its labels are {', '.join(model.labels)}; FER2013 measures only a model with the labels "
            f"{', '.join(EMOTIONS)}, in this order"
        )
    if model.input_size != SIZE:
        raise UserError(
            f"{path}: its input is {model.input_size} x {model.input_size} pixels; "
            f"FER2013 measures only a model with an input of {SIZE} x {SIZE}"
        )
    return model


def by_protocol(scores: NDArray, part: Faces) -> dict[str, Metrics]:
    """The metrics by protocol of scores [n, 7] for all n rows of a part; only FER2013 if there are no votes.

    A protocol without rows is left out.
    """
    names = PROTOCOLS if part.votes is not None else ("FER2013",)
    subsets = {name: eval_set(name, part) for name in names}
    return {name: measure(scores, subset) for name, subset in subsets.items() if len(subset.index)}


def metrics_table(metrics: dict[str, Metrics], deduplicated: dict[str, Metrics] | None = None) -> str:
    """Accuracy by protocol in Markdown; beside it, where given, without near-duplicates of training images."""
    head = ["protocol", "n", "accuracy", "balanced accuracy"]
    if deduplicated is not None:
        head += ["deduplicated n", "accuracy", "balanced accuracy"]
    rows = []
    for name, each in metrics.items():
        row = [name, *_summary(each)]
        if deduplicated is not None:
            row += _summary(deduplicated[name]) if name in deduplicated else ["0", "", ""]
        rows.append(row)
    return markdown_table(head, rows)


def _summary(metrics: Metrics) -> list[str]:
    return [f"{metrics.rows:,}", f"{metrics.accuracy:.3f}", f"{metrics.balanced:.3f}"]


def per_class_report(metrics: dict[str, Metrics]) -> str:
    """Recall and precision by emotion and protocol in Markdown."""
    head = ["emotion", *(f"{name} {measure}" for name in metrics for measure in ("recall", "precision"))]
    rows = [
        [emotion, *(f"{value:.3f}" for each in metrics.values() for value in (each.recall[row], each.precision[row]))]
        for row, emotion in enumerate(EMOTIONS)
    ]
    return markdown_table(head, rows)


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))
