"""Measure scores by every protocol that the data allows."""

from numpy.typing import NDArray

from models.contract import EMOTIONS
from training.data import PRIVATE_TEST, PUBLIC_TEST, Faces
from training.protocols import PROTOCOLS, Figures, measure, rows

PARTS = {"PublicTest": PUBLIC_TEST, "PrivateTest": PRIVATE_TEST}


def by_protocol(scores: NDArray, part: Faces) -> dict[str, Figures]:
    """Figures by protocol of scores [n, 7] for all n rows of a part; only FER2013's own where there are no votes."""
    names = PROTOCOLS if part.votes is not None else ("FER2013",)
    return {name: measure(scores, rows(name, part)) for name in names}


def table(figures: dict[str, Figures]) -> str:
    """The figures as a table in Markdown, a line a protocol: accuracy, balanced accuracy and the recall of each emotion."""
    head = ["protocol", "n", "accuracy", "balanced", *(f"recall {emotion}" for emotion in EMOTIONS)]
    lines = [head, ["---"] * len(head)]
    for name, it in figures.items():
        numbers = (f"{value:.3f}" for value in (it.accuracy, it.balanced, *it.recall))
        lines.append([name, f"{it.rows:,}", *numbers])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
