"""What the doctor finds: a fact and, where something is not as it should be, what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from emotion_camera.terminal import printable

FINE, NOTE, WRONG = "ok", "note", "WRONG"  # from the best to the worst


@dataclass(frozen=True)
class Finding:
    """One line of the page. `level` is FINE, NOTE (works, but know it) or WRONG; `advice` says what to do."""

    level: str
    what: str  # the part that was looked at, in a word or two
    fact: str
    advice: str = ""


def page(findings: Iterable[Finding]) -> str:
    """The findings as text, a line each, with the advice below its fact."""
    lines = []
    for it in findings:
        lines.append(f"{it.level:>5}  {it.what:<20}  {printable(it.fact)}")
        if it.advice:
            lines.append(f"{'':>5}  {'':<20}  -> {printable(it.advice)}")
    return "\n".join(lines)


def exit_code(findings: Iterable[Finding]) -> int:
    """By the worst: 1 where anything is WRONG, else 0."""
    return int(any(it.level == WRONG for it in findings))
