"""Metrics of a run: label flicker, latency, accuracy, recall, false positives and id switches.

The first part works on sequences of one label per frame, the second on a scene and what a program reported of it
(`runner.run_scene`).
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import mean

from bench.runner import FrameResult, match_frames
from bench.scenes import Scene

ABSENT = "absent"  # in place of a label: the face was not reported
STAY_MS = 500  # a label must stay this long to count
AWAY = 10  # frames out of sight after which a face counts as new: a second; a hand or a passer-by hides it for less

Label = str | None  # None while the program is uncertain, or ABSENT


def segments(truth: Sequence[Label]) -> list[range]:
    """The frames between two changes of the truth."""
    starts = [frame for frame in range(len(truth)) if frame == 0 or truth[frame] != truth[frame - 1]]
    return [range(start, end) for start, end in pairwise([*starts, len(truth)])]


def spurious_changes(labels: Sequence[Label], truth: Sequence[Label]) -> int:
    """Flicker: changes between labels beyond the one that a change of the truth allows. Absence and None are skipped."""
    spurious, last = 0, None
    for number, segment in enumerate(segments(truth)):
        changes = 0
        for frame in segment:
            label = labels[frame]
            if label is not None and label != ABSENT:
                changes += last is not None and label != last
                last = label
        spurious += max(0, changes - (number > 0))
    return spurious


def null_changes(labels: Sequence[Label]) -> int:
    """Changes from a label to None or back; absence is skipped."""
    present = [label for label in labels if label != ABSENT]
    return sum((a is None) != (b is None) for a, b in pairwise(present))


def latencies_ms(labels: Sequence[Label], truth: Sequence[Label], fps: float) -> list[float]:
    """For each change of the truth, the time to the first correct label that then stays for STAY_MS; inf where none comes
    before the next change. Frames without the face do not interrupt it."""
    stay = math.ceil(STAY_MS * fps / 1000)
    latencies = []
    for segment in segments(truth)[1:]:
        right = truth[segment.start]
        stable = (
            frame
            for frame in range(segment.start, segment.stop - stay + 1)
            if labels[frame] == right and all(label in (right, ABSENT) for label in labels[frame : frame + stay])
        )
        first = next(stable, None)
        latencies.append(math.inf if first is None else (first - segment.start) * 1000 / fps)
    return latencies


def quantile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least `part` of the values do not exceed; nan of none."""
    return sorted(values)[max(math.ceil(part * len(values)), 1) - 1] if values else math.nan


def accuracy(labels: Sequence[Label], truth: Sequence[Label]) -> float:
    """Share of the frames with the correct label. None and absence are wrong; frames without a truth do not count."""
    correct = [label == right for label, right in zip(labels, truth, strict=True) if right is not None]
    return sum(correct) / len(correct) if correct else math.nan


def switches(ids: Sequence[int | None]) -> int:
    """How often a person's id changes; None, where the face was not reported, is skipped."""
    present = [id for id in ids if id is not None]
    return sum(a != b for a, b in pairwise(present))


# Of a scene -----------------------------------------------------------------------------------------------------------


def recall(scene: Scene, results: Sequence[FrameResult]) -> float:
    """Share of the faces in clear sight, over all frames, that was reported; nan without any."""
    found = [id is not None for ids in ids_by_person(scene, results).values() for id in ids]
    return mean(found) if found else math.nan


def false_positives(scene: Scene, results: Sequence[FrameResult]) -> float:
    """Boxes without a face, per 100 frames."""
    return 100 * mean(frame.false_positives for frame in match_frames(results, scene))


def id_switches(scene: Scene, results: Sequence[FrameResult]) -> int:
    """How often a person's id changed, over all people."""
    return sum(switches(ids) for ids in ids_by_person(scene, results).values())


def label_accuracy(scene: Scene, results: Sequence[FrameResult]) -> float:
    """Share of the frames with the correct label, mean over people."""
    return mean(accuracy(labels, truth) for labels, truth in labels_and_truth(scene, results).values())


def frames_to_detection(scene: Scene, results: Sequence[FrameResult]) -> list[float]:
    """For each face that comes into clear sight, frames until it is reported: 0 for at once, inf where it leaves before."""
    delays = []
    matched = match_frames(results, scene)
    for person in sorted({face.person for faces in scene.truth for face in faces}):
        clear = [any(face.person == person and face.clear for face in faces) for faces in scene.truth]
        reported = [person in frame.faces for frame in matched]
        for start in _arrivals(clear):
            stop = next((frame for frame in range(start, len(clear)) if not clear[frame]), len(clear))
            first = next((frame for frame in range(start, stop) if reported[frame]), None)
            delays.append(math.inf if first is None else first - start)
    return delays


def _arrivals(clear: Sequence[bool]) -> list[int]:
    """The frames in which a face is in clear sight after AWAY frames in which it was not, or since the start."""
    return [frame for frame, seen in enumerate(clear) if seen and not any(clear[max(frame - AWAY, 0) : frame])]


def ids_by_person(scene: Scene, results: Sequence[FrameResult]) -> dict[int, list[int | None]]:
    """The reported id of each person, in each frame in which the face is in clear sight; None where it was missed."""
    ids: dict[int, list[int | None]] = {}
    for frame, faces in zip(match_frames(results, scene), scene.truth, strict=True):
        for face in faces:
            if face.clear:
                found = frame.faces.get(face.person)
                ids.setdefault(face.person, []).append(found.id if found else None)
    return ids


def labels_and_truth(scene: Scene, results: Sequence[FrameResult]) -> dict[int, tuple[list[Label], list[Label]]]:
    """The reported and the true label of each person, in each frame in which the face is in the picture."""
    people: dict[int, tuple[list[Label], list[Label]]] = {}
    for frame, faces in zip(match_frames(results, scene), scene.truth, strict=True):
        for face in faces:
            labels, truth = people.setdefault(face.person, ([], []))
            found = frame.faces.get(face.person)
            labels.append(found.emotion if found else ABSENT)
            truth.append(face.emotion)
    return people
