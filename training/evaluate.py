"""Measure scores by every protocol that the data allows."""

from pathlib import Path

from numpy.typing import NDArray

from models.contract import EMOTIONS, Model, check
from training.data import PRIVATE_TEST, PUBLIC_TEST, SIZE, DataError, Faces
from training.protocols import PROTOCOLS, Figures, measure, rows

PARTS = {"PublicTest": PUBLIC_TEST, "PrivateTest": PRIVATE_TEST}


def check_measurable(path: Path) -> Model:
    """The model of a file, checked by the contract; DataError where FER2013 can't measure it: other labels or input size."""
    model = check(path)
    if model.labels != EMOTIONS:
        raise DataError(
            f"{path}: its labels are {', '.join(model.labels)}; FER2013 can only measure a model with the labels "
            f"{', '.join(EMOTIONS)}, in this order"
        )
    if model.input_size != SIZE:
        raise DataError(
            f"{path}: takes pictures of {model.input_size} x {model.input_size} pixels; "
            f"FER2013 can only measure a model that takes {SIZE} x {SIZE}"
        )
    return model


def by_protocol(scores: NDArray, part: Faces) -> dict[str, Figures]:
    """Figures by protocol of scores [n, 7] for all n rows of a part; only FER2013's own where there are no votes.

    A protocol by which no row counts is left out.
    """
    names = PROTOCOLS if part.votes is not None else ("FER2013",)
    wanted = {name: rows(name, part) for name in names}
    return {name: measure(scores, some) for name, some in wanted.items() if len(some.index)}


def table(figures: dict[str, Figures]) -> str:
    """The figures as a table in Markdown, a line a protocol: accuracy, balanced accuracy and the recall of each emotion."""
    head = ["protocol", "n", "accuracy", "balanced", *(f"recall {emotion}" for emotion in EMOTIONS)]
    lines = [head, ["---"] * len(head)]
    for name, it in figures.items():
        numbers = (f"{value:.3f}" for value in (it.accuracy, it.balanced, *it.recall))
        lines.append([name, f"{it.rows:,}", *numbers])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
