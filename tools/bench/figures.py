"""The arithmetic of the benchmark, on sequences of one item a frame."""

import math
from collections.abc import Sequence
from itertools import pairwise

ABSENT = "absent"  # instead of a name: the face was not reported
STAY_MS = 500  # so long a name must stay to count as told

Label = str | None  # a name, None while the program is uncertain, or ABSENT


def holds(truth: Sequence[Label]) -> list[range]:
    """The frames between two changes of the truth."""
    starts = [frame for frame in range(len(truth)) if frame == 0 or truth[frame] != truth[frame - 1]]
    return [range(start, end) for start, end in pairwise([*starts, len(truth)])]


def extra_changes(labels: Sequence[Label], truth: Sequence[Label]) -> int:
    """Changes from one name to another beyond the one that a change of the truth allows. Absence and None are passed over."""
    extra, last = 0, None
    for number, hold in enumerate(holds(truth)):
        changes = 0
        for frame in hold:
            label = labels[frame]
            if label is not None and label != ABSENT:
                changes += last is not None and label != last
                last = label
        extra += max(0, changes - (number > 0))
    return extra


def null_changes(labels: Sequence[Label]) -> int:
    """Changes from a name to None or back; absence is passed over."""
    present = [label for label in labels if label != ABSENT]
    return sum((a is None) != (b is None) for a, b in pairwise(present))


def delays_ms(labels: Sequence[Label], truth: Sequence[Label], fps: float) -> list[float]:
    """For each change of the truth, the time to the first frame with the right name that then stays for STAY_MS; inf
    where that does not come before the next change. Frames without the face do not end the stay."""
    stay = math.ceil(STAY_MS * fps / 1000)
    delays = []
    for hold in holds(truth)[1:]:
        right = truth[hold.start]
        told = (
            frame
            for frame in range(hold.start, hold.stop - stay + 1)
            if labels[frame] == right and all(label in (right, ABSENT) for label in labels[frame : frame + stay])
        )
        first = next(told, None)
        delays.append(math.inf if first is None else (first - hold.start) * 1000 / fps)
    return delays


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest of the values that at least `part` of them do not exceed; nan of none."""
    return sorted(values)[max(math.ceil(part * len(values)), 1) - 1] if values else math.nan


def accuracy(labels: Sequence[Label], truth: Sequence[Label]) -> float:
    """The part of the frames with the right name; None and absence are wrong, and where the truth is None nothing counts."""
    judged = [label == right for label, right in zip(labels, truth, strict=True) if right is not None]
    return sum(judged) / len(judged) if judged else math.nan


def id_switches(ids: Sequence[int | None]) -> int:
    """How often a person's number changes; None, where the face was not reported, is passed over."""
    present = [number for number in ids if number is not None]
    return sum(a != b for a, b in pairwise(present))
