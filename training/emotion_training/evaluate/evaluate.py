"""Measure scores by every protocol that the data allows."""

from pathlib import Path

from emotion_camera.errors import UserError
from emotion_camera.model.contract import EMOTIONS, Model, check
from numpy.typing import NDArray

from emotion_training.data.fer2013 import PRIVATE_TEST, PUBLIC_TEST, SIZE, Faces
from emotion_training.evaluate.protocols import PROTOCOLS, Metrics, eval_set, measure

PARTS = {"PublicTest": PUBLIC_TEST, "PrivateTest": PRIVATE_TEST}


def check_measurable(path: Path) -> Model:
    """The model of a file, checked by the contract; UserError where FER2013 can't measure it: other labels or input size."""
    model = check(path)
    if model.labels != EMOTIONS:
        raise UserError(
            f"{path}: its labels are {', '.join(model.labels)}; FER2013 can only measure a model with the labels "
            f"{', '.join(EMOTIONS)}, in this order"
        )
    if model.input_size != SIZE:
        raise UserError(
            f"{path}: takes pictures of {model.input_size} x {model.input_size} pixels; "
            f"FER2013 can only measure a model that takes {SIZE} x {SIZE}"
        )
    return model


def by_protocol(scores: NDArray, part: Faces) -> dict[str, Metrics]:
    """Metrics by protocol of scores [n, 7] for all n rows of a part; only FER2013's own where there are no votes.

    A protocol by which no row counts is left out.
    """
    names = PROTOCOLS if part.votes is not None else ("FER2013",)
    wanted = {name: eval_set(name, part) for name in names}
    return {name: measure(scores, some) for name, some in wanted.items() if len(some.index)}


def table(figures: dict[str, Metrics], leak_free: dict[str, Metrics] | None = None) -> str:
    """The figures as a table in Markdown, a line a protocol; with `leak_free`, the same without repeated rows beside them."""
    head = ["protocol", "n", "accuracy", "balanced"]
    if leak_free is not None:
        head += ["leak-free n", "accuracy", "balanced"]
    lines = []
    for name, it in figures.items():
        line = [name, *_brief(it)]
        if leak_free is not None:
            line += _brief(leak_free[name]) if name in leak_free else ["0", "", ""]
        lines.append(line)
    return markdown(head, lines)


def _brief(it: Metrics) -> list[str]:
    return [f"{it.rows:,}", f"{it.accuracy:.3f}", f"{it.balanced:.3f}"]


def by_emotion(figures: dict[str, Metrics]) -> str:
    """Recall and precision as a table in Markdown, a line an emotion."""
    head = ["emotion", *(f"{name} {what}" for name in figures for what in ("recall", "precision"))]
    lines = [
        [emotion, *(f"{share:.3f}" for it in figures.values() for share in (it.recall[row], it.precision[row]))]
        for row, emotion in enumerate(EMOTIONS)
    ]
    return markdown(head, lines)


def markdown(head: list[str], lines: list[list[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))
