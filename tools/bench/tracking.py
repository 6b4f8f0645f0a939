"""How well faces are found, followed and named: what a program reported of a scene, held to the scene's truth.

`looks` is what `watch` gives: one a frame.
"""

import math
from collections.abc import Sequence
from statistics import mean

from bench.figures import ABSENT, Label, accuracy, id_switches
from bench.scenes import Scene
from bench.watch import Look, compare

AWAY = 10  # frames out of sight after which a face is a new one: a second; a hand or a passer-by hides it for less


def faces_found(scene: Scene, looks: Sequence[Look]) -> float:
    """The part of the faces in clear sight, over all frames, that was reported; nan where none was to be seen."""
    clear = [frame is not None for frames in reported(scene, looks).values() for frame in frames]
    return mean(clear) if clear else math.nan


def false_boxes(scene: Scene, looks: Sequence[Look]) -> float:
    """Boxes of no face, in 100 frames."""
    return 100 * mean(frame.false for frame in compare(looks, scene))


def number_changes(scene: Scene, looks: Sequence[Look]) -> int:
    """How often a person's number changed, of all persons."""
    return sum(id_switches(numbers) for numbers in reported(scene, looks).values())


def frames_right(scene: Scene, looks: Sequence[Look]) -> float:
    """The part of the frames with the right name, the mean of the persons; where the face is not reported that is wrong."""
    return mean(accuracy(told, true) for told, true in labels_and_truth(scene, looks).values())


def frames_till_boxed(scene: Scene, looks: Sequence[Look]) -> list[float]:
    """For each face that comes into clear sight, how many frames it was there before it was reported: 0 where at once, inf
    where it went before."""
    delays = []
    for person in sorted({sight.person for sights in scene.truth for sight in sights}):
        clear = [any(sight.person == person and sight.clear for sight in sights) for sights in scene.truth]
        told = [person in frame.faces for frame in compare(looks, scene)]
        for start in _arrivals(clear):
            stay = next((frame for frame in range(start, len(clear)) if not clear[frame]), len(clear))
            first = next((frame for frame in range(start, stay) if told[frame]), None)
            delays.append(math.inf if first is None else first - start)
    return delays


def _arrivals(clear: Sequence[bool]) -> list[int]:
    """The frames in which a face is in clear sight and was not for AWAY frames, or since the start."""
    return [frame for frame, seen in enumerate(clear) if seen and not any(clear[max(frame - AWAY, 0) : frame])]


def reported(scene: Scene, looks: Sequence[Look]) -> dict[int, list[int | None]]:
    """The number of each person in each frame in which it is in clear sight; None where it was not reported."""
    given: dict[int, list[int | None]] = {}
    for frame, sights in zip(compare(looks, scene), scene.truth, strict=True):
        for sight in sights:
            if sight.clear:
                face = frame.faces.get(sight.person)
                given.setdefault(sight.person, []).append(face.id if face else None)
    return given


def labels_and_truth(scene: Scene, looks: Sequence[Look]) -> dict[int, tuple[list[Label], list[Label]]]:
    """For each person, the name told and the true one in each frame in which its face is in the picture."""
    people: dict[int, tuple[list[Label], list[Label]]] = {}
    for frame, sights in zip(compare(looks, scene), scene.truth, strict=True):
        for sight in sights:
            told, true = people.setdefault(sight.person, ([], []))
            face = frame.faces.get(sight.person)
            told.append(face.emotion if face else ABSENT)
            true.append(sight.emotion)
    return people
