"""`search`: what finding and naming faces takes a frame, how many are found, and whether people keep their numbers."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from tools.bench import scenes
from tools.bench.figures import id_switches
from tools.bench.scenes import Scene
from tools.bench.table import table
from tools.bench.watch import PLAIN_LOOP, Look, called, compare, macs, watch


def report(program: Path, board: str) -> str:
    """Both tables, the plain loop against `program`."""
    costs, numbers = [], []
    for scene in (scenes.clip(), scenes.dim_clip(), scenes.two_people(), scenes.three_people()):
        plain, ours = watch(PLAIN_LOOP, scene, board=board), watch(program, scene, board=board)
        costs += [_costs(scene, "plain loop", plain, plain), _costs(scene, called(program), ours, plain)]
        if "people" in scene.name:
            numbers += [*_numbers(scene, "plain loop", plain), *_numbers(scene, called(program), ours)]
    head = ("scene", "program", "windows", "less by", "networks", "MACs", "found", "false")
    people = ("scene", "program", "person", "numbers", "switches")
    return "\n\n".join(
        (
            "Search: windows of the cascade, runs of the network and multiply-accumulates, all a frame; faces found of\n"
            "those in sight; boxes of no face, in 100 frames.",
            table(head, costs),
            "Numbers: how many each person was given, and how often the number changed.",
            table(people, numbers),
        )
    )


def _costs(scene: Scene, name: str, looks: Sequence[Look], plain: Sequence[Look]) -> list[str]:
    windows, usual = mean(look.windows for look in looks), mean(look.windows for look in plain)
    runs = mean(look.runs for look in looks)
    found, false = found_and_false(scene, looks)
    return [
        scene.name,
        name,
        f"{windows:,.0f}",
        f"{usual / windows:.1f} x" if windows else "-",
        f"{runs:.2f}",
        f"{runs * macs() / 1e6:.1f} M",
        f"{found:.1%}",
        f"{false:.1f}",
    ]


def found_and_false(scene: Scene, looks: Sequence[Look]) -> tuple[float, float]:
    """The part of the faces in clear sight that was found, and the boxes of nobody in 100 frames."""
    seen = compare(looks, scene)
    clear = [
        sight.person in frame.faces
        for frame, sights in zip(seen, scene.truth, strict=True)
        for sight in sights
        if sight.clear
    ]
    return mean(clear), 100 * mean(frame.false for frame in seen)


def _numbers(scene: Scene, name: str, looks: Sequence[Look]) -> list[list[str]]:
    rows = []
    for person, ids in sorted(numbers_given(scene, looks).items()):
        known = {number for number in ids if number is not None}
        rows.append([scene.name, name, "ABC"[person], str(len(known)), str(id_switches(ids))])
    return rows


def numbers_given(scene: Scene, looks: Sequence[Look]) -> dict[int, list[int | None]]:
    """The number of each person in each frame in which it is in clear sight; None where it was not reported."""
    given: dict[int, list[int | None]] = {}
    for frame, sights in zip(compare(looks, scene), scene.truth, strict=True):
        for sight in sights:
            if sight.clear:
                face = frame.faces.get(sight.person)
                given.setdefault(sight.person, []).append(face.id if face else None)
    return given
