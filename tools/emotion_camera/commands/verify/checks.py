"""What the camera answered beside what it should have answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EQUAL, DIFFERENT, UNKNOWN = "equal", "DIFFERENT", "not checked"


@dataclass(frozen=True)
class Check:
    """One line of the table. `compared` counts the answers, `different` those that differ; `fact` has the first of these,
    or why nothing was checked; `meaning` is what it means for who uses the camera, "" where all is well."""

    name: str
    compared: int = 0
    different: int = 0
    fact: str = ""
    meaning: str = ""

    @property
    def level(self) -> str:
        return UNKNOWN if not self.compared else DIFFERENT if self.different else EQUAL


MEANINGS = {
    "boxes": "this firmware searches otherwise than the one that the program was made for: it finds other faces, or none",
    "copies": "this firmware makes pictures smaller otherwise: faces may be found elsewhere, or missed",
    "inputs": "the network sees other pixels than those that it was trained for: emotions may be named wrongly",
    "scores": "the network computes otherwise than on a computer: emotions may be named wrongly",
}


def unchecked(name: str, why: str) -> Check:
    """A line for what could not be checked."""
    return Check(name, fact=why)


def compare(name: str, answers: Sequence[tuple[str, object, object]]) -> Check:
    """Answers as (what was asked, expected, given); they are equal or not."""
    wrong = [(asked, expected, given) for asked, expected, given in answers if expected != given]
    fact = "{}: {} was expected, the camera gave {}".format(*wrong[0]) if wrong else ""
    return Check(name, len(answers), len(wrong), fact, MEANINGS[name] if wrong else "")


def compare_inputs(answers: Sequence[tuple[str, bytes, bytes]]) -> Check:
    """Inputs of the network as (what was asked, expected, given), byte by byte; one counts once, however many bytes differ."""
    wrong = [answer for answer in answers if answer[1] != answer[2]]
    fact = _first_byte(*wrong[0]) if wrong else ""
    return Check("inputs", len(answers), len(wrong), fact, MEANINGS["inputs"] if wrong else "")


def _first_byte(asked: str, expected: bytes, given: bytes) -> str:
    if len(expected) != len(given):
        return f"{asked}: {len(expected):,} bytes were expected, the camera gave {len(given):,}"
    places = [place for place, (a, b) in enumerate(zip(expected, given, strict=True)) if a != b]
    first = places[0]
    return (
        f"{asked}: {len(places):,} of {len(expected):,} bytes differ, the first at {first}: "
        f"{expected[first]} was expected, the camera gave {given[first]}"
    )


def compare_scores(answers: Sequence[tuple[str, NDArray[np.int8], Sequence[float]]], scale: float, zero: int) -> Check:
    """Scores as (what was asked, expected int8, given as the camera dequantised them); one step apart is equal: kernels
    round otherwise. `scale` and `zero` are those of the network's output."""
    steps = [_steps(expected, given, scale, zero) for _, expected, given in answers]
    wrong = [(asked, step) for (asked, *_), step in zip(answers, steps, strict=True) if step > 1]
    fact = f"{wrong[0][0]}: a score is {wrong[0][1]:g} steps of int8 off" if wrong else ""
    if not wrong and any(steps):
        fact = f"{sum(map(bool, steps))} of them a step of int8 apart"
    return Check("scores", len(answers), len(wrong), fact, MEANINGS["scores"] if wrong else "")


def _steps(expected: NDArray[np.int8], given: Sequence[float], scale: float, zero: int) -> float:
    """The largest distance in steps of int8; infinite where the number of scores is another."""
    if expected.size != len(given):
        return float("inf")
    got = np.rint(np.asarray(given) / scale) + zero
    return float(np.abs(expected.ravel().astype(int) - got).max())
